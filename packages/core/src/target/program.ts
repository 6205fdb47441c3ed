/**
 * The firmware program of a network: kernels in order, rings of rows, the schedule, and the place of everything in
 * memory. Cost, memory map, `inspect`, `fit`'s exact check, the C emitter and the linker script all read this one
 * object.
 */
import type { Graph } from "../graph/index.js";
import { defaultAnchors, type Yolov2Head } from "../networks/index.js";
import { type BankOptions, type BankPlacement, placeInBanks } from "./banks.js";
import { blockable, blockSizes, inBlocks } from "./blocks.js";
import { arenaOf, type Board } from "./board.js";
import { flashBytesOf } from "./flash.js";
import type { Kernel } from "./kernels.js";
import { aligned, blocksOf, readSlackBytes, rowStride, type Value } from "./layout.js";
import { lowerToSteps } from "./lowering/index.js";
import { boxesOf, type Memory, rowsWithin, trafficOf } from "./memory.js";
import { type Box, placeBoxes } from "./place.js";
import { roomsFor } from "./room.js";
import { type Lowering, type LoweringOptions, quadsOfProduct, type Step } from "./steps.js";
import { type Stream, stream } from "./stream.js";
import { weightBytesOf } from "./weights.js";

export interface ProgramOptions {
  /** Use the kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Use the Helium kernels instead, with all rows NHWC; excludes `dsp`. Default false. */
  readonly helium?: boolean;
  /** "speed" holds rings before depthwise layers as int16, "ram" as int8. Default "speed". */
  readonly optimize?: "speed" | "ram";
  /**
   * Whether the whole picture lies in working memory, or its rows are pushed and it need not exist as a whole. Default
   * "whole".
   */
  readonly input?: "whole" | "rows";
  /**
   * Use rings in blocks of channels (blocks.ts) where they shrink the smallest program of DSP kernels, which makes it
   * slower. Default false.
   */
  readonly blocks?: boolean;
  /** As in `LoweringOptions`. Default 0. */
  readonly byteWeightsUpTo?: number;
  /** As in `LoweringOptions`. Default: none. */
  readonly uniformLayers?: ReadonlySet<string>;
}

/** A place in working memory. */
export interface Spot {
  /** Index in the program's banks. */
  readonly bank: number;
  /** Bytes from the start of the program's part of that bank. */
  readonly offset: number;
}

/** Location of a value's rows; the spot is that of row 0. */
export interface Place extends Spot {
  readonly rows: number;
  readonly stride: number;
  /** For a ring in blocks: number of slots, which are `stride` bytes apart. */
  readonly slots?: number;
  readonly bytes: number;
  /** First and last time of use, in the unit of `Program.times`. */
  readonly first: number;
  readonly last: number;
  /** Counts of the first bytes that become free after a time; rising. Default: none. */
  readonly frees?: Box["frees"];
}

/** The part of a bank that a program uses; one array in C. */
export interface BankUse {
  /** The board's region; absent for the arena's own region, and where the program was made for no board. */
  readonly region?: string;
  readonly bytes: number;
}

export interface Program {
  readonly options: Required<ProgramOptions>;
  readonly lowering: Lowering;
  readonly stream: Stream;
  /**
   * Number of times that places distinguish: phases, which are groups that run together, one phase after the other; or,
   * where it saves bytes, entries of the schedule at which something comes into use.
   */
  readonly times: number;
  /** Number of blocks that stream into each other at the start; every later block's output is held whole. */
  readonly prefix: number;
  /** Places of all values except the graph's outputs, which go to the caller's buffer. */
  readonly places: ReadonlyMap<string, Place>;
  /** Working memory of each step that needs it in addition to its rows. */
  readonly scratch: ReadonlyMap<Step, Spot>;
  /** Areas shared by data that lives within one firing; `first` and `last` as in `Place`. */
  readonly scratchAreas: readonly (Spot & Pick<Place, "bytes" | "first" | "last" | "frees">)[];
  /** The banks in use, fastest first; at least one. */
  readonly banks: readonly BankUse[];
  /** All working memory, summed over the banks: rings, maps, scratch and, with input "whole", the picture. */
  readonly arenaBytes: number;
  /** Most bytes alive at once; no placement is smaller. */
  readonly lowerBoundBytes: number;
}

