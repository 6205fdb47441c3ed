/**
 * What a PhiNet costs on a board, from its hyper-parameters alone: neither graph nor program is built, so that a second costs
 * millions of networks. Every figure is what the firmware program gives (a test compares them): parameters, MACs, weight
 * and arena bytes to the unit, instructions up to the rounding of their sum.
 *
 * How: networks that differ only in beta, t0 and squeeze-and-excite have the same block ends, map sizes and strides (a
 * `Skeleton`). In a block, instructions are linear in the expanded width h and in how often two, four and eight go into it
 * (the loops of target/kernels.ts), so six widths decide them. Memory is a sum of rings a phase (memory.ts).
 * Stem convolution with stride, no pooling, maps of more than one pixel: what the lattice holds.
 */
import { coreCosts } from "../cost/index.js";
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
import {
  arenaOf,
  type Board,
  hasDsp,
  type Kernel,
  kernels,
  type ProgramWish,
  packedRuns,
  type StepShape,
} from "../target/index.js";
import {
  arenaOfBlocks,
  type BlockMaps,
  bytesOf,
  type Frame,
  type Layout,
  layoutOf,
  type PreparedBlock,
  scheduleEntries,
} from "./memory.js";

export interface Estimate {
  readonly parameters: number;
  readonly macs: number;
  /** MACs of the backbone on maps of at most an eighth of the input's sides: what sees small things. */
  readonly fineMacs: number;
  /** Of one inference. */
  readonly instructions: number;
  /** Weights, biases, requantisation and tables. */
  readonly weightBytes: number;
  /** Working memory of the firmware program. */
  readonly arenaBytes: number;
  /** Entries of its schedule. */
  readonly entries: number;
  /** Which program it is: the fastest fits, or the smallest is taken. */
  readonly optimize: "speed" | "ram";
}

/** Sums that grow layer by layer. */
interface Totals {
  parameters: number;
  macs: number;
  fineMacs: number;
  weightBytes: number;
}

/** Factors of 1, h, ceil(h / 2), floor(h / 4), ceil(h / 4), ceil(h / 8) for an expanded width h. */
type Loops = Float64Array;
const steps = 6;
const stepOf = (i: number, h: number): number =>
  [1, h, Math.ceil(h / 2), Math.floor(h / 4), Math.ceil(h / 4), Math.ceil(h / 8)][i];

/** Of the fastest program, and of the smallest, which is counted where the fastest does not fit. */
interface BlockLoops {
  readonly plain: Loops;
  readonly squeezed: Loops;
  readonly small: () => { readonly plain: Loops; readonly squeezed: Loops };
}

/** A block but for its expanded width. */
interface Segment extends PreparedBlock, BlockLoops {
  /**
   * The block's input channels; then what an expanded channel adds to parameters, MACs, MACs on fine maps, and bytes of
   * weights; last the bytes of a group of four. One array, because objects are slow to read millions of times.
   */
  readonly numbers: Float64Array;
}

export interface Skeleton {
  readonly segments: readonly Segment[];
  readonly layout: Layout;
  readonly fixed: Readonly<Totals>;
  readonly instructions: { readonly speed: number; readonly ram: number };
  /** What an entry of the schedule takes. */
  readonly entry: number;
  /** What squeeze-and-excite adds whatever its width. */
  readonly squeezeTableBytes: number;
  /** Bytes of a weight and of a channel of its two layers, which come in groups of so many weights. */
  readonly squeezeGroup: number;
  readonly channelBytes: number;
  readonly divisor: number;
  /** Instructions of its two layers. */
  readonly squeeze: (hidden: number, narrow: number) => number;
  /** Of a projection on a Cortex-M0, whose filters are unpacked for each run of pixels: a weight's. */
  readonly packedRate: number;
  /** From which arena on the smallest program is taken. */
  readonly ramBytes: number;
  readonly optimize: "speed" | "ram";
}

