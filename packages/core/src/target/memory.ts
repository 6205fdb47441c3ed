/**
 * What a program keeps in memory, and when: boxes of bytes and phases, before any of them has an address. A ring of rows, a
 * whole map, or what lives within one row.
 */
import type { Group } from "./groups.js";
import { aligned, rowBytes, rowStride, type Value } from "./layout.js";
import { type Box, mostAlive, placeBoxes } from "./place.js";
import type { Lowering, Read, Step } from "./steps.js";
import type { Stream } from "./stream.js";

export interface ValueBox extends Box {
  readonly value: string;
  readonly rows: number;
  readonly stride: number;
}
/** Scratch of a phase's groups. */
export interface ScratchBox extends Box {
  readonly groups: readonly number[];
}
export interface Memory {
  readonly boxes: readonly (ValueBox | ScratchBox)[];
  /** A group's memory within one firing, and its phase. */
  readonly within: readonly Within[];
  readonly phases: readonly number[];
  /** Most bytes alive at once. */
  readonly peak: number;
}

/** Of a group, within one firing. */
export interface Within {
  readonly bytes: number;
  /** Offsets of values, and of what kernels need beside their rows. */
  readonly values: ReadonlyMap<string, number>;
  readonly kernels: ReadonlyMap<Step, number>;
}

/** Rows of a value that lives within one firing: quads of several rows are one. */
export function rowsWithin({ batch }: Pick<Group, "batch">, { layout }: Value): number {
  return layout === "quads" ? 1 : batch;
}

/** Packs what lives within one firing: a value until it is read, a kernel's scratch while it runs. */
function packWithin(group: Group, values: Lowering["values"], transient: ReadonlySet<string>): Within {
  const { steps } = group;
  const boxes: (Box & { readonly value?: string; readonly step?: Step })[] = [];
  steps.forEach((step, first) => {
    const { output, scratchBytes } = step;
    if (scratchBytes > 0) boxes.push({ step, first, last: first, bytes: aligned(scratchBytes) });
    if (!transient.has(output)) return;
    const last = steps.findIndex(({ reads }) => reads.some(({ value }) => value === output));
    const value = values.get(output)!;
    boxes.push({ value: output, first, last, bytes: aligned(rowsWithin(group, value) * rowStride(value)) });
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
  for (const [time, group] of schedule.entries()) {
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

/**
 * @param barriers values that are held whole
 * @param how whether the picture lies in memory, or its rows are pushed
 */
export function boxesOf(
  lowering: Lowering,
  flow: Stream,
  barriers: ReadonlySet<string>,
  how: "whole" | "rows",
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
    // A row that nothing but the next step reads is read where it is pushed from.
    if (name === input && how === "rows" && ring.rows === 1) continue;
    const isWhole = barriers.has(name) || (name === input && how === "whole");
    const rows = value.layout === "sums" ? 1 : isWhole ? value.height : ring.rows;
    const stride = rowStride(value);
    boxes.push({ value: name, rows, stride, bytes: aligned(rows * stride), ...lives.get(name)! });
  }
  const within = groups.map((group) => packWithin(group, values, transient));
  const membersOf: number[][] = Array.from({ length: Math.max(...phases) + 1 }, () => []);
  phases.forEach((phase, i) => {
    membersOf[phase].push(i);
  });
  membersOf.forEach((members, phase) => {
    const bytes = Math.max(0, ...members.map((i) => within[i].bytes));
    if (bytes > 0) boxes.push({ first: phase, last: phase, bytes, groups: members });
  });
  return { boxes, within, phases, peak: mostAlive(boxes) };
}

/** Rows that all firings read. */
function rowsOf(window: Read["window"], firings: number, height: number): number {
  if (window === "whole") return firings * height;
  if ("spans" in window) return window.spans.reduce((sum, [from, to]) => sum + to - from, 0);
  return firings * window.size;
}

/** Bytes that an inference writes to and reads from each box; what a kernel does with its scratch counts as once each. */
export function trafficOf({ boxes, within }: Memory, { values }: Lowering, { groups }: Stream): number[] {
  const traffic = new Map<string, number>();
  const add = (name: string, bytes: number): void => {
    traffic.set(name, (traffic.get(name) ?? 0) + bytes);
  };
  for (const { steps, rows } of groups)
    for (const { output, reads } of steps) {
      const made = values.get(output)!;
      // Sums are read and written again with every row that they take.
      add(output, made.layout === "sums" ? 2 * rows * rowBytes(made) : made.height * rowBytes(made));
      for (const { value: name, window } of reads) {
        const value = values.get(name)!;
        // Of quads of several rows there are fewer.
        const firings = value.layout === "quads" ? Math.min(rows, value.height) : rows;
        add(name, rowsOf(window, firings, value.height) * rowBytes(value));
      }
    }
  return boxes.map((box) => {
    if ("value" in box) return traffic.get(box.value) ?? 0;
    return box.groups.reduce((sum, group) => sum + 2 * groups[group].firings * within[group].bytes, 0);
  });
}
