/** Lowers rounding to int8 and activation tables, for training a network as its integer form computes. */
import { layouts, offsetsOf } from "../../kernels/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { Words } from "../program.js";
import { type ProgramBuilder, rowsScratchBytes } from "./builder.js";
import { operandWords, plain } from "./operand.js";

export function fakeQuantize(builder: ProgramBuilder, node: TrainingNodeOf<"fakeQuantize">): void {
  const x = operandWords(builder.operand(node.inputs[0]));
  emitRows(builder, node, "fakeQuantizeForward", { x });
}

export function fakeQuantizeGrad(builder: ProgramBuilder, node: TrainingNodeOf<"fakeQuantizeGrad">): void {
  const [x, dy] = node.inputs.map((input) => operandWords(builder.operand(input)));
  emitRows(builder, node, "fakeQuantizeGradient", { dy, x });
}

export function lookup(builder: ProgramBuilder, node: TrainingNodeOf<"lookup">): void {
  const [value] = node.inputs;
  const x = operandWords(plain(builder.store(value)));
  emitRows(builder, node, "lookupForward", { x, channels: builder.layout(value).channels * 4 });
}

export function lookupGrad(builder: ProgramBuilder, node: TrainingNodeOf<"lookupGrad">): void {
  const [x, dy] = node.inputs.map((input) => operandWords(builder.operand(input)));
  emitRows(builder, node, "lookupGradient", { dy, x });
}

const { powers } = offsetsOf(layouts.rounding);
const { end: tableFloats } = offsetsOf(layouts.table);

/** Emits a kernel that processes rows and has extra words of its own. */
function emitRows<O extends "fakeQuantizeForward" | "fakeQuantizeGradient" | "lookupForward" | "lookupGradient">(
  builder: ProgramBuilder,
  node: TrainingNode & { readonly attributes: { readonly value: string } },
  opcode: O,
  own: Omit<Words<O>, "out" | "block" | "bytes" | "pixels">,
): void {
  const { value } = node.attributes;
  const { pixels, stride } = builder.layout(node.name);
  builder.int8.set(value, opcode.startsWith("lookup") ? tableFloats : powers + 2 * stride);
  const buffer = builder.buffer(node.name);
  const words = { ...own, out: { buffer }, block: { int8: value }, bytes: stride * 4, pixels };
  builder.emit(opcode, () => words as unknown as Words<O>, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}
