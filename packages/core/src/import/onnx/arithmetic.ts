/**
 * Sums, products and activations of ONNX. Some exporters spell out a hard-swish as x * Clip(x + 3, 0, 6) / 6. Its parts
 * are held back step by step to become one operator; where the pattern does not complete, they are made as they stand.
 */
import type { UnaryFunction } from "../../graph/index.js";
import { broadcastShape, formatShape, type Shape, sameShape } from "../../tensor/index.js";
import type { Affine } from "../float/graph.js";
import { Unsupported } from "../unsupported.js";
import type { OnnxConstant, OnnxNode } from "./file.js";
import { type OnnxNetwork, sameSizes } from "./network.js";
import { axesOf, type GateStage, lazily, type OnnxValue, sameLayout } from "./value.js";

/** Compares numbers that exporters round to float32, such as .16666667 for a sixth. */
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));

const identity: Affine = { scale: [1], shift: [0] };

/** Rule for an operator of the graph that works on one value, element by element. */
export const plain =
  (op: "relu" | "relu6" | "hardswish" | "sigmoid") =>
  (to: OnnxNetwork, node: OnnxNode): OnnxValue => {
    const x = to.value(node.inputs[0]);
    return elementwise(to, node, x, op);
  };

function elementwise(to: OnnxNetwork, node: OnnxNode, x: OnnxValue, op: "relu" | "relu6" | "hardswish" | "sigmoid") {
  const name = to.graph.add(op, node.outputs[0], [x.make()], {});
  return to.made(node, x.shape, x.layout, name);
}

/** A value that is held back as a part of a possible hard-swish. */
function waiting(to: OnnxNetwork, node: OnnxNode, stage: GateStage, of: OnnxValue): OnnxValue {
  const sole = to.isSole(node.outputs[0]);
  const make = lazily(() => madeOf(to, node.outputs[0], stage, of));
  return { shape: of.shape, layout: of.layout, sole, make, gate: { stage, of } };
}

function madeOf(to: OnnxNetwork, wanted: string, stage: GateStage, of: OnnxValue): string {
  const { graph } = to;
  const x = of.make();
  if (stage === "plus3") return graph.affine(x, wanted, { ...identity, shift: [3] }, of.sole);
  if (stage === "product")
    return graph.affine(graph.add("hardswish", wanted, [x], {}), wanted, { ...identity, scale: [6] }, false);
  const clipped = graph.add("relu6", wanted, [graph.affine(x, wanted, { ...identity, shift: [3] }, of.sole)], {});
  return stage === "clipped" ? clipped : graph.affine(clipped, wanted, { ...identity, scale: [1 / 6] }, true);
}

/** A constant as one number per channel of x, or one for all; undefined where it is neither. */
function perChannel(x: OnnxValue, { shape, floats }: OnnxConstant): Float32Array | undefined {
  const data = floats();
  if (data.length === 1) return data;
  const rank = x.shape.length;
  const sizes = ranked(shape, rank);
  const axis = rank === 4 ? axesOf(x).channel : 1;
  const fits = sizes.length === rank && sizes.every((size, i) => size === (i === axis ? x.shape[axis] : 1));
  return fits && typeof x.layout === "string" ? data : undefined;
}

/** A shape with dimensions of 1 put before it, up to a rank. */
const ranked = (shape: Shape, rank: number): Shape => [
  ...new Array<number>(Math.max(0, rank - shape.length)).fill(1),
  ...shape,
];

/** A constant as a value in x's layout. */
function constantValue(to: OnnxNetwork, node: OnnxNode, { shape, floats }: OnnxConstant, x: OnnxValue): OnnxValue {
  const sizes = ranked(shape, x.shape.length);
  if (sizes.length !== x.shape.length || sizes[0] !== 1 || typeof x.layout !== "string")
    throw new Unsupported(
      `has a constant ${formatShape(shape)} for a value ${formatShape(x.shape)}; one of its rank, with a batch of 1, can be imported`,
    );
  const given = floats();
  const isTurned = x.layout === "channelsFirst" && sizes.length === 4;
  const [, channels, height, width] = sizes;
  const pixels = height * width;
  const data = isTurned ? given.map((_, i) => given[(i % channels) * pixels + Math.floor(i / channels)]) : given;
  const own = isTurned ? [1, height, width, channels] : sizes;
  const name = to.graph.add("constant", `${node.outputs[0]}:constant`, [], { shape: own }, { value: { data } });
  return { shape: sizes, layout: x.layout, make: () => name, sole: true };
}