/** A user's requests for a board's program. */
export interface ProgramRequest extends Pick<ProgramOptions, "input" | "uniformLayers"> {
  /**
   * Which of the programs that fit is chosen: the fastest ("speed"), one with little working memory ("ram"), the one
   * with the least, which takes more instructions ("least-ram"), or the one with the smallest flash ("flash"). Default
   * "speed".
   */
  readonly optimize?: "speed" | "ram" | "least-ram" | "flash";
  /**
   * Most bytes of working memory, which decides between the fastest and the smallest program. Default: the board's
   * arena region. The smallest program may take more where no single bank can hold it.
   */
  readonly ramBytes?: number;
  /**
   * Most bytes of the image. Where it is larger, products get byte weights, starting with those that slow down least.
   * Default: the board's flash.
   */
  readonly flashBytes?: number;
}

/**
 * Whether a board uses the kernels of the DSP extension. A core with Helium has the extension too, but uses better
 * kernels.
 */
export function hasDsp({ simd }: Pick<Board, "simd">): boolean {
  return simd === "dsp";
}

export function hasHelium({ simd }: Pick<Board, "simd">): boolean {
  return simd === "helium";
}

/**
 * A network's program on a board: the fastest one if its working memory fits the arena's region, else (or with
 * `optimize: "ram"`) the smallest, which may be spread over all banks. In the fastest program, the most read boxes lie
 * in banks faster than the arena's, as far as this costs no more than the slack of each bank. As many weights are bytes
 * as the flash limit requires; with `optimize: "flash"`, all are. Does not check that everything fits: see
 * `exceededRegions`. Throws as `makeProgram` does.
 */
export function programOf(deployed: Graph, board: Board, programRequest: ProgramRequest = {}): Program {
  const {
    ramBytes = arenaOf(board).bytes,
    flashBytes = board.flashBytes,
    optimize = "speed",
    ...rest
  } = programRequest;
  let options: ProgramOptions = {
    ...{ ...rest, dsp: hasDsp(board), helium: hasHelium(board) },
    optimize: optimize === "ram" || optimize === "least-ram" ? "ram" : "speed",
    blocks: optimize === "least-ram",
    byteWeightsUpTo: optimize === "flash" ? Number.POSITIVE_INFINITY : 0,
  };
  let plan = planOf(deployed, options);
  if (options.dsp && options.optimize !== "ram") {
    const bytes = placeBoxes(plan.memory.lives).bytes + readSlackBytes;
    if (bytes > ramBytes) {
      options = { ...options, optimize: "ram" };
      plan = planOf(deployed, options);
    }
  }
  if (options.dsp && optimize !== "flash") {
    const byteWeightsUpTo = byteWeightsFor(plan, board, flashBytes);
    if (byteWeightsUpTo > 0) plan = planOf(deployed, { ...options, byteWeightsUpTo });
  }
  const banks = roomsFor(board, plan.lowering, plan.options.input);
  const home = banks.findIndex(({ region }) => region === board.arenaRegion);
  const growthBytes = plan.options.optimize === "ram" ? 0 : (banks.length - 1) * slackOf(plan.options);
  return placed(plan, { banks, home, growthBytes, mostBytes: programRequest.ramBytes });
}

/** The head that every image is counted with. A detector's head for all tasks gives a network one plan. */
const countedHead: Yolov2Head = {
  kind: "yolov2",
  ...{ classes: 1, filters: 1, anchors: defaultAnchors, decoder: "yolov2" },
};

/**
 * The `byteWeightsUpTo` at which a program's image, counted as a detector's, takes at most `flashBytes`, or is as small
 * as possible. Halving the weights of a map of n quads costs n / 2 instructions per byte, so those of small maps are
 * halved first.
 */
function byteWeightsFor(plan: Plan, board: Board, flashBytes: number): number {
  const { values, steps } = plan.lowering;
  let excess = flashBytesOf(plan, board, { head: countedHead }).total - flashBytes;
  if (excess <= 0) return 0;
  const products = steps
    .map((step) => ({ quads: quadsOfProduct(step, values), step }))
    .filter(({ quads }) => Number.isFinite(quads))
    .sort((a, b) => a.quads - b.quads);
  for (const { quads, step } of products) {
    excess -= weightBytesOf(step, plan.lowering) - weightBytesOf({ ...step, byteWeights: true }, plan.lowering);
    if (excess <= 0) return quads;
  }
  return Number.POSITIVE_INFINITY;
}

