/**
 * How strongly a network's outputs depend on each channel of each value. Rounding an insensitive channel costs little,
 * so ranges are chosen by the squared errors of channels times their sensitivity.
 *
 * A channel's sensitivity is the mean over its elements of the sum of the squared derivatives of all outputs, where the
 * paths from an element to an output are taken as independent: the diagonal of the Gauss-Newton matrix without its
 * cross terms (LeCun, Denker & Solla, "Optimal Brain Damage", NIPS 1989, section 3). One pass from the outputs to the
 * inputs computes it.
 */
import {
  type Graph,
  type Int8Op,
  isTable,
  type NodeOf,
  type NodeWith,
  requireInt8,
  type TableOp,
} from "../graph/index.js";
import { type FloatWeights, type Shape, sizeOf, type Tensor } from "../tensor/index.js";
import { activationOf } from "./simulate.js";

/** All values of a batch of pictures, by name. */
export type FloatBatch = Readonly<Record<string, Tensor<"float32">>>;

/** Mean squares of each channel of one value, over pictures and pixels. */
class MeanSquares {
  readonly #sums: Float64Array;
  #rows = 0;

  constructor(channels: number) {
    this.#sums = new Float64Array(channels);
  }

  add(data: Float32Array, of: (x: number) => number): void {
    const channels = this.#sums.length;
    for (let row = 0; row < data.length; row += channels)
      for (let c = 0; c < channels; c++) this.#sums[c] += of(data[row + c]) ** 2;
    this.#rows += data.length / channels;
  }

  get(): Float64Array {
    return this.#sums.map((sum) => sum / this.#rows);
  }
}

/** The mean squares that derivatives depend on, measured on pictures: those of factors and of activations' slopes. */
export class Moments {
  /** Of values that are multiplied. */
  readonly factors = new Map<string, MeanSquares>();
  /** Of the slopes of activations, by the activation's name. */
  readonly slopes = new Map<string, MeanSquares>();

  constructor(readonly graph: Graph) {
    const channels = (name: string): number => graph.shapes[name].at(-1)!;
    for (const node of graph.nodes) {
      if (isTable(node)) this.slopes.set(node.name, new MeanSquares(channels(node.name)));
      if (node.op === "multiply")
        for (const input of node.inputs) this.factors.set(input, new MeanSquares(channels(input)));
    }
  }

  observe(values: FloatBatch): void {
    for (const [name, squares] of this.factors) squares.add(values[name].data, (x) => x);
    for (const node of this.graph.nodes)
      if (isTable(node)) this.slopes.get(node.name)!.add(values[node.inputs[0]].data, activationOf(node).slope);
  }
}

/**
 * Sensitivity of each channel, by value. Only the ratios within a value mean something: each value's sensitivities
 * average 1.
 *
 * @param graph deployment graph
 * @param weights of `graph`
 * @param moments of values on some pictures
 * Throws PhinetsError for an op without an int8 form.
 */
export function outputSensitivity(graph: Graph, weights: FloatWeights, moments: Moments): Map<string, Float64Array> {
  const of = new Map(graph.nodes.map(({ name }) => [name, new Float64Array(graph.shapes[name].at(-1)!)]));
  for (const name of graph.outputs) of.get(name)!.fill(1);
  for (const node of graph.nodes.toReversed()) {
    requireInt8(node, "quantization.op");
    const inputs = node.inputs.map((name) => ({ shape: graph.shapes[name], sensitivity: of.get(name)! }));
    const output = { shape: graph.shapes[node.name], sensitivity: of.get(node.name)! };
    rules[node.op](node as never, inputs, output, weights, moments);
  }
  for (const sensitivity of of.values()) normalise(sensitivity);
  return of;
}

/** Scales to a mean of 1; all 1 where no output depends on the value. */
function normalise(sensitivity: Float64Array): void {
  const mean = sensitivity.reduce((sum, each) => sum + each) / sensitivity.length;
  if (!(mean > 0 && Number.isFinite(mean))) sensitivity.fill(1);
  else for (let c = 0; c < sensitivity.length; c++) sensitivity[c] /= mean;
}

interface Value {
  readonly shape: Shape;
  /** Of each channel. */
  readonly sensitivity: Float64Array;
}

