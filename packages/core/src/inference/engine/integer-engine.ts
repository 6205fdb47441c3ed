/**
 * int8 inference at speed: WebAssembly SIMD kernels (kernels/assembly-int8) whose every output byte equals the integer
 * interpreter's. Weights are packed once; values share one arena, placed by their lifetimes.
 */
import { createInt8Module, type Int8Module, int8Opcodes } from "../../kernels/index.js";
import { type IntegerNode, lowerToInteger, type QuantizedNetwork } from "../../quantization/index.js";
import { placeBoxes } from "../../target/index.js";
import { PhinetsError, sizeOf } from "../../tensor/index.js";
import { byUnsigned, type Instruction, instructionOf, scratchBytesOf, slackBytes } from "./instructions.js";

const alignment = 16;
const pageBytes = 65536;

export class IntegerEngine {
  /** Length of the input, in bytes. */
  readonly inputBytes: number;
  readonly #module: Int8Module;
  readonly #program: { readonly start: number; readonly end: number };
  readonly #input: number;
  readonly #outputs: readonly { readonly address: number; readonly length: number }[];

  /** Throws PhinetsError when the network has several inputs, or where the runtime has no WebAssembly SIMD. */
  constructor(readonly network: QuantizedNetwork) {
    const nodes = lowerToInteger(network);
    const inputs = nodes.filter((node) => node.op === "input");
    if (inputs.length !== 1)
      throw new PhinetsError("inference.input", `integer network has ${inputs.length} inputs; exactly one is needed`);
    const outputs = network.graph.outputs;
    const fused = fusedLookups(nodes, outputs);
    const values = placeValues(nodes, outputs, fused);
    this.#module = createInt8Module();
    const arena = align(this.#module.firstAddress());
    const scratch = align(arena + values.bytes + slackBytes);
    const scratchBytes = Math.max(0, ...nodes.map(scratchBytesOf));
    const memory = new Appender(this.#module, align(scratch + scratchBytes + slackBytes));
    const addressOf = (name: string): number => arena + values.offsets.get(name)!;
    const tables = new Map<string, number>();
    for (const [name, table] of fused.tables) tables.set(name, memory.append(byUnsigned(table)));
    const instructions: Instruction[] = [];
    for (const node of nodes) {
      if (fused.gone.has(node.name)) continue;
      const places = {
        inputs: node.inputs.map(addressOf),
        output: addressOf(node.name),
        table: tables.get(node.name) ?? 0,
        scratch,
      };
      const instruction = instructionOf(node, places, (bytes) => memory.append(bytes));
      if (instruction !== undefined) instructions.push(instruction);
    }
    const code = Int32Array.from(
      instructions.flatMap(({ opcode, words }) => [int8Opcodes[opcode], words.length + 2, ...words]),
    );
    const start = memory.append(code);
    this.#program = { start, end: start + code.byteLength };
    memory.append(new Uint8Array(slackBytes)); // vectors read a little beyond the last constants
    this.#input = addressOf(inputs[0].name);
    this.inputBytes = sizeOf(inputs[0].outputShape);
    this.#outputs = outputs.map((name) => ({
      address: addressOf(name),
      length: sizeOf(nodes.find((node) => node.name === name)!.outputShape),
    }));
  }

  /** Bytes of WebAssembly memory: values, scratch, packed weights, program. */
  get bytes(): number {
    return this.#module.memory.buffer.byteLength;
  }

  /**
   * One inference.
   * @param input `[1, height, width, channels]` int8: pixel - 128
   * @returns a copy of each output, in the order of `graph.outputs`
   */
  run(input: Int8Array): Int8Array[] {
    if (input.length !== this.inputBytes)
      throw new PhinetsError(
        "inference.input",
        `integer network: input has ${input.length} bytes; it must have ${this.inputBytes}`,
      );
    const { buffer } = this.#module.memory;
    new Int8Array(buffer, this.#input, input.length).set(input);
    this.#module.run(this.#program.start, this.#program.end);
    return this.#outputs.map(({ address, length }) => new Int8Array(buffer, address, length).slice());
  }
}

interface Fused {
  /** Table of a node whose output only a look-up reads, by the node's name. */
  readonly tables: ReadonlyMap<string, Int8Array>;
  /** Look-ups that are done by the node before: their value is that node's. */
  readonly gone: ReadonlyMap<string, string>;
}

/** Kernels that can pass their output through a table. */
const withTable: ReadonlySet<IntegerNode["op"]> = new Set([
  "conv2d",
  "dense",
  "add",
  "multiply",
  "globalAveragePool",
  "maxPool",
]);

function fusedLookups(nodes: readonly IntegerNode[], outputs: readonly string[]): Fused {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readers = new Map<string, number>();
  for (const node of nodes) for (const input of node.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const tables = new Map<string, Int8Array>();
  const gone = new Map<string, string>();
  for (const node of nodes) {
    if (node.op !== "lookup") continue;
    const [before] = node.inputs;
    const fits = withTable.has(byName.get(before)!.op) && readers.get(before) === 1 && !outputs.includes(before);
    if (!fits) continue;
    tables.set(before, node.table);
    gone.set(node.name, before);
  }
  return { tables, gone };
}

/** Offsets of all values in the arena; a flattened value and a fused look-up's are their input's. */
function placeValues(
  nodes: readonly IntegerNode[],
  outputs: readonly string[],
  { gone }: Fused,
): { readonly bytes: number; readonly offsets: ReadonlyMap<string, number> } {
  const owners = new Map<string, string>();
  const lives = new Map<string, { first: number; last: number; bytes: number }>();
  for (const [time, node] of nodes.entries()) {
    for (const input of node.inputs) lives.get(owners.get(input)!)!.last = time;
    const shared = node.op === "flatten" ? node.inputs[0] : gone.get(node.name);
    const owner = shared === undefined ? node.name : owners.get(shared)!;
    owners.set(node.name, owner);
    if (shared === undefined) lives.set(node.name, { first: time, last: time, bytes: align(sizeOf(node.outputShape)) });
  }
  for (const output of outputs) lives.get(owners.get(output)!)!.last = nodes.length;
  const names = [...lives.keys()];
  const placement = placeBoxes([...lives.values()]);
  const offsets = new Map(names.map((name, i) => [name, placement.offsets[i]]));
  return { bytes: placement.bytes, offsets: new Map([...owners].map(([name, owner]) => [name, offsets.get(owner)!])) };
}

function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Puts constants behind each other in a module's memory, which grows. */
class Appender {
  constructor(
    readonly module: Int8Module,
    private next: number,
  ) {
    this.#reserve(0);
  }

  append(data: ArrayBufferView): number {
    const address = this.next;
    this.#reserve(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(this.module.memory.buffer).set(bytes, address);
    this.next = align(address + data.byteLength);
    return address;
  }

  #reserve(bytes: number): void {
    const { memory } = this.module;
    const missing = this.next + bytes + slackBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
  }
}
