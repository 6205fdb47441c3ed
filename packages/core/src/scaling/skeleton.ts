/**
 * The common part of networks that differ only in beta, t0 and squeeze-and-excite: block ends, map sizes and strides.
 */
import { coreCosts } from "../cost/index.js";
import {
  type BuiltHead,
  type MicromindPhinet,
  type NetworkInput,
  type PhinetBlock,
  phinetBlocks,
  stemFilters,
  yolov2Channels,
} from "../networks/index.js";
import { arenaOf, type Board, hasDsp, hasHelium, type ProgramRequest } from "../target/index.js";
import { denseInstructions, denseWidths, headInstructions, startInstructions } from "./ends.js";
import type { Activation, WidthInstructions } from "./instructions.js";
import { type Known, type KnownEnd, type KnownStart, knownOf, type Segment } from "./known.js";
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
 * Indices into a block's `Skeleton.costs`: its input channels; the parameters, MACs, MACs on fine maps and bytes of
 * weights that an expanded channel adds; the bytes of a group of four channels; its output's rows times channels, and
 * width; the bytes of a group of sixteen channels.
 */
export const [INPUT, PARAMETERS_EACH, MACS_EACH, FINE_EACH, BYTES_EACH, BYTES_OF_FOUR] = [0, 1, 2, 3, 4, 5];
export const [OUT_ROWS, OUT_WIDTH, BYTES_OF_SIXTEEN, costPlaces] = [6, 7, 8, 9];

const tableBytes = 256;

const none = { speed: 0, ram: 0 } as const;
/** Placeholder before the first network is taken. */
const noStart: Start = { alive: none, scratch: 0, peak: none, entries: 0 };
const noEnd: End = { ring: none, streams: false, holds: false, scratch: 0, peak: 0, entries: 0 };

/** Position of a block in the network. */
interface BlockPlace {
  /** Whether its projection writes planes. */
  readonly toPlanes: boolean;
  /** Whether its maps have at least an eighth of the input's sides. */
  readonly fine: boolean;
}

const fours = (count: number): number => Math.ceil(count / 4);
const sixteens = (count: number): number => Math.ceil(count / 16);

/** Output size of a convolution. */
const down = (size: number, padding: number, kernel: number, stride: number): number =>
  Math.floor((size + padding - kernel) / stride) + 1;

/**
 * The common part of networks with equal blocks, alpha, divisor, layout, input and head. Call `take` with one of them
 * first.
 */
export class Skeleton {
  /** Costs of each block with an expansion. Number arrays, because reading objects millions of times is slow. */
  readonly costs: Int32Array[] = [];
  /** Instructions of each such block, for `optimize`. */
  readonly steps: WidthInstructions[] = [];
  readonly layout: { -readonly [K in keyof Layout]: Layout[K] } & { readonly blocks: Int32Array[] };
  readonly fixed: Totals = { parameters: 0, macs: 0, fineMacs: 0, weightBytes: 0 };
  /** Instructions of stem, block 0 and head. */
  readonly instructions = { speed: 0, ram: 0 };
  /** Instructions per entry of the schedule. */
  readonly entry: number;
  /** Bytes of tables that squeeze-and-excite adds, whatever its width. */
  squeezeTableBytes = 0;
  /** Group size of the inputs of squeeze-and-excite's two layers; with sixteen, filters come in fours. */
  readonly squeezeGroup: 1 | 4 | 16;
  readonly channelBytes: number;
  divisor = 1;
  /** Instructions of these two layers for each expanded width; 0 where not yet counted. */
  squeezes: Float64Array = new Float64Array(0);
  /** `BlockInstructions.packedRate`. */
  readonly packedRate: number;
  /** Limit of the fastest program; the smallest is taken where it does not fit. */
  readonly room: Pick<Limits, "arenaBytes">;
  readonly optimize: Plan;
  readonly #known: Known;
  readonly #dsp: boolean;
  readonly #helium: boolean;
  readonly #whole: boolean;
  readonly #segments: Segment[] = [];
  readonly #small: WidthInstructions[] = [];
  /** 1 where activations are looked up, else 0. */
  #table = 0;
  #taken: Taken | undefined;

