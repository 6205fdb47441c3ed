/**
 * The PhiNet backbone: inverted residual blocks whose expansion changes linearly with depth (Paissan, Ancilotto, Farella,
 * "PhiNets: a scalable backbone for low-power AI at the edge", ACM TECS 21(5), 2022). Profile `micromind` has the widths,
 * the order of operations and the names of the authors' PyTorch toolkit, so that its checkpoints load by name; profile
 * `paper` is their first code (Keras), with the names that its PyTorch port has.
 */
import type { GraphBuilder, Padding } from "../graph/index.js";
import { PhinetsError } from "../tensor/index.js";
import { type PhinetNetwork, roundHalfToEven } from "./network.js";

/** Channels for alpha 1 in profile `micromind`: stem, blocks 0 to 2, block 3 (which also starts the doubling). */
const micromindFilters = { stem: 48, first: 24, second: 48 } as const;

const blockEpsilon = 1e-3;
const conv2dInputEpsilon = 1e-5;
const dropoutRate = 0.05;

/** One inverted residual block, fully decided: nothing here depends on the size of the map. */
export interface PhinetBlock {
  /** 0 is the block without expansion (absent with conv2dInput). */
  readonly id: number;
  /** Input channels. */
  readonly input: number;
  /** Channels between expansion and projection. */
  readonly hidden: number;
  /** Output channels. */
  readonly output: number;
  /** Side of the depthwise kernel, 3 or 5. */
  readonly kernel: number;
  readonly stride: number;
  /** The block's input is added to its output. */
  readonly skip: boolean;
  /** Channels of the squeeze-and-excite bottleneck; 0 without one. */
  readonly squeeze: number;
  /** A 2x2 max pool stands before this block. */
  readonly poolBefore: boolean;
  /** A 2x2 max pool stands after this block. */
  readonly poolAfter: boolean;
}

/**
 * Rounds a width to a multiple of `divisor`, at least `divisor`, never below 90 % of it. Truncation comes before
 * rounding, as in the reference.
 */
