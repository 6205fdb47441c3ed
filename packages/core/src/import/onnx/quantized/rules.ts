/**
 * Rules for a network in ONNX's QDQ format: floats between DequantizeLinear and QuantizeLinear use the rules of float
 * networks, or int8 rules where int8 has more operators.
 */
import { isPadded } from "../../../graph/index.js";
import type { QuantizationParameters } from "../../../quantization/index.js";
import { broadcastShape, formatShape, type Shape, sizeOf } from "../../../tensor/index.js";
import { Unsupported } from "../../unsupported.js";
import type { OnnxConstant, OnnxNode } from "../file.js";
import { type OnnxNetwork, sameSizes } from "../network.js";
import { type OperatorRule, operatorRules, poolOf } from "../operators.js";
import { axesOf, type OnnxValue, sameLayout } from "../value.js";
import { offsetOf } from "./constants.js";

function refuse(problem: string): never {
  throw new Unsupported(problem);
}

/** A batch norm on its own has no int8 form. */
const { BatchNormalization: _, ...shared } = operatorRules;

export const quantizedRules: Readonly<Record<string, OperatorRule>> = {
  ...shared,
  Add: elementwise("add"),
  AveragePool: averagePool,
  Conv: withIntegerWeights(shared.Conv),
  DequantizeLinear: dequantize,
  Div: elementwise("divide"),
  Gemm: withIntegerWeights(shared.Gemm),
  HardSigmoid: hardSigmoid,
  MatMul: withIntegerWeights(shared.MatMul),
  Max: elementwise("maximum"),
  Min: elementwise("minimum"),
  Mul: elementwise("multiply"),
  QuantizeLinear: quantize,
  Sub: elementwise("subtract"),
};

function withIntegerWeights(rule: OperatorRule): OperatorRule {
  return (to, node) => {
    const weights = to.constantOf(node.inputs[1]);
    if (weights !== undefined && weights.quantization === undefined)
      refuse(`has the weights "${weights.name.slice(0, 60)}" in floats; quantise weights too, to int8`);
    return rule(to, node);
  };
}

function mapOf(to: OnnxNetwork, node: OnnxNode, channels: number, name: string): OnnxValue {
  const [, height, width] = to.graph.shape(name);
  return to.made(node, [1, channels, height, width], "channelsFirst", name);
}

/** Scale and zero point (as of int8) of a value's QuantizeLinear or DequantizeLinear. */
function parametersOf(to: OnnxNetwork, { kind, inputs, attributes }: OnnxNode): QuantizationParameters {
  const [scale, zero] = inputs.slice(1, 3).map((name) => to.constantOf(name));
  if (scale === undefined || (inputs[2] && zero === undefined))
    refuse("has a scale or zero point that is no constant; use static quantisation");
  // Without a zero point, an attribute gives its type, uint8 by default.
  const type = zero?.type ?? (attributes.int("output_dtype", 2) === 3 ? "int8" : "uint8");
  const offset = offsetOf(type);
  const scales = scale.floats();
  const zeros = zero?.ints() ?? [0];
  if (scales.length !== 1 || zeros.length !== 1)
    refuse(`has ${scales.length} scales of a value; one can be imported (${kind} with a scale for all)`);
  const zeroPoint = zeros[0] - offset;
  if (!(scales[0] > 0 && Number.isFinite(scales[0])) || !(zeroPoint >= -128 && zeroPoint <= 127))
    refuse(`has the scale ${scales[0]} and the zero point ${zeros[0]}; quantise the network again`);
  return { scale: scales[0], zeroPoint };
}

const same = (a: QuantizationParameters, b: QuantizationParameters): boolean =>
  a.scale === b.scale && a.zeroPoint === b.zeroPoint;

/** Operators that keep the scale of the values they move. */
const keeps: ReadonlySet<string> = new Set([
  ...["averagePool", "flatten", "maxPool", "maxWindow", "pad", "reshape", "resize", "slice"],
]);

/** The value whose scale a value has. */
function rootOf({ graph }: OnnxNetwork, value: string): string {
  let root = value;
  while (!graph.quantizations.has(root) && keeps.has(graph.node(root).op)) [root] = graph.node(root).inputs;
  return root;
}

