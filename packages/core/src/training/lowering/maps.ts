/** The operators whose kernels (kernels/assembly/maps.ts) write a map: pooling, padding, reshaping, sigmoid, softmax. */
import { instructions, type Opcode, places } from "../../kernels/index.js";
import type { TrainingNode, TrainingNodeOf } from "../differentiate.js";
import type { Word, Words } from "../program.js";
import { type ProgramBuilder, rowsScratchBytes } from "./builder.js";
import { operandWords, plain } from "./operand.js";

/** A kernel whose first words are stored inputs and the buffer that it writes; `rest` are the others. */
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

export function maxPool(
  builder: ProgramBuilder,
  node: TrainingNodeOf<"maxPool"> | TrainingNodeOf<"maxPoolGrad">,
): void {
  const forward = node.op === "maxPool";
  const [, height, width] = builder.graph.shapes[node.inputs[0]];
  const [, outHeight, outWidth] = builder.graph.shapes[forward ? node.name : node.inputs[1]];
  const bytes = builder.layout(node.name).stride * 4;
  const words = { bytes, height, width, outHeight, outWidth, ...node.attributes };
  stored(builder, node, forward ? "maxPoolForward" : "maxPoolGradient", words);
}

export function pad(builder: ProgramBuilder, node: TrainingNodeOf<"pad"> | TrainingNodeOf<"padGrad">): void {
  const crop = node.op === "padGrad";
  const [inner, outer] = crop ? [node.name, node.inputs[0]] : [node.inputs[0], node.name];
  const [, height, width] = builder.graph.shapes[inner];
  const [, outHeight, outWidth] = builder.graph.shapes[outer];
  const { top, left } = node.attributes.padding;
  const bytes = builder.layout(node.name).stride * 4;
  stored(builder, node, "padMaps", { bytes, height, width, top, left, outHeight, outWidth, crop: crop ? 1 : 0 });
}

export function sigmoidOrSoftmax(
  builder: ProgramBuilder,
  node: TrainingNode,
  opcode: "sigmoidForward" | "softmaxForward",
): void {
  const { pixels, channels, stride } = builder.layout(node.name);
  stored(builder, node, opcode, { channels, bytes: stride * 4, pixels });
}
