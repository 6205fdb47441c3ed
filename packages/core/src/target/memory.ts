/**
 * What a program keeps in memory, and when: boxes of bytes and phases without addresses yet. A box is a ring of rows, a
 * whole map, or the data that lives within one firing.
 */

import { readerOfBlocks, slotsOf } from "./blocks.js";
import type { Group } from "./groups.js";
import { aligned, alignment, rowBytes, rowStride, slotBytes, type Value } from "./layout.js";
import { type Box, type Freed, mostAlive, placeBoxes } from "./place.js";
import type { Lowering, Read, Step } from "./steps.js";
import { inputRow, rowsRead, type Stream } from "./stream.js";

export interface ValueBox extends Box {
  readonly value: string;
  readonly rows: number;
  readonly stride: number;
  /** For a ring in blocks: number of slots, which are `stride` bytes apart. */
  readonly slots?: number;
}
/** Shared scratch of a phase's groups. */
export interface ScratchBox extends Box {
  readonly groups: readonly number[];
}
export interface Memory {
  readonly boxes: readonly (ValueBox | ScratchBox)[];
  /** For each group: its memory within one firing, and its phase. */
  readonly within: readonly Within[];
  readonly phases: readonly number[];
  /** What is placed: each box with its first and last time. */
  readonly lives: readonly Box[];
  /** Most bytes alive at once. */
  readonly peak: number;
}

/** A group's memory within one firing. */
export interface Within {
  readonly bytes: number;
  /** Offsets of values, and of the kernels' scratch. */
  readonly values: ReadonlyMap<string, number>;
  readonly kernels: ReadonlyMap<Step, number>;
}

/** Rows of a value within one firing; quads of several rows count as one row. */
export function rowsWithin({ batch }: Pick<Group, "batch">, { layout }: Value): number {
  return layout === "quads" ? 1 : batch;
}

/**
 * Packs the data that lives within one firing: a value until it is read, a kernel's scratch while it runs. Groups that
 * hand a value on to each other fire one after the other and are packed as one.
 */
function packWithin(chain: readonly Group[], values: Lowering["values"], transient: ReadonlySet<string>): Within {
  const steps = chain.flatMap((group) => group.steps);
  const groupOf = chain.flatMap((group) => group.steps.map(() => group));
  const boxes: (Box & { readonly value?: string; readonly step?: Step })[] = [];
  steps.forEach((step, last) => {
    const { output, scratchBytes } = step;
    // The reader of a ring in blocks runs along with the step that makes the ring.
    const maker = steps.findIndex((other) => readerOfBlocks(other, steps) === step);
    const first = maker < 0 ? last : maker;
    if (scratchBytes > 0) boxes.push({ step, first, last, bytes: aligned(scratchBytes) });
    if (!transient.has(output)) return;
    const reader = steps.findIndex(({ reads }) => reads.some(({ value }) => value === output));
    const value = values.get(output)!;
    const bytes = aligned(rowsWithin(groupOf[last], value) * rowStride(value));
    boxes.push({ value: output, first, last: reader, bytes });
  });
  if (boxes.length === 0) return nothingWithin;
  const { bytes, offsets } = placeBoxes(boxes);
  const kernels = new Map<Step, number>();
  const rows = new Map<string, number>();
  boxes.forEach(({ value, step }, i) => {
    if (value !== undefined) rows.set(value, offsets[i]);
    if (step !== undefined) kernels.set(step, offsets[i]);
  });
  return { bytes, values: rows, kernels };
}

const nothingWithin: Within = { bytes: 0, values: new Map(), kernels: new Map() };

/** For each group, the chain of groups that hand a value on to each other: those of a ring in blocks. */
function chainsOf(groups: readonly Group[]): readonly (readonly Group[])[] {
  const steps = groups.flatMap((group) => group.steps);
  const chains: Group[][] = groups.map((group) => [group]);
  groups.forEach((group, i) => {
    const reader = readerOfBlocks(group.steps.at(-1)!, steps);
    if (reader === undefined) return;
    const next = groups.findIndex((other) => other.steps[0] === reader);
    chains[next] = chains[i];
    chains[i].push(groups[next]);
  });
  return chains;
}

