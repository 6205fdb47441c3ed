/** Turns each operator of a .tflite file into nodes of the integer graph: one function per operator. */
import {
  type FusedActivation,
  noPadding,
  type OpAttributes,
  type Padding,
  type UnaryFunction,
} from "../../graph/index.js";
import type { QuantizationParameters } from "../../quantization/index.js";
import { formatShape, type Shape, sizeOf } from "../../tensor/index.js";
import type { TfliteOperator, TfliteTensor } from "./file.js";
import { moveRules } from "./moves.js";
import type { NetworkBuilder } from "./network.js";
import { broughtFirst } from "./permute.js";
import { activations, paddings, slots } from "./schema.js";
import { graphAxis, refuse } from "./shapes.js";

/** Imports one operator. Throws `Unsupported` where the network cannot have it, or not in this form. */
export type OperatorRule = (to: NetworkBuilder, operator: TfliteOperator) => void;

export const operatorRules: Readonly<Record<string, OperatorRule>> = {
  CONV_2D(to, operator) {
    const [x, filters] = to.inputsOf(operator, 2);
    const dilation = dilationOf(to, operator, slots.conv2d);
    const { padding, stride, kernel } = windows(to, operator, slots.conv2d, dilated(filters.shape, dilation));
    const [count, , , depth] = filters.shape;
    const channels = x.shape[3];
    if (!(depth > 0 && channels % depth === 0))
      refuse(`has filters of ${depth} channels for an input of ${channels}; it is a damaged convolution`);
    const groups = channels / depth;
    const vector = to.vectorOf(x.index);
    if (vector !== undefined) return dense(to, operator, vector, [count, ...kernel, depth]);
    const shape = [count, ...kernel, depth];
    convolution(to, operator, { groups, kernel, stride, padding, dilation, shape, dimension: 0 });
  },

  DEPTHWISE_CONV_2D(to, operator) {
    const [x, filters] = to.inputsOf(operator, 2);
    const dilation = dilationOf(to, operator, slots.depthwise);
    const { padding, stride, kernel } = windows(to, operator, slots.depthwise, dilated(filters.shape, dilation));
    const count = filters.shape[3];
    const groups = x.shape[3];
    const shape = [count, ...kernel, 1];
    convolution(to, operator, { groups, kernel, stride, padding, dilation, shape, dimension: 3, channelsLast: true });
  },

  FULLY_CONNECTED(to, operator) {
    const { options, outputs } = operator;
    if (options?.byte(slots.fullyConnected.weightsFormat)) refuse("has shuffled weights; convert it without them");
    const output = to.file.tensors[outputs[0]];
    const [, filters] = to.inputsOf(operator, 2);
    if (filters.shape.length !== 2)
      refuse(`has weights of shape ${formatShape(filters.shape)}; [units,features] is needed`);
    const [units, features] = filters.shape;
    const x = to.flat(operator.inputs[0], features);
    layer(to, operator, slots.fullyConnected.activation, (name, activation) => {
      // With a single scale, TensorFlow Lite rounds its product with the input's to float32, so it must stay a single
      // one.
      const weights = { name, shape: [units, features], dimension: 0, keepOneScale: true };
      const parameters = layerParameters(to, operator, weights);
      const attributes = { units, bias: "bias" in parameters, activation };
      to.add({ name, op: "dense", inputs: [x], parameters, attributes }, output);
    });
    to.reshapeFrom(output, [1, units]);
  },

  ADD: elementwise("add"),
  MAXIMUM: elementwise("maximum"),
  MINIMUM: elementwise("minimum"),
  MUL: elementwise("multiply"),
  SUB: elementwise("subtract"),

  MAX_POOL_2D(to, operator) {
    const { options, inputs, outputs } = operator;
    const at = slots.pool;
    const filter = [options?.int32(at.filterHeight) ?? 0, options?.int32(at.filterWidth) ?? 0] as const;
    const { padding, stride } = windows(to, operator, at, [0, ...filter]);
    const [size, other] = filter;
    const isPlain = size === other && stride[0] === stride[1] && Object.values(padding).every((side) => side === 0);
    const output = to.file.tensors[outputs[0]];
    const x = to.value(inputs[0]);
    to.withActivation(output, activationOf(to, operator, at.activation), (name) => {
      const node = { name, inputs: [x], parameters: {} };
      if (isPlain) to.add({ ...node, op: "maxPool", attributes: { size, stride: stride[0] } }, output);
      else to.add({ ...node, op: "maxWindow", attributes: { kernel: filter, stride, padding } }, output);
    });
  },

  AVERAGE_POOL_2D(to, operator) {
    const { options, inputs, outputs } = operator;
    const at = slots.pool;
    const filter = [options?.int32(at.filterHeight) ?? 0, options?.int32(at.filterWidth) ?? 0];
    const { padding, stride, kernel } = windows(to, operator, at, [0, ...filter]);
    const output = to.file.tensors[outputs[0]];
    const x = to.value(inputs[0]);
    const attributes = { kernel, stride, padding };
    to.withActivation(output, activationOf(to, operator, at.activation), (name) => {
      to.add({ name, op: "averagePool", inputs: [x], parameters: {}, attributes }, output);
    });
  },

  SOFTMAX(to, { inputs, outputs, options }) {
    const beta = options?.float32(slots.softmax.beta) ?? 0;
    if (beta !== 1) refuse(`has beta ${beta}; 1 can be imported`);
    const output = to.file.tensors[outputs[0]];
    const x = to.value(inputs[0]);
    to.add({ name: to.nameOf(output), op: "softmax", inputs: [x], parameters: {}, attributes: {} }, output);
  },

  MEAN(to, operator) {
    const [x, axes] = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const over = new Set(Array.from(to.int32s(axes), (axis) => (axis < 0 ? axis + x.shape.length : axis)));
    if (x.shape[0] !== 1 || x.shape.length > 4)
      refuse(`is of ${formatShape(x.shape)}; a batch of 1, of maps or vectors, can be imported`);
    // Axes of one element do not matter. The averaged axes are brought first, so that the kept ones lie together.
    const many = x.shape.flatMap((size, axis) => (size > 1 ? [axis] : []));
    const kept = many.filter((axis) => !over.has(axis));
    const averaged = many.filter((axis) => over.has(axis));
    const sizeOfAxes = (list: readonly number[]) => list.reduce((product, axis) => product * x.shape[axis], 1);
    const isMap = x.shape.length === 4 && kept.every((axis) => axis === 3);
    const map = isMap && !over.has(3) ? x.shape : [1, sizeOfAxes(averaged), 1, sizeOfAxes(kept)];
    const inputs = [to.shapedValue(broughtFirst(to, to.value(x.index), x.shape, over), map)];
    const name = to.nameOf(output);
    to.add({ name, op: "globalAveragePool", inputs, parameters: {}, attributes: {} }, output);
    to.reshapeFrom(output, [1, 1, 1, map[3]]);
  },

  PAD(to, operator) {
    const [x, sides] = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const numbers = [...to.int32s(sides)];
    const { shape } = x;
    const isBatch = shape[0] === 1 && shape.length <= 4 && shape.length > 1;
    if (!isBatch || numbers.length !== 2 * shape.length || numbers[0] + numbers[1] !== 0 || numbers.some((n) => n < 0))
      refuse(`pads ${formatShape(shape)} by ${numbers.join()}; axes of a map or vector of batch 1 can be imported`);
    const [top, bottom, left, right, first, last] = [
      ...new Array<number>(8 - numbers.length).fill(0),
      ...numbers.slice(2),
    ];
    const padding = { top, bottom, left, right };
    if (shape.length === 4 && first + last === 0) {
      if (to.isReadByWindowsAlone(output)) return to.pad(x, output, padding);
      const name = to.nameOf(output);
      to.add({ name, op: "pad", inputs: [to.value(x.index)], parameters: {}, attributes: { padding } }, output);
      return;
    }
    const map = [1, 1, 1, ...shape.slice(1)].slice(-3);
    const [height, width, channels] = map;
    const wider = to.bordered(to.shapedValue(to.value(x.index), [1, ...map]), padding);
    // Pads channels as the columns of a map of one channel, whose rows are the pixels.
    const pixels = (height + top + bottom) * (width + left + right);
    const columns = { top: 0, bottom: 0, left: first, right: last };
    to.take(output, to.bordered(to.shapedValue(wider, [1, pixels, channels, 1]), columns));
  },

  /** Only with the value that stands for 0. */
  PADV2(to, operator) {
    const [x, , value] = to.inputsOf(operator, 3);
    const { zeroPoint } = to.quantizationOf(x);
    const [byte] = to.int8s(value);
    if (byte !== zeroPoint) refuse(`pads with ${byte}, where 0 is ${zeroPoint}; zeros can be imported`);
    operatorRules.PAD(to, operator);
  },

  CONCATENATION(to, operator) {
    const { options, inputs, outputs } = operator;
    if (activationOf(to, operator, slots.concatenation.activation) !== "none")
      refuse("has an activation of its own, which TensorFlow Lite Micro refuses too; convert the network again");
    const output = to.file.tensors[outputs[0]];
    const { scale, zeroPoint } = to.quantizationOf(output);
    const read = to.inputsOf(operator, inputs.length);
    for (const { name, ...tensor } of read) {
      const its = to.quantizationOf({ name, ...tensor });
      if (its.scale !== scale || its.zeroPoint !== zeroPoint)
        refuse(
          `has the input "${name.slice(0, 60)}" of scale ${its.scale} and zero point ${its.zeroPoint} for an output of ${scale} and ${zeroPoint}, which TensorFlow Lite refuses too; quantise the network again`,
        );
    }
    const axis = graphAxis(output.shape, options?.int32(slots.concatenation.axis) ?? 0);
    const values = read.map(({ index }) => to.value(index));
    if (values.length === 1) to.reshape(inputs[0], outputs[0]);
    else {
      const name = to.nameOf(output);
      to.add({ name, op: "concat", inputs: values, parameters: {}, attributes: { axis } }, output);
      to.requireShape(output);
    }
  },

  ...moveRules,

  RESHAPE: (to, operator) => to.reshape(operator.inputs[0], operator.outputs[0]),
  SQUEEZE: (to, operator) => to.reshape(operator.inputs[0], operator.outputs[0]),
  EXPAND_DIMS: (to, operator) => to.reshape(operator.inputs[0], operator.outputs[0]),

  LOGISTIC: table("sigmoid"),
  HARD_SWISH: table("hardswish"),
  RELU: table("relu"),
  RELU6: table("relu6"),

  ABS: unary("abs"),
  ELU: unary("elu"),
  RELU_N1_TO_1: unary("reluN1To1"),
  TANH: unary("tanh"),
  LEAKY_RELU(to, { inputs, outputs, options }) {
    const alpha = options?.float32(slots.leakyRelu.alpha) ?? 0;
    if (!(alpha >= 0 && Number.isFinite(alpha))) refuse(`has alpha ${alpha}; 0 or more can be imported`);
    const [x, output] = [to.file.tensors[inputs[0]], to.file.tensors[outputs[0]]];
    unaryRule(to, x, output, { function: "leakyRelu", alpha });
  },
};