const tableBytes = 256;
const none: StepShape = {
  rows: 0,
  width: 1,
  inputWidth: 1,
  channels: 0,
  filters: 0,
  products: 0,
  size: 1,
  stride: 1,
  padLeft: 0,
  table: 0,
};

/** What a layer does to its results: looks them up, or clamps them (ReLU6). */
type Activation = Pick<StepShape, "table" | "clamped">;

type Count = (kernel: Kernel, shape: Partial<StepShape>) => number;

/** Instructions of a step on a core; like cost's `instructionsOf`. */
function counterOf(board: Board): Count {
  const { kernels: own, step } = coreCosts(board);
  const { kernels: others } = coreCosts({ countedAs: "cortex-m7" });
  return (kernel, partial) => {
    const shape = { ...none, ...partial };
    const figures = own[kernel] ?? others[kernel] ?? {};
    const terms: Readonly<Record<string, number>> = kernels[kernel].terms(shape);
    let sum = shape.rows * step;
    for (const name in terms) sum += terms[name] * (figures[name] ?? 0);
    return sum;
  };
}

/** A block's steps for an expanded width, without and with squeeze-and-excite. */
function blockInstructions(
  count: Count,
  maps: BlockMaps,
  hidden: number,
  planes: "planes16" | "planes8",
  dsp: boolean,
  activation: Activation,
  toPlanes: boolean,
): [plain: number, squeezed: number] {
  const { input, output, kernel, stride, padding, skip, inHeight, inWidth, outHeight, outWidth } = maps;
  const taken = { inputHeight: inHeight, rows: inHeight, width: inWidth, inputWidth: inWidth, channels: input };
  const expand = { ...taken, filters: hidden, products: input, ...activation };
  const depthwise = {
    ...{ rows: outHeight, width: outWidth, inputWidth: inWidth, channels: hidden, filters: hidden },
    ...{ products: kernel * kernel, size: kernel, stride, padLeft: padding, inputHeight: inHeight, padTop: padding },
    ...activation,
  };
  const out = { rows: outHeight, width: outWidth, inputWidth: outWidth };
  const project = { ...out, channels: hidden, filters: output, products: hidden };
  const wide = { ...out, channels: hidden, filters: hidden };
  const sum = skip ? count(dsp ? "dsp_add" : "add", { ...out, channels: output, filters: output }) : 0;
  if (!dsp) {
    const plain = sum + count("pointwise", expand) + count("depthwise", depthwise) + count("pointwise", project);
    return [plain, plain + count("mean", { ...wide, width: 1 }) + count("multiply", { ...wide, broadcast: 1 })];
  }
  const common =
    sum +
    count("dsp_quads_nhwc", { ...taken, filters: input }) +
    count(`dsp_product_${planes}`, expand) +
    count(toPlanes ? `dsp_product_${planes}` : "dsp_product_nhwc", project);
  const squeeze = count("dsp_mean", { ...wide, width: 1 }) + count("dsp_quads_scaled", wide);
  const size = kernel as 3 | 5;
  return [
    common + count(`dsp_depthwise${size}_${planes}_quads`, depthwise),
    common + count(`dsp_depthwise${size}_${planes}_map8`, depthwise) + squeeze,
  ];
}

/** Widths at which the six are independent, and what brings the instructions there back to the factors. */
const probes = [4, 5, 7, 10, 16, 19];
const solution = inverse(probes.map((h) => Array.from({ length: steps }, (_, i) => stepOf(i, h))));

function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, k) => Number(i === k))]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i; k < n; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    const divisor = rows[i][i];
    rows[i] = rows[i].map((value) => value / divisor);
    for (let k = 0; k < n; k++) {
      const factor = rows[k][i];
      if (k !== i) rows[k] = rows[k].map((value, j) => value - factor * rows[i][j]);
    }
  }
  return rows.map((row) => row.slice(n));
}

