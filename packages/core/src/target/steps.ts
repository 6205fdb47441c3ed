/**
 * The deployed graph as the firmware runs it: which C kernel makes each value, what is fused into it, and which kernels
 * follow each other within one row. The device-side twin of quantization's `lowerToInteger`; it needs no weights, so that
 * a network has its firmware program before it is trained.
 */
import { consumersOf, type Graph, isDepthwise as isGrouped, type Node, type NodeOf } from "../graph/index.js";
import { PhinetsError, type Shape } from "../tensor/index.js";
import type { Kernel } from "./kernels.js";
import type { Layout, Value } from "./layout.js";

/** Rows of an input that make row y of the output: y * stride - before and the `size - 1` after it, inside the map. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly before: number;
}

export interface Read {
  readonly value: string;
  /** Or the whole value: vectors, and maps that a dense layer reads. */
  readonly window: Window | "whole";
}

/** One call of a kernel, which makes a row. */
export interface Step {
  readonly kernel: Kernel;
  /** The node it computes, and the look-up that it applies to its own output. None: it changes the layout. */
  readonly node?: Node;
  readonly lookup?: NodeOf<"hardswish"> | NodeOf<"sigmoid"> | NodeOf<"relu6">;
  readonly reads: readonly Read[];
  readonly output: string;
  /** Bytes that the kernel needs beside its rows. */
  readonly scratchBytes: number;
}

/** Steps that make a row each, one after the other; only the schedule's unit. */
export interface Group {
  readonly steps: readonly Step[];
  /** Rows that it makes; of a mean alone, rows that it takes. */
  readonly firings: number;
}

export interface Lowering {
  readonly values: ReadonlyMap<string, Value>;
  /** In execution order. */
  readonly steps: readonly Step[];
  /** Names in `values` of the graph's input and outputs. */
  readonly input: string;
  readonly outputs: readonly string[];
}

export interface Grouping {
  readonly groups: readonly Group[];
  /** Values that live within one firing of their group. */
  readonly transient: ReadonlySet<string>;
}

export interface LoweringOptions {
  /** Kernels of the DSP extension. */
  readonly dsp: boolean;
  /**
   * Layout of a ring that a depthwise layer reads: int16 is faster, int8 half as large. By the node that makes it; none
   * made what lies as NHWC before, such as the picture.
   */
  readonly planes?: (maker: Node | undefined) => "planes16" | "planes8";
}

const row: Window = { size: 1, stride: 1, before: 0 };

/** `[1, height, width, channels]`, or `[1, features]` as one pixel. */
function mapOf(shape: Shape): Pick<Value, "height" | "width" | "channels"> {
  return shape.length === 4
    ? { height: shape[1], width: shape[2], channels: shape[3] }
    : { height: 1, width: 1, channels: shape[shape.length - 1] };
}

type Lookup = NonNullable<Step["lookup"]>;

function isLookup(node: Node): node is Lookup {
  return node.op === "hardswish" || node.op === "sigmoid" || node.op === "relu6";
}

function isLinear(node: Node): node is NodeOf<"conv2d"> | NodeOf<"dense"> {
  return node.op === "conv2d" || node.op === "dense";
}

/** A 1x1 convolution of stride 1 without padding. */
function isPointwise(node: Node): boolean {
  if (node.op !== "conv2d" || node.attributes.groups !== 1) return false;
  const { kernel, stride, padding } = node.attributes;
  return [...kernel, ...stride].every((k) => k === 1) && Object.values(padding).every((side) => side === 0);
}

/** One filter a channel; a 1x1 convolution of one channel to one is a product. */
function isDepthwise(node: NodeOf<"conv2d">, input: Shape): boolean {
  return isGrouped(node, input) && !isPointwise(node);
}

/** Whether the DSP depthwise kernels run a convolution: 3x3 or 5x5, stride 1 or 2, padding within the layouts'. */
function isDspDepthwise(node: Node, input: Shape, output: Shape): node is NodeOf<"conv2d"> {
  if (node.op !== "conv2d" || !isDepthwise(node, input)) return false;
  const { kernel, stride, padding } = node.attributes;
  const [size] = kernel;
  const most = (size - 1) / 2;
  const right = (output[2] - 1) * stride[1] + size - padding.left - input[2];
  return (
    kernel[1] === size &&
    (size === 3 || size === 5) &&
    stride[0] === stride[1] &&
    stride[0] <= 2 &&
    padding.left <= most &&
    padding.left >= most - 1 &&
    right <= most
  );
}

