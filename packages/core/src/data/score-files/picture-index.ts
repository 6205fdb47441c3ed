/** Finds the picture that a file name refers to, with or without its extension and with any part of its path. */
import { baseName, foldName, joinPath, stemOf } from "../files/tree.js";

const several = -1;

export class PictureIndex {
  /** Maps every end of a path, with and without extension, to the picture's index in the list. */
  readonly #exact = new Map<string, number>();
  readonly #folded = new Map<string, number>();
  readonly #numbers = new Map<number, number>();

  /** @param files file of each picture; undefined if it has none */
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

  /**
   * Index in the list; undefined if no picture or more than one matches. The longest matching end of the path decides.
   */
  find(file: string): number | undefined {
    const ends = endsOf(file);
    return (
      lookUp(this.#exact, [...ends, ...ends.map(stemOf)]) ??
      lookUp(this.#folded, [...ends, ...ends.map(stemOf)].map(foldName))
    );
  }

  /** The picture whose name is this number, as in Ultralytics' image_id: 7 for 007.jpg. */
  findNumber(name: number): number | undefined {
    const found = this.#numbers.get(name);
    return found === several ? undefined : found;
  }
}

/** Ends of a path: a/b/c.jpg, b/c.jpg, c.jpg */
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
