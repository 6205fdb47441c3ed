/**
 * The firmware program of a network: kernels in order, rings of rows, the schedule, and the place of everything in memory.
 * Cost, memory map, `inspect`, `fit`'s exact check, the C emitter and the linker script read this one object.
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
  /** Kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Kernels of Helium, not beside the DSP extension's: all rows are NHWC. Default false. */
  readonly helium?: boolean;
  /** Fastest: rings of int16 before depthwise layers. Smallest: of int8. Default "speed". */
  readonly optimize?: "speed" | "ram";
  /** The picture lies in the working memory, or its rows are pushed and it need not exist. Default "whole". */
  readonly input?: "whole" | "rows";
  /** Rings in blocks of channels (blocks.ts), as many as make the smallest program of DSP kernels smaller; it is slower. Default false. */
  readonly blocks?: boolean;
  /** As in `LoweringOptions`. Default 0. */
  readonly byteWeightsUpTo?: number;
  /** As in `LoweringOptions`. Default: none. */
  readonly uniformLayers?: ReadonlySet<string>;
}

/** A place in the working memory. */
export interface Spot {
  /** Index in the program's banks. */
  readonly bank: number;
  /** Bytes from the start of what the program has of that bank. */
  readonly offset: number;
}

/** Where a value's rows lie: its spot is that of row 0. */
export interface Place extends Spot {
  readonly rows: number;
  readonly stride: number;
  /** Of a ring in blocks: how many it has, `stride` bytes apart. */
  readonly slots?: number;
  readonly bytes: number;
  /** First and last time at which it is in use, of `Program.times`. */
  readonly first: number;
  readonly last: number;
  /** Of its first bytes so many are free again after a time; rising. Default: none. */
  readonly frees?: Box["frees"];
}

/** What a program takes of a bank: one array of the C. */
export interface BankUse {
  /** The board's region; none in the arena's own, and where the program was made for no board. */
  readonly region?: string;
  readonly bytes: number;
}

export interface Program {
  readonly options: Required<ProgramOptions>;
  readonly lowering: Lowering;
  readonly stream: Stream;
  /**
   * How many times places tell apart: phases, which are groups that run together, one phase after the other; or, where that
   * takes fewer bytes, the entries of the schedule at which something begins to be in use.
   */
  readonly times: number;
  /** Values up to here stream into each other; every later block's output is held whole. */
  readonly prefix: number;
  /** Of every value but the graph's outputs, which go to the caller's buffer. */
  readonly places: ReadonlyMap<string, Place>;
  /** Of each step that needs working memory beside its rows. */
  readonly scratch: ReadonlyMap<Step, Spot>;
  /** What lives within one firing shares these; `first` and `last` as of `Place`. */
  readonly scratchAreas: readonly (Spot & Pick<Place, "bytes" | "first" | "last" | "frees">)[];
  /** The banks that it uses, fastest first; one at least. */
  readonly banks: readonly BankUse[];
  /** All working memory, the sum over the banks: rings, maps, scratch, with `whole` the input too. */
  readonly arenaBytes: number;
  /** Most bytes alive at once: no placement is smaller. */
  readonly lowerBoundBytes: number;
}

/** What a user chooses of a board's program. */
export interface ProgramRequest extends Pick<ProgramOptions, "input" | "uniformLayers"> {
  /**
   * What is taken of the programs that fit: the fastest, one with little working memory, with the least, which takes more
   * instructions, or with the smallest flash. Default "speed".
   */
  readonly optimize?: "speed" | "ram" | "least-ram" | "flash";
  /**
   * Most bytes of working memory: what decides between the fastest and the smallest. Default: the board's arena region. The
   * smallest may take more, where it fits no bank alone.
   */
  readonly ramBytes?: number;
  /** Most bytes of the image: where it is larger, products have byte weights, those first that it slows least. Default: the board's flash. */
  readonly flashBytes?: number;
}

/** Whether a board runs the kernels of the DSP extension. A core with Helium has it too, and better ones. */
export function hasDsp({ simd }: Pick<Board, "simd">): boolean {
  return simd === "dsp";
}

export function hasHelium({ simd }: Pick<Board, "simd">): boolean {
  return simd === "helium";
}

/**
 * A network's program on a board: the fastest whose working memory fits the arena's region, else the smallest, which may be
 * spread over all banks; with `optimize: "ram"` the smallest. Of the fastest, what is read most often lies in banks that are
 * faster than the arena's, where that costs no more than what ends each bank. As many weights are bytes as the flash asks for,
 * with `optimize: "flash"` all. Whether all fits is for `exceededRegions` to say. Throws as `makeProgram` does.
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

/** A head that a program's image is counted with, before it is known whether it detects: so a network has one plan. */
const countedHead: Yolov2Head = {
  kind: "yolov2",
  ...{ classes: 1, filters: 1, anchors: defaultAnchors, decoder: "yolov2" },
};

