/**
 * What a PhiNet costs, from its hyper-parameters alone: no graph is built, so that a second costs millions of networks.
 * Every figure is what the graph would give (a test compares them): parameters, MACs, weight bytes and arena bytes to
 * the unit, instructions up to the rounding of their sum.
 *
 * How: networks that differ only in beta, t0 and squeeze-and-excite have the same block ends, map sizes and strides (a
 * `Skeleton`); in each block every cost is then linear in one number, the expanded width, but for the products with the
 * squeezed width and the largest live set. Stem convolution with stride, no pooling: what the lattice holds.
 */
import { type Board, borderPixels } from "../cost/index.js";
import {
  classCount,
  expansionFactor,
  type MicromindPhinet,
  phinetBlocks,
  roundHalfToEven,
  roundWidth,
  stemFilters,
  yolov2Channels,
} from "../networks/index.js";

export interface Estimate {
  readonly parameters: number;
  readonly macs: number;
  /** MACs of the backbone on maps of at most an eighth of the input's sides: what sees small things. */
  readonly fineMacs: number;
  /** Of one inference. */
  readonly instructions: number;
  /** Weights, biases, requantisation and tables. */
  readonly weightBytes: number;
  /** The largest set of values alive together, which is what the planner's arena takes. */
  readonly arenaBytes: number;
}

type Size = readonly [height: number, width: number];

/** Sums that grow layer by layer. */
interface Totals {
  parameters: number;
  macs: number;
  fineMacs: number;
  instructions: number;
  weightBytes: number;
  arenaBytes: number;
}

/** A block but for its expanded width: `fixed` costs, and what every expanded channel adds. */
interface Segment {
  readonly input: number;
  readonly pixels: number;
  readonly outPixels: number;
  /** Bytes of the block's input, output, and of the input where it is kept for the sum at the end. */
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly keptBytes: number;
  readonly parameters: number;
  readonly weightBytes: number;
  readonly macs: number;
  /** `macs` where the block's output map is fine, else 0. */
  readonly fineMacs: number;
  readonly instructions: number;
  /** Instructions that squeeze-and-excite adds for every expanded channel beside its two layers'. */
  readonly squeezeInstructions: number;
}

export interface Skeleton {
  readonly segments: readonly Segment[];
  readonly fixed: Readonly<Totals>;
  /** What squeeze-and-excite adds whatever its width. */
  readonly squeezeTableBytes: number;
  readonly divisor: number;
  readonly denseInstructions: number;
  readonly requantizeInstructions: number;
}

/** Bytes that one value takes of the arena. */
const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** Bias 4, multiplier 4, shift 1. */
const channelBytes = 9;
const tableBytes = 256;