/** A convolution on one pixel, which reads the pixel's vector as a dense layer. */
function dense(to: NetworkBuilder, operator: TfliteOperator, x: string, shape: Shape): void {
  const output = to.file.tensors[operator.outputs[0]];
  const [units, height, width, features] = shape;
  if (height * width !== 1) refuse(`has windows of ${height}x${width} on one pixel; convert the network without them`);
  layer(to, operator, slots.conv2d.activation, (name, activation) => {
    const parameters = layerParameters(to, operator, { name, shape: [units, features], dimension: 0 });
    const attributes = { units, bias: "bias" in parameters, activation };
    to.add({ name, op: "dense", inputs: [x], parameters, attributes }, output);
  });
  to.asPixel(output);
}

/** Rule for two values, or a value and a constant; dimensions of 1 are repeated. */
function elementwise(op: "add" | "maximum" | "minimum" | "multiply" | "subtract"): OperatorRule {
  return (to, operator) => {
    const tensors = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const isExtreme = op === "maximum" || op === "minimum";
    const activation = isExtreme ? "none" : activationOf(to, operator, slots.elementwise.activation);
    if (tensors.every(({ data }) => data !== undefined))
      refuse("is of two constants; convert the network with them folded");
    if (isExtreme) requireOneQuantization(to, [...tensors, output]);
    const vectors = tensors.map(({ index }) => to.vectorOf(index));
    const isPixel = tensors.every(({ data }, i) => data !== undefined || vectors[i] !== undefined);
    const rank = isPixel ? 2 : output.shape.length;
    const inputs = tensors.map((tensor, i) => (isPixel && vectors[i]) || operand(to, tensor, rank));
    // In a product with a factor per channel, the map comes first.
    if (op === "multiply" && isFactor(tensors[0], output.shape)) inputs.reverse();
    to.withActivation(output, activation, (name) => {
      to.add({ name, op, inputs, parameters: {}, attributes: {} }, output);
    });
    if (isPixel) to.asPixel(output);
  };
}

