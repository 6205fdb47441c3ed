/** The vector-Jacobian product of each operator of a training graph, added as nodes of that graph. */
import type { OpName } from "../graph/index.js";
import { PhinetsError, type Shape, sameShape } from "../tensor/index.js";
import type { TrainingNode, TrainingNodeOf, TrainingOpAttributes, TrainingOpName } from "./differentiate.js";
import type { Tape } from "./tape.js";

export interface Backward {
  readonly tape: Tape;
  /** Whether a value's gradient is needed. */
  needs(value: string): boolean;
  isTrained(parameter: string): boolean;
  contribute(value: string, gradient: string): void;
  readonly gradients: Record<string, string>;
}

/** Adds the gradient of a node's first input, if it is needed. */
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

/** Forward operators of the training graph that have a gradient. A dropout appears as a product with its mask. */
type Differentiable = Exclude<OpName, "input" | "constant" | "dropout"> | "batchNormTrain" | "fakeQuantize" | "lookup";

/** Throws PhinetsError for operators of imported networks, which can be run and quantised but not trained. */
function noGradient({ op, name }: { readonly op: string; readonly name: string }, what = ""): never {
  // In an int8 graph a value has this suffix before it is rounded.
  const value = name.replace(/:real$/, "");
  throw new PhinetsError("training.op", `${op} "${value}": has no gradient${what}; quantise the network without --qat`);
}

/** Throws unless the input of a sum or product has the result's shape: a broadcast input has no gradient. */
function requireWhole(to: Backward, node: TrainingNode, input: string): void {
  if (sameShape(to.tape.shapes[input], to.tape.shapes[node.name])) return;
  noGradient(node, ` for "${input}", which it repeats`);
}

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
    add: (node, dy, to) => {
      for (const input of node.inputs) {
        if (!to.needs(input)) continue;
        requireWhole(to, node, input);
        to.contribute(input, dy);
      }
    },
    subtract: (node, dy, to) => {
      const [a, b] = node.inputs;
      for (const input of node.inputs) if (to.needs(input)) requireWhole(to, node, input);
      if (to.needs(a)) to.contribute(a, dy);
      if (to.needs(b)) to.contribute(b, to.tape.add("negate", `grad:${node.name}:second`, [dy], {}, { of: node.name }));
    },
    maximum: (node) => noGradient(node),
    minimum: (node) => noGradient(node),
    multiply: (node, dy, to) => {
      const [a, b] = node.inputs;
      factor(node, dy, to, { input: b, other: a, name: "scale" });
      factor(node, dy, to, { input: a, other: b, name: "input" });
    },
    globalAveragePool: (node, dy, to) => {
      const [, height, width] = to.tape.shapes[node.inputs[0]];
      toInput(to, node, "globalAveragePoolGrad", [dy], { height, width });
    },
    maxPool: (node, dy, to) => toInput(to, node, "maxPoolGrad", [node.inputs[0], node.name, dy], node.attributes),
    maxWindow: (node, dy, to) => toInput(to, node, "maxWindowGrad", [node.inputs[0], node.name, dy], node.attributes),
    averagePool: (node, dy, to) => toInput(to, node, "averagePoolGrad", [dy], withInput(to, node)),
    resize: (node, dy, to) => toInput(to, node, "resizeGrad", [dy], withInput(to, node)),
    slice: (node, dy, to) => toInput(to, node, "sliceGrad", [dy], withInput(to, node)),
    concat: ({ name, inputs, attributes: { axis } }, dy, { tape, needs, contribute }) => {
      let begin = 0;
      for (const [i, input] of inputs.entries()) {
        const inputShape = tape.shapes[input];
        const attributes = { axis, begin, inputShape };
        if (needs(input))
          contribute(input, tape.add("concatGrad", `grad:${name}:${i}`, [dy], attributes, { of: name }));
        begin += inputShape[axis];
      }
    },
    unary: (node, dy, to) => {
      const [x] = node.inputs;
      const { function: of, alpha } = node.attributes;
      if (of !== "identity") toInput(to, node, "unaryGrad", [x, dy], { function: of, alpha });
      else if (to.needs(x)) to.contribute(x, dy);
    },
    reshape: (node, dy, to) => {
      const inputShape = to.tape.shapes[node.inputs[0]];
      if (inputShape.length === 4) toInput(to, node, "reshape", [dy], { shape: inputShape.slice(1) });
      else toInput(to, node, "flatten", [dy], {});
    },
    pad: (node, dy, to) => toInput(to, node, "padGrad", [dy], node.attributes),
    flatten: (node, dy, to) => toInput(to, node, "flattenGrad", [dy], { inputShape: to.tape.shapes[node.inputs[0]] }),
    fakeQuantize: (node, dy, to) => toInput(to, node, "fakeQuantizeGrad", [node.inputs[0], dy], node.attributes),
    lookup: (node, dy, to) => toInput(to, node, "lookupGrad", [node.inputs[0], dy], node.attributes),
  };

/** The attributes of a node, plus the shape of its input, which is the shape of its gradient. */
function withInput<A>(to: Backward, { inputs, attributes }: { inputs: readonly string[]; attributes: A }) {
  return { ...attributes, inputShape: to.tape.shapes[inputs[0]] };
}

/**
 * The gradient of one factor of a product: dy times the other factor, summed over the map where the factor has one
 * value per channel.
 */
function factor(
  node: TrainingNode,
  dy: string,
  { tape, needs, contribute }: Backward,
  { input, other, name }: { readonly input: string; readonly other: string; readonly name: string },
): void {
  if (!needs(input)) return;
  const { shapes } = tape;
  const [own, whole] = [shapes[input], shapes[node.name]];
  const value = `grad:${node.name}:${name}`;
  const isFactor = (shape: Shape): boolean =>
    whole.length === 4 && shape.join() === [whole[0], 1, 1, whole[3]].join() && sameShape(shapes[other], whole);
  if (sameShape(own, whole)) contribute(input, tape.add("multiply", value, [dy, other], {}, { of: node.name }));
  else if (isFactor(own)) contribute(input, tape.add("multiplyGradScale", value, [other, dy], {}, { of: node.name }));
  else noGradient(node, ` for "${input}", which it repeats`);
}
