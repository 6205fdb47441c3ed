/**
 * A reader of Python pickles, protocols 2 to 5, for weights only. Source: CPython's Lib/pickletools.py, which documents
 * every opcode. It is safe by construction: it makes plain data only, resolves only names on an allow-list
 * (pickle-names), never recurses, and limits opcodes, objects, entries, marks, stack and depth to counts far above
 * those of honest files.
 */
import { type ByteReader, refuseFile } from "./bytes.js";
import { allowedGlobal, type MakerContext, make } from "./pickle-names.js";
import {
  isContainer,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleRecord,
  PickleTensor,
  type PickleValue,
} from "./pickle-values.js";

/**
 * For comparison: a checkpoint of a thousand tensors with its optimiser has a few hundred thousand opcodes and ten
 * thousand objects.
 */
const limits = {
  opcodes: 2_000_000,
  objects: 300_000,
  entries: 2_000_000,
  textBytes: 2 ** 24,
  stack: 100_000,
  marks: 1_000,
  depth: 32,
  integerBytes: 64,
  nameBytes: 256,
} as const;

/** Makes a value of a persistent id, torch's reference to a storage. */
export type PersistentLoad = (id: PickleValue) => PickleValue;

const latin1 = (bytes: Uint8Array): string => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
};

/**
 * Reads one pickle from the reader's position to its end mark. Throws PhinetsError naming the reference that is not
 * allowed, the unknown opcode, or the limit that was exceeded.
 */
export function unpickle(reader: ByteReader, persistentLoad?: PersistentLoad): PickleValue {
  return new Unpickler(reader, persistentLoad).run();
}

class Unpickler implements MakerContext {
  readonly file: string;
  readonly #stack: PickleValue[] = [];
  /** Stack heights at the open marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #objects = 0;
  #entries = 0;

  constructor(
    readonly reader: ByteReader,
    readonly persistentLoad?: PersistentLoad,
  ) {
    this.file = reader.file;
  }

  fail(problem: string): never {
    return refuseFile(this.file, `the pickle at byte ${this.reader.position}: ${problem}`);
  }

  run(): PickleValue {
    for (let count = 0; count < limits.opcodes; count++) {
      const opcode = this.reader.uint8();
      if (opcode === stop) {
        if (this.#marks.length > 0 || this.#stack.length !== 1) this.fail("ends with work undone");
        return this.#stack[0];
      }
      const execute = opcodes.get(opcode);
      if (execute === undefined) {
        const name = JSON.stringify(String.fromCharCode(opcode));
        this.fail(`opcode ${name} (${opcode}) is not one of a weights file of protocol 2 to 5`);
      }
      execute(this);
      if (this.#stack.length > limits.stack) this.fail(`more than ${limits.stack} values wait on its stack`);
    }
    return this.fail(`has more than ${limits.opcodes} opcodes`);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  /** Pushes a new object and counts it. */
  pushObject(object: PickleValue): void {
    if (++this.#objects > limits.objects) this.fail(`has more than ${limits.objects} objects`);
    this.push(object);
  }

  pushList(kind: PickleList["kind"], items: PickleValue[]): void {
    const list = new PickleList(kind, items);
    for (const item of items) this.#deepen(list, item);
    this.pushObject(list);
  }

  /** Pushes a text of `length` bytes. */
  text(length: number, encoding: "utf8" | "latin1"): void {
    if (length > limits.textBytes) this.fail(`has a text of ${length} bytes`);
    this.push(encoding === "utf8" ? this.reader.text(length) : latin1(this.reader.take(length)));
  }

  #deepen(container: PickleList | PickleDict | PickleRecord, child: PickleValue): void {
    if (!isContainer(child)) return;
    container.depth = Math.max(container.depth, child.depth + 1);
    if (container.depth > limits.depth) this.fail(`lists and dicts lie more than ${limits.depth} deep`);
  }

