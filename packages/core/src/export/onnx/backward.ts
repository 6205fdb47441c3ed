/**
 * Writes the operators that only a training graph has (training/gradient-ops) as nodes of ONNX's default operator set.
 * Batch norm is composed of reductions: ONNX Runtime's BatchNormalization in training mode silently gives wrong
 * gradients when its optimiser merges equal running statistics, which the operator then overwrites.
 */
import { channelsFirstShape, PhinetsError } from "../../tensor/index.js";
import type { GradientOpName, TrainingNodeOf } from "../../training/index.js";
import { convGradInput, convGradWeight } from "./conv-gradients.js";
import { channelAxes, type Emission, toChannelsFirst } from "./emission.js";
import { hardSigmoid } from "./forward.js";
import { maxPoolGrad } from "./pool-gradient.js";

export type BackwardNode = { [O in GradientOpName]: TrainingNodeOf<O> }[GradientOpName];

/** Emits one of the operators that only a training graph has. */
export function emitBackward(node: BackwardNode, to: Emission): void {
  if (node.op === "batchNormTrain") batchNormTrain(node, to);
  else if (node.op === "batchNormGrad") batchNormGrad(node, to);
  else {
    const inputs = node.inputs.map((input) => to.value(input));
    to.set(node.name, rules[node.op](to, node as never, ...inputs));
  }
}

/** Emits an operator with one result and returns the tensor that holds it. */
const rules: {
  readonly [O in Exclude<GradientOpName, "batchNormTrain" | "batchNormGrad">]: (
    to: Emission,
    node: TrainingNodeOf<O>,
    ...inputs: readonly string[]
  ) => string;
} = {
  batchNormFrozenGrad: refuse,
  conv2dGradInput: (to, { name, inputs, parameters, attributes }, dy) =>
    convGradInput(to, attributes, to.shapes[inputs[0]], dy, to.parameter(parameters.weight), name),
  conv2dGradWeight: (to, { name, inputs, attributes }, x, dy) =>
    convGradWeight(to, attributes, [to.shapes[inputs[0]], to.shapes[inputs[1]]], [x, dy], name),
  denseGradInput: (to, { name, parameters }, dy) => to.op("MatMul", [dy, to.parameter(parameters.weight)], {}, name),
  denseGradWeight: (to, { name }, x, dy) => to.op("Gemm", [dy, x], { transA: { int: 1 } }, name),
  biasGrad: (to, { name, inputs }, dy) =>
    to.reduce("ReduceSum", dy, channelAxes(to.shapes[inputs[0]]).axes, false, name),
  reluGrad: (to, { name }, x, dy) => to.multiply(dy, to.less(to.model.scalar(0), x), name),
  relu6Grad: (to, { name }, x, dy) => {
    // 0 < x < 6 as a single comparison
    const inside = to.less(to.op("Abs", [to.subtract(x, to.model.scalar(3))]), to.model.scalar(3));
    return to.multiply(dy, inside, name);
  },
  hardswishGrad: (to, { name }, x, dy) => {
    // h + (h - 1/2) where |x| < 3, else h: 0 below, 1 above
    const h = hardSigmoid(to, x);
    const inside = to.less(to.op("Abs", [x]), to.model.scalar(3));
    const slope = to.add(h, to.multiply(to.subtract(h, to.model.scalar(0.5)), inside));
    return to.multiply(dy, slope, name);
  },
  sigmoidGrad: (to, { name }, y, dy) => to.multiply(dy, to.subtract(y, to.multiply(y, y)), name),
  softmaxGrad: (to, { name }, y, dy) => {
    const sum = to.reduce("ReduceSum", to.multiply(y, dy), [1], true);
    return to.multiply(y, to.subtract(dy, sum), name);
  },
  multiplyGradScale: (to, { name }, x, dy) => to.reduce("ReduceSum", to.multiply(x, dy), [2, 3], true, name),
  globalAveragePoolGrad: (to, { name, attributes: { height, width } }, dy) => {
    const share = to.scale(dy, 1 / (height * width));
    return to.op("Expand", [share, to.model.int64s(channelsFirstShape(to.shapes[name]))], {}, name);
  },
  maxPoolGrad: (to, { name, inputs, attributes }, x, y, dy) =>
    maxPoolGrad(to, attributes, to.shapes[inputs[0]], [x, y, dy], name),
  padGrad: (to, { name, attributes }, dy) => {
    const { top, left } = attributes.padding;
    const [, height, width] = to.shapes[name];
    return to.slice(dy, [2, 3], [top, left], [top + height, left + width]);
  },
  flattenGrad: (to, { name, attributes: { inputShape } }, dy) =>
    toChannelsFirst(to, to.reshape(dy, inputShape), inputShape, name),
  averagePoolGrad: refuse,
  concatGrad: refuse,
  maxWindowGrad: refuse,
  negate: refuse,
  resizeGrad: refuse,
  sliceGrad: refuse,
  unaryGrad: refuse,
  fakeQuantize: refuse,
  fakeQuantizeGrad: refuse,
  lookup: refuse,
  lookupGrad: refuse,
};

