/**
 * The firmware program of a network: kernels in order, rings of rows, the schedule, and the place of everything in memory.
 * Cost, memory map, `inspect`, `fit`'s exact check, the C emitter and the linker script read this one object.
 */
import type { Graph } from "../graph/index.js";
import { arenaOf, type Board } from "./board.js";
import { aligned, readSlackBytes, rowStride } from "./layout.js";
import { type Box, mostAlive, placeBoxes } from "./place.js";
import { type Lowering, type LoweringOptions, lowerToSteps, type Step } from "./steps.js";
import { type Stream, stream } from "./stream.js";

export interface ProgramOptions {
  /** Kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Fastest: rings of int16 before depthwise layers. Smallest: of int8. Default "speed". */
  readonly optimize?: "speed" | "ram";
  /** The picture lies in the working memory, or its rows are pushed and it need not exist. Default "whole". */
  readonly input?: "whole" | "rows";
}

/** Where a value's rows lie. */
export interface Place {
  /** Of row 0, bytes from the start of the arena. */
  readonly offset: number;
  readonly rows: number;
  readonly stride: number;
  readonly bytes: number;
  /** First and last phase in which it is in use. */
  readonly first: number;
  readonly last: number;
}

export interface Program {
  readonly options: Required<ProgramOptions>;
  readonly lowering: Lowering;
  readonly stream: Stream;
  /** Phase of each group: groups of one run together, and after those of the one before. */
  readonly phases: readonly number[];
  /** Values up to here stream into each other; every later block's output is held whole. */
  readonly prefix: number;
  /** Of every value but the graph's outputs, which go to the caller's buffer. */
  readonly places: ReadonlyMap<string, Place>;
  /** Of each step that needs working memory beside its rows: its offset. */
  readonly scratch: ReadonlyMap<Step, number>;
  /** What lives within one firing shares these; `first` and `last` as of `Place`. */
  readonly scratchAreas: readonly {
    readonly offset: number;
    readonly bytes: number;
    readonly first: number;
    readonly last: number;
  }[];
  /** All working memory: rings, maps, scratch, with `whole` the input too. */
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
}

/** What a user chooses of a board's program. */
export interface ProgramWish extends Pick<ProgramOptions, "optimize" | "input"> {
  /** Most bytes of working memory: what decides between the fastest and the smallest. Default: the board's arena region. */
  readonly ramBytes?: number;
}

/** Whether a board's core has the DSP extension. */
export function hasDsp({ simd }: Pick<Board, "simd">): boolean {
  return simd === "dsp" || simd === "helium";
}

/**
 * A network's program on a board: the fastest that fits its working memory, else the smallest; with `optimize: "ram"` the
 * smallest. Whether it fits is for `exceededRegions` to say.
 * Throws as `makeProgram` does.
 */
export function programOf(deployed: Graph, board: Board, wish: ProgramWish = {}): Program {
  const { ramBytes = arenaOf(board).bytes, ...rest } = wish;
  const options = { ...rest, dsp: hasDsp(board) };
  const program = makeProgram(deployed, options);
  if (!options.dsp || wish.optimize === "ram" || program.arenaBytes <= ramBytes) return program;
  return makeProgram(deployed, { ...options, optimize: "ram" });
}

/**
 * Layouts of the rings that depthwise layers read. What lay as NHWC before, such as the picture, has few channels: there
 * int16 would gain little.
 */
export function planesOf(optimize: "speed" | "ram"): LoweringOptions["planes"] {
  return (maker) => (optimize === "ram" || maker === undefined ? "planes8" : "planes16");
}

/**
 * Kernels, rings, schedule and memory of a deployment graph.
 * Throws PhinetsError for an op without a firmware kernel and for a grouped convolution that is not depthwise.
 */