/** A block's factors; those of the smallest program once the fastest does not fit. */
function blockLoops(
  count: Count,
  maps: BlockMaps,
  dsp: boolean,
  activation: Activation,
  toPlanes: boolean,
  packedRate: number,
): BlockLoops {
  const { outHeight, outWidth, output } = maps;
  const of = (planes: "planes16" | "planes8"): { plain: Loops; squeezed: Loops } => {
    const counted = probes.map((hidden) => {
      const unpacking = packedRate === 0 ? 0 : hidden * packedRuns(outWidth, hidden) * outHeight * output * packedRate;
      const both = blockInstructions(count, maps, hidden, planes, dsp, activation, toPlanes);
      return both.map((instructions) => instructions - unpacking);
    });
    const solve = (which: 0 | 1): Loops =>
      Float64Array.from(solution, (row) => row.reduce((sum, factor, i) => sum + factor * counted[i][which], 0));
    return { plain: solve(0), squeezed: solve(1) };
  };
  const speed = of("planes16");
  let ram = dsp ? undefined : speed;
  return {
    ...speed,
    small: () => {
      ram ??= of("planes8");
      return ram;
    },
  };
}

function evaluate(loops: Loops, h: number): number {
  const quarter = h >> 2;
  const groups = (h + 3) >> 2;
  return (
    loops[0] +
    loops[1] * h +
    loops[2] * ((h + 1) >> 1) +
    loops[3] * quarter +
    loops[4] * groups +
    loops[5] * ((groups + 1) >> 1)
  );
}

/** Blocks' loops by everything but their widths' ratio, stems and heads: the lattice asks for the same again and again. */
const known = new WeakMap<
  Board,
  {
    readonly blocks: Map<number, Segment>;
    readonly fixed: Map<string, { readonly speed: number; readonly ram: number }>;
  }
>();

/** Instructions of a squeeze's two layers by expanded width, for each divisor and activation. */
const squeezeCosts = new WeakMap<Board, Map<number, Float64Array>>();
const widestCached = 8192;

