/** Imports a float .tflite network as a float graph with weights. */
import type { FusedActivation, UnaryFunction } from "../../graph/index.js";
import { inputName } from "../../networks/index.js";
import { formatShape, PhinetsError, sizeOf } from "../../tensor/index.js";
import { type Affine, FloatGraph, type FloatParameter } from "../float/graph.js";
import { type FloatNetwork, nameOfFile } from "../float/network.js";
import { averagePool, maxPool } from "../float/pools.js";
import type { ImportOptions } from "../input-shape.js";
import { importOperators, isOfGraph, Missing, Unsupported } from "../unsupported.js";
import { readTflite, type TfliteOperator, type TfliteTensor } from "./file.js";
import { boxOf, type Cut, resizeOf, sliceCuts, splitParts, stridedCuts } from "./moves.js";
import { readingOf } from "./network.js";
import { requireUndilated, windows } from "./operators.js";
import { OperatorReader } from "./reader.js";
import { activations, slots } from "./schema.js";
import { graphAxis, graphShape } from "./shapes.js";
import { preparedTflite } from "./sizes.js";

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
 * `import.operators` listing all operators that cannot be imported, each with its number, kind, output and remedy
 */
export function importFloatTflite(bytes: Uint8Array, file: string, options: ImportOptions = {}): FloatNetwork {
  return new FloatTflite(preparedTflite(readTflite(bytes, file), options)).build();
}

