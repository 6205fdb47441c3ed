/** Turns each operator of an .onnx file into nodes of the float graph: one function per operator. */
import { isPadded, noPadding, type Padding } from "../../graph/index.js";
import { formatShape, type Shape, sizeOf } from "../../tensor/index.js";
import type { FloatParameter } from "../float/graph.js";
import { averagePool as graphAveragePool, maxPool as graphMaxPool } from "../float/pools.js";
import { Unsupported } from "../unsupported.js";
import { add, clip, divide, extreme, hardSigmoid, multiply, plain, subtract, unary } from "./arithmetic.js";
import type { OnnxConstant, OnnxNode } from "./file.js";
import { concat, resize, slice, split } from "./moves.js";
import type { OnnxNetwork } from "./network.js";
import { weightScales } from "./quantized/constants.js";
import { flatten, reshape, reshaped, squeeze, transpose, unsqueeze } from "./shapes.js";
import { axesOf, type OnnxValue, requireChannelsFirst } from "./value.js";

/** Imports one operator. Throws `Unsupported` where the network cannot have it, or not in this form. */
export type OperatorRule = (to: OnnxNetwork, node: OnnxNode) => OnnxValue | readonly OnnxValue[];

function refuse(problem: string): never {
  throw new Unsupported(problem);
}

export const operatorRules: Readonly<Record<string, OperatorRule>> = {
  Abs: unary("abs"),
  Add: add,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Clip: clip,
  Concat: concat,
  Conv: convolution,
  Div: divide,
  Dropout: (to, node) => to.alias(node, to.value(node.inputs[0])),
  Elu: unary("elu", 1),
  Flatten: flatten,
  Gemm: gemm,
  GlobalAveragePool: (to, node) => {
    const x = to.value(node.inputs[0]);
    const { channels } = requireChannelsFirst(x);
    const name = to.graph.add("globalAveragePool", node.outputs[0], [x.make()], {});
    return to.made(node, [1, channels, 1, 1], "channelsFirst", name);
  },
  HardSigmoid: hardSigmoid,
  HardSwish: plain("hardswish"),
  Identity: (to, node) => to.alias(node, to.value(node.inputs[0])),
  LeakyRelu: (to, node) => {
    const alpha = node.attributes.float("alpha", 0.01);
    if (!(alpha >= 0)) refuse(`has alpha ${alpha}; 0 or more can be imported`);
    return unary("leakyRelu", alpha)(to, node);
  },
  MatMul: matMul,
  Max: extreme("maximum"),
  MaxPool: maxPool,
  Min: extreme("minimum"),
  Mul: multiply,
  Pad: pad,
  ReduceMean: reduceMean,
  Relu: plain("relu"),
  Reshape: reshape,
  Resize: resize,
  Sigmoid: plain("sigmoid"),
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Squeeze: squeeze,
  Sub: subtract,
  Tanh: unary("tanh"),
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};

/** A parameter under its name in the file. */
const named = ({ name }: OnnxConstant, data: Float32Array): FloatParameter => ({ data, ...(name !== "" && { name }) });

/** Like `named`, for weights whose outputs lie along an axis of the file's tensor; int8 weights keep their scales. */
function namedWeight(weight: OnnxConstant, data: Float32Array, outputs: number): FloatParameter {
  const { quantization } = weight;
  return { ...named(weight, data), ...(quantization && { scales: weightScales(weight, outputs) }) };
}

function convolution(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const { channels, height, width } = requireChannelsFirst(x);
  const weight = to.floats(inputs[1], "weights");
  if (weight.shape.length !== 4)
    refuse(`has weights of shape ${formatShape(weight.shape)}; [filters,channels,height,width] can be imported`);
  const [filters, depth, ...kernel] = weight.shape;
  const groups = attributes.int("group", 1);
  if (!(groups > 0 && depth * groups === channels))
    refuse(`has filters of ${depth} channels in ${groups} groups for an input of ${channels}; export it again`);
  const { stride, padding } = windows(node, kernel, [height, width]);
  const pixels = sizeOf(kernel);
  // OIHW to OHWI.
  const data = weight.data.map((_, i) => {
    const [filter, tap, channel] = [Math.floor(i / (pixels * depth)), Math.floor(i / depth) % pixels, i % depth];
    return weight.data[(filter * depth + channel) * pixels + tap];
  });
  const bias = inputs[2] ? to.floats(inputs[2], "biases") : undefined;
  const name = to.graph.add(
    "conv2d",
    outputs[0],
    [x.make()],
    {
      ...{ filters, kernel: [kernel[0], kernel[1]], stride, padding, groups },
      ...{ bias: bias !== undefined, activation: "none" },
    },
    { weight: namedWeight(weight, data, 0), ...(bias && { bias: named(bias, bias.data) }) },
  );
  const [, h, w] = to.graph.shape(name);
  return to.made(node, [1, filters, h, w], "channelsFirst", name);
}

type Pair = readonly [vertical: number, horizontal: number];

