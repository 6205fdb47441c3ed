/** Where values lie in the engine's arena. */

/** Bytes that are in use from step `first` to step `last`, both included. */
export interface Value {
  readonly first: number;
  last: number;
  readonly bytes: number;
  /** Where it lies; written by `placeLargestFirst`. */
  offset: number;
}

/**
 * Puts each value, the largest first, at the lowest place that no value alive with it has: all that they take, in bytes. At
 * once, and no more than some percent above the best that target/place.ts finds.
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
