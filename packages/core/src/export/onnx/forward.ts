/** Writes the network's own operators as nodes of ONNX's default operator set. */
import type { NodeOf, OpName, Padding, UnaryFunction } from "../../graph/index.js";
import { PhinetsError } from "../../tensor/index.js";
import { channelsLast, type Emission, reorders, toChannelsFirst } from "./emission.js";
import type { OnnxAttribute } from "./model.js";

/** The fields needed of a node, which may be of a graph or of a training graph. */
type Forward<O extends OpName> = Pick<NodeOf<O>, "name" | "op" | "inputs" | "parameters" | "attributes">;
export type ForwardNode = { [O in OpName]: Forward<O> }[OpName];

/** Padding in ONNX's order: starts of all axes, then ends. */
export function convPads({ top, left, bottom, right }: Padding): OnnxAttribute {
  return { ints: [top, left, bottom, right] };
}

/** Emits one operator of a network: batch norm with its running statistics, dropout as at inference. */
export function emitForward(node: ForwardNode, to: Emission): void {
  const [x, second] = node.inputs.map((input) => to.value(input));
  to.set(node.name, rules[node.op](to, node as never, x, second));
}

/** Emits an operator with the inputs `x` and `second` and returns the tensor that holds its value. */
const rules: {
  readonly [O in OpName]: (to: Emission, node: Forward<O>, x: string, second: string) => string;
} = {
  input: (_, { name }) => {
    throw new PhinetsError("onnx.op", `input "${name}" is the model's, not a node`);
  },
  conv2d: (to, node, x) => {
    const { kernel, stride, padding, groups } = node.attributes;
    const geometry = { kernel_shape: { ints: kernel }, strides: { ints: stride }, pads: convPads(padding) };
    return linear(to, "Conv", node, x, { ...geometry, group: { int: groups } });
  },
  dense: (to, node, x) => linear(to, "Gemm", node, x, { transB: { int: 1 } }),
  batchNorm: (to, { name, parameters, attributes }, x) => {
    const vectors = ["gamma", "beta", "mean", "variance"].map((role) => to.parameter(parameters[role]));
    return to.op("BatchNormalization", [x, ...vectors], { epsilon: { float: attributes.epsilon } }, name);
  },
  relu: (to, { name }, x) => to.op("Relu", [x], {}, name),
  relu6: (to, { name }, x) => clip(to, x, name),
  hardswish: (to, { name }, x) => to.multiply(x, hardSigmoid(to, x), name),
  sigmoid: (to, { name }, x) => to.op("Sigmoid", [x], {}, name),
  unary: (to, { name, attributes: { function: of, alpha } }, x) => unary[of](to, x, name, alpha),
  softmax: (to, { name }, x) => to.op("Softmax", [x], { axis: { int: 1 } }, name),
  add: (to, { name }, x, second) => to.add(x, second, name),
  multiply: (to, { name }, x, second) => to.multiply(x, second, name),
  subtract: (to, { name }, x, second) => to.subtract(x, second, name),
  maximum: (to, { name }, x, second) => to.op("Max", [x, second], {}, name),
  minimum: (to, { name }, x, second) => to.op("Min", [x, second], {}, name),
  constant: (to, { parameters }) => to.parameter(parameters.value),
  globalAveragePool: (to, { name }, x) => to.op("GlobalAveragePool", [x], {}, name),
  averagePool: (to, { name, attributes: { kernel, stride, padding } }, x) => {
    const geometry = { kernel_shape: { ints: kernel }, strides: { ints: stride }, pads: convPads(padding) };
    return to.op("AveragePool", [x], { ...geometry, count_include_pad: { int: 0 } }, name);
  },
  maxWindow: (to, { name, attributes: { kernel, stride, padding } }, x) => {
    const geometry = { kernel_shape: { ints: kernel }, strides: { ints: stride }, pads: convPads(padding) };
    return to.op("MaxPool", [x], geometry, name);
  },
  maxPool: (to, { name, attributes: { size, stride } }, x) =>
    to.op("MaxPool", [x], { kernel_shape: { ints: [size, size] }, strides: { ints: [stride, stride] } }, name),
  pad: (to, { name, attributes }, x) => {
    const { top, left, bottom, right } = attributes.padding;
    return to.op("Pad", [x, to.model.int64s([0, 0, top, left, 0, 0, bottom, right])], {}, name);
  },
  resize: (to, { name, inputs, attributes }, x) => {
    const { mode, size, alignCorners, halfPixelCenters } = attributes;
    const corners = alignCorners ? "align_corners" : halfPixelCenters ? "half_pixel" : "asymmetric";
    const [batch, , , channels] = to.shapes[inputs[0]];
    const sizes = to.model.int64s([batch, channels, ...size]);
    return to.op(
      "Resize",
      [x, "", "", sizes],
      {
        mode: { string: mode === "nearest" ? "nearest" : "linear" },
        coordinate_transformation_mode: { string: corners },
        // Positions round half up; positions of top-left corners select the pixel that contains them.
        ...(mode === "nearest" && {
          nearest_mode: { string: corners === "asymmetric" ? "floor" : "round_prefer_ceil" },
        }),
      },
      name,
    );
  },
  slice: (to, { attributes: { begin, size, step } }, x) => {
    const steps = [...step, 1];
    const ends = begin.map((first, i) => first + (size[i] - 1) * steps[i] + 1);
    return to.slice(x, [2, 3, 1], begin, ends, steps);
  },
  concat: (to, { name, inputs, attributes: { axis } }) => {
    // ONNX's maps are [batch, channels, height, width].
    const ours = to.shapes[name].length === 4 ? [0, 2, 3, 1][axis] : axis;
    const tensors = inputs.map((input) => to.value(input));
    return to.op("Concat", tensors, { axis: { int: ours } }, name);
  },
  flatten: (to, { name, inputs }, x) => {
    const [batch, height, width, channels] = to.shapes[inputs[0]];
    const rows = reorders(to.shapes[inputs[0]]) ? to.transpose(x, channelsLast) : x;
    return to.reshape(rows, [batch, height * width * channels], name);
  },
  reshape: (to, { name, inputs }, x) => {
    const [from, shape] = [to.shapes[inputs[0]], to.shapes[name]];
    const rows = reorders(from) ? to.transpose(x, channelsLast) : x;
    return toChannelsFirst(to, to.reshape(rows, shape), shape, name);
  },
  dropout: (_, __, x) => x,
};