/** Adds to the inputs' sensitivities what an operator's output contributes. */
type Rule<N> = (node: N, inputs: readonly Value[], output: Value, weights: FloatWeights, moments: Moments) => void;

const pixels = ({ shape }: Value): number => sizeOf(shape.slice(1, -1));

/** Adds the output's sensitivity times a factor a channel to an input that may be repeated along channels and pixels. */
function add(input: Value, output: Value, factor: (channel: number) => number = () => 1): void {
  const repeated = pixels(output) / pixels(input);
  const { sensitivity } = input;
  for (const [c, own] of output.sensitivity.entries())
    sensitivity[sensitivity.length === 1 ? 0 : c] += own * factor(c) * repeated;
}

const none: Rule<unknown> = () => {};
const moved = (_: unknown, inputs: readonly Value[], output: Value): void => {
  for (const input of inputs) for (const [c, own] of output.sensitivity.entries()) input.sensitivity[c] += own;
};
const elementwise = (_: unknown, inputs: readonly Value[], output: Value): void => {
  for (const input of inputs) add(input, output);
};
const activation: Rule<NodeWith<TableOp>> = ({ name }, [input], output, _, moments) => {
  const slopes = moments.slopes.get(name)!.get();
  add(input, output, (c) => slopes[c]);
};

const rules: { readonly [O in Int8Op]: Rule<NodeOf<O>> } = {
  input: none,
  constant: none,
  conv2d: ({ parameters, attributes: { filters, groups } }, [input], output, weights) => {
    const { data, shape } = weights[parameters.weight];
    const perGroup = shape[3];
    const perFilter = data.length / filters;
    const uses = pixels(output) / pixels(input);
    for (let f = 0, i = 0; f < filters; f++) {
      const first = Math.floor((f * groups) / filters) * perGroup;
      const own = output.sensitivity[f] * uses;
      for (const end = i + perFilter; i < end; i++) input.sensitivity[first + (i % perGroup)] += own * data[i] ** 2;
    }
  },
  dense: ({ parameters }, [input], output, weights) => {
    const { data } = weights[parameters.weight];
    const features = input.sensitivity.length;
    for (const [unit, own] of output.sensitivity.entries())
      for (let i = 0; i < features; i++) input.sensitivity[i] += own * data[unit * features + i] ** 2;
  },
  relu: activation,
  relu6: activation,
  hardswish: activation,
  sigmoid: activation,
  unary: activation,
  softmax: elementwise,
  add: elementwise,
  subtract: elementwise,
  maximum: elementwise,
  minimum: elementwise,
  multiply: (node, inputs, output, _, moments) => {
    for (const [i, input] of inputs.entries()) {
      const squares = moments.factors.get(node.inputs[1 - i])!.get();
      add(input, output, (c) => squares[squares.length === 1 ? 0 : c]);
    }
  },
  globalAveragePool: (_, [input], output) => add(input, output, () => 1 / pixels(input)),
  averagePool: ({ attributes: { kernel } }, [input], output) => add(input, output, () => 1 / (kernel[0] * kernel[1])),
  maxWindow: elementwise,
  maxPool: elementwise,
  pad: moved,
  resize: elementwise,
  slice: ({ attributes: { begin } }, [input], output) => {
    for (const [c, own] of output.sensitivity.entries()) input.sensitivity[begin[2] + c] += own;
  },
  concat: ({ attributes: { axis } }, inputs, output) => {
    if (axis < output.shape.length - 1) return moved(undefined, inputs, output);
    let from = 0;
    for (const { sensitivity } of inputs) {
      for (let c = 0; c < sensitivity.length; c++) sensitivity[c] += output.sensitivity[from + c];
      from += sensitivity.length;
    }
  },
  flatten: rearranged,
  reshape: rearranged,
};

/** The elements of an output, in the same order, as another shape. */
function rearranged(_: unknown, [input]: readonly Value[], output: Value): void {
  const [from, to] = [input.sensitivity, output.sensitivity];
  const elements = sizeOf(output.shape.slice(1));
  for (let i = 0; i < elements; i++) from[i % from.length] += (to[i % to.length] * from.length) / elements;
}
