/** The vector-Jacobian product of each operator of a training graph, as more nodes of that graph. */
import type { OpName } from "../graph/index.js";
import { sameShape } from "../tensor/index.js";
import type { TrainingNode, TrainingNodeOf, TrainingOpAttributes, TrainingOpName } from "./differentiate.js";
import type { Tape } from "./tape.js";

export interface Backward {
  readonly tape: Tape;
  /** Whether a value's gradient is asked for. */
  needs(value: string): boolean;
  isTrained(parameter: string): boolean;
  contribute(value: string, gradient: string): void;
  readonly gradients: Record<string, string>;
}

/** Adds the gradient of a node's first input, where it is asked for. */
function toInput<O extends TrainingOpName>(
  { tape, needs, contribute }: Backward,
  { name, inputs: [x] }: TrainingNode,
  op: O,
  inputs: readonly string[],
  attributes: TrainingOpAttributes[O],
  extra: { outputs?: string[]; parameters?: Record<string, string> } = {},
): void {
  if (needs(x)) contribute(x, tape.add(op, `grad:${name}:input`, inputs, attributes, { of: name, ...extra }));
}

/** Adds the gradients of a layer's weight and bias. */
function toParameters<O extends "conv2dGradWeight" | "denseGradWeight">(
  { tape, isTrained, gradients }: Backward,
  { name, inputs: [x], parameters: { weight, bias } }: TrainingNode,
  dy: string,
  op: O,
  attributes: TrainingOpAttributes[O],
): void {
  const of = name;
  if (isTrained(weight)) gradients[weight] = tape.add(op, `grad:${name}:weight`, [x, dy], attributes, { of });
  if (bias !== undefined && isTrained(bias))
    gradients[bias] = tape.add("biasGrad", `grad:${name}:bias`, [dy], {}, { of });
}

/** Of imported networks. */
type Untrained =
  | "averagePool"
  | "concat"
  | "constant"
  | "maximum"
  | "maxWindow"
  | "minimum"
  | "reshape"
  | "resize"
  | "slice"
  | "subtract"
  | "unary";

/**
 * What of the training graph's forward nodes has a gradient. A dropout is a product with its mask; others are of
 * networks that are not trained here.
 */
type Differentiable = Exclude<OpName, "input" | "dropout" | Untrained> | "batchNormTrain" | "fakeQuantize" | "lookup";

/** Adds the vector-Jacobian product of one node; `dy` is the cotangent of its output. */
export const products: { readonly [O in Differentiable]: (node: TrainingNodeOf<O>, dy: string, to: Backward) => void } =
  {
    conv2d: (node, dy, to) => {
      const { attributes, inputs, parameters } = node;
      toParameters(to, node, dy, "conv2dGradWeight", attributes);
      const { weight } = parameters;
      const inputShape = to.tape.shapes[inputs[0]];
      toInput(to, node, "conv2dGradInput", [dy], { ...attributes, inputShape }, { parameters: { weight } });
    },
    dense: (node, dy, to) => {
      toParameters(to, node, dy, "denseGradWeight", {});
      const { weight } = node.parameters;
      const [, features] = to.tape.shapes[node.inputs[0]];
      toInput(to, node, "denseGradInput", [dy], { features }, { parameters: { weight } });
    },
    batchNormTrain: ({ name, inputs: [x], outputs, parameters, attributes }, dy, to) => {
      const { gamma, beta } = parameters;
      const [dgamma, dbeta] = [`grad:${name}:gamma`, `grad:${name}:beta`];
      const dx = to.tape.add("batchNormGrad", `grad:${name}:input`, [x, outputs[1], outputs[2], dy], attributes, {
        of: name,
        parameters: { gamma },
        outputs: [dgamma, dbeta],
      });
      to.gradients[gamma] = dgamma;
      to.gradients[beta] = dbeta;
      if (to.needs(x)) to.contribute(x, dx);
    },
    batchNorm: (node, dy, to) => {
      const { gamma, variance } = node.parameters;
      toInput(to, node, "batchNormFrozenGrad", [dy], node.attributes, { parameters: { gamma, variance } });
    },
    relu: (node, dy, to) => toInput(to, node, "reluGrad", [node.inputs[0], dy], {}),
    relu6: (node, dy, to) => toInput(to, node, "relu6Grad", [node.inputs[0], dy], {}),
    hardswish: (node, dy, to) => toInput(to, node, "hardswishGrad", [node.inputs[0], dy], {}),
    sigmoid: (node, dy, to) => toInput(to, node, "sigmoidGrad", [node.name, dy], {}),
    softmax: (node, dy, to) => toInput(to, node, "softmaxGrad", [node.name, dy], {}),
    add: ({ inputs }, dy, { needs, contribute }) => {
      for (const input of inputs) if (needs(input)) contribute(input, dy);
    },
    multiply: (node, dy, to) => {
      const { tape, needs, contribute } = to;
      const { name, inputs } = node;
      const [x, second] = inputs;
      const broadcast = !sameShape(tape.shapes[x], tape.shapes[second]);
      const op = broadcast ? "multiplyGradScale" : "multiply";
      if (needs(second)) contribute(second, tape.add(op, `grad:${name}:scale`, [x, dy], {}, { of: name }));
      toInput(to, node, "multiply", [dy, second], {});
    },
    globalAveragePool: (node, dy, to) => {
      const [, height, width] = to.tape.shapes[node.inputs[0]];
      toInput(to, node, "globalAveragePoolGrad", [dy], { height, width });
    },
    maxPool: (node, dy, to) => toInput(to, node, "maxPoolGrad", [node.inputs[0], node.name, dy], node.attributes),
    pad: (node, dy, to) => toInput(to, node, "padGrad", [dy], node.attributes),
    flatten: (node, dy, to) => toInput(to, node, "flattenGrad", [dy], { inputShape: to.tape.shapes[node.inputs[0]] }),
    fakeQuantize: (node, dy, to) => toInput(to, node, "fakeQuantizeGrad", [node.inputs[0], dy], node.attributes),
    lookup: (node, dy, to) => toInput(to, node, "lookupGrad", [node.inputs[0], dy], node.attributes),
  };
