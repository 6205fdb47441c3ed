/**
 * The integer interpreter. It computes bit for bit what TensorFlow Lite Micro's reference kernels do (int8 values,
 * int32 sums, double rounding), on the same `IntegerNode`s that the exporters write. Every other form of a network (C
 * on the host, C on the emulator, .tflite) is compared with it. All state is allocated once; `run` allocates only its
 * outputs.
 */
import { type IntegerNode, type IntegerNodeOf, lowerToInteger, type QuantizedNetwork } from "../quantization/index.js";
import { PhinetsError, type Shape, sizeOf } from "../tensor/index.js";
import {
  addKernel,
  averagePoolKernel,
  extremeKernel,
  globalAveragePoolKernel,
  type Kernel,
  lookupKernel,
  maxPoolKernel,
  maxWindowKernel,
  multiplyKernel,
  padKernel,
  softmaxKernel,
  withRepeats,
} from "./integer-elementwise.js";
import { convolutionKernel, denseKernel } from "./integer-linear.js";
import { concatKernel, resizeKernel, sliceKernel } from "./integer-moves.js";

/** Called with each value as it is made. The next run reuses the array, so copy it to keep it. */
export type Tap = (name: string, value: Int8Array, shape: Shape) => void;

export class IntegerInterpreter {
  /** Length of the input, in bytes. */
  readonly inputBytes: number;
  readonly nodes: readonly IntegerNode[];
  readonly #values = new Map<string, Int8Array>();
  readonly #kernels: (Kernel | undefined)[];
  readonly #input: Int8Array;
  readonly #outputs: readonly Int8Array[];

  /** Throws PhinetsError when the network has several inputs or an op without int8 arithmetic. */
  constructor(readonly network: QuantizedNetwork) {
    this.nodes = lowerToInteger(network);
    const inputs = this.nodes.filter((node) => node.op === "input");
    if (inputs.length !== 1)
      throw new PhinetsError("inference.input", `integer network has ${inputs.length} inputs; exactly one is needed`);
    for (const node of this.nodes) {
      // The bytes do not change, so the value shares its input's memory.
      const memory =
        node.op === "flatten" || node.op === "reshape"
          ? this.#values.get(node.inputs[0])!
          : new Int8Array(sizeOf(node.outputShape));
      this.#values.set(node.name, memory);
    }
    this.#kernels = this.nodes.map((node) => {
      const [y, ...inputs] = [node.name, ...node.inputs].map((name) => this.#values.get(name)!);
      return kernels[node.op](node as never, y, ...inputs);
    });
    this.#input = this.#values.get(inputs[0].name)!;
    this.#outputs = network.graph.outputs.map((output) => this.#values.get(output)!);
    this.inputBytes = this.#input.length;
  }

  /**
   * Runs one inference.
   *
   * @param input `[1, height, width, channels]` int8: pixel - 128
   * @param tap receives every value in execution order, the input first
   * @returns a copy of each output, in the order of `graph.outputs`
   */
  run(input: Int8Array, tap?: Tap): Int8Array[] {
    if (input.length !== this.inputBytes)
      throw new PhinetsError(
        "inference.input",
        `integer network: input has ${input.length} bytes; it must have ${this.inputBytes}`,
      );
    this.#input.set(input);
    this.nodes.forEach((node, i) => {
      this.#kernels[i]?.();
      tap?.(node.name, this.#values.get(node.name)!, node.outputShape);
    });
    return this.#outputs.map((output) => output.slice());
  }
}

const kernels: {
  readonly [O in IntegerNode["op"]]: (
    node: IntegerNodeOf<O>,
    y: Int8Array,
    ...inputs: Int8Array[]
  ) => Kernel | undefined;
} = {
  input: () => undefined,
  conv2d: convolutionKernel,
  dense: denseKernel,
  add: withRepeats(addKernel),
  multiply: withRepeats(multiplyKernel),
  extreme: withRepeats(extremeKernel),
  constant: ({ data }, y) => {
    y.set(data);
    return undefined;
  },
  globalAveragePool: globalAveragePoolKernel,
  averagePool: averagePoolKernel,
  softmax: softmaxKernel,
  lookup: lookupKernel,
  maxWindow: maxWindowKernel,
  maxPool: maxPoolKernel,
  pad: padKernel,
  resize: resizeKernel,
  slice: sliceKernel,
  concat: concatKernel,
  flatten: () => undefined,
  reshape: () => undefined,
};

/** One inference of a network that is used once; for several, keep an `IntegerInterpreter`. */
export function runInteger(network: QuantizedNetwork, input: Int8Array, tap?: Tap): Int8Array[] {
  return new IntegerInterpreter(network).run(input, tap);
}