const unary: Readonly<Record<UnaryFunction, (to: Emission, x: string, name: string, alpha: number) => string>> = {
  abs: (to, x, name) => to.op("Abs", [x], {}, name),
  elu: (to, x, name) => to.op("Elu", [x], {}, name),
  identity: (to, x, name) => to.op("Identity", [x], {}, name),
  leakyRelu: (to, x, name, alpha) => to.op("LeakyRelu", [x], { alpha: { float: alpha } }, name),
  reluN1To1: (to, x, name) => to.op("Clip", [x, to.model.scalar(-1), to.model.scalar(1)], {}, name),
  tanh: (to, x, name) => to.op("Tanh", [x], {}, name),
};

function linear(
  to: Emission,
  op: string,
  { name, parameters, attributes: { activation } }: Forward<"conv2d"> | Forward<"dense">,
  x: string,
  attributes: Readonly<Record<string, OnnxAttribute>>,
): string {
  const given = [parameters.weight, parameters.bias].filter((parameter) => parameter !== undefined);
  const inputs = [x, ...given.map((parameter) => to.parameter(parameter))];
  if (activation === "none") return to.op(op, inputs, attributes, name);
  return clip(to, to.op(op, inputs, attributes, `${name}:linear`), name);
}

/** min(max(x, 0), 6) */
function clip(to: Emission, x: string, name: string): string {
  return to.op("Clip", [x, to.model.scalar(0), to.model.scalar(6)], {}, name);
}

/** min(max(x / 6 + 1/2, 0), 1) */
export function hardSigmoid(to: Emission, x: string): string {
  return to.op("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
}