/** What all networks with the given one's blocks, alpha, divisor, layout, input and head have in common. */
export function skeleton(network: MicromindPhinet, board: Board): Skeleton {
  const { instructionsPerMac: perMac, instructionsPerOutput: perOutput } = board;
  const activationBytes = network.activation === "hardswish" && !network.compatibility ? tableBytes : 0;
  const fixed: Totals = { parameters: 0, macs: 0, fineMacs: 0, instructions: 0, weightBytes: 0, arenaBytes: 0 };

  /** A convolution; `extra` counts the trained values beside its weights: two a channel for batch norm, one for a bias. */
  const layer = (rate: number, pixels: number, filters: number, perFilter: number, extra: number): void => {
    const macs = pixels * filters * perFilter;
    fixed.parameters += filters * (perFilter + extra);
    fixed.weightBytes += filters * (perFilter + channelBytes);
    fixed.macs += macs;
    fixed.instructions += macs * rate + pixels * filters * perOutput.requantize;
  };
  const pointwiseRate = (pixels: number): number => (pixels === 1 ? perMac.dense : perMac.pointwise);
  const pointwise = (pixels: number, from: number, to: number, extra: number): void =>
    layer(pointwiseRate(pixels), pixels, to, from, extra);
  const borderOf = (input: Size, output: Size, kernel: number, stride: number, before: number): number =>
    borderPixels(input, output, kernel, stride, [before, before]) * perOutput.depthwiseBorder;
  const depthwise = (input: Size, output: Size, channels: number, stride: number, before: number): void => {
    layer(perMac.depthwise, output[0] * output[1], channels, 9, 2);
    fixed.instructions += borderOf(input, output, 3, stride, before) * channels;
  };
  const live = (bytes: number): void => {
    fixed.arenaBytes = Math.max(fixed.arenaBytes, bytes);
  };
  const activation = (): void => {
    fixed.weightBytes += activationBytes;
  };

  const { height, width, channels } = network.input;
  const before = Math.max(height, width) % 2;
  const down = (size: number, padding: number, kernel: number, stride: number): number =>
    Math.floor((size + padding - kernel) / stride) + 1;
  let size: Size = [down(height, before + 1, 3, network.stemStride), down(width, before + 1, 3, network.stemStride)];
  let pixels = size[0] * size[1];
  const stem = stemFilters(network);
  depthwise([height, width], size, channels, network.stemStride, before);
  fixed.parameters -= 2 * channels; // no batch norm between the stem's two convolutions
  pointwise(pixels, channels, stem, 2);
  activation();
  live(aligned(height * width * channels) + aligned(pixels * channels));
  live(aligned(pixels * channels) + aligned(pixels * stem));

  const segments: Segment[] = [];
  let stride = network.stemStride;
  const blocks = phinetBlocks(network);
  for (const block of blocks) {
    const { kernel, input, output } = block;
    const padding = block.stride === 2 ? 1 : (kernel - 1) / 2;
    const next: Size = [
      down(size[0], 2 * padding, kernel, block.stride),
      down(size[1], 2 * padding, kernel, block.stride),
    ];
    const outPixels = next[0] * next[1];
    stride *= block.stride;
    const inputBytes = aligned(pixels * input);
    const outputBytes = aligned(outPixels * output);
    const keptBytes = block.skip ? inputBytes : 0;
    if (block.skip) fixed.instructions += outPixels * output * perOutput.add;
    if (block.id === 0) {
      depthwise(size, next, input, block.stride, padding);
      activation();
      pointwise(outPixels, input, output, 2);
      live(inputBytes + aligned(outPixels * input));
      live(keptBytes + aligned(outPixels * input) + outputBytes);
      fixed.fineMacs = fixed.macs;
    } else {
      const taps = kernel * kernel;
      const macs = pixels * input + outPixels * (taps + output);
      const depthwiseRate = kernel === 3 ? perMac.depthwise : perMac.depthwise5x5;
      segments.push({
        input,
        pixels,
        outPixels,
        inputBytes,
        outputBytes,
        keptBytes,
        parameters: input + 2 + taps + 2 + output,
        weightBytes: input + channelBytes + taps + channelBytes + output,
        macs,
        fineMacs: stride <= 8 ? macs : 0,
        instructions:
          pixels * (input * pointwiseRate(pixels) + perOutput.requantize) +
          outPixels * (taps * depthwiseRate + perOutput.requantize) +
          borderOf(size, next, kernel, block.stride, padding) +
          outPixels * output * pointwiseRate(outPixels),
        squeezeInstructions: outPixels * (perOutput.average + perOutput.multiply),
      });
      activation();
      activation();
      fixed.parameters += 2 * output;
      fixed.weightBytes += channelBytes * output;
      fixed.instructions += outPixels * output * perOutput.requantize;
    }
    size = next;
    pixels = outPixels;
  }

  const { head } = network;
  const features = blocks.at(-1)!.output;
  if (head.kind === "classifier") {
    const widths = [features, ...(head.features ? [head.features] : []), classCount(head)];
    fixed.instructions += pixels * features * perOutput.average;
    live(aligned(pixels * features) + aligned(features));
    for (let i = 1; i < widths.length; i++) {
      pointwise(1, widths[i - 1], widths[i], 1);
      live(aligned(widths[i - 1]) + aligned(widths[i]));
    }
  } else if (head.kind === "yolov2") {
    const predictions = yolov2Channels(head);
    depthwise(size, size, features, 1, 1);
    activation();
    pointwise(pixels, features, head.filters, 2);
    activation();
    pointwise(pixels, head.filters, predictions, 1);
    live(2 * aligned(pixels * features));
    live(aligned(pixels * features) + aligned(pixels * head.filters));
    live(aligned(pixels * head.filters) + aligned(pixels * predictions));
  }
  return {
    segments,
    fixed,
    squeezeTableBytes: segments.length * (activationBytes + tableBytes), // an activation's and a sigmoid's
    divisor: network.divisor,
    denseInstructions: perMac.dense,
    requantizeInstructions: perOutput.requantize,
  };
}

