/**
 * The PhiNet backbone, profile `micromind`: inverted residual blocks whose expansion changes linearly with depth
 * (Paissan, Ancilotto, Farella, "PhiNets: a scalable backbone for low-power AI at the edge", ACM TECS 21(5), 2022;
 * widths, order of operations and names as in the authors' PyTorch toolkit). Parameter names are that toolkit's
 * state_dict keys, so its checkpoints load by name.
 */
import type { GraphBuilder, Padding } from "../graph/index.js";
import { PhinetsError } from "../tensor/index.js";
import { type Network, roundHalfToEven } from "./network.js";

/** Multipliers of alpha: stem, blocks 0 to 2, block 3 (which also starts the doubling). */
const stemWidth = 48;
const firstWidth = 24;
const secondWidth = 48;

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
export function expansionFactor(network: Network, id: number, blocks: number): number {
  return (network.t0 * network.beta * id) / blocks + (network.t0 * (blocks - id)) / blocks;
}

/** Channels of the stem's output. */
export function stemFilters(network: Network): number {
  return network.conv2dInput
    ? Math.trunc(firstWidth * network.alpha)
    : roundWidth(stemWidth * network.alpha, network.divisor);
}

/** The backbone's blocks in order. Throws PhinetsError where options contradict each other. */
export function phinetBlocks(network: Network): PhinetBlock[] {
  const { alpha, divisor, pool, residuals } = network;
  const count = roundHalfToEven(network.blocks);
  const squeezeExcite = network.squeezeExcite && !network.compatibility;
  const first = roundWidth(firstWidth * alpha, divisor);
  const blocks: PhinetBlock[] = [];
  let channels = stemFilters(network);
  if (network.conv2dInput) {
    if (channels === 0) {
      throw new PhinetsError(
        "networks.width",
        `network: conv2dInput gives int(24*alpha) = 0 channels with alpha ${alpha}; use alpha of at least 1/24`,
        "alpha",
      );
    }
    if (channels !== first) {
      throw new PhinetsError(
        "networks.width",
        `network: conv2dInput gives int(24*alpha) = ${channels} channels with alpha ${alpha}, which divisor ${divisor} rounds to ${first} in the next block; change alpha or use divisor 1`,
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
  let width = secondWidth;
  for (let id = 1; id <= Math.max(3, count); id++) {
    const down = id === 1 || id === 3 || (id >= 4 && network.downsampling.includes(id));
    if (id >= 4 && down) width *= 2;
    const output = id <= 2 ? first : roundWidth(width * alpha, divisor);
    const hidden = roundWidth(expansionFactor(network, id, count) * channels, divisor);
    const stride = down && !pool ? 2 : 1;
    blocks.push({
      id,
      input: channels,
      hidden,
      output,
      kernel: id >= 4 && id / count > 1 - network.conv5 ? 5 : 3,
      stride,
      skip: residuals && channels === output && stride === 1,
      squeeze: squeezeExcite ? roundWidth(Math.max(1, Math.trunc(hidden / 6)), divisor) : 0,
      poolBefore: pool && down && id >= 4,
      poolAfter: pool && down && id <= 3,
    });
    channels = output;
  }
  return blocks;
}

/** Adds the backbone to a graph; returns the name of its last feature map. */
export function addPhinet(builder: GraphBuilder, network: Network, image: string): string {
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
    x = builder.pad(next(), x, stemPadding(network));
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
  for (const block of blocks) {
    if (block.poolBefore) x = maxPool(block.id);
    x = addBlock(builder, network, block, next(), x);
    if (block.poolAfter) x = maxPool(block.id);
  }
  return x;
}

/** Activation of the whole network. */
export function activate(builder: GraphBuilder, network: Network, name: string, x: string): string {
  return network.activation === "relu6" || network.compatibility ? builder.relu6(name, x) : builder.hardswish(name, x);
}

/** The reference looks at the larger side only and pads both axes by its parity. */
function stemPadding({ input }: Network): Padding {
  const before = Math.max(input.height, input.width) % 2;
  return { top: before, bottom: 1, left: before, right: 1 };
}

function addBlock(builder: GraphBuilder, network: Network, block: PhinetBlock, name: string, input: string): string {
  let layer = 0;
  const next = (): string => `${name}._layers.${layer++}`;
  let x = input;
  if (block.id > 0) {
    x = builder.conv2d(next(), x, { filters: block.hidden });
    x = builder.batchNorm(next(), x, blockEpsilon);
    x = activate(builder, network, next(), x);
  }
  x = builder.dropout(next(), x, dropoutRate, true);
  // A stride of 2 pads by 1 whatever the kernel.
  const padding = block.stride === 2 ? 1 : (block.kernel - 1) / 2;
  requireMap(
    builder,
    x,
    block.kernel - 2 * padding,
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
  network: Network,
  block: PhinetBlock,
  name: string,
  x: string,
): string {
  let s = builder.globalAveragePool(`${name}.pool`, x);
  s = builder.conv2d(`${name}.se_conv`, s, { filters: block.squeeze });
  s = activate(builder, network, `${name}.activation`, s);
  s = builder.conv2d(`${name}.se_conv2`, s, { filters: block.hidden });
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
