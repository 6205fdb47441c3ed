/**
 * Arena plan: a fixed offset for every int8 value of a deployment graph, so that values alive at the same time never
 * share a byte. Offset assignment is bin packing in two dimensions (bytes x time) and hard to solve exactly; the greedy
 * orders of Pisarchyk & Lee ("Efficient memory management for deep neural net inference", 2020) and a few more are each
 * tried with best fit, and the smallest arena wins. Where none meets the lower bound, a short search with backtracking
 * looks for one that does.
 */
import type { Graph, Node } from "../graph/index.js";
import { PhinetsError, sizeOf } from "../tensor/index.js";

export interface PlannedTensor {
  /** Bytes from the start of the arena, a multiple of the alignment. */
  readonly offset: number;
  /** One byte an element. */
  readonly bytes: number;
  /** Index of the node that makes it; 0 for graph inputs, which are there before the first node runs. */
  readonly first: number;
  /** Index of the last node that reads it; of the last node for graph outputs. */
  readonly last: number;
  /** The value whose place it takes over: its node writes onto that input, which dies there. */
  readonly aliasOf?: string;
}

export interface ArenaPlan {
  /** Size of the arena, a multiple of the alignment. */
  readonly bytes: number;
  /** Most bytes alive at one node: no plan without recomputation is smaller. */
  readonly lowerBoundBytes: number;
  /** Every value by name, graph inputs and outputs included. */
  readonly tensors: Readonly<Record<string, PlannedTensor>>;
}

export interface PlanOptions {
  /** Bytes; a power of two. Default 16. */
  readonly alignment?: number;
}

/** Values that share one place, one after the other. */
interface Buffer {
  index: number;
  first: number;
  last: number;
  /** Rounded up to the alignment. */
  bytes: number;
}

interface Lifetime {
  bytes: number;
  first: number;
  last: number;
  buffer: Buffer;
  aliasOf?: string;
}

/**
 * Plans the arena of a deployment graph, batch 1, int8. Deterministic: equal graphs have equal plans.
 * hardswish, sigmoid, relu6 and flatten write onto their input, add and multiply onto an input of the same size, where
 * that input is not read later.
 */
export function planArena(deployed: Graph, options: PlanOptions = {}): ArenaPlan {
  const alignment = options.alignment ?? 16;
  if (!Number.isInteger(alignment) || alignment < 1 || (alignment & (alignment - 1)) !== 0)
    throw new PhinetsError("cost.alignment", `planArena: alignment is ${alignment}; a power of two is needed`);
  const values = lifetimes(deployed, alignment);
  const buffers = [...new Set([...values.values()].map((value) => value.buffer))];
  const lowerBoundBytes = mostAlive(buffers, deployed.nodes.length);

  let best: { bytes: number; offsets: number[] } | undefined;
  for (const order of orders(buffers, deployed.nodes.length)) {
    const candidate = place(order, buffers.length);
    if (best === undefined || candidate.bytes < best.bytes) best = candidate;
    if (best.bytes === lowerBoundBytes) break;
  }
  if (best!.bytes > lowerBoundBytes) best = search(buffers, lowerBoundBytes) ?? best;
  const tensors: Record<string, PlannedTensor> = {};
  for (const [name, { bytes, first, last, buffer, aliasOf }] of values) {
    const offset = best!.offsets[buffer.index];
    tensors[name] = aliasOf === undefined ? { offset, bytes, first, last } : { offset, bytes, first, last, aliasOf };
  }
  return { bytes: best!.bytes, lowerBoundBytes, tensors };
}

const onto: ReadonlySet<Node["op"]> = new Set(["hardswish", "sigmoid", "relu6", "flatten", "add", "multiply"]);

function lifetimes(graph: Graph, alignment: number): Map<string, Lifetime> {
  const end = graph.nodes.length - 1;
  const last = new Map<string, number>();
  graph.nodes.forEach((node, index) => {
    last.set(node.name, index);
    for (const input of node.inputs) last.set(input, index);
  });
  for (const output of graph.outputs) last.set(output, end);
  const values = new Map<string, Lifetime>();
  let buffers = 0;
  graph.nodes.forEach((node, index) => {
    const bytes = sizeOf(graph.shapes[node.name]);
    const first = node.op === "input" ? 0 : index;
    const life = { bytes, first, last: last.get(node.name)! };
    const aliasOf = onto.has(node.op)
      ? node.inputs.find(
          (input) => last.get(input) === index && values.get(input)!.bytes === bytes && !graph.outputs.includes(input),
        )
      : undefined;
    if (aliasOf !== undefined) {
      const { buffer } = values.get(aliasOf)!;
      buffer.last = life.last;
      values.set(node.name, { ...life, buffer, aliasOf });
    } else {
      const rounded = Math.ceil(bytes / alignment) * alignment;
      values.set(node.name, { ...life, buffer: { index: buffers++, first, last: life.last, bytes: rounded } });
    }
  });
  return values;
}

function alivePerNode(buffers: readonly Buffer[], nodes: number): number[] {
  const alive = new Array<number>(nodes).fill(0);
  for (const { first, last, bytes } of buffers) for (let t = first; t <= last; t++) alive[t] += bytes;
  return alive;
}

function mostAlive(buffers: readonly Buffer[], nodes: number): number {
  return alivePerNode(buffers, nodes).reduce((most, bytes) => Math.max(most, bytes), 0);
}

/** The orders in which buffers are placed, the one that is most often best first. */
function* orders(buffers: readonly Buffer[], nodes: number): Generator<Buffer[]> {
  const span = (buffer: Buffer): number => buffer.last - buffer.first + 1;
  const by = (key: (buffer: Buffer) => number, then = (buffer: Buffer) => buffer.bytes): Buffer[] =>
    [...buffers].sort((a, b) => key(b) - key(a) || then(b) - then(a) || a.index - b.index);
  yield by((buffer) => buffer.bytes, span);
  yield by((buffer) => buffer.bytes * span(buffer));
  // By breadth: the buffers alive where most bytes are alive come first.
  const alive = alivePerNode(buffers, nodes);
  yield by((buffer) => {
    let most = 0;
    for (let t = buffer.first; t <= buffer.last; t++) most = Math.max(most, alive[t]);
    return most;
  });
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

/** Placements tried before the search gives up: a millisecond or two. */
const searchLimit = 4000;

/**
 * Looks for offsets that keep within `capacity`: largest first, each buffer at the lower or the upper end of a gap,
 * backtracking where one does not fit. Undefined when it gives up.
 */
function search(buffers: readonly Buffer[], capacity: number): { bytes: number; offsets: number[] } | undefined {
  const order = [...buffers].sort((a, b) => b.bytes - a.bytes || a.index - b.index);
  const offsets = new Array<number>(buffers.length).fill(0);
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
