/** Finds the picture that a file name means, however much of the path and whether or not the extension is given. */
import { baseName, foldName, joinPath, stemOf } from "../files/tree.js";

const several = -1;

export class PictureIndex {
  /** Every end of a path, with and without extension, to the picture's place in the list. */
  readonly #exact = new Map<string, number>();
  readonly #folded = new Map<string, number>();
  readonly #numbers = new Map<number, number>();

  /** @param files by picture; undefined where it has none */
  constructor(files: readonly (string | undefined)[]) {
    for (const [i, file] of files.entries()) {
      if (file === undefined) continue;
      for (const end of endsOf(file)) {
        for (const key of new Set([end, stemOf(end)])) {
          add(this.#exact, key, i);
          add(this.#folded, foldName(key), i);
        }
      }
      const stem = stemOf(baseName(file));
      if (/^\d+$/.test(stem)) add(this.#numbers, Number(stem), i);
    }
  }

  /** Place in the list; undefined where none or more than one is meant. The longest end of the path that fits counts. */
  find(file: string): number | undefined {
    const ends = endsOf(file);
    return (
      lookUp(this.#exact, [...ends, ...ends.map(stemOf)]) ??
      lookUp(this.#folded, [...ends, ...ends.map(stemOf)].map(foldName))
    );
  }

  /** The picture whose name is this number, as Ultralytics writes image_id: 7 for 007.jpg. */
  findNumber(name: number): number | undefined {
    const found = this.#numbers.get(name);
    return found === several ? undefined : found;
  }
}

/** a/b/c.jpg, b/c.jpg, c.jpg */
function endsOf(file: string): string[] {
  const parts = joinPath(file).split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

function add<K>(map: Map<K, number>, key: K, i: number): void {
  const before = map.get(key);
  if (before === undefined) map.set(key, i);
  else if (before !== i) map.set(key, several);
}

function lookUp(map: ReadonlyMap<string, number>, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const found = map.get(key);
    if (found !== undefined) return found === several ? undefined : found;
  }
  return undefined;
}
