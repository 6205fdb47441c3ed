/** Instructions of layers with weights, and the scratch memory that they need. */
import { foldedBias, type IntegerConv2d, type IntegerDense, type IntegerNode } from "../../quantization/index.js";
import { sizeOf } from "../../tensor/index.js";
import { isPointwise, type Step } from "./fusion.js";
import type { Instruction, Places, Store } from "./instructions.js";
import { evenOdd, layoutOf, natural, outputWords, slackBytes } from "./layout.js";
import { rescalingPanels } from "./requantization.js";
import { byLanes, packFilters, packTaps, pairsOf, sumBounds, type TapPair } from "./weights.js";

/** Bytes of windows that are multiplied at a time: they and a panel of weights stay in the first-level cache. */
const blockBytes = 16384;

/** Ways of gathering windows: words 17 of `linear`. */
const gathering = { pixels: 0, scaledPixels: 1, windows: 2 } as const;

/** Bytes of scratch that the node's kernel needs. */
export function scratchBytesOf(node: IntegerNode): number {
  if (node.op === "flatten") return sizeOf(node.outputShape) + slackBytes;
  if (node.op === "dense") return 64 * layoutOf(node.inputShapes[0]).planes + slackBytes;
  if (node.op !== "conv2d") return 0;
  if (node.depthwise) {
    const { height, width } = paddedMap(node);
    return 8 * height * width + slackBytes;
  }
  if (node.groups > 1) return 0;
  const quadBytes = quadBytesOf(node);
  return (blockOf(quadBytes) / 4) * quadBytes + windowScratchOf(node) + slackBytes;
}

/** Bytes of four pixels' windows. */
function quadBytesOf(node: IntegerConv2d): number {
  if (isPointwise(node)) return 64 * layoutOf(node.inputShapes[0]).planes;
  return 16 * 4 * Math.ceil(pairsOf(windowOf(node)) / 4);
}
const windowScratchOf = (node: IntegerConv2d): number => quadBytesOf(node) + 4 * 16;
const blockOf = (quadBytes: number): number => 4 * Math.max(1, Math.floor(blockBytes / quadBytes));
const windowOf = ({ kernel, inputShapes }: IntegerConv2d): number => kernel[0] * kernel[1] * inputShapes[0][3];

/** Words of bias, rescaling, output. */
function constantsOf(node: IntegerConv2d | IntegerDense, lanes: readonly number[], store: Store): number[] {
  const bias = foldedBias(node);
  const fewSums = layoutOf(node.outputShape).pixels === 1;
  const panels = rescalingPanels({ ...node, bounds: sumBounds(node.weights, bias), fewSums }, lanes);
  return [store(byLanes(bias, lanes)), store(panels), ...outputWords(node)];
}

export function convolution(step: Step & { readonly node: IntegerConv2d }, places: Places, store: Store): Instruction {
  const { node } = step;
  if (node.depthwise) return depthwise(node, places, store);
  if (node.groups > 1) return grouped(node, places, store);
  const [, height, width, channels] = node.inputShapes[0];
  const window = windowOf(node);
  const quadBytes = quadBytesOf(node);
  const block = blockOf(quadBytes);
  const words = linearWords(node, places, store, { window, block });
  if (step.scale !== undefined) {
    return { opcode: "linear", words: [...words, gathering.scaledPixels, places.inputs[1], ...step.scale] };
  }
  if (isPointwise(node)) return { opcode: "linear", words: [...words, gathering.pixels] };
  const { kernel, stride, padding, inputZeroPoint, outputShape } = node;
  const geometry = [height, width, channels, ...kernel, ...stride, padding.top, padding.left, outputShape[2]];
  const rows = places.scratch + (block / 4) * quadBytes;
  return { opcode: "linear", words: [...words, gathering.windows, ...geometry, inputZeroPoint, rows] };
}

export function dense(node: IntegerDense, places: Places, store: Store): Instruction {
  const words = linearWords(node, places, store, { window: layoutOf(node.inputShapes[0]).channels, block: 4 });
  return { opcode: "linear", words: [...words, gathering.pixels] };
}

/** Words 0..16 of `linear`. */
function linearWords(
  node: IntegerConv2d | IntegerDense,
  { inputs, output, table, scratch }: Places,
  store: Store,
  { window, block }: { readonly window: number; readonly block: number },
): number[] {
  const from = layoutOf(node.inputShapes[0]);
  const to = layoutOf(node.outputShape);
  const weights = store(packFilters(node.weights, to.channels, window));
  const constants = constantsOf(node, evenOdd, store);
  return [
    ...[inputs[0], output, to.pixels, from.planes, to.planes, weights, ...constants, table, scratch],
    ...[block, pairsOf(window), from.planeBytes, to.planeBytes],
  ];
}

function grouped(node: IntegerConv2d, { inputs, output, table }: Places, store: Store): Instruction {
  const { kernel, stride, padding } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth, filters] = node.outputShape;
  const [bias, panels] = constantsOf(node, natural, store);
  const constants = [bias, panels, node.outputZeroPoint, node.clampMin, node.clampMax];
  const geometry = [height, width, channels, ...kernel, ...stride, padding.top, padding.left, outHeight, outWidth];
  const planes = [layoutOf(node.inputShapes[0]).planeBytes, layoutOf(node.outputShape).planeBytes];
  const words = [inputs[0], output, filters, node.groups, store(node.weights), ...constants, table, ...geometry];
  return { opcode: "groupedConvolution", words: [...words, node.inputZeroPoint, ...planes] };
}

function paddedMap({ inputShapes, padding }: IntegerConv2d): { height: number; width: number } {
  const [, height, width] = inputShapes[0];
  return { height: height + padding.top + padding.bottom, width: width + padding.left + padding.right };
}

/** Taps of a 3 x 3 kernel as its kernels pair them: see assembly-int8/depthwise.ts. */
const pairsOfNine: readonly TapPair[] = [[0, 3], [1, 4], [2, 5], [6, 7], [8, -1], [-1, 8]]; // biome-ignore format: a table

function depthwise(node: IntegerConv2d, { inputs, output, table, scratch }: Places, store: Store): Instruction {
  const { kernel, stride, padding } = node;
  const [, height, width] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const from = layoutOf(node.inputShapes[0]);
  const padded = paddedMap(node);
  const taps = kernel[0] * kernel[1];
  const nine = kernel[0] === 3 && kernel[1] === 3 && stride[1] <= 2;
  const pairs = nine ? pairsOfNine : pairsInOrder(taps);
  const offsets = Int32Array.from(pairs.flat(), (tap) => {
    const t = Math.max(0, tap);
    return 8 * (Math.floor(t / kernel[1]) * padded.width + (t % kernel[1]));
  });
  return {
    opcode: "depthwise",
    words: [
      ...[inputs[0], output, height, width, from.planes, ...stride, padding.top, padding.left],
      ...[padded.height, padded.width, outHeight, outWidth, from.planeBytes, layoutOf(node.outputShape).planeBytes],
      ...[store(packTaps(node.weights, from.channels, taps, pairs)), ...constantsOf(node, natural, store)],
      ...[table, scratch, store(offsets), (taps + 1) >> 1, node.inputZeroPoint, nine ? stride[1] : 0],
      pairs.length,
    ],
  };
}

function pairsInOrder(taps: number): TapPair[] {
  return Array.from({ length: (taps + 1) >> 1 }, (_, p) => [2 * p, 2 * p + 1 < taps ? 2 * p + 1 : -1]);
}