/** What all networks with the given one's blocks, alpha, divisor, layout, input and head have in common. */
export function skeleton(network: MicromindPhinet, board: Board, wish: ProgramWish = {}): Skeleton {
  const dsp = hasDsp(board);
  const { optimize = "speed", input: how = "whole", ramBytes = arenaOf(board).bytes } = wish;
  const count = counterOf(board);
  const packedRate = dsp ? 0 : ((coreCosts(board).kernels.pointwise?.packed as number | undefined) ?? 0);
  const hardswish = network.activation === "hardswish" && !network.compatibility;
  const table = hardswish ? 1 : 0;
  const activated: Activation = { table, clamped: 1 - table };
  const activationBytes = hardswish ? tableBytes : 0;
  const channelBytes = dsp ? 12 : 9;
  const fixed: Totals = { parameters: 0, macs: 0, fineMacs: 0, weightBytes: 0 };
  const instructions = { speed: 0, ram: 0 };
  const always = (amount: number): void => {
    instructions.speed += amount;
    instructions.ram += amount;
  };
  const fixedCosts = known.get(board) ?? { blocks: new Map(), fixed: new Map() };
  known.set(board, fixedCosts);
  /** Adds what `count` adds to the instructions; counted once a key. */
  const once = (key: string, count: () => void): void => {
    const before = { ...instructions };
    const cost = fixedCosts.fixed.get(key);
    if (cost === undefined) {
      count();
      const { speed, ram } = instructions;
      fixedCosts.fixed.set(key, { speed: speed - before.speed, ram: ram - before.ram });
    } else {
      instructions.speed += cost.speed;
      instructions.ram += cost.ram;
    }
  };
  const packed = (products: number): number => (dsp ? 8 * Math.ceil(products / 4) : products);
  const vector = (products: number): number => (dsp ? 4 * Math.ceil(products / 4) : products);

  /** A convolution; `extra` counts the trained values beside its weights: two a channel for batch norm, one for a bias. */
  const layer = (pixels: number, filters: number, products: number, extra: number, bytes: number): void => {
    fixed.parameters += filters * (products + extra);
    fixed.weightBytes += filters * (bytes + channelBytes);
    fixed.macs += pixels * filters * products;
  };
  const depthwiseBytes = (kernel: number): number => (dsp ? (kernel === 3 ? 24 : 80) : kernel * kernel);
  const activation = (): void => {
    fixed.weightBytes += activationBytes;
  };
  const dense = (inputs: number, filters: number, activation: Partial<Activation> = {}): number =>
    count(dsp ? "dsp_dense" : "pointwise", {
      ...{ rows: 1, inputHeight: 1, channels: inputs, filters, products: inputs, ...activation },
    });

  const { height, width, channels } = network.input;
  const before = Math.max(height, width) % 2;
  const down = (size: number, padding: number, kernel: number, stride: number): number =>
    Math.floor((size + padding - kernel) / stride) + 1;
  let [h, w] = [down(height, before + 1, 3, network.stemStride), down(width, before + 1, 3, network.stemStride)];
  const stem = stemFilters(network);
  const blocks = phinetBlocks(network);
  const [block0] = blocks;
  const next0 = (size: number): number => down(size, 2, 3, block0.stride);

  // The stem: a depthwise layer on the picture, and a 1x1 to `stem` channels.
  layer(h * w, channels, 9, 0, depthwiseBytes(3)); // no batch norm between the stem's two convolutions
  layer(h * w, stem, channels, 2, packed(channels));
  activation();
  // Block 0: depthwise on the stem's map, then a 1x1. With a residual sum the stem's map is read twice and lies as NHWC.
  const [h0, w0] = [next0(h), next0(w)];
  layer(h0 * w0, stem, 9, 2, depthwiseBytes(3));
  activation();
  layer(h0 * w0, block0.output, stem, 2, packed(stem));
  once(`stem ${[height, width, channels, network.stemStride, block0.stride, stem, block0.output, table]}`, () => {
    const stemDepthwise = {
      ...{ rows: h, width: w, inputWidth: width, channels, filters: channels, products: 9, size: 3 },
      ...{ stride: network.stemStride, padLeft: before, inputHeight: height, padTop: before },
    };
    const stemProduct = { rows: h, width: w, inputWidth: w, channels, filters: stem, products: channels, ...activated };
    const depthwise0 = {
      ...{ rows: h0, width: w0, inputWidth: w, channels: stem, filters: stem, products: 9, size: 3 },
      ...{ stride: block0.stride, padLeft: 1, inputHeight: h, padTop: 1, ...activated },
    };
    const project0 = { rows: h0, width: w0, inputWidth: w0, channels: stem, filters: block0.output, products: stem };
    const sum0 = { rows: h0, width: w0, inputWidth: w0, channels: block0.output, filters: block0.output };
    if (dsp) {
      always(
        count("dsp_planes8", { rows: height, width, inputWidth: width, channels, filters: channels }) +
          count("dsp_depthwise3_planes8_quads", stemDepthwise) +
          count("dsp_product_nhwc", project0),
      );
      if (block0.skip)
        always(
          count("dsp_product_nhwc", stemProduct) +
            count("dsp_planes8", { rows: h, width: w, inputWidth: w, channels: stem, filters: stem }) +
            count("dsp_depthwise3_planes8_quads", depthwise0) +
            count("dsp_add", sum0),
        );
      else
        for (const [plan, planes] of [
          ["speed", "planes16"],
          ["ram", "planes8"],
        ] as const)
          instructions[plan] +=
            count(`dsp_product_${planes}`, stemProduct) + count(`dsp_depthwise3_${planes}_quads`, depthwise0);
    } else
      always(
        count("depthwise", stemDepthwise) +
          count("pointwise", stemProduct) +
          count("depthwise", depthwise0) +
          count("pointwise", project0) +
          (block0.skip ? count("add", sum0) : 0),
      );
  });
  fixed.fineMacs = fixed.macs;

  const byDivisor = squeezeCosts.get(board) ?? new Map<number, Float64Array>();
  squeezeCosts.set(board, byDivisor);
  const cached = byDivisor.get(2 * network.divisor + table) ?? new Float64Array(widestCached);
  byDivisor.set(2 * network.divisor + table, cached);
  const squeeze = (hidden: number, narrow: number): number => {
    // An activation after the first, a sigmoid after the second.
    const both = (): number => dense(hidden, narrow, activated) + dense(narrow, hidden, { table: 1 });
    if (hidden >= widestCached) return both();
    cached[hidden] ||= both();
    return cached[hidden];
  };
  const { blocks: cache } = fixedCosts;
  const segments: Segment[] = [];
  let stride = network.stemStride * block0.stride;
  const stemMap = { height: h, width: w };
  [h, w] = [h0, w0];
  for (const block of blocks.slice(1)) {
    const { kernel, input, output, skip } = block;
    const padding = block.stride === 2 ? 1 : (kernel - 1) / 2;
    const outHeight = down(h, 2 * padding, kernel, block.stride);
    const outWidth = down(w, 2 * padding, kernel, block.stride);
    stride *= block.stride;
    // The head's depthwise layer alone reads the last block's output: its projection writes planes.
    const toPlanes = dsp && network.head.kind === "yolov2" && block === blocks.at(-1) && !skip;
    const fine = stride <= 8;
    // Widths below 2^11, sides below 2^9: exact in a double.
    const kinds = [kernel === 5, block.stride === 2, skip, table === 1, toPlanes, fine];
    const flags = kinds.reduce((bits, is) => 2 * bits + Number(is), 0);
    const key = (((input * 2048 + output) * 512 + h) * 512 + w) * 64 + flags;
    let segment = cache.get(key);
    if (segment === undefined) {
      const maps: BlockMaps = {
        ...{ input, output, kernel, stride: block.stride, padding, skip },
        ...{ inHeight: h, inWidth: w, outHeight, outWidth },
      };
      const taps = kernel * kernel;
      const macs = h * w * input + outHeight * outWidth * (taps + output);
      segment = {
        ...maps,
        bytes: bytesOf(maps, dsp),
        numbers: Float64Array.of(
          input,
          input + 2 + taps + 2 + output,
          macs,
          fine ? macs : 0,
          packed(input) + depthwiseBytes(kernel) + 2 * channelBytes + (dsp ? 0 : output),
          dsp ? 8 * output : 0,
        ),
        ...blockLoops(count, maps, dsp, activated, toPlanes, packedRate),
      };
      cache.set(key, segment);
    }
    segments.push(segment);
    activation();
    activation();
    fixed.parameters += 2 * output;
    fixed.weightBytes += channelBytes * output;
    h = outHeight;
    w = outWidth;
  }

  const { head } = network;
  const features = blocks.at(-1)!.output;
  if (head.kind === "classifier") {
    const widths = [features, ...(head.features ? [head.features] : []), classCount(head)];
    for (let i = 1; i < widths.length; i++) layer(1, widths[i], widths[i - 1], 1, vector(widths[i - 1]));
    once(`classifier ${[h, w, widths, table]}`, () => {
      always(count("mean", { rows: h, width: 1, inputWidth: w, channels: features, filters: features }));
      for (let i = 1; i < widths.length; i++) always(dense(widths[i - 1], widths[i]));
    });
  } else if (head.kind === "yolov2") {
    const predictions = yolov2Channels(head);
    layer(h * w, features, 9, 2, depthwiseBytes(3));
    activation();
    layer(h * w, head.filters, features, 2, packed(features));
    activation();
    layer(h * w, predictions, head.filters, 1, packed(head.filters));
    once(`yolov2 ${[h, w, features, head.filters, predictions, table, blocks.at(-1)!.skip]}`, () => {
      const row = { rows: h, width: w, inputWidth: w };
      const wide = {
        ...row,
        channels: features,
        filters: features,
        products: 9,
        size: 3,
        padLeft: 1,
        inputHeight: h,
        padTop: 1,
        ...activated,
      };
      const filters = { ...row, channels: features, filters: head.filters, products: features, ...activated };
      const predict = { ...row, channels: head.filters, filters: predictions, products: head.filters };
      const direct = dsp && !blocks.at(-1)!.skip;
      if (direct) {
        instructions.speed += count("dsp_depthwise3_planes16_quads", wide);
        instructions.ram += count("dsp_depthwise3_planes8_quads", wide);
      }
      always(
        dsp
          ? (direct
              ? 0
              : count("dsp_planes8", { ...row, channels: features, filters: features }) +
                count("dsp_depthwise3_planes8_quads", wide)) +
              count("dsp_product_nhwc", filters) +
              count("dsp_quads_nhwc", { ...row, channels: head.filters, filters: head.filters }) +
              count("dsp_product_nhwc", predict)
          : count("depthwise", wide) + count("pointwise", filters) + count("pointwise", predict),
      );
    });
  }
  const frame: Frame = {
    dsp,
    whole: how === "whole",
    input: network.input,
    stem: { ...stemMap, stride: network.stemStride, padding: before, channels: stem },
    first: { height: h0, width: w0, channels: block0.output, stride: block0.stride, skip: block0.skip },
    head:
      head.kind === "classifier"
        ? { kind: "classifier", widths: [...(head.features ? [head.features] : []), classCount(head)] }
        : head.kind === "yolov2"
          ? { kind: "yolov2", filters: head.filters, predictions: yolov2Channels(head) }
          : { kind: "none" },
  };
  return {
    segments,
    layout: layoutOf(frame, segments),
    fixed,
    instructions,
    entry: coreCosts(board).entry,
    squeezeTableBytes: segments.length * (activationBytes + tableBytes), // an activation's and a sigmoid's
    squeezeGroup: dsp ? 4 : 1,
    channelBytes,
    divisor: network.divisor,
    squeeze,
    packedRate,
    ramBytes,
    optimize: dsp ? optimize : "speed",
  };
}