/** Whether a tensor has one value per channel of a map with more than one pixel. */
function isFactor({ data, shape }: TfliteTensor, of: Shape): boolean {
  const [, height, width, channels] = of;
  return data === undefined && height * width > 1 && formatShape(shape) === formatShape([1, 1, 1, channels]);
}

function operand(to: NetworkBuilder, tensor: TfliteTensor, rank: number): string {
  const { index, shape, data } = tensor;
  if (data === undefined) {
    requireMapOrVector(tensor);
    return to.value(index);
  }
  const own = shape.length > rank ? shape.slice(shape.length - rank) : shape;
  if (sizeOf(own) !== sizeOf(shape))
    refuse(`has a constant of ${formatShape(shape)}; ${rank} dimensions can be imported`);
  return to.constant(tensor, [...new Array<number>(rank - own.length).fill(1), ...own]);
}

function requireOneQuantization(to: NetworkBuilder, tensors: readonly TfliteTensor[]): void {
  const [first, ...others] = tensors.map((tensor) => to.quantizationOf(tensor));
  const other = others.find(({ scale, zeroPoint }) => scale !== first.scale || zeroPoint !== first.zeroPoint);
  if (other !== undefined)
    refuse(
      `has values of scale ${first.scale} zero point ${first.zeroPoint} and ${other.scale} and ${other.zeroPoint}; one can be imported`,
    );
}