  pop(): PickleValue {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= floor) this.fail("takes a value from an empty stack");
    return this.#stack.pop()!;
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  /** Pops the last `count` values. */
  popMany(count: number): PickleValue[] {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - count < floor) this.fail("takes values from an empty stack");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  mark(): void {
    if (this.#marks.length >= limits.marks) this.fail(`more than ${limits.marks} marks are open`);
    this.#marks.push(this.#stack.length);
  }

  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) return this.fail("looks for a mark that is not there");
    return this.#stack.splice(mark);
  }

  /** Pops a value, or a mark where one lies on top. */
  discard(): void {
    if (this.#marks.at(-1) === this.#stack.length && this.#marks.length > 0) this.#marks.pop();
    else this.pop();
  }

  set(dict: PickleDict, key: PickleValue, value: PickleValue): void {
    if (++this.#entries > limits.entries) this.fail(`has more than ${limits.entries} entries in its dicts`);
    this.#deepen(dict, key);
    this.#deepen(dict, value);
    dict.entries.set(key, value);
  }

  setItems(pairs: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof PickleDict) || pairs.length % 2 !== 0) this.fail("sets items of what is no dict");
    for (let i = 0; i < pairs.length; i += 2) this.set(dict, pairs[i], pairs[i + 1]);
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!(list instanceof PickleList) || list.kind === "tuple") this.fail("appends to what is no list");
    for (const value of values) {
      this.#deepen(list, value);
      list.items.push(value);
    }
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.fail(`recalls value ${index}, which it never kept`);
    this.push(value);
  }

  global(module: PickleValue, name: PickleValue): void {
    const asked = `${show(module)}.${show(name)}`;
    const allowed = allowedGlobal(asked);
    if (allowed === undefined) {
      refuseFile(
        this.file,
        `asks for ${asked}, which is not on the list of what a weights file may ask for`,
        "it may hold code, do not open it with Python; import a file that torch.save made of model.state_dict()",
      );
    }
    this.pushObject(allowed);
  }

  call(callee: PickleValue, args: PickleValue): void {
    if (!(callee instanceof PickleGlobal)) this.fail("calls what is no name");
    if (!(args instanceof PickleList) || args.kind !== "tuple") this.fail(`calls ${callee.name} without a tuple`);
    this.pushObject(make(callee.name, args.items, this));
  }

  /** Sets an object's state: kept for records, ignored for tensors and dicts (`_metadata`). */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof PickleRecord) {
      this.#deepen(target, state);
      target.state = state;
    } else if (!(target instanceof PickleDict || target instanceof PickleTensor))
      this.fail("gives state to plain data");
  }

  persistent(): void {
    const id = this.pop();
    if (this.persistentLoad === undefined) this.fail("names a storage where there can be none");
    this.pushObject(this.persistentLoad(id));
  }

  /** Pushes a little-endian two's complement integer of `length` bytes. */
  integer(length: number): void {
    if (length > limits.integerBytes) this.fail(`has an integer of ${length} bytes`);
    const bytes = this.reader.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    if (length > 0 && bytes[length - 1] & 0x80) value -= 1n << BigInt(8 * length);
    const small = Number(value);
    this.push(Number.isSafeInteger(small) ? small : value);
  }

  protocol(): void {
    const version = this.reader.uint8();
    if (version < 2 || version > 5) this.fail(`is of protocol ${version}; 2 to 5 are read`);
  }
}

function show(value: PickleValue): string {
  return typeof value === "string" ? value.slice(0, limits.nameBytes) : "?";
}

const stop = 0x2e;

type Operation = (u: Unpickler) => void;

