/**
 * Lowers the operators whose kernels (kernels/assembly/maps.ts) write a map: pooling, padding, reshaping, sigmoid,
 * softmax.
 */
import { instructions, type Opcode, places } from "../../kernels/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { MapLayout } from "../layout.js";
import type { Word, Words } from "../program.js";
import { type ProgramBuilder, rowsScratchBytes } from "./builder.js";
import { operandWords, plain } from "./operand.js";

/** Emits a kernel whose first words are stored inputs and the buffer that it writes; `rest` are its other words. */
export function stored<O extends Opcode>(
  builder: ProgramBuilder,
  node: TrainingNode,
  opcode: O,
  rest: Partial<Words<O>>,
): void {
  const inputs = node.inputs.map((input): Word => ({ buffer: builder.store(input) }));
  const buffer = builder.buffer(node.name);
  const names = instructions[opcode].split(" ");
  const first = Object.fromEntries([...inputs, { buffer }].map((word, i) => [names[i], word]));
  builder.emit(opcode, () => ({ ...first, ...rest }) as Words<O>);
  builder.set(node.name, plain(buffer));
}

export function input(builder: ProgramBuilder, node: TrainingNodeOf<"input">): void {
  const layout = builder.layout(node.name);
  builder.externals.set(node.name, layout);
  const { pixels, channels, stride, imageBytes } = layout;
  const buffer = builder.buffer(node.name);
  builder.emit("repack", () => ({
    ...{ source: { external: node.name }, sourcePixel: channels * 4, sourceImage: pixels * channels * 4 },
    ...{ target: { buffer }, targetPixel: stride * 4, targetImage: imageBytes },
    ...{ pixels, channels, place: places.sourceOutside },
  }));
  builder.set(node.name, plain(buffer));
}

export function output(builder: ProgramBuilder, value: string): void {
  const buffer = builder.store(value);
  const layout = builder.layout(value);
  builder.externals.set(value, layout);
  const { pixels, channels, stride, imageBytes } = layout;
  builder.emit("repack", () => ({
    ...{ source: { buffer }, sourcePixel: stride * 4, sourceImage: imageBytes },
    ...{ target: { external: value }, targetPixel: channels * 4, targetImage: pixels * channels * 4 },
    ...{ pixels, channels, place: places.targetOutside },
  }));
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
  const { pixels, channels } = map;
  const mapPixel = map.stride * 4;
  const flatPixel = channels * 4;
  const [sourcePixel, targetPixel] = inverse ? [flatPixel, mapPixel] : [mapPixel, flatPixel];
  const [sourceImage, targetImage] = [node.inputs[0], node.name].map((value) => builder.layout(value).imageBytes);
  const apart = { sourcePixel, sourceImage, targetPixel, targetImage };
  stored(builder, node, "repack", { pixels, channels, ...apart, place: places.inside });
}

/** A map of another shape: the elements in order, with the padding of both shapes removed or added. */
export function reshape(builder: ProgramBuilder, node: TrainingNodeOf<"reshape">): void {
  const [value] = node.inputs;
  const [from, to] = [value, node.name].map((each) => builder.layout(each));
  const isPacked = ({ channels, stride }: MapLayout): boolean => channels === stride;
  const bytes = from.pixels * from.channels * 4;
  let packed = builder.store(value);
  const move = (layout: MapLayout, target: number, apart: Apart): void => {
    const source = { buffer: packed };
    const { pixels, channels } = layout;
    const words = { source, target: { buffer: target }, pixels, channels, ...apart, place: places.inside };
    builder.emit("repack", () => words);
    packed = target;
  };
  if (!isPacked(from)) {
    const [targetPixel, targetImage] = [from.channels * 4, Math.ceil(bytes / 16) * 16];
    const apart = { sourcePixel: from.stride * 4, sourceImage: from.imageBytes, targetPixel, targetImage };
    move(from, builder.space(targetImage), apart);
  }
  if (!isPacked(to)) {
    const [sourcePixel, sourceImage] = [to.channels * 4, Math.ceil(bytes / 16) * 16];
    const apart = { sourcePixel, sourceImage, targetPixel: to.stride * 4, targetImage: to.imageBytes };
    move(to, builder.buffer(node.name), apart);
  }
  builder.set(node.name, plain(packed));
}

type Apart = Record<"sourcePixel" | "sourceImage" | "targetPixel" | "targetImage", number>;

/** The same values for each image. */
export function constant(builder: ProgramBuilder, node: TrainingNodeOf<"constant">): void {
  const { pixels, channels, stride, imageBytes } = builder.layout(node.name);
  const buffer = builder.buffer(node.name);
  builder.emit("repack", () => ({
    ...{ source: { parameter: node.parameters.value }, sourcePixel: channels * 4, sourceImage: 0 },
    ...{ target: { buffer }, targetPixel: stride * 4, targetImage: imageBytes },
    ...{ pixels, channels, place: places.sourceOutside },
  }));
  builder.set(node.name, plain(buffer));
}

export function globalAveragePool(builder: ProgramBuilder, node: TrainingNodeOf<"globalAveragePool">): void {
  const [value] = node.inputs;
  const x = operandWords(builder.operand(value));
  const { pixels, stride } = builder.layout(value);
  const buffer = builder.buffer(node.name);
  const words = { x, out: { buffer }, bytes: stride * 4, pixels };
  builder.emit("globalAveragePool", () => words, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}

export function multiplyGradScale(builder: ProgramBuilder, node: TrainingNodeOf<"multiplyGradScale">): void {
  const [value, cotangent] = node.inputs;
  const x = operandWords(builder.operand(value));
  const dy = { buffer: builder.store(cotangent) };
  const { pixels, stride } = builder.layout(value);
  const buffer = builder.buffer(node.name);
  const words = { x, dy, out: { buffer }, bytes: stride * 4, pixels };
  builder.emit("channelDot", () => words, rowsScratchBytes(stride));
  builder.set(node.name, plain(buffer));
}

export function sigmoidOrSoftmax(
  builder: ProgramBuilder,
  node: TrainingNode,
  opcode: "sigmoidForward" | "softmaxForward",
): void {
  const { pixels, channels, stride } = builder.layout(node.name);
  stored(builder, node, opcode, { channels, bytes: stride * 4, pixels });
}