/**
 * `byteWeightsUpTo` with which a program's image, that of a detector, is no larger than `flashBytes`, or as small as it gets.
 * Halving the weights of a map of n quads takes n / 2 instructions a byte, so those of small maps are halved first.
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

/** Bytes that each bank has beyond its last value. */
function slackOf({ dsp }: ProgramOptions): number {
  return dsp ? readSlackBytes : 0;
}

/**
 * Layouts of the rings that depthwise layers read. What lay as NHWC before, such as the picture, has few channels: there
 * int16 would gain little.
 */
export function planesOf(optimize: "speed" | "ram"): LoweringOptions["planes"] {
  return (maker) => (optimize === "ram" || maker === undefined ? "planes8" : "planes16");
}

/**
 * Kernels, rings, schedule and memory of a deployment graph, in one bank of whatever size it needs.
 * Throws PhinetsError for an op without a firmware kernel.
 */
export function makeProgram(deployed: Graph, options: ProgramOptions): Program {
  return placed(planOf(deployed, options), { banks: [{ bytes: Number.POSITIVE_INFINITY }], home: 0 });
}

/** A program before anything has a place. */
interface Plan extends Pick<Program, "options" | "lowering" | "stream" | "prefix"> {
  readonly memory: Memory;
}

/** Most bytes alive at once where a phase is counted as a whole: the smallest program takes no more. It has a closed form (scaling/memory.ts). */
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
  // What is alive at once may find no place without gaps: then the other is the smaller one.
  const plans = [byPhases, ...smaller];
  const bytesOf = plans.map(({ memory }) => placeBoxes(memory.lives).bytes);
  return plans[bytesOf.indexOf(Math.min(...bytesOf))];
}

const barriersFrom = (lowering: Lowering, prefix: number): Set<string> => new Set(barriersOf(lowering).slice(prefix));

/** The same kernels in the same order, with lifetimes that follow the schedule; some values may be in blocks. */
function timed(plan: Plan, blocks: ReadonlyMap<string, number> = new Map()): Plan {
  const lowering = inBlocks(plan.lowering, blocks);
  const barriers = barriersFrom(lowering, plan.prefix);
  const flow = stream(lowering, barriers);
  const memory = boxesOf(lowering, flow, barriers, { input: plan.options.input, time: "entries" });
  return { ...plan, lowering, stream: flow, memory };
}

/** A block is a call of two kernels a row, some 400 instructions: it must free so many bytes at least. */
const leastBytesACall = 2;

/** With rings in blocks, where fewer bytes are alive with than without. */
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
  // Several rows at a time, and whole rows of windows, stay where they cost no byte.
  let best = fastest;
  if (fastest.lowering.steps.some(({ batch }) => batch))
    best = smallerOf(best, planWith(deployed, options, { batches: false, tiles: false }));
  if (best.lowering.steps.some(({ kernel }) => kernel === "dsp_quads_window"))
    best = smallerOf(best, planWith(deployed, options, { batches: false, tiles: true }));
  return best;
}

/** The first where they are equal. */
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
  // Banks that hold nothing are none of the program's.
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
      // Of an area that shrinks the end is in use to the last.
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
 * How many of the blocks can stream into each other: up to the first that squeezes. Its map is held whole, so that what comes
 * before it is dead by the time that what follows begins.
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

/** Kernels that slide windows over channels as they are; that add rows up. */
const depthwise: ReadonlySet<Kernel> = new Set<Kernel>([
  ...(["depthwise", "dsp_depthwise_nhwc", "helium_depthwise3", "helium_depthwise5"] as const),
]);
const products: ReadonlySet<Kernel> = new Set<Kernel>(["multiply", "helium_multiply"]);
const means: ReadonlySet<Kernel> = new Set<Kernel>([
  ...(["mean", "average_map", "dsp_mean"] as const),
  ...(["helium_mean", "helium_average_map"] as const),
]);

/**
 * Values that may be held whole: where one alone is alive, and fewer bytes than in the steps around it. In a network of
 * inverted residuals these are its blocks' outputs. What a mean alone reads is added up as it comes.
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
    // What a mean adds up, a window slides over, or rows alone go on with to the end need not be whole.
    if (readers.every(({ kernel }) => means.has(kernel) || depthwise.has(kernel))) return;
    if (i >= lastWindow) return;
    const before = i === 0 ? sizeOf(input) : live[i - 1];
    if (live[i] < before && live[i] <= (live[i + 1] ?? 0)) cuts.push(name);
  });
  return cuts;
}
