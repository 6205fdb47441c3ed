/** Lowers activations, products and sums, most of which only become a new operand. */
import { activations, combinations, unaryCodes } from "../../kernels/index.js";
import { type Shape, sameShape } from "../../tensor/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { ProgramBuilder } from "./builder.js";
import { stored } from "./maps.js";
import { isPlain, type Operand, plain, takesActivation, takesScale } from "./operand.js";

export function activation(builder: ProgramBuilder, node: TrainingNode, code: number): void {
  const [value] = node.inputs;
  const x = builder.operand(value);
  builder.set(node.name, { ...(takesActivation(x) ? x : plain(builder.store(value))), activation: code });
}

export function activationGrad(builder: ProgramBuilder, node: TrainingNode, code: number): void {
  const [z, dy] = node.inputs.map((input) => builder.operand(input));
  builder.set(node.name, { dy, z, activation: code });
}

export function multiply(builder: ProgramBuilder, node: TrainingNodeOf<"multiply">): void {
  const [first, second] = node.inputs;
  const { pixels, channels, imageBytes } = builder.layout(node.name);
  const [a, b] = node.inputs.map((input) => builder.layout(input));
  const isScaled = a.pixels === pixels && a.channels === channels && b.pixels === 1 && b.channels === channels;
  if (!isScaled) {
    if (sameMaps(builder, node)) stored(builder, node, "multiplyMaps", { bytes: imageBytes });
    else combine(builder, node);
    return;
  }
  const scale = builder.store(second);
  const x = builder.operand(first);
  builder.set(node.name, { ...(takesScale(x) ? x : plain(builder.store(first))), scale });
}

/** Whether neither input is broadcast. */
function sameMaps({ graph: { shapes } }: ProgramBuilder, { name, inputs }: TrainingNode): boolean {
  const mapOf = (value: string): Shape => shapes[value].slice(1);
  return inputs.every((input) => sameShape(mapOf(input), mapOf(name)));
}

/** Combines two maps, either of which may be broadcast. */
export function combine(builder: ProgramBuilder, node: TrainingNodeOf<keyof typeof combinations>): void {
  const { shapes } = builder.graph;
  const sidesOf = (value: string) => [1, 1, ...shapes[value].slice(1)].slice(-3);
  const [rows, columns, channels] = sidesOf(node.name);
  const [a, b] = node.inputs.map((input) => {
    const { stride, imageBytes } = builder.layout(input);
    const [height, width, own] = sidesOf(input);
    const bytes = stride * 4;
    return {
      channel: own === channels ? 4 : 0,
      column: width === columns ? bytes : 0,
      row: height === rows ? width * bytes : 0,
      image: imageBytes,
    };
  });
  stored(builder, node, "combineMaps", {
    ...{ combination: combinations[node.op], rows, columns, channels: channels * 4 },
    bytes: builder.layout(node.name).stride * 4,
    ...{ aChannel: a.channel, aColumn: a.column, aRow: a.row, aImage: a.image },
    ...{ bChannel: b.channel, bColumn: b.column, bRow: b.row, bImage: b.image },
  });
}

export function unary(builder: ProgramBuilder, node: TrainingNodeOf<"unary">): void {
  const { function: of, alpha } = node.attributes;
  if (of === "identity") builder.set(node.name, plain(builder.store(node.inputs[0])));
  else code(builder, node, "unaryForward", unaryCodes[of], alpha);
}

export function unaryGrad(builder: ProgramBuilder, node: TrainingNodeOf<"unaryGrad">): void {
  const { function: of, alpha } = node.attributes;
  code(builder, node, "unaryGradient", unaryCodes[of], alpha);
}

export const negate = (builder: ProgramBuilder, node: TrainingNodeOf<"negate">): void =>
  code(builder, node, "unaryForward", unaryCodes.negate, 0);

function code(
  builder: ProgramBuilder,
  node: TrainingNode,
  opcode: "unaryForward" | "unaryGradient",
  of: number,
  alpha: number,
): void {
  const { imageBytes } = builder.layout(node.name);
  stored(builder, node, opcode, { code: of, alpha: { float: alpha }, bytes: imageBytes });
}

export function add(builder: ProgramBuilder, node: TrainingNodeOf<"add">): void {
  if (!sameMaps(builder, node)) {
    combine(builder, node);
    return;
  }
  const [a, b] = node.inputs;
  const [left, right] = [builder.operand(a), builder.operand(b)];
  const fused =
    addPooled(left, right) ??
    addPooled(right, left) ??
    addInConv(builder, right, b, left) ??
    addInConv(builder, left, a, right);
  if (fused !== undefined) {
    builder.set(node.name, fused);
    return;
  }
  const [value, addend] = isPlain(left) ? [right, left.base] : [left, builder.store(b)];
  const buffer = builder.buffer(node.name);
  builder.materialise(value, node.name, buffer, addend);
  builder.set(node.name, plain(buffer));
}

/** Adds a pooled gradient to the other cotangent as an addend per image. */
function addPooled(pooled: Operand, other: Operand): Operand | undefined {
  const isPooled = pooled.base === undefined && pooled.addend !== undefined && pooled.scale === undefined;
  const takes = other.addend === undefined && other.gradientOf === undefined && other.base !== undefined;
  return isPooled && takes ? { ...other, addend: pooled.addend } : undefined;
}

/** Lets the convolution that computes one side add the other while its rows are in cache. */
function addInConv(builder: ProgramBuilder, mine: Operand, name: string, other: Operand): Operand | undefined {
  if (!isPlain(mine) || !isPlain(other)) return undefined;
  const conv = builder.openConv(mine.base);
  if (conv === undefined || conv.addend !== undefined) return undefined;
  if (!builder.isReadyFor(conv, other.base) || !builder.singleUse(name)) return undefined;
  conv.addend = other.base;
  return plain(mine.base);
}

/** A mean's gradient is the same for every pixel, so it is an addend without a map. */
export function globalAveragePoolGrad(builder: ProgramBuilder, node: TrainingNodeOf<"globalAveragePoolGrad">): void {
  const { pixels } = builder.layout(node.name);
  const addend = { buffer: builder.store(node.inputs[0]), factor: 1 / pixels };
  builder.set(node.name, { base: undefined, activation: activations.none, addend });
}
