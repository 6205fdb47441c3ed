/** Places values in the engine's arena. */

/** Bytes in use from step `first` to step `last`, both included. */
export interface Value {
  readonly first: number;
  last: number;
  readonly bytes: number;
  /** Offset in the arena, written by `placeLargestFirst`. */
  offset: number;
}

/**
 * Puts each value, the largest first, at the lowest offset that no value alive at the same time occupies; returns the
 * arena's size in bytes. Fast, and at most a few percent above the best placement that target/place.ts finds.
 */
export function placeLargestFirst(values: readonly Value[]): number {
  const placed: Value[] = []; // by offset
  let bytes = 0;
  for (const value of [...values].sort((a, b) => b.bytes - a.bytes)) {
    value.offset = 0;
    for (const other of placed) {
      if (other.last < value.first || value.last < other.first) continue;
      if (value.offset + value.bytes <= other.offset) break;
      value.offset = Math.max(value.offset, other.offset + other.bytes);
    }
    bytes = Math.max(bytes, value.offset + value.bytes);
    const at = placed.findIndex(({ offset }) => offset > value.offset);
    placed.splice(at < 0 ? placed.length : at, 0, value);
  }
  return bytes;
}