/** Bytes that each bank has after its last value. */
function slackOf({ dsp }: ProgramOptions): number {
  return dsp ? readSlackBytes : 0;
}

/**
 * Layouts of the rings that depthwise layers read. Values that were NHWC before, such as the picture, have few
 * channels, so int16 would gain little for them.
 */
export function planesOf(optimize: "speed" | "ram"): LoweringOptions["planes"] {
  return (maker) => (optimize === "ram" || maker === undefined ? "planes8" : "planes16");
}

/**
 * Kernels, rings, schedule and memory of a deployment graph, in a single bank of unlimited size.
 * Throws PhinetsError for an op without a firmware kernel.
 */
export function makeProgram(deployed: Graph, options: ProgramOptions): Program {
  return placed(planOf(deployed, options), { banks: [{ bytes: Number.POSITIVE_INFINITY }], home: 0 });
}

/** A program without places in memory yet. */
interface Plan extends Pick<Program, "options" | "lowering" | "stream" | "prefix"> {
  readonly memory: Memory;
}

/**
 * Most bytes alive at once with each phase counted as a whole, an upper bound for the smallest program. It has a closed
 * form (scaling/memory.ts).
 */
export function phaseBytes(deployed: Graph, options: ProgramOptions): number {
  return planByPhases(deployed, options).memory.peak;
}

function planOf(deployed: Graph, options: ProgramOptions): Plan {
  const byPhases = planByPhases(deployed, options);
  if (options.optimize !== "ram") return byPhases;
  const followed = timed(byPhases);
  const others = options.blocks && options.dsp ? [followed, planInBlocks(followed)] : [followed];
  const smaller = others.filter(({ memory }) => memory.peak < byPhases.memory.peak);
  if (smaller.length === 0) return byPhases;
  // Bytes alive at once may not pack without gaps; in that case, another plan is the smallest.
  const plans = [byPhases, ...smaller];
  const bytesOf = plans.map(({ memory }) => placeBoxes(memory.lives).bytes);
  return plans[bytesOf.indexOf(Math.min(...bytesOf))];
}

const barriersFrom = (lowering: Lowering, prefix: number): Set<string> => new Set(barriersOf(lowering).slice(prefix));

/** The same kernels in the same order with lifetimes that follow the schedule; some values may be in blocks. */
function timed(plan: Plan, blocks: ReadonlyMap<string, number> = new Map()): Plan {
  const lowering = inBlocks(plan.lowering, blocks);
  const barriers = barriersFrom(lowering, plan.prefix);
  const flow = stream(lowering, barriers);
  const memory = boxesOf(lowering, flow, barriers, { input: plan.options.input, time: "entries" });
  return { ...plan, lowering, stream: flow, memory };
}

/**
 * A block costs a call of two kernels per row, some 400 instructions, so each call must free at least this many bytes.
 */
const leastBytesACall = 2;

/** Uses rings in blocks where they reduce the bytes alive at once. */
function planInBlocks(plan: Plan): Plan {
  const { lowering, stream: flow, memory } = plan;
  const ring = (name: string): Value => lowering.values.get(name)!;
  const callsOf = (name: string, block?: number): number =>
    ring(name).height * (block === undefined ? 0 : blocksOf({ ...ring(name), block }) - 1);
  const names = blockable(lowering, flow, memory.phases).sort((a, b) => ring(b).height - ring(a).height);
  let blocks = new Map(names.map((name) => [name, blockSizes(ring(name))[0]]));
  let best = timed(plan, blocks);
  for (const name of names)
    for (const block of [undefined, ...blockSizes(ring(name)).sort((a, b) => b - a)]) {
      const known = blocks.get(name);
      if (block === known) break;
      const fewer = new Map(blocks);
      if (block === undefined) fewer.delete(name);
      else fewer.set(name, block);
      const other = timed(plan, fewer);
      const grows = other.memory.peak - best.memory.peak;
      if (grows > leastBytesACall * (callsOf(name, known) - callsOf(name, block))) continue;
      [best, blocks] = [other, fewer];
      break;
    }
  return best;
}

