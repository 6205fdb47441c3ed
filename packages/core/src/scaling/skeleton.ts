/**
 * What networks that differ only in beta, t0 and squeeze-and-excite have in common: block ends, map sizes and strides. What
 * many rows of the lattice share (blocks, stems, heads) is worked out once a board.
 */
import { coreCosts } from "../cost/index.js";
import {
  type Head,
  type MicromindPhinet,
  type NetworkInput,
  type PhinetBlock,
  phinetBlocks,
  stemFilters,
  yolov2Channels,
} from "../networks/index.js";
import { arenaOf, type Board, hasDsp, type ProgramRequest } from "../target/index.js";
import { denseInstructions, denseWidths, headInstructions, type Instructions, startInstructions } from "./ends.js";
import { type Activation, BlockInstructions, type Count, counterOf } from "./instructions.js";
import type { Limits } from "./limits.js";
import {
  type BlockMaps,
  bytesOf,
  type End,
  endOf,
  type Frame,
  type Layout,
  type Plan,
  type Start,
  startOf,
} from "./memory.js";

/** Sums that grow layer by layer. */
export interface Totals {
  parameters: number;
  macs: number;
  fineMacs: number;
  weightBytes: number;
}

/**
 * Of a block, places in `Skeleton.costs`: its input channels; what an expanded channel adds to parameters, MACs, MACs on fine
 * maps and bytes of weights; the bytes of a group of four; its output's rows times channels, and width.
 */
export const [INPUT, PARAMETERS_EACH, MACS_EACH, FINE_EACH, BYTES_EACH, BYTES_OF_FOUR] = [0, 1, 2, 3, 4, 5];
export const [OUT_ROWS, OUT_WIDTH, costPlaces] = [6, 7, 8];

/** A block but for its expanded width. */
interface Segment {
  readonly maps: BlockMaps;
  readonly bytes: Float64Array;
  readonly costs: Float64Array;
  /** `BlockInstructions.of` it; of a plan when it is first asked for. */
  readonly factors: (plan: Plan) => Float64Array;
}

export interface Skeleton {
  /** Of each block with an expansion. Numbers in arrays, because objects are slow to read millions of times. */
  readonly costs: readonly Float64Array[];
  /** `BlockInstructions.of` each, for `optimize`; `small`: of the smallest program. */
  readonly factors: readonly Float64Array[];
  readonly small: () => readonly Float64Array[];
  readonly layout: Layout;
  readonly fixed: Readonly<Totals>;
  /** Of stem, block 0 and head. */
  readonly instructions: Instructions;
  /** What an entry of the schedule takes. */
  readonly entry: number;
  /** What squeeze-and-excite adds whatever its width. */
  readonly squeezeTableBytes: number;
  /** Weights of its two layers come in groups of so many. */
  readonly squeezeGroup: number;
  readonly channelBytes: number;
  readonly divisor: number;
  /** Instructions of its two layers for each expanded width; 0 where they have not been counted. */
  readonly squeezes: Float64Array;
  readonly countSqueeze: (hidden: number, narrow: number) => number;
  /** `BlockInstructions.packedRate`. */
  readonly packedRate: number;
  /** Where the fastest program does not fit it, the smallest is taken. */
  readonly room: Pick<Limits, "arenaBytes">;
  readonly optimize: Plan;
}

const tableBytes = 256;
const widest = 2 ** 15;

interface KnownStart {
  readonly memory: Start;
  readonly instructions: Instructions;
}

interface KnownEnd {
  readonly memory: End;
  readonly instructions: Instructions;
}

/** What is known of a board's blocks, stems and heads. */
class Known {
  readonly segments = new Map<number, Segment>();
  readonly #starts = new WeakMap<NetworkInput, Map<number, KnownStart>>();
  readonly #ends = new WeakMap<Head, Map<number, KnownEnd>>();
  readonly #squeezes = new Map<number, Float64Array>();
  readonly blocks: BlockInstructions;
  readonly count: Count;

  constructor(board: Board) {
    this.blocks = new BlockInstructions(board);
    this.count = counterOf(board);
  }