type Table =
  | { readonly op: "sigmoid" | "hardswish" | "relu" | "relu6"; readonly attributes: Readonly<Record<string, never>> }
  | { readonly op: "unary"; readonly attributes: OpAttributes["unary"] };

/** Applies a function to each byte of a map, of a vector, or of a vector as a map of one pixel. */
function lookUp(to: NetworkBuilder, from: TfliteTensor, output: TfliteTensor, table: Table): void {
  requireMapOrVector(from);
  const vector = to.vectorOf(from.index);
  const inputs = [vector ?? to.value(from.index)];
  to.add({ ...table, name: to.nameOf(output), inputs, parameters: {} }, output);
  if (vector !== undefined) to.asPixel(output);
}

function table(op: "sigmoid" | "hardswish" | "relu" | "relu6"): OperatorRule {
  return (to, { inputs, outputs }) =>
    lookUp(to, to.file.tensors[inputs[0]], to.file.tensors[outputs[0]], { op, attributes: {} });
}

function unary(of: UnaryFunction): OperatorRule {
  return (to, { inputs, outputs }) =>
    unaryRule(to, to.file.tensors[inputs[0]], to.file.tensors[outputs[0]], { function: of, alpha: 0 });
}

export function unaryRule(
  to: NetworkBuilder,
  from: TfliteTensor,
  output: TfliteTensor,
  attributes: OpAttributes["unary"],
): void {
  lookUp(to, from, output, { op: "unary", attributes });
}

function requireMapOrVector({ shape }: TfliteTensor): void {
  if (shape.length !== 4 && !(shape.length === 2 && shape[0] === 1))
    refuse(
      `has an input of shape ${formatShape(shape)}; a map [1,height,width,channels] or [1,features] can be imported`,
    );
}

interface WindowSlots {
  readonly padding: number;
  readonly strideWidth: number;
  readonly strideHeight: number;
}

