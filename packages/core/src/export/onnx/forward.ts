/** The network's own operators as nodes of ONNX's default operator set. */
import type { NodeOf, OpName, Padding } from "../../graph/index.js";
import { PhinetsError } from "../../tensor/index.js";
import { channelsLast, type Emission, reorders } from "./emission.js";
import type { OnnxAttribute } from "./model.js";

/** What is emitted of a node of a graph or of a training graph. */
export type ForwardNode = {
  [O in OpName]: Pick<NodeOf<O>, "name" | "op" | "inputs" | "parameters" | "attributes">;
}[OpName];

/** ONNX's order: starts of all axes, then ends. */
export function convPads({ top, left, bottom, right }: Padding): OnnxAttribute {
  return { ints: [top, left, bottom, right] };
}

/** Emits one operator of a network; batch norm with its running statistics, dropout as at inference. */
export function emitForward(node: ForwardNode, to: Emission): void {
  to.set(node.name, emit(node, to));
}

function emit(node: ForwardNode, to: Emission): string {
  const { name, inputs, parameters } = node;
  const x = inputs.length > 0 ? to.value(inputs[0]) : "";
  const inputShape = to.shapes[inputs[0]];
  switch (node.op) {
    case "conv2d": {
      const { kernel, stride, padding, groups, activation } = node.attributes;
      const attributes = {
        kernel_shape: { ints: kernel },
        strides: { ints: stride },
        pads: convPads(padding),
        group: { int: groups },
      };
      return activated(to, "Conv", [x, ...weights(node, to)], attributes, activation, name);
    }
    case "dense":
      return activated(to, "Gemm", [x, ...weights(node, to)], { transB: { int: 1 } }, node.attributes.activation, name);
    case "batchNorm": {
      const vectors = ["gamma", "beta", "mean", "variance"].map((role) => to.parameter(parameters[role]));
      return to.op("BatchNormalization", [x, ...vectors], { epsilon: { float: node.attributes.epsilon } }, name);
    }
    case "relu6":
      return clip(to, x, name);
    case "hardswish":
      return to.multiply(x, hardSigmoid(to, x), name);
    case "sigmoid":
      return to.op("Sigmoid", [x], {}, name);
    case "softmax":
      return to.op("Softmax", [x], { axis: { int: 1 } }, name);
    case "add":
      return to.add(x, to.value(inputs[1]), name);
    case "multiply":
      return to.multiply(x, to.value(inputs[1]), name);
    case "globalAveragePool":
      return to.op("GlobalAveragePool", [x], {}, name);
    case "maxPool": {
      const { size, stride } = node.attributes;
      return to.op("MaxPool", [x], { kernel_shape: { ints: [size, size] }, strides: { ints: [stride, stride] } }, name);
    }
    case "pad": {
      const { top, left, bottom, right } = node.attributes.padding;
      return to.op("Pad", [x, to.model.int64s([0, 0, top, left, 0, 0, bottom, right])], {}, name);
    }
    case "flatten": {
      const [batch, height, width, channels] = inputShape;
      const rows = reorders(inputShape) ? to.transpose(x, channelsLast) : x;
      return to.reshape(rows, [batch, height * width * channels], name);
    }
    case "dropout":
      return x;
    case "input":
      throw new PhinetsError("onnx.op", `input "${name}" is the model's, not a node`);
  }
}

function weights(node: { parameters: Readonly<Record<string, string>> }, to: Emission): string[] {
  const { weight, bias } = node.parameters;
  return bias === undefined ? [to.parameter(weight)] : [to.parameter(weight), to.parameter(bias)];
}

function activated(
  to: Emission,
  op: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>>,
  activation: "none" | "relu6",
  name: string,
): string {
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