type Combination = "add" | "multiply" | "subtract" | "maximum" | "minimum";

/** Combines two values element by element; dimensions of 1 are repeated. */
function combined(to: OnnxNetwork, node: OnnxNode, op: Combination, [a, b]: readonly OnnxValue[]): OnnxValue {
  const shape = sameLayout(a.layout, b.layout) ? broadcastShape(a.shape, b.shape) : undefined;
  const isRepeated = shape !== undefined && !(sameShape(a.shape, shape) && sameShape(b.shape, shape));
  if (shape === undefined || (isRepeated && typeof a.layout !== "string"))
    throw new Unsupported(
      `joins ${formatShape(a.shape)} and ${formatShape(b.shape)}; values of one order, whose dimensions are equal or 1 in either, can be imported`,
    );
  return to.made(node, shape, a.layout, to.graph.add(op, node.outputs[0], [a.make(), b.make()], {}));
}

/** Both inputs of an operator as values, of which at least one is not a constant. */
function bothValues(to: OnnxNetwork, node: OnnxNode, { x, second, first }: ReturnType<typeof operands>): OnnxValue[] {
  if (second === undefined) return [to.value(node.inputs[0]), to.value(node.inputs[1])];
  const constant = constantValue(to, node, second, x);
  return first ? [x, constant] : [constant, x];
}

/** Rule for the maximum or minimum of two or more values, taken one after the other. */
export const extreme =
  (op: "maximum" | "minimum") =>
  (to: OnnxNetwork, node: OnnxNode): OnnxValue => {
    const x = to.value(node.inputs.find((name) => to.constantOf(name) === undefined));
    const values = node.inputs.map((name) => {
      const constant = to.constantOf(name);
      return constant === undefined ? to.value(name) : constantValue(to, node, constant, x);
    });
    return values.length === 1
      ? to.alias(node, x)
      : values.reduce((most, value) => combined(to, node, op, [most, value]));
  };

/** Rule for a function of each element. */
export const unary =
  (of: UnaryFunction, alpha = 0) =>
  (to: OnnxNetwork, node: OnnxNode): OnnxValue => {
    if (of === "elu" && node.attributes.float("alpha", 1) !== 1)
      throw new Unsupported(`has alpha ${node.attributes.float("alpha", 1)}; 1 can be imported`);
    const x = to.value(node.inputs[0]);
    const attributes = { function: of, alpha: of === "leakyRelu" ? alpha : 0 };
    return to.made(node, x.shape, x.layout, to.graph.add("unary", node.outputs[0], [x.make()], attributes));
  };

function affine(to: OnnxNetwork, node: OnnxNode, x: OnnxValue, by: Partial<Affine>): OnnxValue {
  const name = to.graph.affine(x.make(), node.outputs[0], { ...identity, ...by }, x.sole);
  return to.made(node, x.shape, x.layout, name);
}

/**
 * The value and the constant of an operator with two inputs; `second` is undefined where both are values. `first`: the
 * value comes first.
 */
function operands(to: OnnxNetwork, { inputs }: OnnxNode): { x: OnnxValue; second?: OnnxConstant; first: boolean } {
  if (inputs.length !== 2)
    throw new Unsupported(`has ${inputs.length} ${inputs.length === 1 ? "input" : "inputs"}; two are needed`);
  const [a, b] = inputs.map((name) => to.constantOf(name));
  if (a !== undefined) return { x: to.value(inputs[1]), second: a, first: false };
  return { x: to.value(inputs[0]), first: true, ...(b && { second: b }) };
}

