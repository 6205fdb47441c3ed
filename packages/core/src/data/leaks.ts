/**
 * Finds pictures that are in more than one split, as the same file, a copy or a near copy, so that training pictures
 * would be scored.
 */
import { PictureCells } from "./picture-hash.js";
import { type SplitName, splitNames } from "./types.js";

/** A picture of a split, with whatever is known about its content. */
export interface LookedAt {
  readonly file: string;
  readonly split: SplitName;
  readonly digest?: string;
  readonly cells?: Uint8Array;
}

export type LeakKind = "same file" | "copy" | "near copy";

/** Pictures that an evaluation split shares with the splits before it: val with train, test with train and val. */
export interface Leak {
  readonly split: "val" | "test";
  /** Pictures of the split. */
  readonly pictures: number;
  /** Those of them that are also in an earlier split, each counted once. */
  readonly shared: Readonly<Record<LeakKind, number>>;
  /** Number of pictures that the split would keep without them. */
  readonly left: number;
  readonly examples: readonly {
    readonly file: string;
    readonly like: string;
    readonly in: SplitName;
    readonly kind: LeakKind;
  }[];
}

/** Pictures with the same content. */
export interface CopyGroup {
  readonly files: readonly string[];
  readonly acrossSplits: boolean;
}

const mostExamples = 10;

/** One entry per non-empty evaluation split. */
export function findLeaks(pictures: readonly LookedAt[]): Leak[] {
  const found = new Map<number, { like: number; kind: LeakKind }>();
  const rank = (n: number) => splitNames.indexOf(pictures[n].split);
  const note = (a: number, b: number, kind: LeakKind) => {
    if (rank(a) === rank(b)) return;
    const [before, after] = rank(a) < rank(b) ? [a, b] : [b, a];
    if (!found.has(after)) found.set(after, { like: before, kind });
  };
  eachEqual(
    pictures,
    ({ file }) => file,
    (a, b) => note(a, b, "same file"),
  );
  eachEqual(
    pictures,
    ({ digest }) => digest,
    (a, b) => note(a, b, "copy"),
  );
  new PictureCells(pictures.map(({ cells }) => cells)).eachNearCopy((a, b) => note(a, b, "near copy"));
  return (["val", "test"] as const).flatMap((split): Leak[] => {
    const own = pictures.flatMap((each, n) => (each.split === split ? [n] : []));
    if (own.length === 0) return [];
    const shared = { "same file": 0, copy: 0, "near copy": 0 };
    const examples: Leak["examples"][number][] = [];
    for (const n of own) {
      const leak = found.get(n);
      if (leak === undefined) continue;
      shared[leak.kind]++;
      const { file: like, split: inside } = pictures[leak.like];
      if (examples.length < mostExamples) examples.push({ file: pictures[n].file, like, in: inside, kind: leak.kind });
    }
    const all = shared["same file"] + shared.copy + shared["near copy"];
    return [{ split, pictures: own.length, shared, left: own.length - all, examples }];
  });
}

/** Calls `on` with the first picture of each key in each split, and each later one in another split. */
function eachEqual(
  pictures: readonly LookedAt[],
  keyOf: (picture: LookedAt) => string | undefined,
  on: (first: number, other: number) => void,
): void {
  const firsts = new Map<string, Partial<Record<SplitName, number>>>();
  for (const [n, picture] of pictures.entries()) {
    const key = keyOf(picture);
    if (key === undefined) continue;
    const known = firsts.get(key) ?? {};
    for (const split of splitNames) {
      const first = known[split];
      if (first !== undefined && split !== picture.split) on(first, n);
    }
    known[picture.split] ??= n;
    firsts.set(key, known);
  }
}

/** Different files with the same content. */
export function findCopies(pictures: readonly LookedAt[]): CopyGroup[] {
  const groups = new Map<string, Map<string, Set<SplitName>>>();
  for (const { file, split, digest } of pictures) {
    if (digest === undefined) continue;
    const files = groups.get(digest) ?? new Map<string, Set<SplitName>>();
    files.set(file, (files.get(file) ?? new Set()).add(split));
    groups.set(digest, files);
  }
  return [...groups.values()]
    .filter((files) => files.size > 1)
    .map((files) => ({
      files: [...files.keys()],
      acrossSplits: new Set([...files.values()].flatMap((splits) => [...splits])).size > 1,
    }));
}