class Lowerer {
  readonly values = new Map<string, Value>();
  readonly steps: Step[] = [];
  /** Value of the program for a value of the graph: a fused look-up's stands for its convolution's. */
  readonly #fused = new Map<string, Lookup>();
  readonly #consumers: ReadonlyMap<string, readonly Node[]>;

  constructor(
    readonly graph: Graph,
    readonly options: LoweringOptions,
  ) {
    const all = consumersOf(graph);
    this.#consumers = all;
    const byName = new Map(graph.nodes.map((node) => [node.name, node]));
    for (const node of graph.nodes) {
      if (!isLookup(node)) continue;
      const source = byName.get(node.inputs[0])!;
      if (isLinear(source) && all.get(source.name)!.length === 1 && !graph.outputs.includes(source.name))
        this.#fused.set(source.name, node);
    }
  }

  readers(value: string): readonly Node[] {
    return this.#consumers.get(value)!;
  }

  /** Whether a value leaves the network, itself or flattened. */
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

  step(kernel: Kernel, output: string, reads: Read[], node?: Node, lookup?: Lookup, scratchBytes = 0): void {
    this.steps.push({ kernel, ...(node && { node }), ...(lookup && { lookup }), reads, output, scratchBytes });
  }

  lower(): void {
    const skipped = new Set<string>([...this.#fused.values()].map(({ name }) => name));
    for (const node of this.graph.nodes) if (!skipped.has(node.name)) this.node(node);
  }

  node(node: Node): void {
    const { graph, options } = this;
    const shape = graph.shapes[node.name];
    const [a, b] = node.inputs;
    const rows = (value: string): Read => ({ value, window: row });
    const whole = (value: string): Read => ({ value, window: "whole" });
    switch (node.op) {
      case "input":
        this.value(node.name, "nhwc", shape);
        return;
      case "conv2d":
      case "dense":
        if (options.dsp) this.dspLinear(node);
        else this.portableLinear(node);
        return;
      case "hardswish":
      case "sigmoid":
      case "relu6":
        this.value(node.name, "nhwc", shape);
        this.step("lookup", node.name, [rows(this.nhwc(a))], node);
        return;
      case "add":
        this.value(node.name, "nhwc", shape);
        this.step(options.dsp ? "dsp_add" : "add", node.name, [rows(this.nhwc(a)), rows(this.nhwc(b))], node);
        return;
      case "multiply": {
        if (this.isScaled(a)) return; // the product that reads it computes it
        const broadcast = graph.shapes[b][1] === 1 && graph.shapes[b][2] === 1;
        this.value(node.name, "nhwc", shape);
        const second = this.nhwc(b);
        this.step("multiply", node.name, [rows(this.nhwc(a)), broadcast ? whole(second) : rows(second)], node);
        return;
      }
      case "globalAveragePool": {
        // Its sums of four bytes a channel have no room in the caller's buffer.
        const leaves = this.isOutput(node.name);
        const sums = leaves ? `${node.name}:sums` : node.name;
        this.value(sums, "sums", shape);
        const source = this.values.get(a)!;
        const kernel = source.layout === "map8" ? "dsp_mean" : "mean";
        this.step(kernel, sums, [rows(kernel === "mean" ? this.nhwc(a) : a)], node);
        if (!leaves) return;
        this.value(node.name, "nhwc", shape);
        this.step("pad", node.name, [rows(sums)]);
        return;
      }
      case "maxPool": {
        const { size, stride } = node.attributes;
        this.value(node.name, "nhwc", shape);
        this.step("max_pool", node.name, [{ value: this.nhwc(a), window: { size, stride, before: 0 } }], node);
        return;
      }
      case "pad":
        this.value(node.name, "nhwc", shape);
        this.step(
          "pad",
          node.name,
          [{ value: this.nhwc(a), window: { size: 1, stride: 1, before: node.attributes.padding.top } }],
          node,
        );
        return;
      case "flatten":
        // The same bytes: who reads it reads the map.
        this.values.set(node.name, this.values.get(this.nhwc(a))!);
        return;
      default:
        throw new PhinetsError(
          "target.op",
          `${node.op} "${node.name}": has no firmware kernel; deploy the graph first`,
        );
    }
  }

  portableLinear(node: NodeOf<"conv2d"> | NodeOf<"dense">): void {
    const { lookup, output } = this.result(node);
    this.value(output, "nhwc", this.graph.shapes[node.name]);
    const input = this.nhwc(node.inputs[0]);
    const { height, width } = mapOf(this.graph.shapes[node.inputs[0]]);
    if (node.op === "dense" || (isPointwise(node) && height * width === 1))
      this.step("pointwise", output, [{ value: input, window: "whole" }], node, lookup);
    else if (isPointwise(node)) this.step("pointwise", output, [{ value: input, window: row }], node, lookup);
    else {
      const kernel = isDepthwise(node, this.graph.shapes[node.inputs[0]]) ? "depthwise" : "conv2d";
      if (kernel === "conv2d") this.refuseGroups(node);
      this.step(kernel, output, [{ value: input, window: windowOf(node) }], node, lookup);
    }
  }

  refuseGroups(node: NodeOf<"conv2d">): void {
    if (node.attributes.groups === 1) return;
    throw new PhinetsError(
      "export.groups",
      `conv2d "${node.name}": has ${node.attributes.groups} groups of several channels; C export knows 1 group or one filter a channel`,
    );
  }

  dspLinear(node: NodeOf<"conv2d"> | NodeOf<"dense">): void {
    const { graph } = this;
    const [input] = node.inputs;
    const { lookup, output } = this.result(node);
    const shape = graph.shapes[node.name];
    const from = graph.shapes[input];
    if (node.op === "conv2d" && isDepthwise(node, from)) {
      if (isDspDepthwise(node, from, shape)) this.dspDepthwise(node, output, lookup);
      else this.portableLinear(node);
      return;
    }
    const { height, width } = mapOf(from);
    if (node.op === "dense" || (isPointwise(node) && height * width === 1)) {
      this.value(output, "nhwc", shape);
      const vector = this.nhwc(input);
      const scratch = 8 * Math.ceil(this.inputs(node) / 4);
      this.step("dsp_dense", output, [{ value: vector, window: "whole" }], node, lookup, scratch);
      return;
    }
    const staged = this.quads(node);
    const planes = lookup?.op === "sigmoid" ? undefined : this.planesFor(output, node);
    if (planes === undefined) {
      this.value(output, "nhwc", shape);
      this.step("dsp_product_nhwc", output, [{ value: staged, window: row }], node, lookup);
    } else {
      this.value(output, planes.layout, shape, planes.pad);
      this.step(`dsp_product_${planes.layout}`, output, [{ value: staged, window: row }], node, lookup);
    }
  }

  /** Products a filter. */
  inputs(node: NodeOf<"conv2d"> | NodeOf<"dense">): number {
    const [, ...rest] = this.graph.parameters[node.parameters.weight].shape;
    return rest.reduce((product, size) => product * size, 1);
  }

  /** The quads that a product reads: its input's rows, its windows, or a scaled map. */
  quads(node: NodeOf<"conv2d">): string {
    const { graph } = this;
    const [input] = node.inputs;
    const made = this.values.get(input);
    if (made?.layout === "quads") return input;
    const name = `${node.name}:quads`;
    const { height, width } = mapOf(graph.shapes[node.name]);
    const value = (channels: number): Value => this.value(name, "quads", [1, height, width, channels]);
    if (made === undefined) {
      const multiply = graph.nodes.find((other) => other.name === input) as NodeOf<"multiply">;
      const [map, factors] = multiply.inputs;
      value(this.inputs(node));
      const reads: Read[] = [
        { value: map, window: row },
        { value: this.nhwc(factors), window: "whole" },
      ];
      this.step("dsp_quads_scaled", name, reads, multiply);
      return name;
    }
    value(this.inputs(node));
    if (isPointwise(node)) this.step("dsp_quads_nhwc", name, [{ value: this.nhwc(input), window: row }]);
    else {
      this.refuseGroups(node);
      this.step("dsp_quads_window", name, [{ value: this.nhwc(input), window: windowOf(node) }], node);
    }
    return name;
  }

  dspDepthwise(node: NodeOf<"conv2d">, output: string, lookup: Lookup | undefined): void {
    const { graph } = this;
    const [input] = node.inputs;
    const size = node.attributes.kernel[0] as 3 | 5;
    const source = this.planesOf(input, node);
    const shape = graph.shapes[node.name];
    const readers = this.readers(output);
    const scratch = 2 * (Math.ceil(source.width / 4) * 4 + 8);
    const reads: Read[] = [{ value: source.name, window: windowOf(node) }];
    const from = source.layout as "planes16" | "planes8";
    const toQuads =
      readers.length === 1 &&
      this.isDspProduct(readers[0]) &&
      isPointwise(readers[0]) &&
      !graph.outputs.includes(output);
    if (toQuads) {
      this.value(output, "quads", shape);
      this.step(`dsp_depthwise${size}_${from}_quads`, output, reads, node, lookup, scratch);
      return;
    }
    const name = this.isScaled(output) ? output : `${output}:map8`;
    this.value(name, "map8", shape);
    this.step(`dsp_depthwise${size}_${from}_map8`, name, reads, node, lookup, scratch);
    if (name === output) return;
    this.value(output, "nhwc", shape);
    this.step("dsp_nhwc", output, [{ value: name, window: row }]);
  }

  /** Whether a depthwise layer's output is read by a squeeze and by the product that scales it for a projection. */
  isScaled(value: string): boolean {
    const { graph } = this;
    if (!this.options.dsp || graph.outputs.includes(value)) return false;
    const source = [...graph.nodes].find(({ name }) => name === value)!;
    const layer = isLookup(source) ? graph.nodes.find(({ name }) => name === source.inputs[0])! : source;
    if (isLookup(source) && this.#fused.get(layer.name) !== source) return false;
    if (layer.op !== "conv2d") return false;
    if (!isDspDepthwise(layer, graph.shapes[layer.inputs[0]], graph.shapes[layer.name])) return false;
    const readers = this.readers(value);
    if (readers.length !== 2) return false;
    const mean = readers.find(({ op }) => op === "globalAveragePool");
    const product = readers.find(({ op }) => op === "multiply");
    if (mean === undefined || product === undefined || product.inputs[0] !== value) return false;
    const factors = graph.shapes[product.inputs[1]];
    if (factors.length !== 4 || factors[1] * factors[2] !== 1 || graph.outputs.includes(product.name)) return false;
    const next = this.readers(product.name);
    return next.length === 1 && isPointwise(next[0]) && this.isDspProduct(next[0]);
  }

  /** A convolution that runs as a matrix product over more than one pixel. */
  isDspProduct(node: Node): node is NodeOf<"conv2d"> {
    if (node.op !== "conv2d" || node.attributes.groups !== 1) return false;
    const { height, width } = mapOf(this.graph.shapes[node.name]);
    return height * width > 1 && !isDepthwise(node, this.graph.shapes[node.inputs[0]]);
  }

  /** The layout of a product's output that DSP depthwise layers alone read. */
  planesFor(output: string, producer: Node): { layout: "planes16" | "planes8"; pad: number } | undefined {
    const { graph } = this;
    const readers = this.readers(output);
    if (readers.length === 0 || graph.outputs.includes(output)) return undefined;
    const from = graph.shapes[output];
    if (!readers.every((reader) => isDspDepthwise(reader, from, graph.shapes[reader.name]))) return undefined;
    const sizes = new Set(readers.map((reader) => (reader as NodeOf<"conv2d">).attributes.kernel[0]));
    if (sizes.size !== 1) return undefined;
    return this.planesLayout(producer, [...sizes][0]);
  }

  planesLayout(producer: Node | undefined, size: number): { layout: "planes16" | "planes8"; pad: number } {
    const layout = this.options.planes?.(producer) ?? "planes16";
    return { layout, pad: layout === "planes8" ? (size - 1) / 2 : 0 };
  }

  /** A depthwise layer's input as planes; another layout is brought there. */
  planesOf(input: string, reader: NodeOf<"conv2d">): Value {
    const made = this.values.get(input)!;
    const { layout, pad } = this.planesLayout(undefined, reader.attributes.kernel[0]);
    if (made.layout === "planes16" || made.layout === "planes8") return made;
    const name = `${input}:${layout}${pad}`;
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const source = this.nhwc(input);
    const value = this.value(name, layout, made, pad);
    this.step(`dsp_${layout}`, name, [{ value: source, window: row }]);
    return value;
  }

  /** The value in the layout that portable kernels, sums and outputs read. */
  nhwc(name: string): string {
    const made = this.values.get(name)!;
    if (made.layout === "nhwc" || made.layout === "sums") return made.name;
    throw new Error(`${name} lies as ${made.layout}`); // its maker has seen all its readers
  }

  result(node: Node): { lookup: Lookup | undefined; output: string } {
    const lookup = this.#fused.get(node.name);
    return { lookup, output: lookup?.name ?? node.name };
  }
}

function windowOf({ attributes }: NodeOf<"conv2d">): Window {
  return { size: attributes.kernel[0], stride: attributes.stride[0], before: attributes.padding.top };
}

/**
 * Steps that follow each other within one firing: those that read just the row which the one before has made.
 * @param kept values that are held whole or leave the program: a group ends with them
 */
export function groupSteps({ values, steps, outputs }: Lowering, kept: ReadonlySet<string>): Grouping {
  const readers = new Map<string, Step[]>();
  for (const step of steps)
    for (const { value } of step.reads) readers.set(value, [...(readers.get(value) ?? []), step]);
  const groups: { steps: Step[]; firings: number }[] = [];
  const groupOf = new Map<string, number>();
  const isSum = (value: string): boolean => values.get(value)!.layout === "sums";
  for (const step of steps) {
    const rows = isSum(step.output) ? values.get(step.reads[0].value)!.height : values.get(step.output)!.height;
    // The group whose last row this step goes on from: it alone reads it, or it adds it up beside other readers.
    const target = step.reads
      .filter(({ value, window }) => isRow(window) && groupOf.has(value) && !isSum(value))
      .filter(({ value }) => isSum(step.output) || (readers.get(value)!.length === 1 && !kept.has(value)))
      .map(({ value }) => ({ value, index: groupOf.get(value)! }))
      .find(({ value, index }) => {
        const last = groups[index].steps.at(-1)!;
        const before = (read: Read): boolean => (groupOf.get(read.value) ?? -1) < index || read.value === value;
        return last.output === value && groups[index].firings === rows && step.reads.every(before);
      });
    if (target === undefined) groups.push({ steps: [step], firings: rows });
    else groups[target.index].steps.push(step);
    groupOf.set(step.output, target?.index ?? groups.length - 1);
  }
  const readBy = new Map<string, Set<Group>>();
  for (const one of groups)
    for (const step of one.steps)
      for (const { value } of step.reads) readBy.set(value, (readBy.get(value) ?? new Set<Group>()).add(one));
  const transient = new Set<string>();
  for (const one of groups)
    for (const { output } of one.steps) {
      const users = readBy.get(output);
      const within = users?.size === 1 && users.has(one) && !isSum(output);
      if (within && !outputs.includes(output) && !kept.has(output)) transient.add(output);
    }
  return { groups, transient };
}

function isRow(window: Read["window"]): boolean {
  return window !== "whole" && window.size === 1 && window.stride === 1 && window.before === 0;
}

/**
 * Kernels, layouts and fused look-ups of a deployment graph with one input, batch 1.
 * Throws PhinetsError for an op without a firmware kernel and for a grouped convolution that is not depthwise.
 */
export function lowerToSteps(deployed: Graph, options: LoweringOptions): Lowering {
  const lowerer = new Lowerer(deployed, options);
  lowerer.lower();
  const { values, steps } = lowerer;
  const [{ name: input }] = deployed.nodes.filter(({ op }) => op === "input");
  return { values, steps, input, outputs: deployed.outputs.map((name) => values.get(name)!.name) };
}
