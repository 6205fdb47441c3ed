/**
 * Addresses for boxes of bytes and time: boxes alive at the same time never share a byte. Offset assignment is bin packing
 * in two dimensions and hard to solve exactly; the greedy orders of Pisarchyk & Lee ("Efficient memory management for deep
 * neural net inference", 2020) and a few more are each tried with best fit, and the smallest total wins. Where none meets
 * the lower bound, a short search with backtracking looks for one that does.
 */

/** Bytes that are in use from time `first` to time `last`, both included. */
export interface Box {
  readonly first: number;
  readonly last: number;
  /** A multiple of the alignment. */
  readonly bytes: number;
  /** Of its first bytes so many, multiples of the alignment too, are free again after a time, as rows of a picture are; rising. Default: none. */
  readonly frees?: readonly Freed[];
}

export interface Freed {
  readonly bytes: number;
  /** The last time at which they are in use. */
  readonly last: number;
}

export interface Placement {
  readonly bytes: number;
  /** Most bytes alive at once: no placement is smaller. */
  readonly lowerBoundBytes: number;
  /** In the order of the boxes. */
  readonly offsets: readonly number[];
}

interface Buffer extends Box {
  readonly index: number;
}

/** Deterministic: equal boxes have equal places. */
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

/** Bytes of a box's start that are free before a time. */
function freedBefore({ frees = [] }: Box, time: number): number {
  return frees.findLast(({ last }) => last < time)?.bytes ?? 0;
}

/**
 * The orders in which boxes are placed, the one that is most often best first. Those that are free bit by bit come before the
 * others, which may lie where they are free.
 */
function* orders(buffers: readonly Buffer[]): Generator<Buffer[]> {
  const span = (buffer: Buffer): number => buffer.last - buffer.first + 1;
  const shrinks = ({ frees }: Buffer): number => (frees === undefined ? 0 : 1);
  const by = (key: (buffer: Buffer) => number, then = (buffer: Buffer) => buffer.bytes): Buffer[] =>
    [...buffers].sort((a, b) => shrinks(b) - shrinks(a) || key(b) - key(a) || then(b) - then(a) || a.index - b.index);
  yield by((buffer) => buffer.bytes, span);
  yield by((buffer) => buffer.bytes * span(buffer));
  // By breadth: the boxes alive where most bytes are alive come first.
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

/** Bytes that placed buffers have in use while another is, by address. What is free when it begins stays free. */
function takenDuring({ first, last }: Box, placed: readonly Buffer[], offsets: readonly number[]): Taken[] {
  return placed
    .filter((other) => other.first <= last && first <= other.last)
    .map((other): Taken => {
      const offset = offsets[other.index];
      return { start: offset + freedBefore(other, first), end: offset + other.bytes };
    })
    .sort((a, b) => a.start - b.start);
}

/** Puts each buffer into the smallest gap that holds it among the buffers alive with it, else after them. */
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

/** Placements tried before the search gives up: some milliseconds. */
const searchLimit = 20_000;

/**
 * Looks for offsets that keep within `capacity`: in the given order, each buffer at the lower or the upper end of a gap,
 * backtracking where one does not fit. Undefined when it gives up.
 */
function search(order: readonly Buffer[], capacity: number): { bytes: number; offsets: number[] } | undefined {
  const offsets = new Array<number>(order.length).fill(0);
  // For each depth, the buffers placed before it that are alive with it.
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
