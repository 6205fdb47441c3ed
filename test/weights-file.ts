/**
 * Writes weights files as PyTorch and safetensors do, byte by byte, because tests also need files that no program would
 * write.
 */

/** A tensor to write; `type` is PyTorch's storage class without "Storage". */
export interface TensorToWrite {
  readonly shape: readonly number[];
  /** Little-endian elements. */
  readonly bytes: Uint8Array;
  /** Default "Float". */
  readonly type?: "Float" | "Double" | "Half" | "BFloat16" | "Long";
  /** In elements. Default: row-major. */
  readonly strides?: readonly number[];
}

export const elementBytes = { Float: 4, Double: 8, Half: 2, BFloat16: 2, Long: 8 } as const;

const text = (value: string): number[] => [...unescape(encodeURIComponent(value))].map((c) => c.charCodeAt(0));
const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);

/** Opcodes of pickle protocol 2, by what they produce. */
export const pickle = {
  protocol: [0x80, 2],
  stop: [0x2e],
  mark: [0x28],
  none: [0x4e],
  emptyDict: [0x7d],
  emptyList: [0x5d],
  emptyTuple: [0x29],
  tuple: [0x74],
  append: [0x61],
  setItem: [0x73],
  setItems: [0x75],
  reduce: [0x52],
  newObject: [0x81],
  build: [0x62],
  persistentId: [0x51],
  bool: (value: boolean): number[] => [value ? 0x88 : 0x89],
  int: (value: number): number[] => [0x4a, ...little(value >>> 0, 4)],
  string: (value: string): number[] => [0x58, ...little(text(value).length, 4), ...text(value)],
  global: (module: string, name: string): number[] => [0x63, ...text(`${module}\n${name}\n`)],
  put: (index: number): number[] => [0x72, ...little(index, 4)],
  get: (index: number): number[] => [0x6a, ...little(index, 4)],
} as const;

/** A call of module.name with strings: the payload of a malicious pickle. */
export function callOf(module: string, name: string, ...args: readonly string[]): number[] {
  return [
    ...pickle.global(module, name),
    ...pickle.mark,
    ...args.flatMap((arg) => pickle.string(arg)),
    ...pickle.tuple,
    ...pickle.reduce,
  ];
}

/** Pickles dicts of tensors and collects the storages. */
export class TorchPickler {
  readonly storages: Uint8Array[] = [];

  constructor(readonly format: "zip" | "legacy" = "zip") {}

  tensor({ shape, bytes, type = "Float", strides }: TensorToWrite): number[] {
    const key = String(this.storages.push(bytes) - 1);
    const ints = (values: readonly number[]) => [...pickle.mark, ...values.flatMap(pickle.int), ...pickle.tuple];
    const rowMajor = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return [
      ...pickle.global("torch._utils", "_rebuild_tensor_v2"),
      ...pickle.mark,
      ...pickle.mark,
      ...pickle.string("storage"),
      ...pickle.global("torch", `${type}Storage`),
      ...pickle.string(key),
      ...pickle.string("cpu"),
      ...pickle.int(bytes.length / elementBytes[type]),
      ...(this.format === "legacy" ? pickle.none : []),
      ...pickle.tuple,
      ...pickle.persistentId,
      ...pickle.int(0),
      ...ints(shape),
      ...ints(strides ?? rowMajor),
      ...pickle.bool(false),
      ...pickle.global("collections", "OrderedDict"),
      ...pickle.emptyTuple,
      ...pickle.reduce,
      ...pickle.tuple,
      ...pickle.reduce,
    ];
  }

  /** An OrderedDict of tensors. */
  stateDict(tensors: Iterable<readonly [string, TensorToWrite]>): number[] {
    const items = [...tensors].flatMap(([name, tensor]) => [...pickle.string(name), ...this.tensor(tensor)]);
    return [
      ...pickle.global("collections", "OrderedDict"),
      ...pickle.emptyTuple,
      ...pickle.reduce,
      ...pickle.mark,
      ...items,
      ...pickle.setItems,
    ];
  }