/** Expansion factors of blocks 1, 2, ... of `blocks`: what beta and t0 decide. */
export function expansionFactors(network: MicromindPhinet, blocks: number): Float64Array {
  return Float64Array.from({ length: Math.max(3, blocks) }, (_, i) => expansionFactor(network, i + 1, blocks));
}

/** Places in what `costBoth` writes; the network with squeeze-and-excite follows `fields` places later. */
export const [PARAMETERS, MACS, FINE_MACS, INSTRUCTIONS, WEIGHT_BYTES, ARENA_BYTES, fields] = [0, 1, 2, 3, 4, 5, 6];

const hiddens = new Int32Array(64);
const squeezes = new Int32Array(64);
/** Of the last networks that `costBoth` costed, without and with squeeze-and-excite. */
const lastEntries = [0, 0];
const lastPlans: ["speed" | "ram", "speed" | "ram"] = ["speed", "speed"];

/** Of all steps but the squeezes', for the widths in `hiddens`. */
function stepInstructions(common: Skeleton, plan: "speed" | "ram", squeezed: boolean): number {
  const { segments, packedRate } = common;
  let sum = common.instructions[plan];
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    const loops = plan === "speed" ? segment : segment.small();
    sum += evaluate(squeezed ? loops.squeezed : loops.plain, hiddens[i]);
  }
  if (packedRate > 0)
    for (let i = 0; i < segments.length; i++) {
      const { outWidth, outHeight, output } = segments[i];
      sum += packedRate * outHeight * output * hiddens[i] * packedRuns(outWidth, hiddens[i]);
    }
  return sum;
}

