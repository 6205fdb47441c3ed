/** Instructions of layers with weights, and the scratch memory that they need. */
import type { IntegerConv2d, IntegerDense, IntegerNode } from "../../quantization/index.js";
import { sizeOf } from "../../tensor/index.js";
import type { Constants } from "./constants.js";
import { isPointwise, type Step } from "./fusion.js";
import type { Instruction, Places } from "./instructions.js";
import { layoutOf, outputWords, slackBytes } from "./layout.js";
import { repeatScratchBytes } from "./repeat.js";
import { efforts, panelBytes } from "./requantization.js";

/** Bytes of windows to multiply at a time: together with a panel of weights they stay in the first-level cache. */
const blockBytes = 16384;

/** Ways of gathering windows: word 17 of `linear`. */
const gathering = { pixels: 0, scaledPixels: 1, windows: 2, rows: 3 } as const;

/** Bytes of scratch for the node's kernel. */
export function scratchBytesOf(node: IntegerNode): number {
  if (node.op === "flatten" || node.op === "reshape") return reshapeBytes(node);
  if (node.op === "dense") return 64 * layoutOf(node.inputShapes[0]).planes + slackBytes;
  if (node.op === "add" || node.op === "multiply" || node.op === "extreme") return repeatScratchBytes(node);
  if (node.op !== "conv2d") return 0;
  if (node.depthwise) {
    const { height, width } = paddedMap(node);
    return 8 * height * width + slackBytes;
  }
  const quadBytes = quadBytesOf(node);
  return (blockOf(quadBytes) / 4) * quadBytes + windowScratchOf(node) + slackBytes;
}

/** Kernels read four pixels at a time, so reads may go a little beyond the source. */
function reshapeBytes({ outputShape }: IntegerNode): number {
  return sizeOf(outputShape) + 3 * layoutOf(outputShape).channels + slackBytes;
}

/** Bytes of four pixels' windows. */
function quadBytesOf(node: IntegerConv2d): number {
  if (isPointwise(node)) return 64 * layoutOf(node.inputShapes[0]).planes;
  if (isNarrow(node)) return 8 * placesOfRows(node).length;
  return 16 * 4 * Math.ceil(pairsOf(windowOf(node)) / 4);
}

/** Scratch for four windows, or for the whole map where rows of windows are read from it. */
function windowScratchOf(node: IntegerConv2d): number {
  if (!isNarrow(node)) return quadBytesOf(node) + 4 * 16;
  const { height, width } = rowsMap(node);
  return height * width * node.inputShapes[0][3];
}

/** Whether windows have fewer channels than a plane. Then a row of a window is consecutive bytes. */
const isNarrow = (node: IntegerConv2d): boolean => !isPointwise(node) && node.inputShapes[0][3] < 8;

/** Size of the map with its border, plus rows for the last four pixels where the output has fewer left. */
function rowsMap(node: IntegerConv2d): { height: number; width: number } {
  const { height, width } = paddedMap(node);
  const [, rows, columns] = node.outputShape;
  const beyond = Math.floor((rows * columns + 2) / columns) - (rows - 1);
  return { height: height + beyond * node.stride[0], width };
}

/**
 * Positions of the window row by row, with -1 as filler up to whole pairs, and at the end up to an even number of
 * pairs.
 */
function placesOfRows({ kernel, inputShapes }: IntegerConv2d): number[] {
  const bytes = kernel[1] * inputShapes[0][3];
  const whole = bytes + (bytes & 1);
  return Array.from({ length: 2 * pairsOf(kernel[0] * whole) }, (_, n) => {
    const [row, at] = [Math.floor(n / whole), n % whole];
    return row < kernel[0] && at < bytes ? row * bytes + at : -1;
  });
}

const blockOf = (quadBytes: number): number => 4 * Math.max(1, Math.floor(blockBytes / quadBytes));
const windowOf = ({ kernel, inputShapes }: IntegerConv2d): number => kernel[0] * kernel[1] * inputShapes[0][3];

/** Number of input pairs that `linear` multiplies, rounded up to even. */
const pairsOf = (window: number): number => 2 * Math.ceil(window / 4);

interface Packing {
  /** Whether panels have the even channels first, as `linear` wants them. */
  readonly mixed?: boolean;
  /** Number of pairs in the window. */
  readonly pairs: number;
  /** Window positions of each pair, -1 for none. Default: in order. */
  readonly order?: readonly number[];
}

/** Words for weights, bias, rescaling and output. */
function packed(node: IntegerConv2d | IntegerDense, constants: Constants, { mixed, pairs, order }: Packing): number[] {
  const { pixels, planes: panels } = layoutOf(node.outputShape);
  const filters = node.bias.length;
  const weights = constants.reserve(panels * pairs * 32);
  const bias = constants.reserve(panels * 32);
  const rescaling = constants.reserve(panels * panelBytes);
  constants.once("pack", [
    ...[node.weights, filters, node.weights.length / filters, node.bias, node.inputZeroPoint],
    ...[node.multipliers, node.shifts, node.outputZeroPoint, node.clampMin, node.clampMax],
    ...[pixels === 1 ? efforts.none : efforts.quick, Number(mixed === true)],
    ...[pairs, order === undefined ? 0 : Int32Array.from(order), weights, bias, rescaling],
  ]);
  return [weights, bias, rescaling, ...outputWords(node)];
}