/** Stride and padding of an operator that slides a window over a map. */
function windows({ attributes }: OnnxNode, kernel: Shape, size: Pair): { stride: Pair; padding: Padding } {
  const { length } = kernel;
  const [down, across] = attributes.ints("strides") ?? [1, 1];
  const dilations = attributes.ints("dilations") ?? [1, 1];
  if (length !== 2) refuse(`has windows of ${length} dimensions; two can be imported`);
  if (dilations.some((each) => each !== 1)) refuse(`is dilated ${dilations.join("x")}; dilation 1 can be imported`);
  if (!(down >= 1 && across >= 1)) refuse(`has the stride ${down}x${across}; all are at least 1`);
  const stride = [down, across] as const;
  const auto = attributes.text("auto_pad", "NOTSET");
  if (auto === "VALID") return { stride, padding: noPadding };
  if (auto === "NOTSET" || auto === "") {
    const pads = attributes.ints("pads") ?? [0, 0, 0, 0];
    if (pads.length !== 4 || pads.some((side) => side < 0))
      refuse(`has the padding ${pads.join()}; four sides of 0 and more can be imported`);
    const [top, left, bottom, right] = pads;
    return { stride, padding: { top, left, bottom, right } };
  }
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") refuse(`has the padding ${auto.slice(0, 20)}; export it again`);
  // Only as much padding as ceil(size / stride) windows need, with the odd pixel at the end, or at the start for
  // SAME_LOWER.
  const sides = (axis: 0 | 1) => {
    const total = Math.max(0, (Math.ceil(size[axis] / stride[axis]) - 1) * stride[axis] + kernel[axis] - size[axis]);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  };
  const [[top, bottom], [left, right]] = [sides(0), sides(1)];
  return { stride, padding: { top, bottom, left, right } };
}

/**
 * Kernel, stride and padding of a pool.
 * @param overhangs whether windows may reach beyond the map's end (ceil_mode); needs a pool that ignores padding
 */
export function poolOf(node: OnnxNode, x: OnnxValue, overhangs: boolean) {
  const { channels, height, width } = requireChannelsFirst(x);
  const kernel = node.attributes.ints("kernel_shape") ?? [];
  if (kernel.length !== 2 || kernel.some((side) => !(side >= 1)))
    refuse(`has windows of ${kernel.join("x") || "no size"}; two sides of at least 1 can be imported`);
  const { stride, padding } = windows(node, kernel, [height, width]);
  const { top, bottom, left, right } = padding;
  const rests = [(height + top + bottom - kernel[0]) % stride[0], (width + left + right - kernel[1]) % stride[1]];
  const own = { channels, kernel: [kernel[0], kernel[1]] as const, stride };
  if (node.attributes.int("ceil_mode", 0) === 0 || rests.every((rest) => rest === 0)) return { ...own, padding };
  if (!overhangs) refuse("has windows that leave the map at its end (ceil_mode); export it with ceil_mode=False");
  // The last window must begin on the map or on the padding before it.
  const more = ([size, before, after]: readonly number[], axis: 0 | 1): number => {
    const count = Math.ceil((size + before + after - kernel[axis]) / stride[axis]) + 1;
    const last = (count - 1) * stride[axis] >= size + before ? count - 2 : count - 1;
    return Math.max(after, last * stride[axis] + kernel[axis] - size - before);
  };
  const ends = { bottom: more([height, top, bottom], 0), right: more([width, left, right], 1) };
  return { ...own, padding: { ...padding, ...ends } };
}

function maxPool(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const { channels, ...pool } = poolOf(node, x, true);
  const name = graphMaxPool(to.graph, x.make(), node.outputs[0], pool);
  const [, h, w] = to.graph.shape(name);
  return to.made(node, [1, channels, h, w], "channelsFirst", name);
}

function averagePool(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const { channels, ...pool } = poolOf(node, x, false);
  const counted = node.attributes.int("count_include_pad", 0) !== 0;
  const name = graphAveragePool(to.graph, x.make(), node.outputs[0], { ...pool, counted });
  const [, h, w] = to.graph.shape(name);
  return to.made(node, [1, channels, h, w], "channelsFirst", name);
}

function batchNormalization(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  if (attributes.int("training_mode", 0) !== 0)
    refuse("is in training mode; export the network for inference (model.eval())");
  const x = to.value(inputs[0]);
  if (typeof x.layout !== "string" || (x.shape.length === 4 && x.layout !== "channelsFirst"))
    refuse(`is of ${formatShape(x.shape)}; channels first, or a vector, can be imported`);
  const [gamma, beta, mean, variance] = inputs.slice(1, 5).map((name) => to.floats(name, "parameters"));
  if (variance === undefined) refuse("has too few inputs; export the network again");
  const given = { gamma, beta, mean, variance };
  const parameters = Object.fromEntries(Object.entries(given).map(([role, each]) => [role, named(each, each.data)]));
  const epsilon = attributes.float("epsilon", 1e-5);
  if (variance.data.some((each) => !(each + epsilon > 0)))
    refuse("has a variance that is not positive; train it again");
  const name = to.graph.add("batchNorm", outputs[0], [x.make()], { epsilon }, parameters);
  return to.made(node, x.shape, x.layout, name);
}

