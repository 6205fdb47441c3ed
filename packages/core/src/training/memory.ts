/** Plans where batched values are placed in a shard's arena: values with disjoint lifetimes may share bytes. */

export interface Lifetime {
  readonly bytes: number;
  /** Index of the first instruction that writes the value. */
  readonly first: number;
  /** Index of the last instruction that reads or writes the value. */
  readonly last: number;
}

export interface MemoryPlan {
  /** Offset in bytes of each value. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

const alignment = 64;

/** Greedy: the largest value first, each at the lowest offset that is free during its whole lifetime. */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const offsets: number[] = new Array(lifetimes.length).fill(0);
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  const placed: number[] = []; // sorted by offset
  let total = 0;
  for (const i of order) {
    const { bytes, first, last } = lifetimes[i];
    const size = Math.ceil(bytes / alignment) * alignment;
    let offset = 0;
    for (const j of placed) {
      const other = lifetimes[j];
      if (other.last < first || other.first > last) continue;
      if (offsets[j] >= offset + size) break;
      offset = Math.max(offset, offsets[j] + Math.ceil(other.bytes / alignment) * alignment);
    }
    offsets[i] = offset;
    const at = placed.findIndex((j) => offsets[j] > offset);
    placed.splice(at === -1 ? placed.length : at, 0, i);
    total = Math.max(total, offset + size);
  }
  return { offsets, bytes: total };
}