export function convolution(
  step: Step & { readonly node: IntegerConv2d },
  places: Places,
  constants: Constants,
): Instruction {
  if (step.node.depthwise) return depthwise(step.node, places, constants);
  const node = withoutGroups(step.node);
  const [, height, width, channels] = node.inputShapes[0];
  const quadBytes = quadBytesOf(node);
  const block = blockOf(quadBytes);
  const order = isNarrow(node) ? placesOfRows(node) : undefined;
  const words = linearWords(node, places, constants, { window: order?.length ?? windowOf(node), block, order });
  if (step.scale !== undefined) {
    return { opcode: "linear", words: [...words, gathering.scaledPixels, places.inputs[1], ...step.scale] };
  }
  if (isPointwise(node)) return { opcode: "linear", words: [...words, gathering.pixels] };
  const { kernel, stride, padding, inputZeroPoint, outputShape } = node;
  const geometry = [height, width, channels, ...kernel, ...stride, padding.top, padding.left, outputShape[2]];
  const rows = places.scratch + (block / 4) * quadBytes;
  const map = rowsMap(node);
  const way = order === undefined ? gathering.windows : gathering.rows;
  return { opcode: "linear", words: [...words, way, ...geometry, inputZeroPoint, rows, map.height, map.width] };
}

export function dense(node: IntegerDense, places: Places, constants: Constants): Instruction {
  const words = linearWords(node, places, constants, { window: layoutOf(node.inputShapes[0]).channels, block: 4 });
  return { opcode: "linear", words: [...words, gathering.pixels] };
}

/** Words 0..16 of `linear`. */
function linearWords(
  node: IntegerConv2d | IntegerDense,
  { inputs, output, table, scratch }: Places,
  constants: Constants,
  { window, block, order }: { readonly window: number; readonly block: number; readonly order?: readonly number[] },
): number[] {
  const from = layoutOf(node.inputShapes[0]);
  const to = layoutOf(node.outputShape);
  const pairs = pairsOf(window);
  return [
    ...[
      inputs[0],
      output,
      to.pixels,
      from.planes,
      to.planes,
      ...packed(node, constants, { mixed: true, pairs, order }),
    ],
    ...[table, scratch, block, pairs, from.planeBytes, to.planeBytes],
  ];
}

/**
 * A grouped convolution as one over all channels, with weights of 0 outside a filter's group. Only imported networks
 * have groups.
 */
function withoutGroups(node: IntegerConv2d): IntegerConv2d {
  const { groups, kernel, inputShapes } = node;
  if (groups === 1) return node;
  const channels = inputShapes[0][3];
  const own = channels / groups;
  const taps = kernel[0] * kernel[1];
  const filters = node.bias.length;
  const weights = new Int8Array(filters * taps * channels);
  for (let tap = 0; tap < filters * taps; tap++) {
    const group = Math.floor((tap * groups) / (filters * taps));
    weights.set(node.weights.subarray(tap * own, (tap + 1) * own), tap * channels + group * own);
  }
  return { ...node, groups: 1, weights };
}

function paddedMap({ inputShapes, padding }: IntegerConv2d): { height: number; width: number } {
  const [, height, width] = inputShapes[0];
  return { height: height + padding.top + padding.bottom, width: width + padding.left + padding.right };
}

/** Pairs of taps in a 3 x 3 kernel, as assembly-int8/depthwise.ts needs them. */
const pairsOfNine: readonly number[] = [...[0, 3], ...[1, 4], ...[2, 5], ...[6, 7], ...[8, -1], ...[-1, 8]];

function depthwise(node: IntegerConv2d, { inputs, output, table, scratch }: Places, constants: Constants): Instruction {
  const { kernel, stride, padding } = node;
  const [, height, width] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const from = layoutOf(node.inputShapes[0]);
  const padded = paddedMap(node);
  const taps = kernel[0] * kernel[1];
  const nine = kernel[0] === 3 && kernel[1] === 3 && stride[1] <= 2;
  const order = nine ? pairsOfNine : Array.from({ length: (taps + 1) & ~1 }, (_, n) => (n < taps ? n : -1));
  const offsets = Int32Array.from(order, (tap) => {
    const t = Math.max(0, tap);
    return 8 * (Math.floor(t / kernel[1]) * padded.width + (t % kernel[1]));
  });
  const pairs = order.length / 2;
  return {
    opcode: "depthwise",
    words: [
      ...[inputs[0], output, height, width, from.planes, ...stride, padding.top, padding.left],
      ...[padded.height, padded.width, outHeight, outWidth, from.planeBytes, layoutOf(node.outputShape).planeBytes],
      ...packed(node, constants, { pairs, order }),
      ...[table, scratch, constants.store(offsets), (taps + 1) >> 1, node.inputZeroPoint, nine ? stride[1] : 0],
      pairs,
    ],
  };
}
