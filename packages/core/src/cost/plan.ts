/**
 * Arena plan: a fixed offset for every int8 value of a deployment graph, so that values alive at the same time never
 * share a byte (target/place.ts).
 */
import { type Graph, opTraits } from "../graph/index.js";
import { placeBoxes } from "../target/index.js";
import { PhinetsError, sizeOf } from "../tensor/index.js";

export interface PlannedTensor {
  /** Bytes from the start of the arena, a multiple of the alignment. */
  readonly offset: number;
  /** One byte per element. */
  readonly bytes: number;
  /** Index of the node that makes it; 0 for graph inputs, which exist before the first node runs. */
  readonly first: number;
  /** Index of the last node that reads it; for graph outputs, of the last node. */
  readonly last: number;
  /** The input that the value overwrites in place; that input is dead afterwards. */
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
  /** Alignment in bytes; a power of two. Default 16. */
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
 * Plans the arena of a deployment graph, batch 1, int8. Deterministic: equal graphs get equal plans. Operators that
 * work in place (`opTraits`) overwrite an input of their output's size that is not read later.
 */
export function planArena(deployed: Graph, options: PlanOptions = {}): ArenaPlan {
  const alignment = options.alignment ?? 16;
  if (!Number.isInteger(alignment) || alignment < 1 || (alignment & (alignment - 1)) !== 0)
    throw new PhinetsError("cost.alignment", `planArena: alignment is ${alignment}; a power of two is needed`);
  const values = lifetimes(deployed, alignment);
  const buffers = [...new Set([...values.values()].map((value) => value.buffer))];
  const { bytes: arena, lowerBoundBytes, offsets } = placeBoxes(buffers);
  const tensors: Record<string, PlannedTensor> = {};
  for (const [name, { bytes, first, last, buffer, aliasOf }] of values) {
    const offset = offsets[buffer.index];
    tensors[name] = aliasOf === undefined ? { offset, bytes, first, last } : { offset, bytes, first, last, aliasOf };
  }
  return { bytes: arena, lowerBoundBytes, tensors };
}

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
    const aliasOf = opTraits[node.op].inPlace
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
