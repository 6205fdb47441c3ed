/**
 * Simulates rows streaming through a program: when each group makes which row, and how many rows of each value are
 * alive at once. The order does not depend on data; the simulated schedule is the list that the firmware follows.
 *
 * A value is a ring of rows. The most downstream group whose input rows are ready makes its next row, so that rows are
 * freed early. A barrier holds a value's readers back until it is whole; all rings before it are dead by then.
 */
import { type Group, type Grouping, groupSteps } from "./groups.js";
import type { Lowering, Read } from "./steps.js";

/** Entry of the schedule that requests the network's next input row; other entries are group indices. */
export const inputRow = -1;

export interface Ring {
  /** Rows alive at once, at most the value's height. */
  readonly rows: number;
  /** First and last entry of the schedule during which one of its rows is alive. */
  readonly first: number;
  readonly last: number;
}

export interface Stream extends Grouping {
  readonly schedule: readonly number[];
  /** Rings of all values that outlive one firing, including the input, counted as if its rows were pushed. */
  readonly rings: ReadonlyMap<string, Ring>;
}

interface Tracked {
  readonly height: number;
  readonly isSum: boolean;
  /** Its readers wait until it is whole. */
  readonly isBarrier: boolean;
  /** It leaves the program, so none of its rows is ever freed. */
  readonly isOutput: boolean;
  /** Rows that are written or read in one call; the ring holds a multiple of them. */
  batch: number;
  readonly readers: { readonly group: State; readonly rows: FiringRows }[];
  made: number;
  freed: number;
  most: number;
  first: number;
  last: number;
}

interface State extends Pick<Group, "rows" | "batch" | "firings"> {
  readonly index: number;
  readonly reads: { readonly value: Tracked; readonly rows: FiringRows }[];
  readonly outputs: readonly Tracked[];
  next: number;
}

/** Rows [from, to) that a read of row y needs, within a map of `height` rows. */
export function rowsRead({ window }: Read, height: number, y: number): [from: number, to: number] {
  if (window === "whole") return [0, height];
  if ("spans" in window) return [...window.spans[y]];
  const from = y * window.stride - window.before;
  return [Math.min(height, Math.max(0, from)), Math.max(0, Math.min(height, from + window.size))];
}

/** Ranges of rows that each firing needs for all its rows; cached, as they are looked up often. */
interface FiringRows {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

function firingRows({ rows, batch, firings }: State, read: Read, height: number): FiringRows {
  const [from, to] = [new Int32Array(firings), new Int32Array(firings)];
  for (let firing = 0; firing < firings; firing++) {
    const last = Math.min(rows, (firing + 1) * batch) - 1;
    from[firing] = rowsRead(read, height, firing * batch)[0];
    to[firing] = rowsRead(read, height, last)[1];
  }
  return { from, to };
}

/**
 * Simulates a program.
 * @param barriers values whose readers wait until they are whole
 * Throws an Error where no group can continue, which no lowering leads to.
 */
export function stream(lowering: Lowering, barriers: ReadonlySet<string>): Stream {
  const { values, input, outputs } = lowering;
  const { groups, transient } = groupSteps(lowering, new Set([...barriers, ...outputs]));
  const tracked = new Map<string, Tracked>();
  const track = (name: string): Tracked => {
    const { height, layout } = values.get(name)!;
    const isSum = layout === "sums";
    const value: Tracked = {
      height: isSum ? 1 : height,
      isSum,
      isBarrier: barriers.has(name),
      isOutput: outputs.includes(name),
      batch: 1,
      readers: [],
      made: 0,
      freed: 0,
      most: 0,
      first: -1,
      last: 0,
    };
    tracked.set(name, value);
    return value;
  };
  const source = track(input);
  const states = groups.map(({ steps, rows, batch, firings }, index): State => {
    const made = new Set(steps.map(({ output }) => output));
    const kept = [...made].filter((output) => !transient.has(output));
    return { index, rows, batch, firings, reads: [], outputs: kept.map(track), next: 0 };
  });
  groups.forEach(({ steps }, i) => {
    const made = new Set(steps.map(({ output }) => output));
    for (const step of steps)
      for (const read of step.reads) {
        if (made.has(read.value)) continue;
        const value = tracked.get(read.value)!;
        const rows = firingRows(states[i], read, value.height);
        states[i].reads.push({ value, rows });
        value.readers.push({ group: states[i], rows });
        value.batch = commonMultiple(value.batch, states[i].batch);
      }
    for (const value of states[i].outputs) value.batch = commonMultiple(value.batch, states[i].batch);
  });

  const schedule: number[] = [];
  const wanted = outputs.map((name) => tracked.get(name)!);
  // Groups that may be ready: from the first unfinished one to the last reader of the value just made. Later groups
  // were not ready before, and none of their inputs has changed.
  let lowest = 0;
  let highest = 0;
  const reach = (value: Tracked): void => {
    for (const { group } of value.readers) if (group.index > highest) highest = group.index;
  };
  while (wanted.some(({ made, height }) => made < height)) {
    while (states[lowest].next >= states[lowest].firings) lowest++;
    let i = highest;
    while (i >= lowest && !isReady(states[i])) i--;
    if (i < lowest) {
      if (source.made === source.height) throw new Error("no group of the program can go on");
      source.made++;
      reach(source);
      count(source, schedule.length);
      schedule.push(inputRow);
      continue;
    }
    const state = states[i];
    state.next++;
    highest = i;
    for (const value of state.outputs) {
      if (value.isSum) {
        // A sum's bytes are in use from the first input row on.
        if (value.first < 0) value.first = schedule.length;
        if (state.next === state.firings) value.made = 1;
      } else value.made = Math.min(value.height, state.next * state.batch);
      reach(value);
      count(value, schedule.length);
    }
    for (const { value } of state.reads) release(value, schedule.length);
    for (const value of state.outputs) release(value, schedule.length);
    schedule.push(i);
  }
  const rings = new Map<string, Ring>();
  for (const [name, { most, height, batch, first, last, made, freed }] of tracked) {
    const rows = Math.min(height, Math.ceil(Math.max(1, most) / batch) * batch);
    rings.set(name, { rows, first, last: made > freed ? schedule.length - 1 : last });
  }
  return { groups, transient, schedule, rings };
}

function isReady(state: State): boolean {
  const { reads, next, firings } = state;
  if (next >= firings) return false;
  for (const { value, rows } of reads) {
    if (value.made === value.height) continue;
    if (value.isBarrier || value.made < rows.to[next]) return false;
  }
  return true;
}

function commonMultiple(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}

/** Updates the number of rows alive after a row was made. */
function count(value: Tracked, time: number): void {
  const rows = value.made - value.freed;
  if (rows > value.most) value.most = rows;
  if (rows > 0 && value.first < 0) value.first = time;
}

/** Frees the rows that no reader needs any more. */
function release(value: Tracked, time: number): void {
  if (value.isOutput || value.made === value.freed) return;
  let keep = value.made;
  for (const { group, rows } of value.readers)
    if (group.next < group.firings) keep = Math.min(keep, rows.from[group.next]);
  if (keep <= value.freed) return;
  value.freed = keep;
  if (keep === value.made) value.last = time;
}