  start(input: NetworkInput, key: number, make: () => KnownStart): KnownStart {
    return once(
      once(this.#starts, input, () => new Map()),
      key,
      make,
    );
  }

  end(head: Head, key: number, make: () => KnownEnd): KnownEnd {
    return once(
      once(this.#ends, head, () => new Map()),
      key,
      make,
    );
  }

  squeezes(divisor: number, { table }: Activation): Float64Array {
    return once(this.#squeezes, 2 * divisor + table, () => new Float64Array(widest));
  }
}

const boards = new WeakMap<Board, Known>();

/** What a map has under a key; made and kept where it has nothing. */
function once<K, V>(map: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}

/** Output size of a convolution. */
const down = (size: number, padding: number, kernel: number, stride: number): number =>
  Math.floor((size + padding - kernel) / stride) + 1;

/** What all networks with the given one's blocks, alpha, divisor, layout, input and head have in common. */
export function skeleton(network: MicromindPhinet, board: Board, programRequest: ProgramRequest = {}): Skeleton {
  const dsp = hasDsp(board);
  const { optimize = "speed", input: how = "whole", ramBytes = arenaOf(board).bytes } = programRequest;
  const known = once(boards, board, () => new Known(board));
  const { input, head, stemStride, divisor } = network;
  const table = network.activation === "hardswish" && !network.compatibility ? 1 : 0;
  const activation: Activation = { table, clamped: 1 - table };
  const channelBytes = dsp ? 12 : 9;
  const packed = (products: number): number => (dsp ? 8 * Math.ceil(products / 4) : products);
  const depthwiseBytes = (kernel: number): number => (dsp ? (kernel === 3 ? 24 : 80) : kernel * kernel);
  const fixed: Totals = { parameters: 0, macs: 0, fineMacs: 0, weightBytes: 0 };
  /** A convolution; `extra` counts the trained values beside its weights: two a channel for batch norm, one for a bias. */
  const layer = (pixels: number, filters: number, products: number, extra: number, bytes: number): void => {
    fixed.parameters += filters * (products + extra);
    fixed.weightBytes += filters * (bytes + channelBytes);
    fixed.macs += pixels * filters * products;
  };

  // The stem: a depthwise layer on the picture, and a 1x1 to `stem` channels. Block 0: depthwise, then a 1x1.
  const before = Math.max(input.height, input.width) % 2;
  const stem = {
    height: down(input.height, before + 1, 3, stemStride),
    width: down(input.width, before + 1, 3, stemStride),
    channels: stemFilters(network),
    stride: stemStride,
    padding: before,
  };
  const blocks = phinetBlocks(network);
  const first = mapsOf(blocks[0], stem, 1);
  layer(stem.height * stem.width, input.channels, 9, 0, depthwiseBytes(3)); // no batch norm between the stem's two convolutions
  layer(stem.height * stem.width, stem.channels, input.channels, 2, packed(input.channels));
  layer(first.outHeight * first.outWidth, stem.channels, 9, 2, depthwiseBytes(3));
  layer(first.outHeight * first.outWidth, first.output, stem.channels, 2, packed(stem.channels));
  let activations = 2 * blocks.length;
  fixed.fineMacs = fixed.macs;

  const plan = dsp ? optimize : "speed";
  const segments: Segment[] = [];
  // Filled one by one: what `map` makes changes its kind within V8, and drops compiled code.
  const costs: Float64Array[] = [];
  const factors: Float64Array[] = [];
  const bytes: Float64Array[] = [bytesOf(first, dsp)];
  let stride = stemStride * first.stride;
  let maps = first;
  for (let id = 1; id < blocks.length; id++) {
    const block = blocks[id];
    stride *= block.stride;
    // The head's depthwise layer alone reads the last block's output: its projection writes planes.
    const toPlanes = dsp && head.kind === "yolov2" && id === blocks.length - 1 && !block.skip;
    const fine = stride <= 8;
    const flags =
      Number(block.kernel === 5) +
      2 * Number(block.stride === 2) +
      4 * Number(block.skip) +
      8 * table +
      16 * Number(toPlanes) +
      32 * Number(fine);
    // Widths below 2^11, sides below 2^9: exact in a double.
    const key = (((block.input * 2048 + block.output) * 512 + maps.outHeight) * 512 + maps.outWidth) * 64 + flags;
    const { outHeight: height, outWidth: width } = maps;
    const segment = once(known.segments, key, () => {
      const padding = block.stride === 2 ? 1 : (block.kernel - 1) / 2;
      const bytesEach =
        packed(block.input) + depthwiseBytes(block.kernel) + 2 * channelBytes + (dsp ? 0 : block.output);
      const own = mapsOf(block, { height, width }, padding);
      return segmentOf(own, known, { dsp, activation, toPlanes, fine, bytesEach });
    });
    segments.push(segment);
    costs.push(segment.costs);
    factors.push(segment.factors(plan));
    bytes.push(segment.bytes);
    maps = segment.maps;
    fixed.parameters += 2 * maps.output;
    fixed.weightBytes += channelBytes * maps.output;
  }

  const pixels = maps.outHeight * maps.outWidth;
  if (head.kind === "classifier") {
    const widths = denseWidths(head, maps.output);
    const vector = (products: number): number => (dsp ? 4 * Math.ceil(products / 4) : products);
    for (let i = 1; i < widths.length; i++) layer(1, widths[i], widths[i - 1], 1, vector(widths[i - 1]));
  } else if (head.kind === "yolov2") {
    activations += 2;
    layer(pixels, maps.output, 9, 2, depthwiseBytes(3));
    layer(pixels, head.filters, maps.output, 2, packed(maps.output));
    layer(pixels, yolov2Channels(head), head.filters, 1, packed(head.filters));
  }
  fixed.weightBytes += activations * table * tableBytes;

  const frame: Frame = {
    dsp,
    whole: how === "whole",
    input,
    stem,
    first,
    head:
      head.kind === "classifier"
        ? { kind: "classifier", widths: denseWidths(head, maps.output).slice(1) }
        : head.kind === "yolov2"
          ? { kind: "yolov2", filters: head.filters }
          : { kind: "none" },
  };
  const startKey =
    (stem.channels * 2048 + first.output) * 16 +
    8 * Number(frame.whole) +
    4 * Number(first.skip) +
    2 * table +
    (stemStride - 1);
  const start = known.start(input, startKey, () => ({
    memory: startOf(frame),
    instructions: startInstructions(known.count, frame, activation),
  }));
  const endKey = ((maps.output * 512 + maps.outHeight) * 512 + maps.outWidth) * 4 + 2 * Number(maps.skip) + table;
  const last = maps;
  const end = known.end(head, endKey, () => ({
    memory: endOf(frame, last),
    instructions: headInstructions(known.count, frame, head, last, activation),
  }));
  let small: Float64Array[] | undefined;
  return {
    costs,
    factors,
    small: () => {
      small ??= segments.map(({ factors }) => factors("ram"));
      return small;
    },
    layout: {
      dsp,
      start: start.memory,
      blocks: bytes,
      stemChannels: stem.channels,
      end: end.memory,
    },
    fixed,
    instructions: {
      speed: start.instructions.speed + end.instructions.speed,
      ram: start.instructions.ram + end.instructions.ram,
    },
    entry: coreCosts(board).entry,
    squeezeTableBytes: segments.length * (table + 1) * tableBytes, // an activation's and a sigmoid's
    squeezeGroup: dsp ? 4 : 1,
    channelBytes,
    divisor,
    squeezes: known.squeezes(divisor, activation),
    // An activation after the first, a sigmoid after the second.
    countSqueeze: (hidden, narrow) =>
      denseInstructions(known.count, frame, hidden, narrow, activation) +
      denseInstructions(known.count, frame, narrow, hidden, { table: 1 }),
    packedRate: known.blocks.packedRate,
    room: { arenaBytes: ramBytes },
    optimize: plan,
  };
}

function mapsOf(block: PhinetBlock, { height, width }: { height: number; width: number }, padding: number): BlockMaps {
  const { input, output, kernel, stride, skip } = block;
  return {
    input,
    output,
    kernel,
    stride,
    padding,
    skip,
    inHeight: height,
    inWidth: width,
    outHeight: down(height, 2 * padding, kernel, stride),
    outWidth: down(width, 2 * padding, kernel, stride),
  };
}

interface SegmentOptions {
  readonly dsp: boolean;
  readonly activation: Activation;
  readonly toPlanes: boolean;
  readonly fine: boolean;
  readonly bytesEach: number;
}

function segmentOf(maps: BlockMaps, { blocks }: Known, options: SegmentOptions): Segment {
  const { dsp, activation, toPlanes, fine, bytesEach } = options;
  const { input, output, kernel, inHeight, inWidth, outHeight, outWidth } = maps;
  const taps = kernel * kernel;
  const macs = inHeight * inWidth * input + outHeight * outWidth * (taps + output);
  const made: Partial<Record<Plan, Float64Array>> = {};
  const factors = (plan: Plan): Float64Array => {
    made[plan] ??= blocks.of(maps, dsp ? plan : "speed", activation, toPlanes);
    return made[plan];
  };
  const costs = new Float64Array(costPlaces);
  costs[INPUT] = input;
  costs[PARAMETERS_EACH] = input + 2 + taps + 2 + output;
  costs[MACS_EACH] = macs;
  costs[FINE_EACH] = fine ? macs : 0;
  costs[BYTES_EACH] = bytesEach;
  costs[BYTES_OF_FOUR] = dsp ? 8 * output : 0;
  costs[OUT_ROWS] = outHeight * output;
  costs[OUT_WIDTH] = outWidth;
  return { maps, bytes: bytesOf(maps, dsp), costs, factors };
}