/**
 * Assigns each group to a phase, a set of groups that run together. A phase ends where a value is held whole or a mean
 * is complete. Values alive in a phase count for all of it. This gives the same bytes as counting row by row wherever a
 * block has more than a few rows, and a sum that is known without following the schedule.
 */
function phasesOf({ values }: Lowering, { groups, schedule }: Stream, barriers: ReadonlySet<string>): number[] {
  const phases: number[] = [];
  let phase = 0;
  for (const { steps, firings } of groups) {
    phases.push(phase);
    const ends = steps.some(({ output }) => barriers.has(output) || values.get(output)!.layout === "sums");
    if (ends || firings === 1) phase++;
  }
  // Branches of an imported network may interleave; their phases are merged.
  const first = new Array<number>(groups.length).fill(Number.POSITIVE_INFINITY);
  const last = new Array<number>(groups.length).fill(-1);
  for (let time = 0; time < schedule.length; time++) {
    const group = schedule[time];
    if (group < 0) continue;
    if (last[group] < 0) first[group] = time;
    last[group] = time;
  }
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

export interface MemoryOptions {
  /** Whether the whole picture lies in memory, or its rows are pushed one by one. */
  readonly input: "whole" | "rows";
  /**
   * The unit of time. A phase is known without following the schedule. With the schedule's entries, a value's bytes are
   * free as soon as its last row is, and a picture's are free row by row, so fewer bytes are alive.
   */
  readonly time: "phases" | "entries";
}

/**
 * Lists the boxes of a program with their lifetimes.
 * @param barriers values that are held whole
 */
export function boxesOf(
  lowering: Lowering,
  flow: Stream,
  barriers: ReadonlySet<string>,
  { input: how, time }: MemoryOptions,
): Memory {
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
    // A pushed row that only the next step reads stays in the caller's buffer.
    if (name === input && how === "rows" && ring.rows === 1) continue;
    const isWhole = barriers.has(name) || (name === input && how === "whole");
    const rows = value.layout === "sums" ? 1 : isWhole ? value.height : ring.rows;
    if (value.block !== undefined) {
      const [slots, stride] = [slotsOf(value), slotBytes(value)];
      boxes.push({ value: name, rows, slots, stride, bytes: slots * stride, ...lives.get(name)! });
      continue;
    }
    const stride = rowStride(value);
    boxes.push({ value: name, rows, stride, bytes: aligned(rows * stride), ...lives.get(name)! });
  }
  const packed = new Map<readonly Group[], Within>();
  const within = chainsOf(groups).map((chain) => {
    const known = packed.get(chain) ?? packWithin(chain, values, transient);
    packed.set(chain, known);
    return known;
  });
  const membersOf: number[][] = Array.from({ length: Math.max(...phases) + 1 }, () => []);
  phases.forEach((phase, i) => {
    membersOf[phase].push(i);
  });
  membersOf.forEach((members, phase) => {
    const bytes = Math.max(0, ...members.map((i) => within[i].bytes));
    if (bytes > 0) boxes.push({ first: phase, last: phase, bytes, groups: members });
  });
  const placed = time === "phases" ? boxes : livesOf(boxes, { lowering, flow, within });
  return { boxes, within, phases, lives: placed, peak: mostAlive(placed) };
}

/**
 * The lifetimes of boxes in entries of the schedule. Only entries at which a box begins to live matter, so time counts
 * just these: later stages look at every time.
 */
function livesOf(
  boxes: Memory["boxes"],
  { lowering, flow, within }: { lowering: Lowering; flow: Stream; within: readonly Within[] },
): Box[] {
  const { input } = lowering;
  const { rings, schedule } = flow;
  const firings = firingsOf(flow);
  const end = schedule.length - 1;
  const lives = boxes.map((box): Box => {
    const { bytes } = box;
    if ("value" in box) {
      const { first, last } = rings.get(box.value)!;
      // The whole picture is in memory before the first entry.
      const isPicture = box.value === input && box.rows === lowering.values.get(input)!.height;
      if (isPicture) return { first: 0, last, bytes, frees: freedRows(box, lowering, flow) };
      // A value that nothing needs is not made, or not completely.
      return { first: first < 0 ? end : first, last: last < first || first < 0 ? end : last, bytes };
    }
    return scratchLife(
      box,
      box.groups.filter((group) => firings[group].length > 0),
      { firings, within, end },
    );
  });
  const begins = [...new Set(lives.map(({ first }) => first))].sort((a, b) => a - b);
  const numbered = (entry: number): number => begins.findLastIndex((begin) => begin <= entry);
  return lives.map(({ first, last, bytes, frees }) => ({
    ...{ first: numbered(first), last: numbered(last), bytes },
    ...(frees && { frees: frees.map((freed) => ({ ...freed, last: numbered(freed.last) })) }),
  }));
}

