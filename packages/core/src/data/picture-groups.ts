/**
 * Groups pictures that must stay in one split: copies, near copies, frames of one video, augmented copies of one
 * picture.
 */
import { byCodeUnits } from "./files/tree.js";
import { addTo } from "./files/values.js";
import { PictureCells, sameScene } from "./picture-hash.js";

/** What is known about a picture's content. */
export interface PictureLook {
  /** Digest of the file's bytes or of the pixels; equal pictures have equal digests. */
  readonly digest?: string;
  /** From `greyCells`. */
  readonly cells?: Uint8Array;
}

export interface GroupedPicture {
  /** Path within its data set, with `/`. */
  readonly name: string;
  readonly look?: PictureLook;
  /** Group stated by the data set. */
  readonly group?: string;
}

export interface PictureGroups {
  /** For each picture, the first picture that is a copy of it and must stay with it. */
  readonly copyOf: Int32Array;
  /** For each picture, the first picture of its group. Copies are in the same group. */
  readonly groupOf: Int32Array;
}

/** Union-find over the numbers 0..n-1. */
export class DisjointSets {
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, n) => n);
  }

  /** The smallest number of the set that contains `n`. */
  find(n: number): number {
    const parent = this.#parent;
    let root = n;
    while (parent[root] !== root) root = parent[root];
    for (let at = n; at !== root; ) {
      const next = parent[at];
      parent[at] = root;
      at = next;
    }
    return root;
  }

  join(a: number, b: number): void {
    const [rootA, rootB] = [this.find(a), this.find(b)];
    this.#parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }

  all(): Int32Array {
    return this.#parent.map((_, n) => this.find(n));
  }
}

/** Groups pictures by content, by name, and by what the data set states. */
export function groupPictures(pictures: readonly GroupedPicture[]): PictureGroups {
  const copies = new DisjointSets(pictures.length);
  joinEqual(copies, pictures, ({ look }) => look?.digest);
  joinEqual(copies, pictures, ({ name }) => augmentedFrom(name));
  const groups = new DisjointSets(pictures.length);
  for (const [n, first] of copies.all().entries()) groups.join(n, first);
  joinEqual(groups, pictures, ({ group }) => group);
  const cells = new PictureCells(pictures.map(({ look }) => look?.cells));
  cells.eachNearCopy((a, b) => groups.join(a, b));
  joinSequences(groups, pictures, cells);
  return { copyOf: copies.all(), groupOf: groups.all() };
}

/**
 * Groups of equal pictures and near copies: lists of two or more indices into `looks`, each in order. A picture without
 * a look is in no group.
 */
export function nearCopyGroups(looks: readonly (PictureLook | undefined)[]): number[][] {
  const sets = new DisjointSets(looks.length);
  joinEqual(sets, looks, (look) => look?.digest);
  new PictureCells(looks.map((look) => look?.cells)).eachNearCopy((a, b) => sets.join(a, b));
  const groups = new Map<number, number[]>();
  for (const [n, first] of sets.all().entries()) addTo(groups, first, n);
  return [...groups.values()].filter(({ length }) => length > 1);
}

function joinEqual<T>(sets: DisjointSets, pictures: readonly T[], keyOf: (picture: T) => string | undefined): void {
  const first = new Map<string, number>();
  for (const [n, picture] of pictures.entries()) {
    const key = keyOf(picture);
    if (key === undefined) continue;
    const before = first.get(key);
    if (before === undefined) first.set(key, n);
    else sets.join(before, n);
  }
}

const roboflow = /^(.*_(?:jpe?g|png|bmp|webp|tiff?|avif))\.rf\.[0-9a-zA-Z]+\.[a-z]+$/i;

/** Roboflow names augmented copies of `bolt.jpg` `bolt_jpg.rf.HASH.jpg`; returns the part before `.rf.`. */
export function augmentedFrom(name: string): string | undefined {
  return roboflow.exec(name)?.[1];
}

/** `belt/video2_frame_017.jpg` is number 17 of `belt/video2_frame_#.jpg`; undefined without a number. */
function placeInSequence(name: string): { readonly sequence: string; readonly number: number } | undefined {
  const plain = augmentedFrom(name) ?? name;
  const match = /^(.*?)(\d+)(\D*)$/s.exec(plain.replace(/\.[a-z]+$/i, "").replace(/_(jpe?g|png|bmp|webp)$/i, ""));
  return match === null ? undefined : { sequence: `${match[1]}#${match[3]}`, number: Number(match[2]) };
}

/** Minimum number of neighbouring pairs for a meaningful share, and the share that makes all of them one sequence. */
const leastPairs = 4;
const sequenceShare = 0.25;

/**
 * Joins pictures with consecutive numbers in their names if they look alike. If a quarter of the neighbours look alike,
 * all of them are joined, as the frames of a video with a moving camera. Most data sets of unrelated pictures are
 * numbered too, but there hardly any neighbours look alike.
 */
function joinSequences(groups: DisjointSets, pictures: readonly GroupedPicture[], cells: PictureCells): void {
  const sequences = new Map<string, { n: number; number: number }[]>();
  for (const [n, { name }] of pictures.entries()) {
    const place = placeInSequence(name);
    if (place === undefined) continue;
    addTo(sequences, place.sequence, { n, number: place.number });
  }
  for (const list of sequences.values()) {
    list.sort((a, b) => a.number - b.number || a.n - b.n);
    const pairs = list.slice(1).map(({ n }, i) => [list[i].n, n] as const);
    const alike = pairs.filter(([a, b]) => cells.areAlike(a, b, sameScene));
    const whole = pairs.length >= leastPairs && alike.length >= sequenceShare * pairs.length;
    for (const [a, b] of whole ? pairs : alike) groups.join(a, b);
  }
}

/** Orders names with numbers compared numerically: `frame_9` before `frame_10`. */
export function byNumberedName(a: string, b: string): number {
  const [partsA, partsB] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []];
  for (let i = 0; i < Math.min(partsA.length, partsB.length); i++) {
    if (partsA[i] === partsB[i]) continue;
    const difference = Number(partsA[i]) - Number(partsB[i]);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    return byCodeUnits(partsA[i], partsB[i]);
  }
  return partsA.length - partsB.length || byCodeUnits(a, b);
}