function planByPhases(deployed: Graph, options: ProgramOptions): Plan {
  const fastest = planWith(deployed, options, { batches: true, tiles: false });
  if (options.optimize !== "ram" || !options.dsp) return fastest;
  // Batches of rows and whole rows of windows are kept where they cost no byte.
  let best = fastest;
  if (fastest.lowering.steps.some(({ batch }) => batch))
    best = smallerOf(best, planWith(deployed, options, { batches: false, tiles: false }));
  if (best.lowering.steps.some(({ kernel }) => kernel === "dsp_quads_window"))
    best = smallerOf(best, planWith(deployed, options, { batches: false, tiles: true }));
  return best;
}

/** The plan with the lower peak; the first where both are equal. */
const smallerOf = (a: Plan, b: Plan): Plan => (b.memory.peak < a.memory.peak ? b : a);

function planWith(deployed: Graph, options: ProgramOptions, how: Pick<LoweringOptions, "batches" | "tiles">): Plan {
  const { dsp, helium = false, optimize = "speed", input = "whole", blocks = false } = options;
  const { byteWeightsUpTo = 0, uniformLayers = new Set() } = options;
  const lowering = lowerToSteps(deployed, {
    dsp,
    helium,
    planes: planesOf(optimize),
    byteWeightsUpTo,
    uniformLayers,
    ...how,
  });
  const cuts = barriersOf(lowering);
  const most = streamable(lowering, cuts);
  let best: Pick<Plan, "memory" | "stream" | "prefix"> | undefined;
  for (let prefix = 0; prefix <= most; prefix++) {
    const barriers = new Set(cuts.slice(prefix));
    const rows = stream(lowering, barriers);
    const memory = boxesOf(lowering, rows, barriers, { input, time: "phases" });
    if (best === undefined || memory.peak < best.memory.peak) best = { memory, stream: rows, prefix };
  }
  return { options: { dsp, helium, optimize, input, blocks, byteWeightsUpTo, uniformLayers }, lowering, ...best! };
}

function placed(plan: Plan, where: Omit<BankOptions, "slackBytes">): Program {
  const { options, lowering, memory } = plan;
  const { input } = lowering;
  const traffic = trafficOf(memory, lowering, plan.stream);
  const boxes = memory.boxes.map((box, i) => ({
    ...memory.lives[i],
    traffic: traffic[i],
    stays: "value" in box && box.value === input && options.input === "whole",
  }));
  const placement = placeInBanks(boxes, { ...where, slackBytes: slackOf(options) });
  // Banks that hold nothing are left out.
  const used = where.banks.flatMap((_, i) => (placement.bytes[i] > 0 ? [i] : []));
  if (used.length === 0) used.push(where.home);
  const spotOf = ({ bank, offset }: BankPlacement["spots"][number]): Spot => ({ bank: used.indexOf(bank), offset });
  const banks = used.map((i): BankUse => {
    const { region } = where.banks[i];
    return { ...(i !== where.home && { region }), bytes: placement.bytes[i] || slackOf(options) };
  });
  return {
    options,
    lowering,
    stream: plan.stream,
    times: 1 + memory.lives.reduce((most, { last }) => Math.max(most, last), 0),
    prefix: plan.prefix,
    ...placesOf(plan, placement.spots.map(spotOf)),
    banks,
    arenaBytes: banks.reduce((sum, { bytes }) => sum + bytes, 0),
    lowerBoundBytes: memory.peak,
  };
}

/** @param spots of the plan's boxes */
function placesOf(
  { lowering, memory, stream }: Plan,
  spots: readonly Spot[],
): Pick<Program, "places" | "scratch" | "scratchAreas"> {
  const places = new Map<string, Place>();
  const scratch = new Map<Step, Spot>();
  const scratchAreas: Program["scratchAreas"][number][] = [];
  memory.boxes.forEach((box, i) => {
    const { bank, offset } = spots[i];
    const { first, last, frees } = memory.lives[i];
    const life = { first, last, ...(frees && { frees }) };
    if ("value" in box) {
      const { rows, stride, slots, bytes } = box;
      places.set(box.value, { bank, offset, rows, stride, ...(slots && { slots }), bytes, ...life });
      return;
    }
    scratchAreas.push({ bank, offset, bytes: box.bytes, ...life });
    const shrinks = frees !== undefined;
    for (const group of box.groups) {
      const { values, kernels, bytes } = memory.within[group];
      // In an area that shrinks, the end is in use until last.
      const start = shrinks ? offset + box.bytes - bytes : offset;
      for (const [name, at] of values) {
        const value = lowering.values.get(name)!;
        const stride = rowStride(value);
        const rows = rowsWithin(stream.groups[group], value);
        places.set(name, { bank, offset: start + at, rows, stride, bytes: aligned(rows * stride), first, last });
      }
      for (const [step, at] of kernels) scratch.set(step, { bank, offset: start + at });
    }
  });
  if (!places.has(lowering.input)) {
    const stride = rowStride(lowering.values.get(lowering.input)!);
    places.set(lowering.input, { bank: 0, offset: 0, rows: 0, stride, bytes: 0, first: 0, last: 0 });
  }
  return { places, scratch, scratchAreas };
}