/** Most of each resource; Infinity where nothing limits it. */
export interface Limits {
  readonly arenaBytes: number;
  readonly weightBytes: number;
  readonly instructions: number;
  readonly macs: number;
}

/**
 * Costs of a network without and with squeeze-and-excite, into `out[0..2 * fields - 1]`.
 * @param limits where a network exceeds one of weights, MACs and instructions, its arena is not looked at: it is Infinity
 */
export function costBoth(common: Skeleton, factors: Float64Array, out: Float64Array, limits?: Limits): void {
  const { segments, fixed, divisor, squeezeGroup, layout } = common;
  let { parameters, macs, fineMacs, weightBytes } = fixed;
  let squeezeWeights = 0;
  let squeezeBytes = 0;
  let squeezeChannels = 0;
  let squeezeFineMacs = 0;
  let squeezeInstructions = 0;
  for (let i = 0; i < segments.length; i++) {
    const numbers = segments[i].numbers;
    const hidden = widthOf(factors[i] * numbers[0], divisor);
    const squeeze = widthOf(Math.max(1, Math.trunc(hidden / 6)), divisor);
    hiddens[i] = hidden;
    squeezes[i] = squeeze;
    parameters += numbers[1] * hidden;
    macs += numbers[2] * hidden;
    fineMacs += numbers[3] * hidden;
    weightBytes += numbers[4] * hidden + numbers[5] * ((hidden + 3) >> 2);
    squeezeWeights += 2 * hidden * squeeze;
    squeezeBytes +=
      squeezeGroup === 4 ? ((hidden + 3) & ~3) * squeeze + ((squeeze + 3) & ~3) * hidden : 2 * hidden * squeeze;
    squeezeChannels += hidden + squeeze;
    if (numbers[3] > 0) squeezeFineMacs += 2 * hidden * squeeze;
    squeezeInstructions += common.squeeze(hidden, squeeze);
  }
  for (let squeezed = 0; squeezed < 2; squeezed++) {
    const at = squeezed * fields;
    const work = macs + squeezed * squeezeWeights;
    const weights =
      weightBytes + squeezed * (squeezeBytes + common.channelBytes * squeezeChannels + common.squeezeTableBytes);
    let plan = common.optimize;
    const squeezing = squeezed * squeezeInstructions;
    let instructions = squeezing + stepInstructions(common, plan, squeezed === 1);
    let arena = Number.POSITIVE_INFINITY;
    if (
      limits === undefined ||
      (weights <= limits.weightBytes && work <= limits.macs && instructions <= limits.instructions)
    ) {
      const narrow = squeezed === 1 ? squeezes : undefined;
      arena = arenaOfBlocks(layout, hiddens, narrow, plan);
      if (plan === "speed" && layout.frame.dsp && arena > common.ramBytes) {
        plan = "ram";
        instructions = squeezing + stepInstructions(common, plan, squeezed === 1);
        arena = arenaOfBlocks(layout, hiddens, narrow, plan);
      }
      instructions += scheduleEntries * common.entry;
      lastEntries[squeezed] = scheduleEntries;
      lastPlans[squeezed] = plan;
    }
    out[at + PARAMETERS] = parameters + squeezed * squeezeWeights;
    out[at + MACS] = work;
    out[at + FINE_MACS] = fineMacs + squeezed * squeezeFineMacs;
    out[at + INSTRUCTIONS] = instructions;
    out[at + WEIGHT_BYTES] = weights;
    out[at + ARENA_BYTES] = arena;
  }
}

/** `roundWidth`, without its divisions where there is nothing to round. */
function widthOf(width: number, divisor: number): number {
  return divisor === 1 ? Math.max(1, Math.trunc(width)) : roundWidth(width, divisor);
}

/** Costs of one network. */
export function estimate(network: MicromindPhinet, board: Board, wish: ProgramWish = {}): Estimate {
  const out = new Float64Array(2 * fields);
  const common = skeleton(network, board, wish);
  costBoth(common, expansionFactors(network, roundHalfToEven(network.blocks)), out);
  const at = network.squeezeExcite && !network.compatibility ? fields : 0;
  return {
    parameters: out[at + PARAMETERS],
    macs: out[at + MACS],
    fineMacs: out[at + FINE_MACS],
    instructions: out[at + INSTRUCTIONS],
    weightBytes: out[at + WEIGHT_BYTES],
    arenaBytes: out[at + ARENA_BYTES],
    entries: lastEntries[at / fields],
    optimize: lastPlans[at / fields],
  };
}