/** Life of a phase's scratch. Bytes are freed early when only groups needed them that have fired for the last time. */
function scratchLife(
  { bytes }: ScratchBox,
  fired: readonly number[],
  { firings, within, end }: { firings: readonly number[][]; within: readonly Within[]; end: number },
): Box {
  if (fired.length === 0) return { first: end, last: end, bytes };
  const first = Math.min(...fired.map((group) => firings[group][0]));
  const needs = fired
    .map((group) => ({ last: firings[group].at(-1)!, bytes: within[group].bytes }))
    .sort((a, b) => b.bytes - a.bytes);
  const frees: Freed[] = [];
  let last = 0;
  needs.forEach((need, i) => {
    last = Math.max(last, need.last);
    const left = needs[i + 1]?.bytes ?? 0;
    if (left > 0 && left < need.bytes) frees.push({ bytes: bytes - left, last });
  });
  return { first, last, bytes, frees };
}

/** Entries of the schedule at which each group fires. */
function firingsOf({ groups, schedule }: Stream): number[][] {
  const firings = groups.map((): number[] => []);
  schedule.forEach((group, entry) => {
    if (group !== inputRow) firings[group].push(entry);
  });
  return firings;
}

/** Bytes of a picture's first rows that are never read again after an entry of the schedule. */
function freedRows({ value: name, stride }: ValueBox, { values }: Lowering, flow: Stream): Freed[] {
  const { height } = values.get(name)!;
  const reads = flow.groups.flatMap(({ steps, batch, firings }, group) =>
    steps.flatMap((step) =>
      step.reads.filter(({ value }) => value === name).map((read) => ({ group, read, batch, firings })),
    ),
  );
  const next = flow.groups.map(() => 0);
  const frees: Freed[] = [];
  let free = 0;
  flow.schedule.forEach((entry, last) => {
    if (entry === inputRow) return;
    next[entry]++;
    const needed = reads.map(({ group, read, batch, firings }) =>
      next[group] < firings ? rowsRead(read, height, next[group] * batch)[0] : height,
    );
    const rows = Math.min(...needed);
    const bytes = Math.floor((rows * stride) / alignment) * alignment;
    if (bytes <= free) return;
    free = bytes;
    frees.push({ bytes, last });
  });
  return frees;
}

/** Number of rows that all firings read. */
function rowsOf(window: Read["window"], firings: number, height: number): number {
  if (window === "whole") return firings * height;
  if ("spans" in window) return window.spans.reduce((sum, [from, to]) => sum + to - from, 0);
  return firings * window.size;
}

/**
 * Bytes that an inference writes to and reads from each box; scratch counts as written once and read once per firing.
 */
export function trafficOf({ boxes, within }: Memory, { values }: Lowering, { groups }: Stream): number[] {
  const traffic = new Map<string, number>();
  const add = (name: string, bytes: number): void => {
    traffic.set(name, (traffic.get(name) ?? 0) + bytes);
  };
  for (const { steps, rows } of groups)
    for (const { output, reads } of steps) {
      const made = values.get(output)!;
      // Sums are read and written again with every input row.
      add(output, made.layout === "sums" ? 2 * rows * rowBytes(made) : made.height * rowBytes(made));
      for (const { value: name, window } of reads) {
        const value = values.get(name)!;
        // Quads of several rows have fewer rows.
        const firings = value.layout === "quads" ? Math.min(rows, value.height) : rows;
        add(name, rowsOf(window, firings, value.height) * rowBytes(value));
      }
    }
  return boxes.map((box) => {
    if ("value" in box) return traffic.get(box.value) ?? 0;
    return box.groups.reduce((sum, group) => sum + 2 * groups[group].firings * within[group].bytes, 0);
  });
}
