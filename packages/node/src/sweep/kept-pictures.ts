/** Keeps the decoded pictures of recent rungs, because the next rung usually needs the same ones. */
import type { CachedPictures } from "../dataset/index.js";

/** Most bytes of pictures to keep besides those in use. */
const mostBytes = 256 * 2 ** 20;

export class KeptPictures {
  /** Ordered by last use, oldest first. */
  readonly #kept = new Map<string, CachedPictures>();

  /**
   * The pictures of each name; `load` is called for those that are not kept. Before that, other pictures are dropped,
   * oldest first, until they take at most `mostBytes`. Pictures in use are not limited.
   */
  async get(
    names: readonly string[],
    load: (name: string) => Promise<CachedPictures>,
  ): Promise<readonly CachedPictures[]> {
    this.#drop(names);
    const found: CachedPictures[] = [];
    for (const name of names) {
      const pictures = this.#kept.get(name) ?? (await load(name));
      this.#kept.delete(name);
      this.#kept.set(name, pictures);
      found.push(pictures);
    }
    return found;
  }

  #drop(wanted: readonly string[]): void {
    const others = [...this.#kept].filter(([name]) => !wanted.includes(name));
    let bytes = others.reduce((sum, [, pictures]) => sum + bytesOf(pictures), 0);
    for (const [name, pictures] of others) {
      if (bytes <= mostBytes) return;
      this.#kept.delete(name);
      bytes -= bytesOf(pictures);
    }
  }
}

/** Bytes in memory; shards that are files take none. */
function bytesOf({ packed: { shards, table } }: CachedPictures): number {
  return shards.reduce((sum, shard) => sum + ("path" in shard ? 0 : shard.byteLength), table.byteLength);
}