export function roundWidth(width: number, divisor: number): number {
  const value = Math.trunc(width);
  const rounded = Math.max(divisor, Math.floor(Math.trunc(value + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

/**
 * Expansion factor of block `id` of `blocks`. The order of the floating-point operations is part of the definition:
 * thousands of networks have a width that is one lower in it than in exact arithmetic.
 */
export function expansionFactor(network: PhinetNetwork, id: number, blocks: number): number {
  return (network.t0 * network.beta * id) / blocks + (network.t0 * (blocks - id)) / blocks;
}

function filtersOf(network: PhinetNetwork): { readonly stem: number; readonly first: number; readonly second: number } {
  if (network.profile === "micromind") return micromindFilters;
  return { stem: network.stemFilters, first: network.b1Filters, second: network.b2Filters };
}

/**
 * A width in channels: of the stem (`id` undefined) or in block `id`. The toolkit makes 0 channels `divisor` channels;
 * the paper's code has no such floor, so there 0 is an error. `option` is what the width comes from, besides alpha.
 */
function widthOf(network: PhinetNetwork, width: number, id: number | undefined, option: string): number {
  if (network.profile === "paper" && Math.trunc(width) === 0) {
    const where = id === undefined ? "the stem" : `block ${id}`;
    throw new PhinetsError(
      "networks.width",
      `network: ${where} has a width of int(${width}) = 0 channels; use a larger ${option} or alpha (now ${network.alpha})`,
      option,
    );
  }
  return roundWidth(width, network.divisor);
}

/** Channels of the stem's output. */
export function stemFilters(network: PhinetNetwork): number {
  const { stem, first } = filtersOf(network);
  return network.conv2dInput
    ? Math.trunc(first * network.alpha)
    : widthOf(network, stem * network.alpha, undefined, "stemFilters");
}

/** The backbone's blocks in order. Throws PhinetsError where options contradict each other. */
export function phinetBlocks(network: PhinetNetwork): PhinetBlock[] {
  const { alpha, divisor, pool, residuals } = network;
  const filters = filtersOf(network);
  const count = roundHalfToEven(network.blocks);
  const squeezeExcite = network.squeezeExcite && !network.compatibility;
  const first = widthOf(network, filters.first * alpha, 0, "b1Filters");
  const blocks: PhinetBlock[] = [];
  let channels = stemFilters(network);
  if (network.conv2dInput) {
    if (channels === 0) {
      throw new PhinetsError(
        "networks.width",
        `network: conv2dInput gives int(${filters.first}*alpha) = 0 channels with alpha ${alpha}; use alpha of at least 1/${filters.first}`,
        "alpha",
      );
    }
    if (channels !== first) {
      throw new PhinetsError(
        "networks.width",
        `network: conv2dInput gives int(${filters.first}*alpha) = ${channels} channels with alpha ${alpha}, which divisor ${divisor} rounds to ${first} in the next block; change alpha or use divisor 1`,
        "divisor",
      );
    }
  } else {
    // No expansion and no squeeze-and-excite here, whatever the options say.
    const skip = residuals && channels === first;
    const none = { squeeze: 0, poolBefore: false, poolAfter: false };
    blocks.push({ id: 0, input: channels, hidden: channels, output: first, kernel: 3, stride: 1, skip, ...none });
    channels = first;
  }
  let width = filters.second;
  for (let id = 1; id <= Math.max(3, count); id++) {
    const down = id === 1 || id === 3 || (id >= 4 && network.downsampling.includes(id));
    if (id >= 4 && down) width *= 2;
    const output = id <= 2 ? first : widthOf(network, width * alpha, id, "b2Filters");
    const hidden = widthOf(network, expansionFactor(network, id, count) * channels, id, "t0");
    const stride = down && !pool ? 2 : 1;
    blocks.push({
      id,
      input: channels,
      hidden,
      output,
      kernel: id >= 4 && id / count > 1 - network.conv5 ? 5 : 3,
      stride,
      skip: residuals && channels === output && stride === 1,
      squeeze: squeezeExcite ? squeezeWidth(network, channels, hidden) : 0,
      poolBefore: pool && down && id >= 4,
      poolAfter: pool && down && id <= 3,
    });
    channels = output;
  }
  return blocks;
}

/** The toolkit squeezes the expanded width, the paper's code the block's input. */
function squeezeWidth(network: PhinetNetwork, input: number, hidden: number): number {
  if (network.profile === "paper") return Math.max(1, Math.trunc(input * 0.25));
  return roundWidth(Math.max(1, Math.trunc(hidden / 6)), network.divisor);
}

/** Adds the backbone to a graph; returns the names of its blocks' outputs, in order. */
export function addPhinet(builder: GraphBuilder, network: PhinetNetwork, image: string): readonly string[] {
  const blocks = phinetBlocks(network);
  let index = 0;
  const next = (): string => `_layers.${index++}`;
  let x = image;
  if (network.conv2dInput) {
    requireMap(builder, x, 3, "conv2dInput's 3x3 convolution");
    x = builder.conv2d(next(), x, { filters: stemFilters(network), kernel: 3 });
    x = activate(builder, network, next(), x);
    x = builder.batchNorm(next(), x, conv2dInputEpsilon);
  } else {
    x = builder.pad(next(), x, stemPadding(builder, network, x));
    requireMap(builder, x, 3, "the stem's 3x3 convolution (padding included)");
    const stem = next();
    x = builder.depthwise(`${stem}._layers.0`, x, { kernel: 3, stride: network.stemStride });
    x = builder.conv2d(`${stem}._layers.1`, x, { filters: stemFilters(network) });
    x = builder.batchNorm(`${stem}._layers.2`, x, blockEpsilon);
    x = activate(builder, network, `${stem}._layers.3`, x);
  }
  const maxPool = (id: number): string => {
    requireMap(builder, x, 2, `the max pool at block ${id}`);
    return builder.maxPool(next(), x, 2);
  };
  return blocks.map((block) => {
    if (block.poolBefore) x = maxPool(block.id);
    x = addBlock(builder, network, block, next(), x);
    if (block.poolAfter) x = maxPool(block.id);
    return x;
  });
}

/** Activation of the whole network. */
export function activate(builder: GraphBuilder, network: PhinetNetwork, name: string, x: string): string {
  return network.activation === "relu6" || network.compatibility ? builder.relu6(name, x) : builder.hardswish(name, x);
}

/** The toolkit looks at the larger side only and pads both axes by its parity; the paper's code looks at each. */
function stemPadding(builder: GraphBuilder, network: PhinetNetwork, x: string): Padding {
  if (network.profile === "paper") return parityPadding(builder, x);
  const before = Math.max(network.input.height, network.input.width) % 2;
  return { top: before, bottom: 1, left: before, right: 1 };
}

/** Padding of a 3x3 kernel with stride 2 as in MobileNetV2's Keras code: an even side gets 0 before and 1 after. */
function parityPadding(builder: GraphBuilder, x: string): Padding {
  const [, height, width] = builder.shape(x);
  return { top: height % 2, bottom: 1, left: width % 2, right: 1 };
}

/** Where the profiles agree, a stride of 1 keeps the size; neither looks at the kernel where the stride is 2. */
function depthwisePadding(builder: GraphBuilder, network: PhinetNetwork, block: PhinetBlock, x: string): Padding {
  if (block.stride === 2 && network.profile === "paper") return parityPadding(builder, x);
  const side = block.stride === 2 ? 1 : (block.kernel - 1) / 2;
  return { top: side, bottom: side, left: side, right: side };
}

function addBlock(
  builder: GraphBuilder,
  network: PhinetNetwork,
  block: PhinetBlock,
  name: string,
  input: string,
): string {
  let layer = 0;
  const next = (): string => `${name}._layers.${layer++}`;
  let x = input;
  if (block.id > 0) {
    x = builder.conv2d(next(), x, { filters: block.hidden });
    x = builder.batchNorm(next(), x, blockEpsilon);
    x = activate(builder, network, next(), x);
  }
  // Without dropout its place stays empty, so that both profiles have the same names.
  const dropout = next();
  if (network.profile === "micromind") x = builder.dropout(dropout, x, dropoutRate, true);
  const padding = depthwisePadding(builder, network, block, x);
  requireMap(
    builder,
    x,
    block.kernel - Math.min(padding.top + padding.bottom, padding.left + padding.right),
    `block ${block.id}'s ${block.kernel}x${block.kernel} kernel with stride ${block.stride}`,
  );
  x = builder.depthwise(next(), x, { kernel: block.kernel, stride: block.stride, padding });
  x = builder.batchNorm(next(), x, blockEpsilon);
  x = activate(builder, network, next(), x);
  if (block.squeeze > 0) x = addSqueezeExcite(builder, network, block, next(), x);
  x = builder.conv2d(next(), x, { filters: block.output });
  x = builder.batchNorm(next(), x, blockEpsilon);
  return block.skip ? builder.add(`${name}.add`, x, input) : x;
}

function addSqueezeExcite(
  builder: GraphBuilder,
  network: PhinetNetwork,
  block: PhinetBlock,
  name: string,
  x: string,
): string {
  const bias = network.profile === "paper";
  let s = builder.globalAveragePool(`${name}.pool`, x);
  s = builder.conv2d(`${name}.se_conv`, s, { filters: block.squeeze, bias });
  s = activate(builder, network, `${name}.activation`, s);
  s = builder.conv2d(`${name}.se_conv2`, s, { filters: block.hidden, bias });
  s = builder.sigmoid(`${name}.mult`, s);
  return builder.multiply(name, x, s);
}

function requireMap(builder: GraphBuilder, value: string, least: number, what: string): void {
  const [, height, width] = builder.shape(value);
  if (height >= least && width >= least) return;
  throw new PhinetsError(
    "networks.map",
    `network: the map is ${height}x${width} where ${what} needs ${least}x${least}; use a larger input, fewer downsampling ids or fewer 5x5 kernels (conv5)`,
    "input",
  );
}
