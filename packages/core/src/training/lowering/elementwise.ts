/** Activations, products and sums: mostly nothing but a new operand. */
import { activations } from "../../kernels/index.js";
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
  const { pixels, imageBytes } = builder.layout(first);
  if (builder.layout(second).pixels === pixels && pixels > 1) {
    stored(builder, node, "multiplyMaps", { bytes: imageBytes });
    return;
  }
  const scale = builder.store(second);
  const x = builder.operand(first);
  builder.set(node.name, { ...(takesScale(x) ? x : plain(builder.store(first))), scale });
}

export function add(builder: ProgramBuilder, node: TrainingNodeOf<"add">): void {
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

/** A pooled gradient joins the other cotangent as an addend per image. */
function addPooled(pooled: Operand, other: Operand): Operand | undefined {
  const isPooled = pooled.base === undefined && pooled.addend !== undefined && pooled.scale === undefined;
  const takes = other.addend === undefined && other.gradientOf === undefined && other.base !== undefined;
  return isPooled && takes ? { ...other, addend: pooled.addend } : undefined;
}

/** The convolution that makes one side adds the other while its rows are in cache. */
function addInConv(builder: ProgramBuilder, mine: Operand, name: string, other: Operand): Operand | undefined {
  if (!isPlain(mine) || !isPlain(other)) return undefined;
  const conv = builder.openConv(mine.base);
  if (conv === undefined || conv.addend !== undefined) return undefined;
  if (!builder.isReadyFor(conv, other.base) || !builder.singleUse(name)) return undefined;
  conv.addend = other.base;
  return plain(mine.base);
}

/** A mean's gradient: the same for every pixel, so an addend without a map. */
export function globalAveragePoolGrad(builder: ProgramBuilder, node: TrainingNodeOf<"globalAveragePoolGrad">): void {
  const { pixels } = builder.layout(node.name);
  const addend = { buffer: builder.store(node.inputs[0]), factor: 1 / pixels };
  builder.set(node.name, { base: undefined, activation: activations.none, addend });
}
