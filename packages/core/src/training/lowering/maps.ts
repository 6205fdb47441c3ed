/** The operators whose kernels (kernels/assembly/maps.ts) write a map: pooling, padding, reshaping, sigmoid, softmax. */
import type { Opcode } from "../../kernels/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { Word } from "../program.js";
import { type ProgramBuilder, rowsScratchBytes } from "./builder.js";
import { operandWords, plain } from "./operand.js";

/** A kernel that reads stored inputs and writes one buffer. */
export function stored(builder: ProgramBuilder, node: TrainingNode, opcode: Opcode, words: readonly Word[]): void {
  const inputs = node.inputs.map((input): Word => ({ buffer: builder.store(input) }));
  const buffer = builder.buffer(node.name);
  builder.emit(opcode, () => [...inputs, { buffer }, ...words]);
  builder.set(node.name, plain(buffer));
}

/** Where a repack's source and target lie; see kernels/assembly/maps.ts. */
const place = { inside: 0, sourceOutside: 1, targetOutside: 2 };

export function input(builder: ProgramBuilder, node: TrainingNodeOf<"input">): void {
  const layout = builder.layout(node.name);
  builder.externals.set(node.name, layout);
  const { pixels, channels, stride, imageBytes } = layout;
  const bytes = channels * 4;
  const buffer = builder.buffer(node.name);
  const words = [pixels, channels, bytes, pixels * bytes, stride * 4, imageBytes, place.sourceOutside];
  builder.emit("repack", () => [{ external: node.name }, { buffer }, ...words]);
  builder.set(node.name, plain(buffer));
}

export function output(builder: ProgramBuilder, value: string): void {
  const buffer = builder.store(value);
  const layout = builder.layout(value);
  builder.externals.set(value, layout);
  const { pixels, channels, stride, imageBytes } = layout;
  const bytes = channels * 4;
  const words = [pixels, channels, stride * 4, imageBytes, bytes, pixels * bytes, place.targetOutside];
  builder.emit("repack", () => [{ buffer }, { external: value }, ...words]);
}

export function flatten(
  builder: ProgramBuilder,
  node: TrainingNodeOf<"flatten"> | TrainingNodeOf<"flattenGrad">,
): void {
  const inverse = node.op === "flattenGrad";
  const map = builder.layout(inverse ? node.name : node.inputs[0]);
  if (map.pixels === 1) {
    builder.set(node.name, plain(builder.store(node.inputs[0])));
    return;
  }
  const flat = builder.layout(inverse ? node.inputs[0] : node.name);
  const mapSide = [map.stride * 4, map.imageBytes];
  const flatSide = [map.channels * 4, flat.imageBytes];
  const sides = inverse ? [...flatSide, ...mapSide] : [...mapSide, ...flatSide];
  stored(builder, node, "repack", [map.pixels, map.channels, ...sides, place.inside]);
}

export function globalAveragePool(builder: ProgramBuilder, node: TrainingNodeOf<"globalAveragePool">): void {
  const [value] = node.inputs;
  const x = builder.operand(value);
  const { pixels, stride } = builder.layout(value);
  const buffer = builder.buffer(node.name);
  const words = (): Word[] => [...operandWords(x), { buffer }, stride * 4, pixels];
  builder.emit("globalAveragePool", words, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}

export function multiplyGradScale(builder: ProgramBuilder, node: TrainingNodeOf<"multiplyGradScale">): void {
  const [value, cotangent] = node.inputs;
  const x = builder.operand(value);
  const dy = builder.store(cotangent);
  const { pixels, stride } = builder.layout(value);
  const buffer = builder.buffer(node.name);
  const words = (): Word[] => [...operandWords(x), { buffer: dy }, { buffer }, stride * 4, pixels];
  builder.emit("channelDot", words, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}

export function maxPool(
  builder: ProgramBuilder,
  node: TrainingNodeOf<"maxPool"> | TrainingNodeOf<"maxPoolGrad">,
): void {
  const forward = node.op === "maxPool";
  const [, height, width] = builder.graph.shapes[node.inputs[0]];
  const [, outHeight, outWidth] = builder.graph.shapes[forward ? node.name : node.inputs[1]];
  const { size, stride } = node.attributes;
  const bytes = builder.layout(node.name).stride * 4;
  const words = [bytes, height, width, outHeight, outWidth, size, stride];
  stored(builder, node, forward ? "maxPoolForward" : "maxPoolGradient", words);
}

export function pad(builder: ProgramBuilder, node: TrainingNodeOf<"pad"> | TrainingNodeOf<"padGrad">): void {
  const crop = node.op === "padGrad";
  const [inner, outer] = crop ? [node.name, node.inputs[0]] : [node.inputs[0], node.name];
  const [, height, width] = builder.graph.shapes[inner];
  const [, outHeight, outWidth] = builder.graph.shapes[outer];
  const { top, left } = node.attributes.padding;
  const bytes = builder.layout(node.name).stride * 4;
  stored(builder, node, "padMaps", [bytes, height, width, top, left, outHeight, outWidth, crop ? 1 : 0]);
}

export function sigmoidOrSoftmax(builder: ProgramBuilder, node: TrainingNode, opcode: Opcode): void {
  const { pixels, channels, stride } = builder.layout(node.name);
  stored(builder, node, opcode, [channels, stride * 4, pixels]);
}
