/**
 * Groups the steps of a firmware program that make their rows one after the other. A group is a unit of the schedule.
 */
import type { Lowering, Read, Step } from "./steps.js";

/** Steps that make one row each, one after the other; a unit of the schedule. */
export interface Group {
  readonly steps: readonly Step[];
  /** Rows that the group makes; for a mean alone, rows that it reads. */
  readonly rows: number;
  /** Rows made in one firing. */
  readonly batch: number;
  readonly firings: number;
}

export interface Grouping {
  readonly groups: readonly Group[];
  /** Values that live only within one firing of their group. */
  readonly transient: ReadonlySet<string>;
}

/**
 * Groups the steps that can follow each other within one firing: those that read exactly the row that the previous one
 * made.
 * @param kept values that are held whole or leave the program; a group ends with them
 */
export function groupSteps({ values, steps, outputs }: Lowering, kept: ReadonlySet<string>): Grouping {
  const readers = new Map<string, number>();
  for (const { reads } of steps) for (const { value } of reads) readers.set(value, (readers.get(value) ?? 0) + 1);
  const groups: { steps: Step[]; rows: number; batch: number; firings: number }[] = [];
  const groupOf = new Map<string, number>();
  const isSum = (value: string): boolean => values.get(value)!.layout === "sums";
  for (const step of steps) {
    const { batch = 1 } = step;
    const rows = rowsOf(step, values);
    // The group whose last row this step continues from: the step is its only reader, or sums it up beside other
    // readers.
    const target = step.reads
      .filter(({ value, window }) => isRow(window) && groupOf.has(value) && !isSum(value))
      .filter(({ value }) => isSum(step.output) || (readers.get(value) === 1 && !kept.has(value)))
      .map(({ value }) => ({ value, index: groupOf.get(value)! }))
      .find(({ value, index }) => {
        const last = groups[index].steps.at(-1)!;
        const before = (read: Read): boolean => (groupOf.get(read.value) ?? -1) < index || read.value === value;
        const alike = groups[index].rows === rows && groups[index].batch === batch;
        return last.output === value && alike && step.reads.every(before);
      });
    if (target === undefined) groups.push({ steps: [step], rows, batch, firings: Math.ceil(rows / batch) });
    else groups[target.index].steps.push(step);
    groupOf.set(step.output, target?.index ?? groups.length - 1);
  }
  const readBy = new Map<string, Set<Group>>();
  for (const one of groups)
    for (const step of one.steps)
      for (const { value } of step.reads) readBy.set(value, (readBy.get(value) ?? new Set<Group>()).add(one));
  const transient = new Set<string>();
  for (const one of groups)
    for (const { output } of one.steps) {
      const users = readBy.get(output);
      const within = users?.size === 1 && users.has(one) && !isSum(output);
      if (within && !outputs.includes(output) && !kept.has(output)) transient.add(output);
    }
  return { groups, transient };
}

/** Rows of pixels that a step makes; for a sum and for quads of several rows, rows that it reads. */
function rowsOf({ kernel, output, reads }: Step, values: Lowering["values"]): number {
  const { height, layout } = values.get(output)!;
  return layout === "sums" || kernel === "dsp_quads_rows" ? values.get(reads[0].value)!.height : height;
}

function isRow(window: Read["window"]): boolean {
  return window !== "whole" && !("spans" in window) && window.size === 1 && window.stride === 1 && window.before === 0;
}