/**
 * How many of the blocks can stream into each other: up to the first with a squeeze. Its map is held whole, so that
 * everything before it is dead when the following blocks begin.
 */
function streamable({ values, steps }: Lowering, cuts: readonly string[]): number {
  const isScaled = (name: string): boolean => {
    const readers = steps.filter((step) => step.reads.some(({ value }) => value === name));
    return readers.length > 1 && readers.some(({ output }) => values.get(output)!.layout === "sums");
  };
  const first = steps.findIndex(({ output }) => isScaled(output));
  if (first < 0) return cuts.length;
  const before = cuts.findIndex((cut) => steps.findIndex(({ output }) => output === cut) > first);
  return before < 0 ? cuts.length : before;
}

/** Kernels whose output is as wide as the layer before: those that slide windows over single channels. */
const depthwise: ReadonlySet<Kernel> = new Set<Kernel>([
  ...(["depthwise", "dsp_depthwise_nhwc", "helium_depthwise3", "helium_depthwise5"] as const),
]);
const products: ReadonlySet<Kernel> = new Set<Kernel>(["multiply", "helium_multiply"]);
const means: ReadonlySet<Kernel> = new Set<Kernel>([
  ...(["mean", "average_map", "dsp_mean"] as const),
  ...(["helium_mean", "helium_average_map"] as const),
]);

/**
 * Values that may be held whole: each is the only value alive at its step, and takes fewer bytes than the steps around
 * it. In a network of inverted residuals, these are the blocks' outputs. A value that only a mean reads is excluded,
 * since its rows are summed up as they come.
 */
export function barriersOf({ values, steps, input, outputs }: Lowering): string[] {
  const sizeOf = (name: string): number => {
    const { height, width, channels } = values.get(name)!;
    return height * width * channels;
  };
  const lastReader = new Map<string, number>();
  steps.forEach((step, i) => {
    for (const { value } of step.reads) lastReader.set(value, i);
  });
  const alive = new Set([input]);
  const live: number[] = [];
  const single: (string | undefined)[] = [];
  steps.forEach((step, i) => {
    alive.add(step.output);
    for (const name of alive) if ((lastReader.get(name) ?? -1) <= i && !outputs.includes(name)) alive.delete(name);
    live.push([...alive].reduce((sum, name) => sum + sizeOf(name), 0));
    single.push(alive.size === 1 ? [...alive][0] : undefined);
  });
  const lastWindow = steps.findLastIndex(({ reads }) =>
    reads.some(({ window }) => window === "whole" || "spans" in window || window.size > 1),
  );
  const cuts: string[] = [];
  single.forEach((name, i) => {
    if (name === undefined || outputs.includes(name) || name !== steps[i].output) return;
    const value = values.get(name)!;
    if (depthwise.has(steps[i].kernel) || products.has(steps[i].kernel)) return; // as wide as the layer before it
    const readers = steps.filter((step) => step.reads.some((read) => read.value === name));
    if (value.layout !== "nhwc" || value.height === 1) return;
    // Values need not be whole where only means or sliding windows read them, or where the remaining steps work row by
    // row.
    if (readers.every(({ kernel }) => means.has(kernel) || depthwise.has(kernel))) return;
    if (i >= lastWindow) return;
    const before = i === 0 ? sizeOf(input) : live[i - 1];
    if (live[i] < before && live[i] <= (live[i + 1] ?? 0)) cuts.push(name);
  });
  return cuts;
}