/** Every supported opcode, by its byte. */
const opcodes: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x80, (u) => u.protocol()], // PROTO
  [0x95, (u) => void u.reader.uint64()], // FRAME: a hint for buffered reading
  [0x28, (u) => u.mark()], // MARK
  [0x30, (u) => u.discard()], // POP
  [0x31, (u) => void u.popToMark()], // POP_MARK
  [0x32, (u) => u.push(u.top())], // DUP
  [0x4e, (u) => u.push(null)], // NONE
  [0x88, (u) => u.push(true)], // NEWTRUE
  [0x89, (u) => u.push(false)], // NEWFALSE
  [0x4a, (u) => u.push(u.reader.int32())], // BININT
  [0x4b, (u) => u.push(u.reader.uint8())], // BININT1
  [0x4d, (u) => u.push(u.reader.uint16())], // BININT2
  [0x8a, (u) => u.integer(u.reader.uint8())], // LONG1
  [0x8b, (u) => u.integer(u.reader.uint32())], // LONG4
  [0x47, (u) => u.push(u.reader.float64BigEndian())], // BINFLOAT
  [0x54, (u) => u.text(u.reader.uint32(), "latin1")], // BINSTRING
  [0x55, (u) => u.text(u.reader.uint8(), "latin1")], // SHORT_BINSTRING
  [0x58, (u) => u.text(u.reader.uint32(), "utf8")], // BINUNICODE
  [0x8c, (u) => u.text(u.reader.uint8(), "utf8")], // SHORT_BINUNICODE
  [0x8d, (u) => u.text(u.reader.uint64(), "utf8")], // BINUNICODE8
  [0x42, (u) => u.pushObject(u.reader.take(u.reader.uint32()))], // BINBYTES
  [0x43, (u) => u.pushObject(u.reader.take(u.reader.uint8()))], // SHORT_BINBYTES
  [0x8e, (u) => u.pushObject(u.reader.take(u.reader.uint64()))], // BINBYTES8
  [0x5d, (u) => u.pushList("list", [])], // EMPTY_LIST
  [0x8f, (u) => u.pushList("set", [])], // EMPTY_SET
  [0x7d, (u) => u.pushObject(new PickleDict())], // EMPTY_DICT
  [0x29, (u) => u.pushList("tuple", [])], // EMPTY_TUPLE
  [0x6c, (u) => u.pushList("list", u.popToMark())], // LIST
  [0x74, (u) => u.pushList("tuple", u.popToMark())], // TUPLE
  [0x91, (u) => u.pushList("set", u.popToMark())], // FROZENSET
  [0x85, (u) => u.pushList("tuple", u.popMany(1))], // TUPLE1
  [0x86, (u) => u.pushList("tuple", u.popMany(2))], // TUPLE2
  [0x87, (u) => u.pushList("tuple", u.popMany(3))], // TUPLE3
  [0x61, (u) => u.append([u.pop()])], // APPEND
  [0x65, (u) => u.append(u.popToMark())], // APPENDS
  [0x90, (u) => u.append(u.popToMark())], // ADDITEMS
  [0x73, (u) => u.setItems(u.popMany(2))], // SETITEM
  [0x75, (u) => u.setItems(u.popToMark())], // SETITEMS
  [0x68, (u) => u.get(u.reader.uint8())], // BINGET
  [0x6a, (u) => u.get(u.reader.uint32())], // LONG_BINGET
  [0x71, (u) => u.put(u.reader.uint8())], // BINPUT
  [0x72, (u) => u.put(u.reader.uint32())], // LONG_BINPUT
  [0x94, (u) => u.memoize()], // MEMOIZE
  [0x63, (u) => u.global(u.reader.line(limits.nameBytes), u.reader.line(limits.nameBytes))], // GLOBAL
  [
    0x93, // STACK_GLOBAL
    (u) => {
      const [module, name] = u.popMany(2);
      u.global(module, name);
    },
  ],
  [
    0x52, // REDUCE
    (u) => {
      const [callee, args] = u.popMany(2);
      u.call(callee, args);
    },
  ],
  [
    0x81, // NEWOBJ
    (u) => {
      const [callee, args] = u.popMany(2);
      u.call(callee, args);
    },
  ],
  [0x62, (u) => u.build()], // BUILD
  [0x51, (u) => u.persistent()], // BINPERSID
]);
