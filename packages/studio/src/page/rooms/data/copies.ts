/** Near copies among the pictures of a catalogue: which are to be kept, and which are in several splits. Pure. */
import { type Catalogue, splitOf } from "../../../shared/data.js";

/** What a picture is among near copies. */
export interface Copy {
  /** Number of its group, from 1. */
  readonly group: number;
  /** Its group is in several splits: what is learnt is then scored. */
  readonly leak: boolean;
  /** The one of its group that stays where one of each is kept. */
  readonly kept: boolean;
}

export interface Copies {
  readonly groups: number;
  readonly of: ReadonlyMap<number, Copy>;
  /** Numbers of pictures, group after group. */
  readonly all: readonly number[];
  readonly leaks: readonly number[];
  /** What can go where one of each is kept. */
  readonly spare: readonly number[];
}

/**
 * Of each group the first picture that is labelled is kept, training before validation before test; the first one where none
 * is.
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
    // A file that two splits name is not spare where it is kept in one of them.
    spare: all.filter((n) => !of.get(n)!.kept && !keptFiles.has(catalogue.files[n])),
  };
}
