/**
 * Assigns addresses to boxes of bytes and time, so that boxes alive at the same time share no byte. This is bin packing
 * in two dimensions, which is hard to solve exactly. The greedy orders of Pisarchyk & Lee ("Efficient memory management
 * for deep neural net inference", 2020) and a few more are each tried with best fit, and the smallest total wins. Where
 * none meets the lower bound, a short search with backtracking tries to reach it.
 */

/** Bytes that are in use from time `first` to time `last`, both included. */
export interface Box {
  readonly first: number;
  readonly last: number;
  /** A multiple of the alignment. */
  readonly bytes: number;
  /**
   * Counts of the box's first bytes that become free after a time, as rows of a picture do; rising, in multiples of the
   * alignment. Default: none.
   */
  readonly frees?: readonly Freed[];
}

export interface Freed {
  readonly bytes: number;
  /** The last time at which the bytes are in use. */
  readonly last: number;
}

export interface Placement {
  readonly bytes: number;
  /** Most bytes alive at once; no placement is smaller. */
  readonly lowerBoundBytes: number;
  /** In the order of the boxes. */
  readonly offsets: readonly number[];
}

interface Buffer extends Box {
  readonly index: number;
}

/** Places boxes deterministically: equal boxes get equal offsets. */
export function placeBoxes(boxes: readonly Box[]): Placement {
  if (boxes.length === 1) return { bytes: boxes[0].bytes, lowerBoundBytes: boxes[0].bytes, offsets: [0] };
  const buffers = boxes.map(
    ({ first, last, bytes, frees }, index): Buffer => ({ index, first, last, bytes, ...(frees && { frees }) }),
  );
  const lowerBoundBytes = mostAlive(buffers);
  let best: { bytes: number; offsets: number[] } = { bytes: Number.POSITIVE_INFINITY, offsets: [] };
  for (const order of orders(buffers)) {
    const candidate = place(order, buffers.length);
    if (candidate.bytes < best.bytes) best = candidate;
    if (best.bytes === lowerBoundBytes) break;
  }
  for (const order of best.bytes > lowerBoundBytes ? orders(buffers) : []) {
    const found = search(order, lowerBoundBytes);
    if (found === undefined) continue;
    best = found;
    break;
  }
  return { ...best, lowerBoundBytes };
}

/** Most bytes alive at once. */
export function mostAlive(boxes: readonly Box[]): number {
  let most = 0;
  for (const bytes of aliveAt(boxes)) if (bytes > most) most = bytes;
  return most;
}

/** Bytes alive at each time, from 0 on. */
function aliveAt(boxes: readonly Box[]): Float64Array {
  let end = -1;
  for (const { last } of boxes) if (last > end) end = last;
  const alive = new Float64Array(end + 2);
  for (const { first, last, bytes, frees = [] } of boxes) {
    alive[first] += bytes;
    let free = 0;
    for (const freed of frees) {
      alive[freed.last + 1] -= freed.bytes - free;
      free = freed.bytes;
    }
    alive[last + 1] -= bytes - free;
  }
  for (let time = 1; time < alive.length; time++) alive[time] += alive[time - 1];
  return alive;
}

/** Bytes of a box that are in use at a time. */
export function bytesAt(box: Box, time: number): number {
  return box.first <= time && time <= box.last ? box.bytes - freedBefore(box, time) : 0;
}

/** Bytes at a box's start that are free before a time. */
function freedBefore({ frees = [] }: Box, time: number): number {
  return frees.findLast(({ last }) => last < time)?.bytes ?? 0;
}

/**
 * The orders in which boxes are placed, the one that is best most often first. Boxes that are freed gradually come
 * before the others, which may take the freed bytes.
 */
function* orders(buffers: readonly Buffer[]): Generator<Buffer[]> {
  const span = (buffer: Buffer): number => buffer.last - buffer.first + 1;
  const shrinks = ({ frees }: Buffer): number => (frees === undefined ? 0 : 1);
  const by = (key: (buffer: Buffer) => number, then = (buffer: Buffer) => buffer.bytes): Buffer[] =>
    [...buffers].sort((a, b) => shrinks(b) - shrinks(a) || key(b) - key(a) || then(b) - then(a) || a.index - b.index);
  yield by((buffer) => buffer.bytes, span);
  yield by((buffer) => buffer.bytes * span(buffer));
  // By breadth: boxes alive when most bytes are alive come first.
  const alive = aliveAt(buffers);
  const breadths = buffers.map(({ first, last }) => {
    let most = 0;
    for (let time = first; time <= last; time++) if (alive[time] > most) most = alive[time];
    return most;
  });
  yield by(({ index }) => breadths[index]);
  yield by(span);
  yield by((buffer) => -buffer.first);
  yield by((buffer) => buffer.last);
}

interface Taken {
  readonly start: number;
  readonly end: number;
}

/** Bytes that placed buffers use during a buffer's life, by address. Bytes that are free when it begins stay free. */
function takenDuring({ first, last }: Box, placed: readonly Buffer[], offsets: readonly number[]): Taken[] {
  return placed
    .filter((other) => other.first <= last && first <= other.last)
    .map((other): Taken => {
      const offset = offsets[other.index];
      return { start: offset + freedBefore(other, first), end: offset + other.bytes };
    })
    .sort((a, b) => a.start - b.start);
}

/** Puts each buffer into the smallest gap that holds it among the buffers alive with it, or else after them. */
function place(order: readonly Buffer[], count: number): { bytes: number; offsets: number[] } {
  const offsets = new Array<number>(count).fill(0);
  let bytes = 0;
  order.forEach((buffer, depth) => {
    let end = 0;
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    for (const taken of takenDuring(buffer, order.slice(0, depth), offsets)) {
      const gap = taken.start - end;
      if (gap >= buffer.bytes && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = Math.max(end, taken.end);
    }
    const offset = best >= 0 ? best : end;
    offsets[buffer.index] = offset;
    bytes = Math.max(bytes, offset + buffer.bytes);
  });
  return { bytes, offsets };
}

/** Number of placements tried before the search gives up, after a few milliseconds. */
const searchLimit = 20_000;

/**
 * Searches for offsets within `capacity`: in the given order, each buffer at the lower or upper end of a gap, with
 * backtracking where one does not fit. Undefined when it gives up.
 */
function search(order: readonly Buffer[], capacity: number): { bytes: number; offsets: number[] } | undefined {
  const offsets = new Array<number>(order.length).fill(0);
  // For each depth, the buffers placed before it that are alive at the same time.
  const neighbours = order.map((buffer, depth) =>
    order.slice(0, depth).filter((other) => other.first <= buffer.last && buffer.first <= other.last),
  );
  let tried = 0;
  const descend = (depth: number): boolean => {
    if (depth === order.length) return true;
    const buffer = order[depth];
    const positions: number[] = [];
    let end = 0;
    for (const taken of [...takenDuring(buffer, neighbours[depth], offsets), { start: capacity, end: capacity }]) {
      if (taken.start - end >= buffer.bytes) {
        positions.push(end);
        if (taken.start - buffer.bytes > end) positions.push(taken.start - buffer.bytes);
      }
      end = Math.max(end, taken.end);
    }
    for (const position of positions) {
      if (++tried > searchLimit) return false;
      offsets[buffer.index] = position;
      if (descend(depth + 1)) return true;
    }
    return false;
  };
  return descend(0) ? { bytes: capacity, offsets } : undefined;
}