export function add(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const given = operands(to, node);
  const { x, second } = given;
  const shift = second && perChannel(x, second);
  if (shift === undefined) return combined(to, node, "add", bothValues(to, node, given));
  if (shift.length === 1 && near(shift[0], 3) && x.gate === undefined) return waiting(to, node, "plus3", x);
  return affine(to, node, x, { shift });
}

export function subtract(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const given = operands(to, node);
  const { x, second, first } = given;
  const shift = second && perChannel(x, second);
  if (shift === undefined) return combined(to, node, "subtract", bothValues(to, node, given));
  return first
    ? affine(to, node, x, { shift: shift.map((value) => -value) })
    : affine(to, node, x, { scale: [-1], shift });
}

export function divide(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { x, second, first } = operands(to, node);
  if (second === undefined || !first) throw new Unsupported("divides by a value; by a constant can be imported");
  const divisors = perChannel(x, second);
  if (divisors !== undefined)
    return scaled(
      to,
      node,
      x,
      divisors.map((value) => 1 / value),
    );
  const { floats, ...constant } = second;
  const inverse = constantValue(to, node, { ...constant, floats: () => floats().map((value) => 1 / value) }, x);
  return combined(to, node, "multiply", [x, inverse]);
}

function scaled(to: OnnxNetwork, node: OnnxNode, x: OnnxValue, scale: Float32Array): OnnxValue {
  const bySix = scale.length === 1 && near(scale[0], 1 / 6);
  if (bySix && x.gate?.stage === "clipped") return waiting(to, node, "gate", x.gate.of);
  if (bySix && x.gate?.stage === "product") return elementwise(to, node, x.gate.of, "hardswish");
  return affine(to, node, x, { scale });
}

export function multiply(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const given = operands(to, node);
  const { x, second } = given;
  const scale = second && perChannel(x, second);
  if (scale !== undefined) return scaled(to, node, x, scale);
  const [a, b] = bothValues(to, node, given);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ]) {
    if (other.gate === undefined || other.gate.of !== one) continue;
    if (other.gate.stage === "gate") return elementwise(to, node, one, "hardswish");
    if (other.gate.stage === "clipped") return waiting(to, node, "product", one);
  }
  return combined(to, node, "multiply", isFactorOf(a, b) ? [b, a] : [a, b]);
}

/** Whether a value has one number per channel of a larger map. */
function isFactorOf(factor: OnnxValue, map: OnnxValue): boolean {
  if (factor.shape.length !== 4 || map.shape.length !== 4 || sameSizes(factor, map)) return false;
  const { channel } = axesOf(map);
  return factor.shape.every((size, axis) => size === (axis === channel ? map.shape[channel] : 1));
}

export function clip(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const [input, low, high] = node.inputs;
  const x = to.value(input);
  const least = low ? to.floats(low, "bounds").data[0] : Number.NEGATIVE_INFINITY;
  const most = high ? to.floats(high, "bounds").data[0] : Number.POSITIVE_INFINITY;
  if (least === 0 && most === 6) {
    if (x.gate?.stage === "plus3") return waiting(to, node, "clipped", x.gate.of);
    return elementwise(to, node, x, "relu6");
  }
  // The largest float32 means no upper bound.
  if (least === 0 && most >= 3.4e38) return elementwise(to, node, x, "relu");
  if (least === -1 && most === 1) return unary("reluN1To1")(to, node);
  throw new Unsupported(`clips to ${least}..${most}; 0..6 (ReLU6), 0 and above (ReLU) and -1..1 can be imported`);
}

/** max(0, min(1, alpha * x + beta)) */
export function hardSigmoid(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const [alpha, beta] = [node.attributes.float("alpha", 0.2), node.attributes.float("beta", 0.5)];
  if (near(alpha, 1 / 6) && near(beta, 0.5)) return waiting(to, node, "gate", x);
  const { graph } = to;
  const [wanted] = node.outputs;
  const inner = graph.affine(x.make(), wanted, { scale: [6 * alpha], shift: [6 * beta] }, x.sole);
  const clipped = graph.add("relu6", wanted, [inner], {});
  return to.made(node, x.shape, x.layout, graph.affine(clipped, wanted, { ...identity, scale: [1 / 6] }, true));
}
