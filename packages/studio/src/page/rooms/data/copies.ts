/** Near copies among a catalogue's pictures: which to keep, and which are in several splits. Pure functions. */
import { type Catalogue, splitOf } from "../../../shared/data.js";

/** A picture's role among near copies. */
export interface Copy {
  /** Number of its group, from 1. */
  readonly group: number;
  /** Whether its group is in several splits: the network is then scored on pictures that it was trained on. */
  readonly leak: boolean;
  /** Whether it is the one to keep of its group. */
  readonly kept: boolean;
}

export interface Copies {
  readonly groups: number;
  readonly of: ReadonlyMap<number, Copy>;
  /** Numbers of the pictures, group by group. */
  readonly all: readonly number[];
  readonly leaks: readonly number[];
  /** Pictures that may go where one of each group is kept. */
  readonly spare: readonly number[];
}

/**
 * Decides which picture of each group to keep: the first labelled one, in the order training, validation, test, or the
 * first where none is labelled.
 * @param groups numbers of pictures, each group in order
 */
export function copiesOf(groups: readonly (readonly number[])[], catalogue: Catalogue): Copies {
  const unlabelled = new Set(catalogue.unlabelled);
  const of = new Map<number, Copy>();
  for (const [n, group] of groups.entries()) {
    const kept = group.find((each) => !unlabelled.has(each)) ?? group[0];
    const leak = new Set(group.map((each) => splitOf(catalogue, each))).size > 1;
    for (const each of group) of.set(each, { group: n + 1, leak, kept: each === kept });
  }
  const all = groups.flat();
  const keptFiles = new Set(all.filter((n) => of.get(n)!.kept).map((n) => catalogue.files[n]));
  return {
    groups: groups.length,
    of,
    all,
    leaks: all.filter((n) => of.get(n)!.leak),
    // A file that is in two splits is not spare where it is kept in one of them.
    spare: all.filter((n) => !of.get(n)!.kept && !keptFiles.has(catalogue.files[n])),
  };
}