  constructor(board: Board, programRequest: ProgramRequest = {}) {
    const { optimize = "speed", input = "whole", ramBytes = arenaOf(board).bytes } = programRequest;
    const dsp = hasDsp(board);
    const helium = hasHelium(board);
    this.#known = knownOf(board);
    this.#dsp = dsp;
    this.#helium = helium;
    this.#whole = input === "whole";
    this.optimize = dsp && optimize === "ram" ? "ram" : "speed";
    this.room = { arenaBytes: ramBytes };
    this.entry = coreCosts(board).entry;
    this.squeezeGroup = dsp ? 4 : helium ? 16 : 1;
    this.channelBytes = dsp || helium ? 12 : 9;
    this.packedRate = this.#known.blocks.packedRate;
    this.layout = { dsp, helium, blocks: [], stemChannels: 0, start: noStart, end: noEnd };
  }

  /**
   * Takes a network. Returns false where it shares everything with the one taken before, since rounding makes many
   * alphas equal.
   */
  take(network: MicromindPhinet): boolean {
    const blocks = phinetBlocks(network);
    const channels = stemFilters(network);
    const last = this.#taken;
    this.#taken = { network, channels, blocks };
    if (last !== undefined && isAlike(last, this.#taken)) return false;
    this.#work(network, channels, blocks);
    return true;
  }

  #work(network: MicromindPhinet, channels: number, blocks: readonly PhinetBlock[]): void {
    const { input, head, stemStride, divisor, activation, compatibility } = network;
    this.#table = activation === "hardswish" && !compatibility ? 1 : 0;
    this.divisor = divisor;
    this.squeezes = this.#known.squeezes(divisor, this.#table);
    const { layout, fixed } = this;
    fixed.parameters = fixed.macs = fixed.fineMacs = fixed.weightBytes = 0;
    // The stem is a depthwise layer on the picture and a 1x1 convolution to `stem` channels; block 0 is a depthwise
    // layer and a 1x1.
    const before = Math.max(input.height, input.width) % 2;
    const stem = {
      height: down(input.height, before + 1, 3, stemStride),
      width: down(input.width, before + 1, 3, stemStride),
      channels,
      stride: stemStride,
      padding: before,
    };
    const first = mapsOf(blocks[0], stem.height, stem.width, 1);
    const stemPixels = stem.height * stem.width;
    const pixels = first.outHeight * first.outWidth;
    this.#addDepthwise(stemPixels, input.channels, 0); // no batch norm between the stem's two convolutions
    this.#addProduct(stemPixels, stem.channels, input.channels, 2);
    this.#addDepthwise(pixels, stem.channels, 2);
    this.#addProduct(pixels, first.output, stem.channels, 2);
    fixed.fineMacs = fixed.macs;
    const last = this.#takeBlocks(blocks, first, stemStride, head);
    this.#addHead(head, last, blocks.length);
    this.squeezeTableBytes = this.costs.length * (this.#table + 1) * tableBytes; // an activation's and a sigmoid's
    const start = this.#startOf(input, stem, first);
    const end = this.#endOf(head, last);
    layout.stemChannels = stem.channels;
    layout.start = start.memory;
    layout.end = end.memory;
    this.instructions.speed = start.instructions.speed + end.instructions.speed;
    this.instructions.ram = start.instructions.ram + end.instructions.ram;
  }

  /** The `steps` of a plan. */
  stepsOf(plan: Plan): readonly WidthInstructions[] {
    if (plan === this.optimize) return this.steps;
    if (this.#small.length === 0)
      for (const segment of this.#segments) this.#small.push(this.#known.instructions(segment, plan));
    return this.#small;
  }

  /** Instructions of squeeze-and-excite's two layers: an activation follows the first, a sigmoid the second. */
  countSqueeze(hidden: number, narrow: number): number {
    const { count } = this.#known;
    return (
      denseInstructions(count, this.layout, hidden, narrow, this.#activation()) +
      denseInstructions(count, this.layout, narrow, hidden, { table: 1 })
    );
  }

  #activation(): Activation {
    return { table: this.#table, clamped: 1 - this.#table };
  }

  #packed(products: number): number {
    return this.#dsp ? 8 * Math.ceil(products / 4) : products;
  }

  #depthwiseBytes(kernel: number): number {
    if (this.#helium) return kernel === 3 ? 16 : 32;
    return this.#dsp ? (kernel === 3 ? 24 : 80) : kernel * kernel;
  }

  /** Bytes of a pixel product's weights and of its channels' constants. */
  #productBytes(filters: number, products: number): number {
    if (!this.#helium) return filters * (this.#packed(products) + this.channelBytes);
    return fours(filters) * (64 * sixteens(products) + 4 * this.channelBytes);
  }

  /**
   * Adds a layer with `products` weights per filter; `extra` counts its other trained values: two per channel for batch
   * norm, one for a bias.
   */
  #addLayer(pixels: number, filters: number, products: number, extra: number, bytes: number): void {
    const { fixed } = this;
    fixed.parameters += filters * (products + extra);
    fixed.weightBytes += bytes;
    fixed.macs += pixels * filters * products;
  }

  #addDepthwise(pixels: number, channels: number, extra: number): void {
    this.#addLayer(pixels, channels, 9, extra, channels * (this.#depthwiseBytes(3) + this.channelBytes));
  }

  #addProduct(pixels: number, filters: number, products: number, extra: number): void {
    this.#addLayer(pixels, filters, products, extra, this.#productBytes(filters, products));
  }

  /** Takes all blocks and returns the maps of the last. */
  #takeBlocks(blocks: readonly PhinetBlock[], first: BlockMaps, stemStride: number, head: BuiltHead): BlockMaps {
    const { costs, steps, layout, fixed, optimize } = this;
    const dsp = this.#dsp;
    this.#small.length = 0;
    this.#segments.length = costs.length = steps.length = layout.blocks.length = 0;
    layout.blocks.push(bytesOf(first, layout));
    let stride = stemStride * first.stride;
    let maps = first;
    for (let id = 1; id < blocks.length; id++) {
      const block = blocks[id];
      stride *= block.stride;
      // Only the head's depthwise layer reads the last block's output, so its projection writes planes.
      const toPlanes = dsp && head.kind === "yolov2" && id === blocks.length - 1 && !block.skip;
      const { outHeight, outWidth } = maps;
      const segment = this.#segment(block, outHeight, outWidth, { toPlanes, fine: stride <= 8 });
      this.#segments.push(segment);
      costs.push(segment.costs);
      steps.push(this.#known.instructions(segment, optimize));
      layout.blocks.push(segment.bytes);
      maps = segment.maps;
      fixed.parameters += 2 * maps.output;
      fixed.weightBytes += this.channelBytes * (this.#helium ? 4 * fours(maps.output) : maps.output);
    }
    return maps;
  }

  #segment(block: PhinetBlock, height: number, width: number, place: BlockPlace): Segment {
    const { input, output, kernel, stride, skip } = block;
    const flags =
      Number(kernel === 5) +
      2 * Number(stride === 2) +
      4 * Number(skip) +
      8 * this.#table +
      16 * Number(place.toPlanes) +
      32 * Number(place.fine);
    // Widths below 2^11 and sides below 2^9 are exact in a double.
    const key = (((input * 2048 + output) * 512 + height) * 512 + width) * 64 + flags;
    const { segments } = this.#known;
    let segment = segments.get(key);
    if (segment === undefined) {
      const maps = mapsOf(block, height, width, stride === 2 ? 1 : (kernel - 1) / 2);
      segment = this.#segmentOf(maps, place);
      segments.set(key, segment);
    }
    return segment;
  }

  #segmentOf(maps: BlockMaps, { toPlanes, fine }: BlockPlace): Segment {
    const { input, output, kernel, inHeight, inWidth, outHeight, outWidth } = maps;
    const dsp = this.#dsp;
    const taps = kernel * kernel;
    const macs = inHeight * inWidth * input + outHeight * outWidth * (taps + output);
    const costs = new Int32Array(costPlaces);
    costs[INPUT] = input;
    costs[PARAMETERS_EACH] = input + 2 + taps + 2 + output;
    costs[MACS_EACH] = macs;
    costs[FINE_EACH] = fine ? macs : 0;
    const depthwise = this.#depthwiseBytes(kernel) + this.channelBytes;
    if (this.#helium) {
      costs[BYTES_EACH] = depthwise;
      costs[BYTES_OF_FOUR] = 64 * sixteens(input) + 4 * this.channelBytes;
      costs[BYTES_OF_SIXTEEN] = 64 * fours(output);
    } else {
      costs[BYTES_EACH] = this.#packed(input) + this.channelBytes + depthwise + (dsp ? 0 : output);
      costs[BYTES_OF_FOUR] = dsp ? 8 * output : 0;
    }
    costs[OUT_ROWS] = outHeight * output;
    costs[OUT_WIDTH] = outWidth;
    const activation = this.#activation();
    return { maps, bytes: bytesOf(maps, this.layout), costs, activation, toPlanes, speed: undefined, ram: undefined };
  }