/** Expansion factors of blocks 1, 2, ... of `blocks`: what beta and t0 decide. */
export function expansionFactors(network: MicromindPhinet, blocks: number): Float64Array {
  return Float64Array.from({ length: Math.max(3, blocks) }, (_, i) => expansionFactor(network, i + 1, blocks));
}

/** Places in what `costBoth` writes; the network with squeeze-and-excite follows `fields` places later. */
export const [PARAMETERS, MACS, FINE_MACS, INSTRUCTIONS, WEIGHT_BYTES, ARENA_BYTES, fields] = [0, 1, 2, 3, 4, 5, 6];

/** Costs of a network without and with squeeze-and-excite, into `out[0..2 * fields - 1]`. */
export function costBoth(common: Skeleton, factors: Float64Array, out: Float64Array): void {
  const { segments, fixed, divisor, denseInstructions, requantizeInstructions } = common;
  let { parameters, macs, fineMacs, instructions, weightBytes, arenaBytes } = fixed;
  let squeezeWeights = 0;
  let squeezeChannels = 0;
  let squeezeFineMacs = 0;
  let squeezeInstructions = 0;
  let squeezeArena = 0;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    const hidden = widthOf(factors[i] * segment.input, divisor);
    const squeeze = widthOf(Math.max(1, Math.trunc(hidden / 6)), divisor);
    parameters += segment.parameters * hidden;
    macs += segment.macs * hidden;
    fineMacs += segment.fineMacs * hidden;
    instructions += segment.instructions * hidden;
    weightBytes += segment.weightBytes * hidden;
    const wide = aligned(segment.pixels * hidden);
    const narrow = aligned(segment.outPixels * hidden);
    const { keptBytes } = segment;
    arenaBytes = Math.max(
      arenaBytes,
      segment.inputBytes + wide,
      keptBytes + wide + narrow,
      keptBytes + narrow + segment.outputBytes,
    );
    squeezeWeights += 2 * hidden * squeeze;
    squeezeChannels += hidden + squeeze;
    if (segment.fineMacs > 0) squeezeFineMacs += 2 * hidden * squeeze;
    squeezeInstructions += segment.squeezeInstructions * hidden;
    squeezeArena = Math.max(squeezeArena, keptBytes + narrow + aligned(hidden) + aligned(squeeze));
  }
  out[PARAMETERS] = parameters;
  out[MACS] = macs;
  out[FINE_MACS] = fineMacs;
  out[INSTRUCTIONS] = instructions;
  out[WEIGHT_BYTES] = weightBytes;
  out[ARENA_BYTES] = arenaBytes;
  out[fields + PARAMETERS] = parameters + squeezeWeights;
  out[fields + MACS] = macs + squeezeWeights;
  out[fields + FINE_MACS] = fineMacs + squeezeFineMacs;
  out[fields + INSTRUCTIONS] =
    instructions + squeezeInstructions + squeezeWeights * denseInstructions + squeezeChannels * requantizeInstructions;
  out[fields + WEIGHT_BYTES] = weightBytes + squeezeWeights + channelBytes * squeezeChannels + common.squeezeTableBytes;
  out[fields + ARENA_BYTES] = Math.max(arenaBytes, squeezeArena);
}

/** `roundWidth`, without its divisions where there is nothing to round. */
function widthOf(width: number, divisor: number): number {
  return divisor === 1 ? Math.max(1, Math.trunc(width)) : roundWidth(width, divisor);
}

/** Costs of one network. */
export function estimate(network: MicromindPhinet, board: Board): Estimate {
  const out = new Float64Array(2 * fields);
  const common = skeleton(network, board);
  costBoth(common, expansionFactors(network, roundHalfToEven(network.blocks)), out);
  const at = network.squeezeExcite && !network.compatibility ? fields : 0;
  return {
    parameters: out[at + PARAMETERS],
    macs: out[at + MACS],
    fineMacs: out[at + FINE_MACS],
    instructions: out[at + INSTRUCTIONS],
    weightBytes: out[at + WEIGHT_BYTES],
    arenaBytes: out[at + ARENA_BYTES],
  };
}
