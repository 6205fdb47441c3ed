/**
 * Sums, products and activations of ONNX. What exporters spell out is put together again: a hard-swish that is
 * x * Clip(x + 3, 0, 6) / 6 waits, step by step, to become one operator, and is made as it stands where it does not.
 */
import { formatShape } from "../../tensor/index.js";
import type { Affine } from "../float/graph.js";
import { Unsupported } from "../unsupported.js";
import type { OnnxConstant, OnnxNode } from "./file.js";
import { type OnnxNetwork, sameSizes } from "./network.js";
import { axesOf, type GateStage, lazily, type OnnxValue, sameLayout } from "./value.js";

/** Numbers that exporters write as float32: a sixth is .16666667. */
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));

const identity: Affine = { scale: [1], shift: [0] };

/** An operator of the graph on one value, element by element. */
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

/** A value that waits. */
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

/** A constant as one number a channel of x, or one for all. Throws Unsupported where it is neither. */
function perChannel(x: OnnxValue, { shape, floats }: OnnxConstant): Float32Array {
  const data = floats();
  if (data.length === 1) return data;
  const rank = x.shape.length;
  const sizes = [...new Array<number>(Math.max(0, rank - shape.length)).fill(1), ...shape];
  const axis = rank === 4 ? axesOf(x).channel : 1;
  const fits = sizes.length === rank && sizes.every((size, i) => size === (i === axis ? x.shape[axis] : 1));
  if (!fits || typeof x.layout !== "string")
    throw new Unsupported(
      `has a constant ${formatShape(shape)} for a value ${formatShape(x.shape)}; one number, or one a channel, can be imported`,
    );
  return data;
}

function affine(to: OnnxNetwork, node: OnnxNode, x: OnnxValue, by: Partial<Affine>): OnnxValue {
  const name = to.graph.affine(x.make(), node.outputs[0], { ...identity, ...by }, x.sole);
  return to.made(node, x.shape, x.layout, name);
}

/** The value and the constant of an operator of two inputs; the constant is undefined where both are values. */
function operands(to: OnnxNetwork, { inputs }: OnnxNode): { x: OnnxValue; second?: OnnxConstant; first: boolean } {
  const [a, b] = inputs.map((name) => to.constantOf(name));
  if (a !== undefined) return { x: to.value(inputs[1]), second: a, first: false };
  return { x: to.value(inputs[0]), first: true, ...(b && { second: b }) };
}

export function add(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { x, second } = operands(to, node);
  if (second === undefined) return sum(to, node);
  const shift = perChannel(x, second);
  if (shift.length === 1 && near(shift[0], 3) && x.gate === undefined) return waiting(to, node, "plus3", x);
  return affine(to, node, x, { shift });
}

function sum(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const [a, b] = node.inputs.map((name) => to.value(name));
  if (!sameSizes(a, b) || !sameLayout(a.layout, b.layout))
    throw new Unsupported(
      `adds ${formatShape(a.shape)} and ${formatShape(b.shape)}; values of one shape and order can be imported`,
    );
  return to.made(node, a.shape, a.layout, to.graph.add("add", node.outputs[0], [a.make(), b.make()], {}));
}

export function subtract(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { x, second, first } = operands(to, node);
  if (second === undefined || !first) throw new Unsupported("subtracts a value; a constant can be subtracted");
  return affine(to, node, x, { shift: perChannel(x, second).map((value) => -value) });
}

export function divide(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { x, second, first } = operands(to, node);
  if (second === undefined || !first) throw new Unsupported("divides by a value; by a constant can be imported");
  return scaled(
    to,
    node,
    x,
    perChannel(x, second).map((value) => 1 / value),
  );
}

function scaled(to: OnnxNetwork, node: OnnxNode, x: OnnxValue, scale: Float32Array): OnnxValue {
  const bySix = scale.length === 1 && near(scale[0], 1 / 6);
  if (bySix && x.gate?.stage === "clipped") return waiting(to, node, "gate", x.gate.of);
  if (bySix && x.gate?.stage === "product") return elementwise(to, node, x.gate.of, "hardswish");
  return affine(to, node, x, { scale });
}

export function multiply(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { x, second } = operands(to, node);
  if (second !== undefined) return scaled(to, node, x, perChannel(x, second));
  const [a, b] = node.inputs.map((name) => to.value(name));
  for (const [one, other] of [
    [a, b],
    [b, a],
  ]) {
    if (other.gate === undefined || other.gate.of !== one) continue;
    if (other.gate.stage === "gate") return elementwise(to, node, one, "hardswish");
    if (other.gate.stage === "clipped") return waiting(to, node, "product", one);
  }
  const [map, factor] = isFactorOf(a, b) ? [b, a] : [a, b];
  if (!sameLayout(map.layout, factor.layout) || !(sameSizes(map, factor) || isFactorOf(factor, map)))
    throw new Unsupported(
      `multiplies ${formatShape(a.shape)} and ${formatShape(b.shape)}; equal shapes, or a factor a channel, can be imported`,
    );
  const name = to.graph.add("multiply", node.outputs[0], [map.make(), factor.make()], {});
  return to.made(node, map.shape, map.layout, name);
}

/** Whether a value has one number for each channel of a map that has more. */
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
  // float32's largest stands for no bound.
  if (least === 0 && most >= 3.4e38) return elementwise(to, node, x, "relu");
  throw new Unsupported(`clips to ${least}..${most}; 0..6 (ReLU6) and 0 and above (ReLU) can be imported`);
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