/** The quantisation known for a value so far. */
const quantizationOf = (to: OnnxNetwork, value: string): QuantizationParameters | undefined =>
  to.graph.quantizations.get(rootOf(to, value));

/** Gives a value its scale; a value that already has another is rescaled. */
function quantize(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const given = parametersOf(to, node);
  if (x.gate !== undefined) return to.alias(node, x);
  const value = x.make();
  const known = quantizationOf(to, value);
  if (known === undefined) to.graph.quantizations.set(rootOf(to, value), given);
  if (known === undefined || same(known, given)) return to.alias(node, x);
  const rescaled = to.graph.add("unary", node.outputs[0], [value], { function: "identity", alpha: 0 });
  to.graph.quantizations.set(rescaled, given);
  return { ...to.alias(node, x), make: () => rescaled };
}

function dequantize(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const given = parametersOf(to, node);
  if (x.gate !== undefined) return to.alias(node, x);
  const value = x.make();
  const known = quantizationOf(to, value);
  // The network's own input may be integers.
  if (known === undefined) to.graph.quantizations.set(rootOf(to, value), given);
  else if (!same(known, given))
    refuse(
      `has scale ${given.scale} and zero point ${given.zeroPoint} of a value of ${known.scale} and ${known.zeroPoint}; quantise the network again`,
    );
  return to.alias(node, x);
}

/** A part of a hard-swish: only its product with its own input can be imported. */
function hardSigmoid(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const [alpha, beta] = [node.attributes.float("alpha", 0.2), node.attributes.float("beta", 0.5)];
  if (Math.abs(6 * alpha - 1) > 1e-5 || beta !== 0.5)
    refuse(`has alpha ${alpha} and beta ${beta}; 1/6 and 1/2 can be imported`);
  const make = (): string => refuse("reads a HardSigmoid by itself; x * HardSigmoid(x), a hard-swish, can be imported");
  return { shape: x.shape, layout: x.layout, sole: false, make, gate: { stage: "gate", of: x } };
}

type Arithmetic = "add" | "divide" | "maximum" | "minimum" | "multiply" | "subtract";

function elementwise(kind: Arithmetic): OperatorRule {
  return (to, node) => {
    if (node.inputs.length !== 2) refuse(`is of ${node.inputs.length} values; two can be imported`);
    const constants = node.inputs.map((name) => to.constantOf(name));
    const isOfValues = constants.every((each) => each === undefined);
    if (kind === "divide" && constants[1] === undefined) refuse("divides by a value; by a constant can be imported");
    const op = kind === "divide" ? "multiply" : kind;
    if (isOfValues) return ofValues(to, node, op);
    const second = constants[1] !== undefined;
    const x = to.value(node.inputs[second ? 0 : 1]);
    const given = (constants[0] ?? constants[1]) as OnnxConstant;
    const value = x.make();
    const constant = constantValue(to, x, given, kind === "divide");
    const inputs = second ? [value, constant] : [constant, value];
    const name = to.graph.add(op, node.outputs[0], inputs, {});
    if (sizeOf(to.graph.shape(name)) !== sizeOf(x.shape)) refuseShapes(kind, x.shape, given.shape);
    return to.made(node, x.shape, x.layout, name);
  };
}

function refuseShapes(kind: string, a: Shape, b: Shape): never {
  return refuse(
    `is to ${kind} ${formatShape(a)} and ${formatShape(b)}; values whose sizes are equal, or 1, can be imported`,
  );
}

