/** Rounding to int8 and the activations' tables, in the training of a network as its integer form computes. */
import { int8Block } from "../../kernels/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { Word } from "../program.js";
import { type ProgramBuilder, rowsScratchBytes } from "./builder.js";
import { operandWords, plain } from "./operand.js";

export function fakeQuantize(builder: ProgramBuilder, node: TrainingNodeOf<"fakeQuantize">): void {
  const x = builder.operand(node.inputs[0]);
  emitRows(builder, node, "fakeQuantizeForward", () => operandWords(x));
}

export function fakeQuantizeGrad(builder: ProgramBuilder, node: TrainingNodeOf<"fakeQuantizeGrad">): void {
  const [x, dy] = node.inputs.map((input) => builder.operand(input));
  emitRows(builder, node, "fakeQuantizeGradient", () => [...operandWords(dy), ...operandWords(x)]);
}

export function lookup(builder: ProgramBuilder, node: TrainingNodeOf<"lookup">): void {
  const [value] = node.inputs;
  const x = plain(builder.store(value));
  emitRows(builder, node, "lookupForward", () => [...operandWords(x), builder.layout(value).channels * 4]);
}

export function lookupGrad(builder: ProgramBuilder, node: TrainingNodeOf<"lookupGrad">): void {
  const [x, dy] = node.inputs.map((input) => builder.operand(input));
  emitRows(builder, node, "lookupGradient", () => [...operandWords(dy), ...operandWords(x)]);
}

/** A kernel that goes over rows: its own words, then buffer, block, bytes a row, pixels. */
function emitRows(
  builder: ProgramBuilder,
  node: TrainingNode & { readonly attributes: { readonly value: string } },
  opcode: "fakeQuantizeForward" | "fakeQuantizeGradient" | "lookupForward" | "lookupGradient",
  own: () => Word[],
): void {
  const { value } = node.attributes;
  const { pixels, stride } = builder.layout(node.name);
  const table = opcode === "lookupForward" || opcode === "lookupGradient";
  builder.int8.set(value, table ? int8Block.tableFloats : int8Block.powers + 2 * stride);
  const buffer = builder.buffer(node.name);
  const words = (): Word[] => [...own(), { buffer }, { int8: value }, stride * 4, pixels];
  builder.emit(opcode, words, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}
