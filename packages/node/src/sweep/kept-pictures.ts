/** The pictures of the last rungs, decoded: the next rung is most often of the same ones. */
import type { CachedPictures } from "../dataset/index.js";

/** Bytes of pictures that are kept beside those that are in use. */
const mostBytes = 256 * 2 ** 20;

export class KeptPictures {
  /** Last used last. */
  readonly #kept = new Map<string, CachedPictures>();

  /**
   * The pictures of each name, those that are not kept from `load`. Before one is loaded, others than these are dropped
   * as far as they exceed the bound: what is in use takes the memory that it takes.
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

/** In memory; shards that are files take none. */
function bytesOf({ packed: { shards, table } }: CachedPictures): number {
  return shards.reduce((sum, shard) => sum + ("path" in shard ? 0 : shard.byteLength), table.byteLength);
}