function ofValues(to: OnnxNetwork, node: OnnxNode, op: Exclude<Arithmetic, "divide">): OnnxValue {
  const [a, b] = node.inputs.map((name) => to.value(name));
  if (op === "multiply")
    for (const [x, gate] of [
      [a, b],
      [b, a],
    ])
      if (gate.gate?.stage === "gate" && x.gate === undefined && gate.gate.of.make() === x.make())
        return to.made(node, x.shape, x.layout, to.graph.add("hardswish", node.outputs[0], [x.make()], {}));
  const isFactor = (factor: OnnxValue, map: OnnxValue) =>
    map.shape.length === 4 &&
    factor.shape.length === 4 &&
    factor.shape.every((size, axis) => size === (axis === axesOf(map).channel ? map.shape[axis] : 1));
  const [first, second] = op === "multiply" && isFactor(a, b) && !sameSizes(a, b) ? [b, a] : [a, b];
  const shape = broadcastShape(first.shape, second.shape);
  if (shape === undefined || !sameLayout(first.layout, second.layout)) refuseShapes(op, a.shape, b.shape);
  const name = to.graph.add(op, node.outputs[0], [first.make(), second.make()], {});
  return to.made(node, shape, first.layout, name);
}

/** A constant as a value of the graph: with its own bytes, or, for floats, with a scale that covers the largest. */
function constantValue(to: OnnxNetwork, x: OnnxValue, constant: OnnxConstant, inverted: boolean): string {
  const rank = x.shape.length;
  const sizes = [...new Array<number>(Math.max(0, rank - constant.shape.length)).fill(1), ...constant.shape];
  const isScalar = sizes.every((size) => size === 1);
  const fits = sizes.length === rank && sizes.every((size, axis) => size === 1 || size === x.shape[axis]);
  if (!fits || !(isScalar || typeof x.layout === "string"))
    refuse(
      `has a constant ${formatShape(constant.shape)} for ${formatShape(x.shape)}; one that is repeated along it can be imported`,
    );
  const { quantization } = constant;
  const given = constant.floats();
  const data = inverted ? given.map((value) => 1 / value) : given;
  if (!data.every(Number.isFinite))
    refuse("has a constant that is no finite number; train or export the network again");
  const isOwn = !inverted && quantization?.scales.length === 1 && quantization.zeroPoint !== undefined;
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const own: QuantizationParameters = isOwn
    ? { scale: quantization.scales[0], zeroPoint: quantization.zeroPoint as number }
    : { scale: Math.fround((largest || 1) / 127), zeroPoint: 0 };
  const isTurned = rank === 4 && x.layout === "channelsFirst";
  const [batch, channels, height, width] = sizes;
  const pixels = height * width;
  const value = isTurned ? data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]) : data;
  const shape = isTurned ? [batch, height, width, channels] : sizes;
  const name = to.graph.add("constant", constant.name || "constant", [], { shape }, { value: { data: value } });
  to.graph.quantizations.set(name, own);
  return name;
}

/**
 * A pool keeps its input's scale if possible. With another scale, it becomes a global mean, or a convolution by equal
 * weights, which rounds once.
 */
function averagePool(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const { channels, kernel, stride, padding } = poolOf(node, x, false);
  const value = x.make();
  const [, height, width] = to.graph.shape(value);
  const isCounted = node.attributes.int("count_include_pad", 0) !== 0 && isPadded(padding);
  const after = to.file.nodes.filter(({ inputs }) => inputs[0] === node.outputs[0]);
  const before = quantizationOf(to, value);
  const keepsScale = after.every(
    (each) => each.kind === "QuantizeLinear" && before !== undefined && same(parametersOf(to, each), before),
  );
  if (keepsScale && !isCounted)
    return mapOf(
      to,
      node,
      channels,
      to.graph.add("averagePool", node.outputs[0], [value], { kernel, stride, padding }),
    );
  if (kernel[0] === height && kernel[1] === width && !isPadded(padding))
    return mapOf(to, node, channels, to.graph.add("globalAveragePool", node.outputs[0], [value], {}));
  if (isPadded(padding) && !isCounted)
    refuse("has another scale than its input and does not count its padding; quantise it with its input's scale");
  const taps = kernel[0] * kernel[1];
  const window = { filters: channels, kernel, stride, padding, groups: channels };
  const weight = { data: new Float32Array(taps * channels).fill(1 / taps), scales: [Math.fround(1 / taps)] };
  const attributes = { ...window, bias: false, activation: "none" as const };
  return mapOf(to, node, channels, to.graph.add("conv2d", node.outputs[0], [value], attributes, { weight }));
}
