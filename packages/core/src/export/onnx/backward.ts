/**
 * The operators that only a training graph has (training/gradient-ops) as nodes of ONNX's default operator set. Batch
 * norm is made of reductions: ONNX Runtime's BatchNormalization in training mode gives wrong gradients in silence when its
 * optimiser merges equal running statistics, which the operator then overwrites.
 */
import { channelsFirstShape, PhinetsError } from "../../tensor/index.js";
import type { GradientOpName, TrainingNodeOf } from "../../training/index.js";
import { convGradInput, convGradWeight } from "./conv-gradients.js";
import { channelAxes, type Emission, toChannelsFirst } from "./emission.js";
import { hardSigmoid } from "./forward.js";
import { maxPoolGrad } from "./pool-gradient.js";

export type BackwardNode = { [O in GradientOpName]: TrainingNodeOf<O> }[GradientOpName];

/** Emits one of the training graph's own operators. */
export function emitBackward(node: BackwardNode, to: Emission): void {
  if (node.op === "batchNormTrain") batchNormTrain(node, to);
  else if (node.op === "batchNormGrad") batchNormGrad(node, to);
  else to.set(node.name, emit(node, to));
}

function emit(node: Exclude<BackwardNode, { op: "batchNormTrain" | "batchNormGrad" }>, to: Emission): string {
  const { name, inputs, parameters } = node;
  const [first, second] = inputs.map((input) => to.value(input));
  const shape = to.shapes[inputs[0]];
  switch (node.op) {
    case "conv2dGradInput":
      return convGradInput(to, node.attributes, shape, first, to.parameter(parameters.weight), name);
    case "conv2dGradWeight":
      return convGradWeight(to, node.attributes, [shape, to.shapes[inputs[1]]], [first, second], name);
    case "denseGradInput":
      return to.op("MatMul", [first, to.parameter(parameters.weight)], {}, name);
    case "denseGradWeight":
      return to.op("Gemm", [second, first], { transA: { int: 1 } }, name);
    case "biasGrad":
      return to.reduce("ReduceSum", first, channelAxes(shape).axes, false, name);
    case "relu6Grad": {
      // 0 < x < 6 as one comparison
      const inside = to.less(to.op("Abs", [to.subtract(first, to.model.scalar(3))]), to.model.scalar(3));
      return to.multiply(second, inside, name);
    }
    case "hardswishGrad": {
      // h + (h - 1/2) where |x| < 3, else h: 0 below, 1 above
      const h = hardSigmoid(to, first);
      const inside = to.less(to.op("Abs", [first]), to.model.scalar(3));
      const slope = to.add(h, to.multiply(to.subtract(h, to.model.scalar(0.5)), inside));
      return to.multiply(second, slope, name);
    }
    case "sigmoidGrad":
      return to.multiply(second, to.subtract(first, to.multiply(first, first)), name);
    case "softmaxGrad": {
      const sum = to.reduce("ReduceSum", to.multiply(first, second), [1], true);
      return to.multiply(first, to.subtract(second, sum), name);
    }
    case "multiplyGradScale":
      return to.reduce("ReduceSum", to.multiply(first, second), [2, 3], true, name);
    case "globalAveragePoolGrad": {
      const { height, width } = node.attributes;
      const share = to.scale(first, 1 / (height * width));
      return to.op("Expand", [share, to.model.int64s(channelsFirstShape(to.shapes[name]))], {}, name);
    }
    case "maxPoolGrad":
      return maxPoolGrad(to, node.attributes, shape, [first, second, to.value(inputs[2])], name);
    case "padGrad": {
      const { top, left } = node.attributes.padding;
      const [, height, width] = to.shapes[name];
      return to.slice(first, [2, 3], [top, left], [top + height, left + width]);
    }
    case "flattenGrad": {
      const { inputShape } = node.attributes;
      return toChannelsFirst(to, to.reshape(first, inputShape), inputShape, name);
    }
    default: {
      const { op } = node as BackwardNode;
      throw new PhinetsError("onnx.op", `${op} "${name}" has no counterpart in ONNX; train it on our own kernels`);
    }
  }
}

/** y = gamma / sqrt(variance + epsilon) * (x - mean) + beta; mean and variance stay columns that broadcast. */
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