export function makeProgram(deployed: Graph, options: ProgramOptions): Program {
  const { dsp, optimize = "speed", input = "whole" } = options;
  const all = { dsp, optimize, input };
  const lowering = lowerToSteps(deployed, { dsp: all.dsp, planes: planesOf(all.optimize) });
  const cuts = barriersOf(lowering);
  const most = streamable(lowering, cuts);
  let best: { memory: Memory; stream: Stream; prefix: number } | undefined;
  for (let prefix = 0; prefix <= most; prefix++) {
    const barriers = new Set(cuts.slice(prefix));
    const rows = stream(lowering, barriers);
    const memory = boxesOf(lowering, rows, barriers, all.input);
    if (best === undefined || memory.peak < best.memory.peak) best = { memory, stream: rows, prefix };
  }
  const { memory, stream: chosen, prefix } = best!;
  const placed = placeBoxes(memory.boxes);
  const places = new Map<string, Place>();
  const scratch = new Map<Step, number>();
  const scratchAreas: { offset: number; bytes: number; first: number; last: number }[] = [];
  memory.boxes.forEach((box, i) => {
    const offset = placed.offsets[i];
    if ("value" in box) {
      const { rows, stride, bytes, first, last } = box;
      places.set(box.value, { offset, rows, stride, bytes, first, last });
      return;
    }
    const { first, last } = box;
    scratchAreas.push({ offset, bytes: box.bytes, first, last });
    for (const group of box.groups) {
      const { values, kernels } = memory.within[group];
      for (const [name, at] of values) {
        const stride = rowStride(lowering.values.get(name)!);
        places.set(name, { offset: offset + at, rows: 1, stride, bytes: aligned(stride), first, last });
      }
      for (const [step, at] of kernels) scratch.set(step, offset + at);
    }
  });
  if (!places.has(lowering.input)) {
    const stride = rowStride(lowering.values.get(lowering.input)!);
    places.set(lowering.input, { offset: 0, rows: 0, stride, bytes: 0, first: 0, last: 0 });
  }
  return {
    options: all,
    lowering,
    stream: chosen,
    phases: memory.phases,
    prefix,
    places,
    scratch,
    scratchAreas,
    arenaBytes: placed.bytes + (all.dsp ? readSlackBytes : 0),
    lowerBoundBytes: placed.lowerBoundBytes,
  };
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

interface ValueBox extends Box {
  readonly value: string;
  readonly rows: number;
  readonly stride: number;
}
/** Scratch of a phase's groups. */
interface ScratchBox extends Box {
  readonly groups: readonly number[];
}
interface Memory {
  readonly boxes: readonly (ValueBox | ScratchBox)[];
  /** A group's memory within one firing, and its phase. */
  readonly within: readonly Within[];
  readonly phases: readonly number[];
  /** Most bytes alive at once. */
  readonly peak: number;
}

interface Within {
  readonly bytes: number;
  /** Offsets of values, and of what kernels need beside their rows. */
  readonly values: ReadonlyMap<string, number>;
  readonly kernels: ReadonlyMap<Step, number>;
}

/** Packs what lives within one firing: a value until it is read, a kernel's scratch while it runs. */
function packWithin(steps: readonly Step[], values: Lowering["values"], transient: ReadonlySet<string>): Within {
  const boxes: (Box & { readonly value?: string; readonly step?: Step })[] = [];
  steps.forEach((step, first) => {
    const { output, scratchBytes } = step;
    if (scratchBytes > 0) boxes.push({ step, first, last: first, bytes: aligned(scratchBytes) });
    if (!transient.has(output)) return;
    const last = steps.findIndex(({ reads }) => reads.some(({ value }) => value === output));
    boxes.push({ value: output, first, last, bytes: aligned(rowStride(values.get(output)!)) });
  });
  const { bytes, offsets } = placeBoxes(boxes);
  const kernels = new Map<Step, number>();
  const rows = new Map<string, number>();
  boxes.forEach(({ value, step }, i) => {
    if (value !== undefined) rows.set(value, offsets[i]);
    if (step !== undefined) kernels.set(step, offsets[i]);
  });
  return { bytes: boxes.length === 0 ? 0 : bytes, values: rows, kernels };
}

/**
 * Phases of a program: groups that run one after the other as a whole. A phase ends where a value is held whole or a mean is
 * complete. What is alive in a phase is counted for all of it: the same bytes as row by row wherever a block has more than a
 * few rows, and a sum that is known without following the schedule.
 */
function phasesOf({ values }: Lowering, { groups, schedule }: Stream, barriers: ReadonlySet<string>): number[] {
  const phases: number[] = [];
  let phase = 0;
  for (const { steps, firings } of groups) {
    phases.push(phase);
    const ends = steps.some(({ output }) => barriers.has(output) || values.get(output)!.layout === "sums");
    if (ends || firings === 1) phase++;
  }
  // Where branches of a foreign network interleave, their phases are one.
  const first = new Array<number>(groups.length).fill(Number.POSITIVE_INFINITY);
  const last = new Array<number>(groups.length).fill(-1);
  schedule.forEach((group, time) => {
    if (group < 0) return;
    first[group] = Math.min(first[group], time);
    last[group] = time;
  });
  let end = -1;
  let shift = 0;
  return phases.map((own, i) => {
    const starts = i > 0 && own !== phases[i - 1];
    if (starts) {
      const earliest = Math.min(...phases.flatMap((other, k) => (other >= own ? [first[k]] : [])));
      if (earliest < end) shift++;
    }
    end = Math.max(end, last[i]);
    return own - shift;
  });
}

function boxesOf(lowering: Lowering, flow: Stream, barriers: ReadonlySet<string>, how: "whole" | "rows"): Memory {
  const { values, input, outputs } = lowering;
  const { rings, groups, transient } = flow;
  const phases = phasesOf(lowering, flow, barriers);
  const boxes: (ValueBox | ScratchBox)[] = [];
  const lives = new Map<string, { first: number; last: number }>([[input, { first: 0, last: 0 }]]);
  groups.forEach(({ steps }, i) => {
    for (const { output, reads } of steps) {
      for (const { value } of reads) {
        const life = lives.get(value)!;
        life.last = Math.max(life.last, phases[i]);
      }
      lives.set(output, { first: phases[i], last: phases[i] });
    }
  });
  for (const [name, ring] of rings) {
    if (outputs.includes(name)) continue;
    const value = values.get(name)!;
    // A row that nothing but the next step reads is read where it is pushed from.
    if (name === input && how === "rows" && ring.rows === 1) continue;
    const isWhole = barriers.has(name) || (name === input && how === "whole");
    const rows = value.layout === "sums" ? 1 : isWhole ? value.height : ring.rows;
    const stride = rowStride(value);
    boxes.push({ value: name, rows, stride, bytes: aligned(rows * stride), ...lives.get(name)! });
  }
  const within = groups.map(({ steps }) => packWithin(steps, values, transient));
  for (let phase = 0; phase <= Math.max(...phases); phase++) {
    const members = groups.flatMap((_, i) => (phases[i] === phase ? [i] : []));
    const bytes = Math.max(0, ...members.map((i) => within[i].bytes));
    if (bytes > 0) boxes.push({ first: phase, last: phase, bytes, groups: members });
  }
  return { boxes, within, phases, peak: mostAlive(boxes) };
}

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
    reads.some(({ window }) => window === "whole" || window.size > 1),
  );
  const cuts: string[] = [];
  single.forEach((name, i) => {
    if (name === undefined || outputs.includes(name) || name !== steps[i].output) return;
    const value = values.get(name)!;
    if (steps[i].kernel === "depthwise" || steps[i].kernel === "multiply") return; // as wide as the layer before it
    const readers = steps.filter((step) => step.reads.some((read) => read.value === name));
    if (value.layout !== "nhwc" || value.height === 1) return;
    // What a mean adds up, a window slides over, or rows alone go on with to the end need not be whole.
    if (readers.every(({ kernel }) => kernel === "mean" || kernel === "dsp_mean" || kernel === "depthwise")) return;
    if (i >= lastWindow) return;
    const before = i === 0 ? sizeOf(input) : live[i - 1];
    if (live[i] < before && live[i] <= (live[i + 1] ?? 0)) cuts.push(name);
  });
  return cuts;
}
