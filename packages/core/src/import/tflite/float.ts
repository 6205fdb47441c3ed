/** A .tflite network of floats as our float graph and its weights. */
import type { FusedActivation } from "../../graph/index.js";
import { inputName } from "../../networks/index.js";
import { formatShape, PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { type Affine, FloatGraph, type FloatParameter } from "../float/graph.js";
import { type FloatNetwork, nameOfFile } from "../float/network.js";
import { averagePool, maxPool } from "../float/pools.js";
import type { ImportOptions } from "../input-shape.js";
import { importOperators, isOfGraph, Missing, Unsupported } from "../unsupported.js";
import { readTflite, type TfliteFile, type TfliteOperator, type TfliteTensor } from "./file.js";
import { readingOf } from "./network.js";
import { requireUndilated, windows } from "./operators.js";
import { activations, slots } from "./schema.js";
import { withFixedSizes } from "./sizes.js";

/** Whether the weights of a file's layers are float32. Throws PhinetsError as `readTflite`. */
export function isFloatTflite(bytes: Uint8Array, file: string): boolean {
  const { operators, tensors } = readTflite(bytes, file);
  const layers = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"];
  return operators.some(({ kind, inputs }) => layers.includes(kind) && tensors[inputs[1]]?.type === "float32");
}

/**
 * Imports a network of float values and weights.
 *
 * @param file name for messages
 * @throws PhinetsError `import.tflite` and `import.damaged` as `readTflite`; `import.shape` as `resolveInputShape`;
 * `import.operators` for what cannot be imported, all of it at once: each operator with its number, kind, output and what to do
 */
export function importFloatTflite(bytes: Uint8Array, file: string, options: ImportOptions = {}): FloatNetwork {
  return new FloatTflite(withFixedSizes(readTflite(bytes, file), options)).build();
}

/** The graph as it grows, operator by operator. */
class FloatTflite {
  readonly graph = new FloatGraph();
  readonly notes: string[] = [];
  /** Names of the graph's values by tensor; undefined for those that a refused operator would make. */
  readonly #made = new Map<number, string | undefined>();

  constructor(readonly file: TfliteFile) {}

  build(): FloatNetwork {
    const { file, inputs, outputs, operators, tensors, metadata } = this.file;
    const fail = (problem: string): never => {
      throw new PhinetsError("import.tflite", `${file}: ${problem}`, file);
    };
    if (inputs.length !== 1) fail(`has ${inputs.length} inputs; networks of one picture can be imported`);
    if (outputs.length === 0) fail("has no outputs; convert the network again");
    const { type, shape, index } = tensors[inputs[0]];
    if (type !== "float32" || shape.length !== 4 || shape[0] !== 1 || shape.some((size) => size < 1))
      fail(
        `its input is ${type} ${formatShape(shape)}; float32 [1,height,width,3] can be imported, so convert it for a batch of 1`,
      );
    this.#made.set(index, this.graph.add("input", inputName, [], { shape }));
    importOperators({
      ...{ file, operators, made: this.#made },
      import: (operator) => this.#import(operator),
      nameOf: (tensor) => tensors[tensor]?.name,
    });
    try {
      const names = outputs.map((each) => this.value(each));
      return {
        ...this.graph.build(nameOfFile(file, ".tflite"), names),
        ...{ input: { shape }, operators: operators.map(({ kind }) => kind), notes: this.notes },
        reading: readingOf(metadata),
      };
    } catch (error) {
      if (error instanceof Unsupported || isOfGraph(error)) return fail(error.message);
      throw error;
    }
  }

  #import(operator: TfliteOperator): void {
    const { kind, inputs, outputs } = operator;
    if (!Object.hasOwn(rules, kind)) throw new Unsupported("is not supported; convert the network without it");
    if (inputs.length === 0 || outputs.length !== 1 || inputs[0] === -1)
      throw new Unsupported(`has ${inputs.length} inputs and ${outputs.length} outputs; convert the network again`);
    if (this.#made.has(outputs[0])) throw new Unsupported("makes a tensor that is there already; convert it again");
    const output = this.file.tensors[outputs[0]];
    const made = rules[kind](this, operator, output.name || `tensor${output.index}`);
    if (sizeOf(this.graph.shape(made)) !== sizeOf(output.shape))
      throw new Unsupported(
        `gives ${formatShape(output.shape)} in the file, and ${formatShape(this.graph.shape(made))} by its operator; convert it again`,
      );
    this.#made.set(outputs[0], made);
  }

  tensor(operator: TfliteOperator, input: number): TfliteTensor {
    const index = operator.inputs[input] ?? -1;
    if (index === -1) throw new Unsupported(`has ${operator.inputs.length} inputs; convert the network again`);
    return this.file.tensors[index];
  }

  isConstant(index: number): boolean {
    return this.file.tensors[index]?.data !== undefined;
  }

  /** Whether one operator, or nothing but the caller, reads a tensor. */
  isSole(index: number): boolean {
    const read = [...this.file.operators.flatMap(({ inputs }) => inputs), ...this.file.outputs];
    return read.filter((each) => each === index).length <= 1;
  }

  /** The value that a tensor is. */
  value(index: number): string {
    const name = this.#made.get(index);
    if (name !== undefined) return name;
    if (this.#made.has(index)) throw new Missing();
    const { name: shown, type, data } = this.file.tensors[index];
    const what = data === undefined ? "is made by no operator before" : "is a constant";
    throw new Unsupported(
      `reads "${shown.slice(0, 60)}" (${type}), which ${what}; values that operators make can be imported`,
    );
  }

  floats({ name, type, shape, data }: TfliteTensor): Float32Array {
    if (type !== "float32" || data === undefined || data.length !== 4 * sizeOf(shape))
      throw new Unsupported(
        `"${name.slice(0, 60)}" is ${data === undefined ? "no constant" : `${data.length} bytes of ${type}`}, not float32 ${formatShape(shape)}; convert the network in float32`,
      );
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Float32Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  int32s({ name, type, shape, data }: TfliteTensor): number[] {
    if (type !== "int32" || data === undefined || data.length !== 4 * sizeOf(shape))
      throw new Unsupported(`"${name.slice(0, 60)}" is no constant of int32; convert the network again`);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Array.from({ length: data.length / 4 }, (_, i) => view.getInt32(4 * i, true));
  }

  /** A value as `[1, features]`. */
  flat(x: string, wanted: string): string {
    return this.graph.shape(x).length === 4 ? this.graph.add("flatten", `${wanted}:flat`, [x], {}) : x;
  }

  /** A value as a map; of a vector, what made it of a map of one pixel is made again on maps. */
  map(x: string): string {
    if (this.graph.shape(x).length === 4) return x;
    const pixel = this.graph.asPixel(x);
    if (pixel === undefined) throw new Unsupported("makes a map of a vector that was none; maps of one pixel can be");
    return pixel;
  }

  /** Makes a value by an operator that may have an activation of its own. */
  activated(operator: TfliteOperator, slot: number, wanted: string, make: (wanted: string) => string): string {
    const code = operator.options?.byte(slot) ?? activations.none;
    if (code === activations.none) return make(wanted);
    if (code !== activations.relu && code !== activations.relu6) {
      const name = Object.entries(activations).find(([, each]) => each === code)?.[0] ?? `number ${code}`;
      throw new Unsupported(`has the activation ${name}; none, RELU and RELU6 can be imported`);
    }
    const x = make(`${wanted}:linear`);
    return this.graph.add(code === activations.relu ? "relu" : "relu6", wanted, [x], {});
  }

  parameter(operator: TfliteOperator, input: number): FloatParameter | undefined {
    if ((operator.inputs[input] ?? -1) === -1) return undefined;
    const tensor = this.tensor(operator, input);
    return { data: this.floats(tensor), ...(tensor.name !== "" && { name: tensor.name }) };
  }
}

/** Adds what an operator computes; returns the graph's value. */
type Rule = (to: FloatTflite, operator: TfliteOperator, wanted: string) => string;

function convolution(isDepthwise: boolean): Rule {
  return (to, operator, wanted) => {
    const at = isDepthwise ? slots.depthwise : slots.conv2d;
    const filters = to.tensor(operator, 1);
    const { kernel, stride, padding } = windows(to, operator, at, filters.shape);
    requireUndilated(operator, at);
    const x = to.map(to.value(operator.inputs[0]));
    const channels = to.graph.shape(x)[3];
    const [count, depth] = isDepthwise ? [filters.shape[3], 1] : [filters.shape[0], filters.shape[3]];
    if (filters.shape.length !== 4 || !(depth > 0 && channels % depth === 0))
      throw new Unsupported(`has weights ${formatShape(filters.shape)} for ${channels} channels; convert it again`);
    const given = to.parameter(operator, 1) as FloatParameter;
    const taps = given.data.length / count;
    const data = isDepthwise
      ? given.data.map((_, i) => given.data[(i % taps) * count + Math.floor(i / taps)])
      : given.data;
    const bias = to.parameter(operator, 2);
    const window = { filters: count, kernel, stride, padding, groups: channels / depth };
    const attributes = { ...window, bias: bias !== undefined, activation: "none" as FusedActivation };
    return to.activated(operator, at.activation, wanted, (name) =>
      to.graph.add("conv2d", name, [x], attributes, { weight: { ...given, data }, ...(bias && { bias }) }),
    );
  };
}

const fullyConnected: Rule = (to, operator, wanted) => {
  if (operator.options?.byte(slots.fullyConnected.weightsFormat))
    throw new Unsupported("has shuffled weights; convert it without them");
  const [units] = to.tensor(operator, 1).shape;
  const x = to.flat(to.value(operator.inputs[0]), wanted);
  const weight = to.parameter(operator, 1) as FloatParameter;
  const bias = to.parameter(operator, 2);
  return to.activated(operator, slots.fullyConnected.activation, wanted, (name) =>
    to.graph.add(
      "dense",
      name,
      [x],
      { units, bias: bias !== undefined, activation: "none" },
      {
        weight,
        ...(bias && { bias }),
      },
    ),
  );
};

/** A sum or product of two values, or of one and a constant. */
function elementwise(op: "add" | "multiply", byConstant: (data: Float32Array) => Affine): Rule {
  return (to, operator, wanted) =>
    to.activated(operator, slots.elementwise.activation, wanted, (name) => {
      const { graph } = to;
      const [a, b] = [to.tensor(operator, 0), to.tensor(operator, 1)];
      if (to.isConstant(a.index) || to.isConstant(b.index)) {
        const [value, constant] = to.isConstant(a.index) ? [b, a] : [a, b];
        const x = to.value(value.index);
        const channels = graph.shape(x).at(-1);
        const isOne = sizeOf(constant.shape) === 1;
        if (!isOne && (constant.shape.at(-1) !== channels || sizeOf(constant.shape) !== channels))
          throw new Unsupported(
            `has a constant ${formatShape(constant.shape)} for ${formatShape(value.shape)}; one number, or one a channel, can be imported`,
          );
        return graph.affine(x, name, byConstant(to.floats(constant)), to.isSole(value.index));
      }
      let [x, y] = [to.value(a.index), to.value(b.index)];
      if (graph.shape(x).length !== graph.shape(y).length) [x, y] = [to.map(x), to.map(y)];
      if (op === "multiply" && sizeOf(graph.shape(x)) < sizeOf(graph.shape(y))) [x, y] = [y, x];
      return graph.add(op, name, [x, y], {});
    });
}

function poolOf(to: FloatTflite, operator: TfliteOperator) {
  const at = slots.pool;
  const { options } = operator;
  if ((options?.byte(at.activation) ?? 0) !== activations.none)
    throw new Unsupported("has an activation of its own; none can be imported");
  const filter = [options?.int32(at.filterHeight) ?? 0, options?.int32(at.filterWidth) ?? 0];
  return windows(to, operator, at, [0, ...filter]);
}

const plain =
  (op: "relu" | "relu6" | "hardswish" | "sigmoid" | "softmax"): Rule =>
  (to, { inputs }, wanted) =>
    to.graph.add(op, wanted, [to.value(inputs[0])], {});

/** A map to a vector; what else keeps its elements' order keeps its graph's shape until somebody needs another. */
const reshape: Rule = (to, { inputs, outputs }, wanted) => {
  const { shape } = to.file.tensors[outputs[0]];
  const x = to.value(inputs[0]);
  const from = to.graph.shape(x);
  if (sizeOf(from) !== sizeOf(shape) || shape[0] !== 1) return refuseReshape(shape, from);
  if (shape.length === from.length && shape.join() === from.join()) return x;
  if (shape.length === 2 && from.length === 4) return to.graph.add("flatten", wanted, [x], {});
  const isPixel = shape.length === 4 && shape[1] === 1 && shape[2] === 1 && shape[3] === from.at(-1);
  return isPixel ? x : refuseReshape(shape, from);
};

function refuseReshape(shape: Shape, from: Shape): never {
  throw new Unsupported(
    `makes ${formatShape(shape)} of ${formatShape(from)}; a map as a vector, and a vector as a map of one pixel, can be imported`,
  );
}

const rules: Readonly<Record<string, Rule>> = {
  ADD: elementwise("add", (shift) => ({ scale: [1], shift })),
  AVERAGE_POOL_2D: (to, operator, wanted) => {
    const pool = { ...poolOf(to, operator), counted: false, notes: to.notes };
    return averagePool(to.graph, to.value(operator.inputs[0]), wanted, pool);
  },
  CONV_2D: convolution(false),
  DEPTHWISE_CONV_2D: convolution(true),
  EXPAND_DIMS: reshape,
  FULLY_CONNECTED: fullyConnected,
  HARD_SWISH: plain("hardswish"),
  LOGISTIC: plain("sigmoid"),
  MAX_POOL_2D: (to, operator, wanted) => maxPool(to.graph, to.value(operator.inputs[0]), wanted, poolOf(to, operator)),
  MEAN: (to, operator, wanted) => {
    const { shape } = to.tensor(operator, 0);
    const over = to
      .int32s(to.tensor(operator, 1))
      .map((axis) => (axis < 0 ? axis + shape.length : axis))
      .sort((a, b) => a - b);
    if (shape.length !== 4 || over.join() !== "1,2")
      throw new Unsupported(`is over axes ${over.join()} of ${formatShape(shape)}; height and width can be imported`);
    const pixel = to.graph.add("globalAveragePool", wanted, [to.value(operator.inputs[0])], {});
    const isMap = to.file.tensors[operator.outputs[0]].shape.length === 4;
    return isMap ? pixel : to.graph.add("flatten", `${wanted}:vector`, [pixel], {});
  },
  MUL: elementwise("multiply", (scale) => ({ scale, shift: [0] })),
  PAD: (to, operator, wanted) => {
    const { shape } = to.tensor(operator, 0);
    const sides = to.int32s(to.tensor(operator, 1));
    const [b0, b1, top, bottom, left, right, c0, c1] = sides;
    if (shape.length !== 4 || sides.length !== 8 || b0 + b1 + c0 + c1 !== 0 || sides.some((side) => side < 0))
      throw new Unsupported(`pads ${formatShape(shape)} by ${sides.join()}; height and width of a map can be imported`);
    return to.graph.add("pad", wanted, [to.value(operator.inputs[0])], { padding: { top, bottom, left, right } });
  },
  RELU: plain("relu"),
  RELU6: plain("relu6"),
  RESHAPE: reshape,
  SOFTMAX: (to, operator, wanted) => {
    const beta = operator.options?.float32(slots.softmax.beta) ?? 0;
    if (beta !== 1) throw new Unsupported(`has beta ${beta}; 1 can be imported`);
    return plain("softmax")(to, operator, wanted);
  },
  SQUEEZE: reshape,
  SUB: (to, operator, wanted) => {
    if (!to.isConstant(operator.inputs[1])) throw new Unsupported("subtracts a value; a constant can be subtracted");
    return elementwise("add", (data) => ({ scale: [1], shift: data.map((value) => -value) }))(to, operator, wanted);
  },
};