  #addHead(head: BuiltHead, { outHeight, outWidth, output }: BlockMaps, blocks: number): void {
    const pixels = outHeight * outWidth;
    let activations = 2 * blocks;
    if (head.kind === "classifier") {
      const widths = denseWidths(head, output);
      const vector = (products: number): number => (this.#dsp ? 4 * Math.ceil(products / 4) : products);
      for (let i = 1; i < widths.length; i++) {
        const [products, filters] = [widths[i - 1], widths[i]];
        if (this.#helium) this.#addProduct(1, filters, products, 1);
        else this.#addLayer(1, filters, products, 1, filters * (vector(products) + this.channelBytes));
      }
    } else if (head.kind === "yolov2") {
      activations += 2;
      this.#addDepthwise(pixels, output, 2);
      this.#addProduct(pixels, head.filters, output, 2);
      this.#addProduct(pixels, yolov2Channels(head), head.filters, 1);
    }
    this.fixed.weightBytes += activations * this.#table * tableBytes;
  }

  #startOf(input: NetworkInput, stem: Frame["stem"], first: BlockMaps): KnownStart {
    const key =
      (stem.channels * 2048 + first.output) * 16 +
      8 * Number(this.#whole) +
      4 * Number(first.skip) +
      2 * this.#table +
      (stem.stride - 1);
    return this.#known.start(input, key, () => {
      const frame = { dsp: this.#dsp, helium: this.#helium, whole: this.#whole, input, stem, first };
      const instructions = startInstructions(this.#known.count, frame, this.#activation());
      return { memory: startOf(frame), instructions };
    });
  }

  #endOf(head: BuiltHead, last: BlockMaps): KnownEnd {
    const table = this.#table;
    const key = ((last.output * 512 + last.outHeight) * 512 + last.outWidth) * 4 + 2 * Number(last.skip) + table;
    return this.#known.end(head, key, () => {
      const dsp = this.#dsp;
      const shape: Frame["head"] =
        head.kind === "classifier"
          ? { kind: "classifier", widths: denseWidths(head, last.output).slice(1) }
          : head.kind === "yolov2"
            ? { kind: "yolov2", filters: head.filters }
            : { kind: "none" };
      return {
        memory: endOf({ dsp, helium: this.#helium, head: shape }, last),
        instructions: headInstructions(this.#known.count, this.layout, head, last, this.#activation()),
      };
    });
  }
}

interface Taken {
  readonly network: MicromindPhinet;
  /** Channels of the stem. */
  readonly channels: number;
  readonly blocks: readonly PhinetBlock[];
}

function isAlike(a: Taken, b: Taken): boolean {
  const [one, other] = [a.network, b.network];
  if (a.channels !== b.channels || a.blocks.length !== b.blocks.length) return false;
  if (one.input !== other.input || one.head !== other.head || one.stemStride !== other.stemStride) return false;
  if (one.divisor !== other.divisor || one.activation !== other.activation) return false;
  if (one.compatibility !== other.compatibility) return false;
  for (let i = 0; i < a.blocks.length; i++) {
    const [x, y] = [a.blocks[i], b.blocks[i]];
    if (x.input !== y.input || x.output !== y.output || x.kernel !== y.kernel) return false;
    if (x.stride !== y.stride || x.skip !== y.skip) return false;
  }
  return true;
}

function mapsOf(block: PhinetBlock, height: number, width: number, padding: number): BlockMaps {
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