  /** A dict of values that are pickled already. */
  dict(entries: Readonly<Record<string, readonly number[]>>): number[] {
    const items = Object.entries(entries).flatMap(([key, value]) => [...pickle.string(key), ...value]);
    return [...pickle.emptyDict, ...pickle.mark, ...items, ...pickle.setItems];
  }

  /** The file that torch.save writes for a value that is pickled already. */
  file(value: readonly number[]): Uint8Array {
    const object = [...pickle.protocol, ...value, ...pickle.stop];
    if (this.format === "zip") {
      const entries: [string, ArrayLike<number>][] = [
        ["archive/data.pkl", object],
        ["archive/byteorder", text("little")],
        ...this.storages.map((bytes, i): [string, ArrayLike<number>] => [`archive/data/${i}`, bytes]),
        ["archive/version", text("3\n")],
      ];
      return zip(entries.map(([name, bytes]) => ({ name, bytes: Uint8Array.from(bytes) })));
    }
    const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    const system = this.dict({ protocol_version: pickle.int(1001), little_endian: pickle.bool(true) });
    const keys = [
      ...pickle.emptyList,
      ...this.storages.flatMap((_, i) => [...pickle.string(String(i)), ...pickle.append]),
    ];
    const whole = (body: readonly number[]) => [...pickle.protocol, ...body, ...pickle.stop];
    return joined([
      ...[whole(magic), whole(pickle.int(1001)), whole(system), object, whole(keys)],
      // Numbers of elements; all storages of these tests have 4-byte elements in this format.
      ...this.storages.flatMap((bytes) => [little(bytes.length / 4, 8), bytes]),
    ]);
  }
}

export interface ZipEntryToWrite {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Compression method. Default 0, stored. */
  readonly method?: number;
  /** Uncompressed size that the entry claims. Default: its real size. */
  readonly claims?: number;
  /** Default: the right one. */
  readonly crc?: number;
  /** Offset of the local header that the directory names. Default: the real one. */
  readonly at?: number;
}

export function zip(entries: readonly ZipEntryToWrite[]): Uint8Array {
  const parts: ArrayLike<number>[] = [];
  const directory: number[] = [];
  let position = 0;
  for (const { name, bytes, method = 0, claims = bytes.length, crc = crc32(bytes), at = position } of entries) {
    const common = [
      ...little(20, 2),
      ...little(0, 2),
      ...little(method, 2),
      ...little(0, 4),
      ...little(crc, 4),
      ...little(bytes.length, 4),
      ...little(claims, 4),
      ...little(text(name).length, 2),
      ...little(0, 2),
    ];
    const local = [...little(0x04034b50, 4), ...common, ...text(name)];
    parts.push(local, bytes);
    directory.push(...little(0x02014b50, 4), ...little(20, 2), ...common, ...little(0, 10));
    directory.push(...little(at, 4), ...text(name));
    position += local.length + bytes.length;
  }
  const count = little(entries.length, 2);
  const end = [...little(0x06054b50, 4), 0, 0, 0, 0, ...count, ...count];
  return joined([...parts, directory, [...end, ...little(directory.length, 4), ...little(position, 4), 0, 0]]);
}

/** A safetensors file; the tensors' data follow each other in the given order. */
export function safetensors(
  tensors: Readonly<Record<string, { dtype: string; shape: readonly number[]; bytes: Uint8Array }>>,
): Uint8Array {
  let offset = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      offset += bytes.length;
      return [name, { dtype, shape, data_offsets: [offset - bytes.length, offset] }];
    }),
  );
  const json = text(JSON.stringify({ __metadata__: { format: "pt" }, ...header }));
  return joined([little(json.length, 8), json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

export function joined(parts: readonly ArrayLike<number>[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    all.set(part, position);
    position += part.length;
  }
  return all;
}

/** Bit by bit, by its definition: the reader under test uses a table. */
function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

/** Bytes of float32 values. */
export function floats(values: ArrayLike<number>): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
