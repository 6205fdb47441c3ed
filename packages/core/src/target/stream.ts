/**
 * Rows streamed through a program: when each group makes which row, and how many rows of each value are alive together.
 * The order does not depend on data; what is simulated here is the list that the firmware follows.
 *
 * A value is a ring of rows. The most downstream group whose input rows are there makes its next row, so rows die young.
 * A barrier holds a value's readers back until it is whole: all rings before it are dead by then.
 */
import { type Group, type Grouping, groupSteps } from "./groups.js";
import type { Lowering, Read } from "./steps.js";

/** An entry of the schedule: a group's index, or `inputRow`: the network's next input row is needed. */
export const inputRow = -1;

export interface Ring {
  /** Rows alive together, at most the value's height. */
  readonly rows: number;
  /** First and last entry of the schedule while a row of it is alive. */
  readonly first: number;
  readonly last: number;
}

export interface Stream extends Grouping {
  readonly schedule: readonly number[];
  /** Of every value that outlives one firing, the input's among them; of the input as if its rows were pushed. */
  readonly rings: ReadonlyMap<string, Ring>;
}

interface Tracked {
  readonly height: number;
  made: number;
  freed: number;
  most: number;
  first: number;
  last: number;
  readonly readers: { readonly group: State; readonly read: Read }[];
  readonly isSum: boolean;
}

interface State {
  readonly index: number;
  readonly group: Group;
  readonly reads: readonly Read[];
  readonly outputs: readonly string[];
  next: number;
}

/** Rows [from, to) that a read of row y needs, within a map of `height` rows. */
export function rowsRead({ window }: Read, height: number, y: number): [from: number, to: number] {
  if (window === "whole") return [0, height];
  const from = y * window.stride - window.before;
  return [Math.min(height, Math.max(0, from)), Math.max(0, Math.min(height, from + window.size))];
}

/**
 * @param barriers values whose readers wait until they are whole
 * Throws an Error where no group can go on, which no lowering leads to.
 */
export function stream(lowering: Lowering, barriers: ReadonlySet<string>): Stream {
  const { values, input, outputs } = lowering;
  const { groups, transient } = groupSteps(lowering, new Set([...barriers, ...outputs]));
  const tracked = new Map<string, Tracked>();
  const track = (name: string): void => {
    const { height, layout } = values.get(name)!;
    const isSum = layout === "sums";
    tracked.set(name, {
      height: isSum ? 1 : height,
      made: 0,
      freed: 0,
      most: 0,
      first: -1,
      last: 0,
      readers: [],
      isSum,
    });
  };
  track(input);
  const states = groups.map((group, index): State => {
    const made = new Set(group.steps.map(({ output }) => output));
    const kept = [...made].filter((output) => !transient.has(output));
    for (const output of kept) track(output);
    const reads = group.steps.flatMap((step) => step.reads).filter(({ value }) => !made.has(value));
    return { index, group, reads, outputs: kept, next: 0 };
  });
  for (const state of states)
    for (const read of state.reads) tracked.get(read.value)!.readers.push({ group: state, read });

  const isReady = ({ group, reads, next }: State): boolean =>
    next < group.firings &&
    reads.every((read) => {
      const value = tracked.get(read.value)!;
      if (barriers.has(read.value) && value.made < value.height) return false;
      return value.made >= rowsRead(read, value.height, next)[1];
    });
  const release = (name: string): void => {
    if (outputs.includes(name)) return;
    const value = tracked.get(name)!;
    let keep = value.made;
    for (const { group, read } of value.readers)
      keep = Math.min(
        keep,
        group.next >= group.group.firings ? value.height : rowsRead(read, value.height, group.next)[0],
      );
    value.freed = Math.max(value.freed, Math.min(keep, value.made));
  };
  const schedule: number[] = [];
  const alive = (): void => {
    for (const value of tracked.values()) {
      const rows = value.made - value.freed;
      if (rows > value.most) value.most = rows;
      if (rows > 0) {
        if (value.first < 0) value.first = schedule.length;
        value.last = schedule.length;
      }
    }
  };
  const source = tracked.get(input)!;
  const wanted = outputs.map((name) => tracked.get(name)!);
  // Groups that have input to look at: the readers of what has been made, from the first that has not made all.
  let lowest = 0;
  let highest = 0;
  const reach = (value: Tracked): void => {
    for (const { group } of value.readers) if (group.index > highest) highest = group.index;
  };
  reach(source);
  while (wanted.some(({ made, height }) => made < height)) {
    while (states[lowest].next >= states[lowest].group.firings) lowest++;
    let state: State | undefined;
    for (let i = highest; i >= lowest && state === undefined; i--) if (isReady(states[i])) state = states[i];
    if (state === undefined) {
      if (source.made === source.height) throw new Error("no group of the program can go on");
      source.made++;
      alive();
      schedule.push(inputRow);
      continue;
    }
    state.next++;
    for (const output of state.outputs) {
      const value = tracked.get(output)!;
      if (value.isSum) {
        // Its bytes are in use from the first row on.
        if (value.first < 0) value.first = schedule.length;
        if (state.next === state.group.firings) value.made = 1;
      } else value.made = state.next;
      reach(value);
    }
    alive();
    schedule.push(state.index);
    for (const { value } of state.reads) release(value);
    for (const output of state.outputs) release(output);
  }
  const rings = new Map<string, Ring>();
  for (const [name, { most, first, last }] of tracked) rings.set(name, { rows: Math.max(1, most), first, last });
  return { groups, transient, schedule, rings };
}
