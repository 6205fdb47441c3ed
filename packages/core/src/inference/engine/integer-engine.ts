/**
 * Fast int8 inference with WebAssembly SIMD kernels (kernels/assembly-int8). Every output byte equals the integer
 * interpreter's. Weights are packed once; values share one arena, placed by their lifetimes.
 */
import { createInt8Module, type Int8Module, int8Opcodes } from "../../kernels/index.js";
import { type IntegerNode, lowerToInteger, type QuantizedNetwork } from "../../quantization/index.js";
import { PhinetsError } from "../../tensor/index.js";
import { placeLargestFirst, type Value } from "./arena.js";
import { align, Constants } from "./constants.js";
import { fuse, type Step } from "./fusion.js";
import { byUnsigned, type Instruction, instructionsOf, isAlias } from "./instructions.js";
import { layoutOf, slackBytes } from "./layout.js";
import { scratchBytesOf } from "./linear.js";
import { scalingWords } from "./multiply.js";
import { withProductsAsTables } from "./products.js";
import { withoutLongStrides } from "./strides.js";

export class IntegerEngine {
  /** Length of the input, in bytes. */
  readonly inputBytes: number;
  readonly #module: Int8Module;
  /** Instructions with the names of the values that they make; with a fused look-up, the look-up's name. */
  readonly #steps: readonly Placed[];
  readonly #input: Staged;
  readonly #outputs: readonly Staged[];

  /** Throws PhinetsError when the network has several inputs, or where the runtime has no WebAssembly SIMD. */
  constructor(readonly network: QuantizedNetwork) {
    const outputs = network.graph.outputs;
    const nodes = withProductsAsTables(lowerToInteger(network).map(withoutLongStrides), outputs);
    const inputs = nodes.filter((node) => node.op === "input");
    if (inputs.length !== 1)
      throw new PhinetsError("inference.input", `integer network has ${inputs.length} inputs; exactly one is needed`);
    const module = createInt8Module();
    const free = module.firstAddress();
    const steps = fuse(nodes, outputs, (node) => scalingWords(node, new Constants(module, free)));
    const values = placeValues(steps, outputs);
    const arena = align(free);
    const scratch = align(arena + values.bytes + slackBytes);
    const constants = new Constants(module, scratch + Math.max(0, ...nodes.map(scratchBytesOf)) + slackBytes);
    const addressOf = (name: string): number => arena + values.offsets.get(name)!;

    // Input and outputs are kept in the user's layout, apart from the values' planes.
    const staged = (node: IntegerNode): Staged => {
      const { pixels, channels, planeBytes } = layoutOf(node.outputShape);
      const length = pixels * channels;
      const address = constants.reserve(length + slackBytes);
      return { address, length, layout: [pixels, channels, planeBytes] };
    };
    const input = staged(inputs[0]);
    const code: NamedInstruction[] = [];
    code.push({
      name: inputs[0].name,
      opcode: "toPlanes",
      words: [input.address, addressOf(inputs[0].name), ...input.layout],
    });
    for (const step of steps) {
      const places = {
        inputs: step.inputs.map(addressOf),
        output: addressOf(step.output),
        table: step.table === undefined ? 0 : constants.store(byUnsigned(step.table)),
        scratch,
      };
      for (const instruction of instructionsOf(step, places, constants))
        code.push({ ...instruction, name: step.output });
    }
    this.#outputs = outputs.map((name) => {
      const output = staged(nodes.find((node) => node.name === name)!);
      code.push({ name, opcode: "fromPlanes", words: [addressOf(name), output.address, ...output.layout] });
      return output;
    });
    this.#input = input;
    this.inputBytes = input.length;
    this.#steps = placeProgram(code, constants);
    this.#module = module;
    constants.reserve(slackBytes); // vectors read a little beyond the last constants
  }

  /** Bytes of WebAssembly memory: values, scratch, packed weights, program. */
  get bytes(): number {
    return this.#module.memory.buffer.byteLength;
  }

  /**
   * Runs one inference.
   * @param input `[1, height, width, channels]` int8: pixel - 128
   * @param after called after each instruction with the name of its value; for profiles, since it costs time
   * @returns a copy of each output, in the order of `graph.outputs`
   */
  run(input: Int8Array, after?: (name: string) => void): Int8Array[] {
    if (input.length !== this.inputBytes)
      throw new PhinetsError(
        "inference.input",
        `integer network: input has ${input.length} bytes; it must have ${this.inputBytes}`,
      );
    const { buffer } = this.#module.memory;
    new Int8Array(buffer, this.#input.address, input.length).set(input);
    const steps = this.#steps;
    if (after === undefined) this.#module.run(steps[0].start, steps[steps.length - 1].end);
    else
      for (const { name, start, end } of steps) {
        this.#module.run(start, end);
        after(name);
      }
    return this.#outputs.map(({ address, length }) => new Int8Array(buffer, address, length).slice());
  }
}

/** A value in the user's layout: `[pixels, channels]` int8. */
interface Staged {
  readonly address: number;
  readonly length: number;
  /** Words 2..4 of `toPlanes` and `fromPlanes`. */
  readonly layout: readonly number[];
}

interface NamedInstruction extends Instruction {
  readonly name: string;
}

interface Placed {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function placeProgram(instructions: readonly NamedInstruction[], constants: Constants): Placed[] {
  const code = instructions.map(({ opcode, words }) => [int8Opcodes[opcode], words.length + 2, ...words]);
  let end = constants.store(Int32Array.from(code.flat()));
  return instructions.map(({ name }, i) => {
    const start = end;
    end += 4 * code[i].length;
    return { name, start, end };
  });
}

/** Offsets of all values in the arena; a vector flattened from one pixel shares its input's. */
function placeValues(
  steps: readonly Step[],
  outputs: readonly string[],
): { readonly bytes: number; readonly offsets: ReadonlyMap<string, number> } {
  const owners = new Map<string, Value>();
  for (const [time, step] of steps.entries()) {
    for (const input of step.inputs) owners.get(input)!.last = time;
    // Pairs of pixels are stored completely, at the end too.
    const bytes = align(layoutOf(step.node.outputShape).bytes + 16);
    owners.set(
      step.output,
      isAlias(step) ? owners.get(step.inputs[0])! : { first: time, last: time, bytes, offset: 0 },
    );
  }
  for (const output of outputs) owners.get(output)!.last = steps.length;
  const bytes = placeLargestFirst([...new Set(owners.values())]);
  return { bytes, offsets: new Map([...owners].map(([name, { offset }]) => [name, offset])) };
}