function refuse(_: Emission, { op, name }: BackwardNode): never {
  throw new PhinetsError("onnx.op", `${op} "${name}" has no counterpart in ONNX; train it on our own kernels`);
}

/** y = gamma / sqrt(variance + epsilon) * (x - mean) + beta; mean and variance are kept as columns that broadcast. */
function batchNormTrain(node: TrainingNodeOf<"batchNormTrain">, to: Emission): void {
  const [y, mean, variance] = node.outputs;
  const { axes, column } = channelAxes(to.shapes[node.inputs[0]]);
  const x = to.value(node.inputs[0]);
  const average = to.reduce("ReduceMean", x, axes, true, mean);
  const centred = to.subtract(x, average);
  const spread = to.reduce("ReduceMean", to.multiply(centred, centred), axes, true, variance);
  const gamma = to.reshape(to.parameter(node.parameters.gamma), column);
  const beta = to.reshape(to.parameter(node.parameters.beta), column);
  const factor = to.multiply(gamma, inverseDeviation(to, spread, node.attributes.epsilon));
  to.set(mean, average);
  to.set(variance, spread);
  to.set(y, to.add(to.multiply(centred, factor), beta, y));
}

/** dx = gamma / sqrt(variance + epsilon) * (dy - sum(dy) / n - xhat * sum(dy * xhat) / n) */
function batchNormGrad(node: TrainingNodeOf<"batchNormGrad">, to: Emission): void {
  const [dx, dgamma, dbeta] = node.outputs;
  const [x, mean, variance, dy] = node.inputs.map((input) => to.value(input));
  const { axes, column, count } = channelAxes(to.shapes[node.inputs[0]]);
  const channels = [column[1]];
  const inverse = inverseDeviation(to, variance, node.attributes.epsilon);
  const centred = to.subtract(x, mean);
  const sum = to.reduce("ReduceSum", dy, axes, true);
  const projection = to.multiply(to.reduce("ReduceSum", to.multiply(dy, centred), axes, true), inverse);
  to.set(dgamma, to.reshape(projection, channels, dgamma));
  to.set(dbeta, to.reshape(sum, channels, dbeta));
  const slope = to.scale(to.multiply(projection, inverse), 1 / count);
  const shifted = to.subtract(dy, to.add(to.multiply(centred, slope), to.scale(sum, 1 / count)));
  const gamma = to.reshape(to.parameter(node.parameters.gamma), column);
  to.set(dx, to.multiply(shifted, to.multiply(gamma, inverse), dx));
}

function inverseDeviation(to: Emission, variance: string, epsilon: number): string {
  return to.op("Reciprocal", [to.op("Sqrt", [to.add(variance, to.model.scalar(epsilon))])]);
}
