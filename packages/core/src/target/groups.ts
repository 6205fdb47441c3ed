/** Which steps of a firmware program make their rows one after the other, as one unit of its schedule. */
import type { Lowering, Read, Step } from "./steps.js";

/** Steps that make a row each, one after the other; only the schedule's unit. */
export interface Group {
  readonly steps: readonly Step[];
  /** Rows that it makes; of a mean alone, rows that it takes. */
  readonly firings: number;
}

export interface Grouping {
  readonly groups: readonly Group[];
  /** Values that live within one firing of their group. */
  readonly transient: ReadonlySet<string>;
}

/**
 * Steps that follow each other within one firing: those that read just the row which the one before has made.
 * @param kept values that are held whole or leave the program: a group ends with them
 */
export function groupSteps({ values, steps, outputs }: Lowering, kept: ReadonlySet<string>): Grouping {
  const readers = new Map<string, Step[]>();
  for (const step of steps)
    for (const { value } of step.reads) readers.set(value, [...(readers.get(value) ?? []), step]);
  const groups: { steps: Step[]; firings: number }[] = [];
  const groupOf = new Map<string, number>();
  const isSum = (value: string): boolean => values.get(value)!.layout === "sums";
  for (const step of steps) {
    const rows = isSum(step.output) ? values.get(step.reads[0].value)!.height : values.get(step.output)!.height;
    // The group whose last row this step goes on from: it alone reads it, or it adds it up beside other readers.
    const target = step.reads
      .filter(({ value, window }) => isRow(window) && groupOf.has(value) && !isSum(value))
      .filter(({ value }) => isSum(step.output) || (readers.get(value)!.length === 1 && !kept.has(value)))
      .map(({ value }) => ({ value, index: groupOf.get(value)! }))
      .find(({ value, index }) => {
        const last = groups[index].steps.at(-1)!;
        const before = (read: Read): boolean => (groupOf.get(read.value) ?? -1) < index || read.value === value;
        return last.output === value && groups[index].firings === rows && step.reads.every(before);
      });
    if (target === undefined) groups.push({ steps: [step], firings: rows });
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

function isRow(window: Read["window"]): boolean {
  return window !== "whole" && !("spans" in window) && window.size === 1 && window.stride === 1 && window.before === 0;
}