/** alpha * x * weight + beta * bias */
function gemm(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, attributes } = node;
  if (attributes.int("transA", 0) !== 0) refuse("transposes its input; export the network without that");
  const bias = inputs[2] ? to.floats(inputs[2], "biases") : undefined;
  const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
  return dense(to, node, { bias, alpha, beta, unitsFirst: attributes.int("transB", 0) !== 0 });
}

function matMul(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  return dense(to, node, { alpha: 1, beta: 1, unitsFirst: false });
}

interface Product {
  readonly bias?: OnnxConstant & { readonly data: Float32Array };
  readonly alpha: number;
  readonly beta: number;
  /** The weights are `[units, features]`; otherwise `[features, units]`. */
  readonly unitsFirst: boolean;
}

function dense(to: OnnxNetwork, node: OnnxNode, { bias, alpha, beta, unitsFirst }: Product): OnnxValue {
  const { inputs, outputs } = node;
  const x = to.value(inputs[0]);
  const weight = to.floats(inputs[1], "weights");
  const [features, units] = unitsFirst ? [weight.shape[1], weight.shape[0]] : weight.shape;
  if (x.shape.length !== 2 || weight.shape.length !== 2 || x.shape[1] !== features || x.layout === "channelsFirst")
    refuse(
      `multiplies ${formatShape(x.shape)} with ${formatShape(weight.shape)}; a vector [1,features] and a matrix can be imported`,
    );
  // Index in the file's order of the graph's feature i.
  const placeOf = (i: number): number => {
    if (typeof x.layout === "string") return i;
    const [channels, height, width] = x.layout.flattened;
    return (i % channels) * height * width + Math.floor(i / channels);
  };
  const data = new Float32Array(units * features);
  for (let i = 0; i < features; i++) {
    const place = placeOf(i);
    for (let unit = 0; unit < units; unit++)
      data[unit * features + i] = alpha * weight.data[unitsFirst ? unit * features + place : place * units + unit];
  }
  const given = bias && (bias.data.length === 1 ? new Float32Array(units).fill(bias.data[0]) : bias.data);
  const name = to.graph.add(
    "dense",
    outputs[0],
    [x.make()],
    { units, bias: bias !== undefined, activation: "none" },
    {
      weight: namedWeight(weight, data, unitsFirst ? 0 : 1),
      ...(bias &&
        given && {
          bias: named(
            bias,
            given.map((each) => beta * each),
          ),
        }),
    },
  );
  return to.made(node, [1, units], "same", name);
}

function pad(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const mode = attributes.text("mode", "constant");
  const value = inputs[2] ? to.floats(inputs[2], "padding").data[0] : 0;
  if (mode !== "constant" || value !== 0)
    refuse(`pads with ${mode === "constant" ? value : mode}; zeros can be imported`);
  if (inputs[3]) refuse("pads some axes; export it with a side for each");
  const sides = to.constantOf(inputs[1])?.ints() ?? [];
  const { channel, height, width } = axesOf(x);
  if (
    sides.length !== 8 ||
    sides.some((side) => side < 0) ||
    sides[0] + sides[4] + sides[channel] + sides[channel + 4] > 0
  )
    refuse(
      `pads ${sides.join() || "what is no constant"}; height and width, by constants of 0 and more, can be imported`,
    );
  const padding = { top: sides[height], bottom: sides[height + 4], left: sides[width], right: sides[width + 4] };
  if (!isPadded(padding)) return to.alias(node, x);
  const name = to.graph.add("pad", outputs[0], [x.make()], { padding });
  const [, h, w] = to.graph.shape(name);
  return to.made(
    node,
    x.shape.map((size, axis) => (axis === height ? h : axis === width ? w : size)),
    x.layout,
    name,
  );
}

function reduceMean(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const axes = inputs[1] ? to.constantOf(inputs[1])?.ints() : attributes.ints("axes");
  const { channel, height, width } = axesOf(x);
  const over = axes?.map((axis) => (axis < 0 ? axis + 4 : axis)).sort((a, b) => a - b);
  if (over?.join() !== [height, width].join())
    refuse(
      `is over axes ${over?.join() ?? "that are no constant"} of ${formatShape(x.shape)}; height and width can be imported`,
    );
  const name = to.graph.add("globalAveragePool", outputs[0], [x.make()], {});
  const channels = x.shape[channel];
  const pixel = to.made(
    node,
    x.shape.map((size, axis) => (axis === channel ? channels : axis === 0 ? size : 1)),
    x.layout,
    name,
  );
  return attributes.int("keepdims", 1) !== 0 ? pixel : reshaped(to, pixel, [1, channels], outputs[0]);
}

function softmax(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const rank = x.shape.length;
  const axis = node.attributes.int("axis", -1);
  const channel = rank === 4 ? axesOf(x).channel : 1;
  if ((axis < 0 ? axis + rank : axis) !== channel || typeof x.layout !== "string")
    refuse(`is over axis ${axis} of ${formatShape(x.shape)}; over the channels can be imported`);
  return to.made(node, x.shape, x.layout, to.graph.add("softmax", node.outputs[0], [x.make()], {}));
}