/** Kernel, stride and padding (in pixels) of an operator that slides a window over a map. */
export function windows(
  to: Pick<NetworkBuilder, "file">,
  { inputs, options }: TfliteOperator,
  at: WindowSlots,
  [, kernelHeight, kernelWidth]: Shape,
): { kernel: [number, number]; stride: [number, number]; padding: Padding } {
  const { shape } = to.file.tensors[inputs[0]];
  if (shape.length !== 4)
    refuse(`has an input of shape ${formatShape(shape)}; a map [1,height,width,channels] is needed`);
  const stride: [number, number] = [options?.int32(at.strideHeight) ?? 0, options?.int32(at.strideWidth) ?? 0];
  if (!(stride[0] > 0 && stride[1] > 0 && kernelHeight > 0 && kernelWidth > 0))
    refuse(`has windows of ${kernelHeight}x${kernelWidth}, stride ${stride.join("x")}; all are at least 1`);
  const kernel: [number, number] = [kernelHeight, kernelWidth];
  if (options?.byte(at.padding) === paddings.valid) return { kernel, stride, padding: noPadding };
  // Only as much padding as ceil(size / stride) windows need, with the odd pixel at the end.
  const sides = (axis: 0 | 1) => {
    const size = shape[1 + axis];
    const total = Math.max(0, (Math.ceil(size / stride[axis]) - 1) * stride[axis] + kernel[axis] - size);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [[top, bottom], [left, right]] = [sides(0), sides(1)];
  return { kernel, stride, padding: { top, bottom, left, right } };
}

type Pair = readonly [vertical: number, horizontal: number];

/**
 * Dilation of a convolution. A dilated kernel becomes a larger one with zeros between its weights, which is exact in
 * every form.
 */
function dilationOf(
  to: NetworkBuilder,
  { kind, options, outputs }: TfliteOperator,
  at: { dilationWidth: number; dilationHeight: number },
): Pair {
  const dilation: Pair = [options?.int32(at.dilationHeight, 1) ?? 1, options?.int32(at.dilationWidth, 1) ?? 1];
  if (dilation.some((each) => each < 1 || each > 64))
    refuse(`is dilated ${dilation.join("x")}; 1 to 64 can be imported`);
  if (dilation.some((each) => each > 1))
    to.note(
      `${kind} "${to.file.tensors[outputs[0]].name}" is dilated ${dilation.join("x")}: zeros stand between its weights`,
    );
  return dilation;
}

/** Shape `[_, height, width, ...]` of a dilated kernel with its holes. */
const dilated = ([first, height, width, ...rest]: Shape, [vertical, horizontal]: Pair): Shape => [
  first,
  (height - 1) * vertical + 1,
  (width - 1) * horizontal + 1,
  ...rest,
];

/** OHWI weights with zeros in the holes. */
function withHoles(data: Int8Array, [outputs, height, width, depth]: Shape, [vertical, horizontal]: Pair): Int8Array {
  const spread = new Int8Array(outputs * height * width * depth);
  let from = 0;
  for (let o = 0; o < outputs; o++)
    for (let y = 0; y < height; y += vertical)
      for (let x = 0; x < width; x += horizontal, from += depth)
        spread.set(data.subarray(from, from + depth), ((o * height + y) * width + x) * depth);
  return spread;
}

export function requireUndilated(
  { options }: TfliteOperator,
  at: { dilationWidth: number; dilationHeight: number },
): void {
  const dilation = [options?.int32(at.dilationHeight, 1) ?? 1, options?.int32(at.dilationWidth, 1) ?? 1];
  if (dilation.some((each) => each !== 1)) refuse(`is dilated ${dilation.join("x")}; dilation 1 can be imported`);
}

interface Convolution {
  readonly groups: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: Padding;
  readonly dilation: Pair;
  /** OHWI, including the holes of a dilated kernel. */
  readonly shape: Shape;
  /** Dimension of the file's weights that scales belong to. */
  readonly dimension: number;
  /** Whether the file's weights are `[1, height, width, filters]`. */
  readonly channelsLast?: boolean;
}

function convolution(to: NetworkBuilder, operator: TfliteOperator, given: Convolution): void {
  const { groups, kernel, stride, dilation, shape, dimension, channelsLast } = given;
  const output = to.file.tensors[operator.outputs[0]];
  const at = operator.kind === "CONV_2D" ? slots.conv2d.activation : slots.depthwise.activation;
  const { x, padding = given.padding } = to.paddedValue(operator.inputs[0]);
  layer(to, operator, at, (name, activation) => {
    const parameters = layerParameters(to, operator, { name, shape, dimension, channelsLast, dilation });
    const attributes = {
      ...{ filters: shape[0], kernel, stride, padding, groups },
      ...{ bias: "bias" in parameters, activation },
    };
    to.add({ name, op: "conv2d", inputs: [x], parameters, attributes }, output);
  });
}

interface LayerWeights {
  readonly name: string;
  /** Shape of the graph's weights, outputs first. */
  readonly shape: Shape;
  readonly dimension: number;
  readonly channelsLast?: boolean;
  readonly keepOneScale?: boolean;
  readonly dilation?: Pair;
}

/** Registers an operator's constants; returns their names by role. */
function layerParameters(to: NetworkBuilder, { inputs }: TfliteOperator, layer: LayerWeights): Record<string, string> {
  const { name, shape, dimension, channelsLast = false, keepOneScale = false, dilation = [1, 1] } = layer;
  const filters = to.file.tensors[inputs[1]];
  const outputs = shape[0];
  if (filters.type !== "int8") refuse(`has ${filters.type} weights ("${filters.name}"); int8 ones can be imported`);
  if (filters.data === undefined)
    refuse(`has weights ("${filters.name}") that are no constant; constants can be imported`);
  if (filters.zeroPoints.some((zero) => zero !== 0))
    refuse(
      `has weights ("${filters.name}") with zero point ${filters.zeroPoints.find((zero) => zero !== 0)}; symmetric ones can be imported`,
    );
  if (filters.scales.length !== 1 && (filters.scales.length !== outputs || filters.dimension !== dimension))
    refuse(
      `has ${filters.scales.length} scales along dimension ${filters.dimension} of its weights; one, or one an output channel, is needed`,
    );
  const data = to.int8s(filters);
  const taps = data.length / outputs;
  const ordered = channelsLast ? data.map((_, i) => data[(i % taps) * outputs + Math.floor(i / taps)]) : data;
  const spread = dilation.every((each) => each === 1) ? ordered : withHoles(ordered, shape, dilation);
  const one = filters.scales.length === 1;
  const scales = one && !keepOneScale ? new Array<number>(outputs).fill(filters.scales[0]) : filters.scales;
  const weight = to.weight(`${name}.weight`, shape, spread, scales);
  const bias = inputs[2] === undefined || inputs[2] === -1 ? undefined : to.file.tensors[inputs[2]];
  if (bias === undefined) return { weight };
  if (bias.type !== "int32") refuse(`has a bias of ${bias.type} ("${bias.name}"); int32 can be imported`);
  return { weight, bias: to.bias(`${name}.bias`, [outputs], to.int32s(bias)) };
}

/** An activation that an operator applies to its own output. */
export type Activation = "none" | "relu" | "reluN1To1" | "relu6";

/** The activation that an operator applies itself; "none" where its output's range already implies it. */
function activationOf(to: NetworkBuilder, { options, outputs }: TfliteOperator, slot: number): Activation {
  const code = options?.byte(slot) ?? activations.none;
  const output = to.quantizationOf(to.file.tensors[outputs[0]]);
  if (code === activations.relu && isAbove0(output)) return "none";
  for (const each of ["none", "relu", "reluN1To1", "relu6"] as const) if (code === activations[each]) return each;
  const name = Object.entries(activations).find(([, each]) => each === code)?.[0] ?? `number ${code}`;
  return refuse(`has the activation ${name}; none, RELU, RELU_N1_TO_1 and RELU6 can be imported`);
}

/**
 * Makes a layer with its activation. The graph's layers have ReLU6 themselves; others follow as look-ups, which kernels
 * fuse.
 */
function layer(
  to: NetworkBuilder,
  operator: TfliteOperator,
  slot: number,
  make: (name: string, activation: FusedActivation) => void,
): void {
  const activation = activationOf(to, operator, slot);
  const own = activation === "relu6" ? "relu6" : "none";
  const after = activation === "relu6" ? "none" : activation;
  to.withActivation(to.file.tensors[operator.outputs[0]], after, (name) => make(name, own));
}

/** Whether no byte stands for less than 0. */
const isAbove0 = ({ zeroPoint }: QuantizationParameters): boolean => zeroPoint === -128;
