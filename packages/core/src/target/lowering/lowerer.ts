/** Collects a network's steps: the parts that all kernel sets share, and linear layers on the portable kernels. */
import {
  consumersOf,
  type Graph,
  isDepthwise,
  isLinear,
  isPointwise,
  isTable,
  type LinearNode,
  type Node,
  type NodeOf,
  type NodeWith,
  soleReaders,
  type TableOp,
} from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import type { Kernel } from "../kernels.js";
import type { Layout, Value } from "../layout.js";
import { type LoweringOptions, type Read, row, type Step, type Window } from "../steps.js";

export type Lookup = NodeWith<TableOp>;

/** Size of `[1, height, width, channels]`, or of `[1, features]` as one pixel. */
export function mapOf(shape: Shape): Pick<Value, "height" | "width" | "channels"> {
  return shape.length === 4
    ? { height: shape[1], width: shape[2], channels: shape[3] }
    : { height: 1, width: 1, channels: shape[shape.length - 1] };
}

export function windowOf({ attributes }: NodeOf<"conv2d">): Window {
  return { size: attributes.kernel[0], stride: attributes.stride[0], before: attributes.padding.top };
}

/** The values and steps lowered so far. Linear layers run on the portable kernels. */
export class Lowerer {
  readonly values = new Map<string, Value>();
  readonly steps: Step[] = [];
  /** For each convolution or dense layer with a fused look-up: that look-up, whose value stands for the layer's. */
  protected readonly fused = new Map<string, Lookup>();
  readonly #consumers: ReadonlyMap<string, readonly Node[]>;
  readonly constants: ReadonlySet<string>;

  constructor(
    readonly graph: Graph,
    readonly options: LoweringOptions,
  ) {
    this.#consumers = consumersOf(graph);
    this.constants = new Set(graph.nodes.flatMap(({ op, name }) => (op === "constant" ? [name] : [])));
    const readers = soleReaders(graph.nodes, graph.outputs);
    for (const node of graph.nodes) {
      const reader = readers.get(node.name);
      if (isLinear(node) && reader !== undefined && isTable(reader)) this.fused.set(node.name, reader);
    }
  }

  readers(value: string): readonly Node[] {
    return this.#consumers.get(value)!;
  }

  /** Whether a value is an output of the network, directly or flattened. */
  isOutput(name: string): boolean {
    if (this.graph.outputs.includes(name)) return true;
    return this.readers(name).some((reader) => reader.op === "flatten" && this.isOutput(reader.name));
  }

  value(name: string, layout: Layout, from: Shape | Value, pad = 0): Value {
    const { height, width, channels } = "layout" in from ? from : mapOf(from);
    const made = { name, layout, height, width, channels, pad };
    this.values.set(name, made);
    return made;
  }

  isConstant(name: string): boolean {
    return this.constants.has(name);
  }

  step(kernel: Kernel, output: string, reads: Read[], node?: Node, lookup?: Lookup, scratchBytes = 0): void {
    this.steps.push({ kernel, ...(node && { node }), ...(lookup && { lookup }), reads, output, scratchBytes });
  }

  /** Adds a step that makes several rows per call. */
  batch(batch: number, kernel: Kernel, output: string, read: Read, node?: Node, lookup?: Lookup, scratch = 0): void {
    this.step(kernel, output, [read], node, lookup, scratch);
    if (batch > 1) this.steps.push({ ...this.steps.pop()!, batch });
  }

  read(value: string, window: Read["window"] = row): Read {
    return { value: this.nhwc(value), window };
  }

  /** Adds a kernel that makes NHWC rows, without a fused look-up. */
  rows(node: Node, kernel: Kernel, ...reads: Read[]): void {
    this.value(node.name, "nhwc", this.graph.shapes[node.name]);
    this.step(kernel, node.name, reads, node);
  }

  /** Adds a kernel that sums up rows, four bytes per channel, and turns the sums into bytes after the last row. */
  sums(node: Node, kernel: Kernel, read: Read): void {
    const { name } = node;
    const shape = this.graph.shapes[name];
    // The caller's buffer has no room for the sums.
    const leaves = this.isOutput(name);
    const sums = leaves ? `${name}:sums` : name;
    this.value(sums, "sums", shape);
    this.step(kernel, sums, [read], node);
    if (!leaves) return;
    this.value(name, "nhwc", shape);
    this.step("pad", name, [{ value: sums, window: row }]);
  }

  linear(node: LinearNode): void {
    const { lookup, output } = this.result(node);
    this.value(output, "nhwc", this.graph.shapes[node.name]);
    const input = this.nhwc(node.inputs[0]);
    const { height, width } = mapOf(this.graph.shapes[node.inputs[0]]);
    if (node.op === "dense" || (isPointwise(node) && height * width === 1))
      this.step("pointwise", output, [{ value: input, window: "whole" }], node, lookup);
    else if (isPointwise(node)) this.step("pointwise", output, [{ value: input, window: row }], node, lookup);
    else {
      const kernel = isDepthwise(node, this.graph.shapes[node.inputs[0]])
        ? "depthwise"
        : node.attributes.groups > 1
          ? "grouped"
          : "conv2d";
      this.step(kernel, output, [{ value: input, window: windowOf(node) }], node, lookup);
    }
  }

  /** Whether the product that reads a value also scales it, so that the multiplication has no step of its own. */
  isScaled(_value: string): boolean {
    return false;
  }

  /** Names of look-ups that are fused into the layer before them. */
  get fusedLookups(): ReadonlySet<string> {
    return new Set([...this.fused.values()].map(({ name }) => name));
  }

  /** The value's name in the layout that portable kernels, sums and outputs read. */
  nhwc(name: string): string {
    const made = this.values.get(name)!;
    if (made.layout === "nhwc" || made.layout === "sums") return made.name;
    throw new Error(`${name} lies as ${made.layout}`); // cannot happen: the maker checked all readers
  }

  result(node: Node): { lookup: Lookup | undefined; output: string } {
    const lookup = this.fused.get(node.name);
    return { lookup, output: lookup?.name ?? node.name };
  }
}