/** Builds the graph operator by operator. */
class FloatTflite extends OperatorReader {
  readonly graph = new FloatGraph();
  readonly notes: string[] = [];
  /** Names of the graph's values by tensor; undefined for results of refused operators. */
  readonly #made = new Map<number, string | undefined>();

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
      ...{ file, operators, made: this.#made, outputs },
      import: (operator) => this.#import(operator),
      nameOf: (tensor) => tensors[tensor]?.name,
      isEnd: (tensor) => this.#made.get(tensor) !== undefined,
    });
    try {
      const given = new Set<string>();
      const names = outputs.map((each) => {
        const value = this.value(each);
        const isTaken = given.has(value) || this.graph.node(value).op === "input";
        const name = isTaken ? this.graph.copy(value, this.nameOf(each)) : value;
        given.add(name);
        return name;
      });
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
    if (inputs.length === 0 || outputs.length === 0 || inputs[0] === -1)
      throw new Unsupported(`has ${inputs.length} inputs and ${outputs.length} outputs; convert the network again`);
    if (outputs.some((each) => this.#made.has(each)))
      throw new Unsupported("makes a tensor that is there already; convert it again");
    const made = [rules[kind](this, operator, this.nameOf(outputs[0]))].flat();
    if (made.length !== outputs.length)
      throw new Unsupported(`has ${outputs.length} outputs, ${made.length} by its kind; convert the network again`);
    for (const [i, name] of made.entries()) {
      const { shape } = this.file.tensors[outputs[i]];
      if (sizeOf(this.graph.shape(name)) !== sizeOf(shape))
        throw new Unsupported(
          `gives ${formatShape(shape)} in the file, and ${formatShape(this.graph.shape(name))} by its operator; convert it again`,
        );
      this.#made.set(outputs[i], name);
    }
  }

  /** The name wanted for a tensor's value. */
  nameOf(index: number): string {
    return this.file.tensors[index].name || `tensor${index}`;
  }

  tensor(operator: TfliteOperator, input: number): TfliteTensor {
    const index = operator.inputs[input] ?? -1;
    if (index === -1) throw new Unsupported(`has ${operator.inputs.length} inputs; convert the network again`);
    return this.file.tensors[index];
  }

  isConstant(index: number): boolean {
    return this.file.tensors[index]?.data !== undefined;
  }

  /** Whether a tensor is read at most once, by an operator or as an output. */
  isSole(index: number): boolean {
    const read = [...this.file.operators.flatMap(({ inputs }) => inputs), ...this.file.outputs];
    return read.filter((each) => each === index).length <= 1;
  }

  /** The value of a tensor. Throws Unsupported where there is none. */
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

  /** A value as `[1, features]`. */
  flat(x: string, wanted: string): string {
    return this.graph.shape(x).length === 4 ? this.graph.add("flatten", `${wanted}:flat`, [x], {}) : x;
  }

  /** A value as a map. A vector becomes one pixel, if possible by repeating on maps the operators that made it. */
  map(x: string): string {
    const shape = this.graph.shape(x);
    if (shape.length === 4) return x;
    return this.graph.asPixel(x) ?? this.graph.add("reshape", `${x}:map`, [x], { shape: [1, 1, shape[1]] });
  }

  /** A tensor's value in its own shape (`graphShape`). Reshapes add no nodes until a reader needs the shape. */
  shaped({ index, shape }: TfliteTensor): string {
    const x = this.value(index);
    const wanted = graphShape(shape);
    if (this.graph.shape(x).join() === wanted.join()) return x;
    if (wanted.length === 2) return this.flat(x, x);
    const pixel = wanted[1] * wanted[2] === 1 ? this.map(x) : x;
    if (this.graph.shape(pixel).join() === wanted.join()) return pixel;
    return this.graph.add("reshape", `${x}:map`, [x], { shape: wanted.slice(1) });
  }

  /** Makes a value by an operator that may have a fused activation. */
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

/** Adds an operator's nodes; returns the graph's value, or one for each of its outputs. */
type Rule = (to: FloatTflite, operator: TfliteOperator, wanted: string) => string | readonly string[];

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

/**
 * For an operator with a constant of one number per channel: the equivalent scale and shift. `first`: the value is the
 * first input.
 */
type ByConstant = (data: Float32Array, first: boolean) => Affine;

/** Rule for two values, or a value and a constant, element by element. */
function elementwise(op: "add" | "multiply" | "subtract" | "maximum" | "minimum", byConstant?: ByConstant): Rule {
  return (to, operator, wanted) =>
    to.activated(operator, slots.elementwise.activation, wanted, (name) => {
      const { graph } = to;
      const [a, b] = [to.tensor(operator, 0), to.tensor(operator, 1)];
      if (to.isConstant(a.index) || to.isConstant(b.index)) {
        const first = to.isConstant(b.index);
        const [value, constant] = first ? [a, b] : [b, a];
        const channels = graph.shape(to.value(value.index)).at(-1);
        const isOne = sizeOf(constant.shape) === 1;
        const isPerChannel = isOne || (constant.shape.at(-1) === channels && sizeOf(constant.shape) === channels);
        if (isPerChannel && byConstant !== undefined)
          return graph.affine(
            to.value(value.index),
            name,
            byConstant(to.floats(constant), first),
            to.isSole(value.index),
          );
        const x = to.shaped(value);
        const y = constantOf(to, constant, graph.shape(x).length, name);
        return graph.add(op, name, first ? [x, y] : [y, x], {});
      }
      let [x, y] = [to.value(a.index), to.value(b.index)];
      if (graph.shape(x).length !== graph.shape(y).length) [x, y] = [to.map(x), to.map(y)];
      if (op === "multiply" && sizeOf(graph.shape(x)) < sizeOf(graph.shape(y))) [x, y] = [y, x];
      return graph.add(op, name, [x, y], {});
    });
}

/** A constant as a value of the given rank. */
function constantOf(to: FloatTflite, constant: TfliteTensor, rank: number, wanted: string): string {
  const { shape } = constant;
  const sizes = [...new Array<number>(Math.max(0, rank - shape.length)).fill(1), ...shape];
  if (sizes.length !== rank)
    throw new Unsupported(
      `has a constant ${formatShape(shape)} for a value of ${rank} axes; convert the network again`,
    );
  const value = { data: to.floats(constant) };
  return to.graph.add("constant", `${wanted}:constant`, [], { shape: sizes }, { value });
}

function poolOf(to: FloatTflite, operator: TfliteOperator) {
  const at = slots.pool;
  const { options } = operator;
  const filter = [options?.int32(at.filterHeight) ?? 0, options?.int32(at.filterWidth) ?? 0];
  return windows(to, operator, at, [0, ...filter]);
}

const plain =
  (op: "relu" | "relu6" | "hardswish" | "sigmoid" | "softmax"): Rule =>
  (to, { inputs }, wanted) =>
    to.graph.add(op, wanted, [to.value(inputs[0])], {});

const unary =
  (of: UnaryFunction): Rule =>
  (to, { inputs, options }, wanted) => {
    const alpha = of === "leakyRelu" ? (options?.float32(slots.leakyRelu.alpha) ?? 0) : 0;
    return to.graph.add("unary", wanted, [to.value(inputs[0])], { function: of, alpha });
  };

const resized: Rule = (to, operator, wanted) =>
  to.graph.add("resize", wanted, [to.shaped(to.tensor(operator, 0))], resizeOf(to, operator));

/** A part of a tensor; the tensor's own value where nothing is left out. */
function part(to: FloatTflite, x: TfliteTensor, cuts: readonly Cut[], wanted: string): string {
  const box = boxOf(x.shape, cuts);
  if (box === undefined) return to.value(x.index);
  return to.graph.add("slice", wanted, [to.map(to.shaped(x))], box);
}

const parts: Rule = (to, operator) =>
  splitParts(to, operator).map(({ x, cuts, output }) => part(to, x, cuts, to.nameOf(output)));

/** Rule for reshapes. A vector that becomes one pixel may be made again on maps. */
const reshape: Rule = (to, { inputs, outputs }, wanted) => {
  const { shape } = to.file.tensors[outputs[0]];
  const x = to.value(inputs[0]);
  const from = to.graph.shape(x);
  if (sizeOf(from) !== sizeOf(shape))
    throw new Unsupported(`makes ${formatShape(shape)} of ${formatShape(from)}; convert the network again`);
  const as = graphShape(shape);
  if (as.join() === from.join()) return x;
  if (as.length === 2) return to.flat(x, wanted);
  const isPixel = as[1] * as[2] === 1 && as[3] === from.at(-1);
  return isPixel ? x : to.graph.add("reshape", wanted, [x], { shape: as.slice(1) });
};

const rules: Readonly<Record<string, Rule>> = {
  ABS: unary("abs"),
  ADD: elementwise("add", (shift) => ({ scale: [1], shift })),
  AVERAGE_POOL_2D: (to, operator, wanted) => {
    const pool = { ...poolOf(to, operator), counted: false };
    return to.activated(operator, slots.pool.activation, wanted, (name) =>
      averagePool(to.graph, to.map(to.value(operator.inputs[0])), name, pool),
    );
  },
  CONCATENATION: (to, operator, wanted) => {
    const { inputs, outputs, options } = operator;
    const { shape } = to.file.tensors[outputs[0]];
    if ((options?.byte(slots.concatenation.activation) ?? 0) !== activations.none)
      throw new Unsupported("has an activation of its own, which TensorFlow Lite refuses too; convert it again");
    const axis = graphAxis(shape, options?.int32(slots.concatenation.axis) ?? 0);
    const values = inputs.map((_, i) => to.shaped(to.tensor(operator, i)));
    return values.length === 1 ? values[0] : to.graph.add("concat", wanted, values, { axis });
  },
  CONV_2D: convolution(false),
  DEPTHWISE_CONV_2D: convolution(true),
  ELU: unary("elu"),
  EXPAND_DIMS: reshape,
  FULLY_CONNECTED: fullyConnected,
  HARD_SWISH: plain("hardswish"),
  LEAKY_RELU: unary("leakyRelu"),
  LOGISTIC: plain("sigmoid"),
  MAXIMUM: elementwise("maximum"),
  MAX_POOL_2D: (to, operator, wanted) => {
    const pool = poolOf(to, operator);
    return to.activated(operator, slots.pool.activation, wanted, (name) =>
      maxPool(to.graph, to.map(to.value(operator.inputs[0])), name, pool),
    );
  },
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
  MINIMUM: elementwise("minimum"),
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
  RELU_N1_TO_1: unary("reluN1To1"),
  RESHAPE: reshape,
  RESIZE_BILINEAR: resized,
  RESIZE_NEAREST_NEIGHBOR: resized,
  SLICE: (to, operator, wanted) => part(to, to.tensor(operator, 0), sliceCuts(to, operator), wanted),
  SOFTMAX: (to, operator, wanted) => {
    const beta = operator.options?.float32(slots.softmax.beta) ?? 0;
    if (beta !== 1) throw new Unsupported(`has beta ${beta}; 1 can be imported`);
    return plain("softmax")(to, operator, wanted);
  },
  SPLIT: parts,
  SPLIT_V: parts,
  SQUEEZE: reshape,
  STRIDED_SLICE: (to, operator, wanted) => part(to, to.tensor(operator, 0), stridedCuts(to, operator), wanted),
  SUB: elementwise("subtract", (data, first) =>
    first ? { scale: [1], shift: data.map((value) => -value) } : { scale: [-1], shift: data },
  ),
  TANH: unary("tanh"),
  UNPACK: parts,
};
