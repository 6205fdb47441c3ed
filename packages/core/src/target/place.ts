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
  const buffers = boxes.map(({ first, last, bytes }, index): Buffer => ({ index, first, last, bytes }));
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
  for (const { first, last, bytes } of boxes) {
    alive[first] += bytes;
    alive[last + 1] -= bytes;
  }
  for (let time = 1; time < alive.length; time++) alive[time] += alive[time - 1];
  return alive;
}

/** The orders in which boxes are placed, the one that is most often best first. */
function* orders(buffers: readonly Buffer[]): Generator<Buffer[]> {
  const span = (buffer: Buffer): number => buffer.last - buffer.first + 1;
  const by = (key: (buffer: Buffer) => number, then = (buffer: Buffer) => buffer.bytes): Buffer[] =>
    [...buffers].sort((a, b) => key(b) - key(a) || then(b) - then(a) || a.index - b.index);
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

/** Puts each buffer into the smallest gap that holds it among the buffers alive with it, else after them. */
function place(order: readonly Buffer[], count: number): { bytes: number; offsets: number[] } {
  const offsets = new Array<number>(count).fill(0);
  const placed: Buffer[] = []; // by offset
  let bytes = 0;
  for (const buffer of order) {
    let end = 0;
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    for (const other of placed) {
      if (other.first > buffer.last || other.last < buffer.first) continue;
      const start = offsets[other.index];
      const gap = start - end;
      if (gap >= buffer.bytes && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = Math.max(end, start + other.bytes);
    }
    const offset = best >= 0 ? best : end;
    offsets[buffer.index] = offset;
    bytes = Math.max(bytes, offset + buffer.bytes);
    let at = placed.length;
    while (at > 0 && offsets[placed[at - 1].index] > offset) at--;
    placed.splice(at, 0, buffer);
  }
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
    const around = neighbours[depth].sort((a, b) => offsets[a.index] - offsets[b.index]);
    const positions: number[] = [];
    let end = 0;
    for (let i = 0; i <= around.length; i++) {
      const start = i < around.length ? offsets[around[i].index] : capacity;
      if (start - end >= buffer.bytes) {
        positions.push(end);
        if (start - buffer.bytes > end) positions.push(start - buffer.bytes);
      }
      if (i < around.length) end = Math.max(end, start + around[i].bytes);
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
