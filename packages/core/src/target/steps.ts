/**
 * The deployed graph as the firmware runs it: which C kernel makes each value, what is fused into it, and which kernels
 * follow each other within one row. The device-side twin of quantization's `lowerToInteger`; it needs no weights, so that
 * a network has its firmware program before it is trained.
 */
import {
  consumersOf,
  type Graph,
  type Int8Op,
  isDepthwise,
  isLinear,
  isPointwise,
  isTable,
  type LinearNode,
  type Node,
  type NodeOf,
  type NodeWith,
  requireInt8,
  resizeTaps,
  soleReaders,
  type TableOp,
} from "../graph/index.js";
import { PhinetsError, type Shape, sameShape, sizeOf } from "../tensor/index.js";
import { onHelium } from "./helium.js";
import type { Kernel } from "./kernels.js";
import type { Layout, Value } from "./layout.js";

/** Rows of an input that make row y of the output: y * stride - before and the `size - 1` after it, inside the map. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly before: number;
}

const row: Window = { size: 1, stride: 1, before: 0 };

/** Rows of an input by row of the output, where no window slides: from the first up to the second; neither falls. */
export interface Spans {
  readonly spans: readonly (readonly [from: number, to: number])[];
}

export interface Read {
  readonly value: string;
  /** Or the whole value: vectors, and maps that a dense layer reads. */
  readonly window: Window | Spans | "whole";
}

/** The window of a read as the firmware's step has it: where none slides, the row of the output's number. */
export function slidingWindow({ window }: Read): Window {
  return window === "whole" || "spans" in window ? row : window;
}

/** One call of a kernel, which makes a row. */
export interface Step {
  readonly kernel: Kernel;
  /** The node it computes, and the look-up that it applies to its own output. None: it changes the layout. */
  readonly node?: Node;
  readonly lookup?: NodeWith<TableOp>;
  readonly reads: readonly Read[];
  readonly output: string;
  /** Bytes that the kernel needs beside its rows. */
  readonly scratchBytes: number;
  /** Of `repeat`: which of the node's inputs it repeats, and the bytes of a constant, whose rows it makes beside those it reads. */
  readonly repeats?: { readonly input: 0 | 1; readonly constantBytes: number };
  /** Rows that it makes in one call, which follow each other without a gap. Absent: one. */
  readonly batch?: number;
  /** Of `dsp_conv2d`: pixels of a row whose windows are in memory at a time. */
  readonly tile?: number;
  /** Of a DSP product: its weights are bytes, not halfwords. Half the flash for a fifth more instructions. */
  readonly byteWeights?: true;
}

export interface Lowering {
  readonly values: ReadonlyMap<string, Value>;
  /** In execution order. */
  readonly steps: readonly Step[];
  /** Names in `values` of the graph's input and outputs. */
  readonly input: string;
  readonly outputs: readonly string[];
}

export interface LoweringOptions {
  /** Kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Kernels of Helium, in place of the portable ones and not beside the DSP extension's. Default false. */
  readonly helium?: boolean;
  /**
   * Layout of a ring that a depthwise layer reads: int16 is faster, int8 half as large. By the node that makes it; none
   * made what lies as NHWC before, such as the picture.
   */
  readonly planes?: (maker: Node | undefined) => "planes16" | "planes8";
  /** On narrow maps (`isNarrow`) products take several rows at a time: faster, and more of them in memory. */
  readonly batches?: boolean;
  /** A convolution's windows are in memory some pixels at a time, not a row's: slower, and a fraction of the bytes. */
  readonly tiles?: boolean;
  /**
   * DSP products of maps of at most so many quads of pixels have byte weights. What a byte of flash costs in time grows with
   * the map. Default 0: none.
   */
  readonly byteWeightsUpTo?: number;
  /** Convolutions and dense layers whose filters are all rescaled alike, as a .tflite's dense layers are. Default: none. */
  readonly uniformLayers?: ReadonlySet<string>;
}

/** Windows of a tile may take so many bytes: with less, calls for a few pixels would take a large part of the time. */
const leastTileBytes = 1024;

/** From this width on, the pixels beyond whole quads cost less than what brings rows together. */
const narrowWidth = 8;

/**
 * Whether all maps that convolutions make are of a few pixels a row, such as those of spectra and windows of samples. There
 * every row stays NHWC, whose pixels of several rows together are quads without gaps.
 */
export function isNarrow({ nodes, shapes }: Graph): boolean {
  return nodes.every(({ name, op }) => op !== "conv2d" || shapes[name][2] < narrowWidth);
}

/** `[1, height, width, channels]`, or `[1, features]` as one pixel. */
function mapOf(shape: Shape): Pick<Value, "height" | "width" | "channels"> {
  return shape.length === 4
    ? { height: shape[1], width: shape[2], channels: shape[3] }
    : { height: 1, width: 1, channels: shape[shape.length - 1] };
}

type Lookup = NodeWith<TableOp>;
type ElementwiseNode = NodeWith<"add" | "multiply" | "subtract" | "maximum" | "minimum">;

const isElementwise = ({ op }: Node): boolean =>
  op === "add" || op === "multiply" || op === "subtract" || op === "maximum" || op === "minimum";

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
  readonly constants: ReadonlySet<string>;
  readonly #narrow: boolean;
  #tileBytes: number | undefined;

  constructor(
    readonly graph: Graph,
    readonly options: LoweringOptions,
  ) {
    this.#consumers = consumersOf(graph);
    this.constants = new Set(graph.nodes.flatMap(({ op, name }) => (op === "constant" ? [name] : [])));
    this.#narrow = options.dsp && isNarrow(graph);
    const readers = soleReaders(graph.nodes, graph.outputs);
    for (const node of graph.nodes) {
      const reader = readers.get(node.name);
      if (isLinear(node) && reader !== undefined && isTable(reader)) this.#fused.set(node.name, reader);
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

  /** Rows of an element-wise node's input, repeated where the output has more; a constant's are made beside those of the other. */
  operand(node: ElementwiseNode, input: 0 | 1): Read {
    const { shapes } = this.graph;
    const name = node.inputs[input];
    const isConstant = this.isConstant(name);
    if (!isConstant && sameShape(shapes[name], shapes[node.name])) return this.read(name);
    const other = node.inputs[1 - input];
    if (isConstant && this.isConstant(other))
      throw new PhinetsError("target.op", `${node.op} "${node.name}": is of two constants; fold them into one`);
    const made = `${node.name}:${input === 0 ? "first" : "second"}`;
    this.value(made, "nhwc", shapes[node.name]);
    const constantBytes = isConstant ? sizeOf(shapes[name]) : 0;
    const source = isConstant ? other : name;
    const { height } = mapOf(shapes[source]);
    const reads = [this.read(source, height === 1 ? "whole" : row)];
    this.steps.push({
      kernel: "repeat",
      node,
      reads,
      output: made,
      scratchBytes: 0,
      repeats: { input, constantBytes },
    });
    return { value: made, window: row };
  }

  elementwise(node: ElementwiseNode, kernel: Kernel): void {
    this.rows(node, kernel, this.operand(node, 0), this.operand(node, 1));
  }

  isConstant(name: string): boolean {
    return this.constants.has(name);
  }

  step(kernel: Kernel, output: string, reads: Read[], node?: Node, lookup?: Lookup, scratchBytes = 0): void {
    this.steps.push({ kernel, ...(node && { node }), ...(lookup && { lookup }), reads, output, scratchBytes });
  }

  /** One that makes several rows. */
  batch(batch: number, kernel: Kernel, output: string, read: Read, node?: Node, lookup?: Lookup, scratch = 0): void {
    this.step(kernel, output, [read], node, lookup, scratch);
    if (batch > 1) this.steps.push({ ...this.steps.pop()!, batch });
  }

  /** Rows at a time of a product, or of what it alone reads. */
  batchOf(shape: Shape): number {
    const { height, width } = mapOf(shape);
    if (!this.#narrow || !this.options.batches || height === 1) return 1;
    return 4 / [4, 2, 1].find((n) => width % n === 0)!;
  }

  lower(): void {
    const skipped = new Set<string>([...this.#fused.values()].map(({ name }) => name));
    for (const node of this.graph.nodes) {
      requireInt8(node, "target.op");
      if (!skipped.has(node.name)) lowerings[node.op](this, node as never);
    }
  }

  read(value: string, window: Read["window"] = row): Read {
    return { value: this.nhwc(value), window };
  }

  /** A kernel that makes rows of NHWC and has nothing fused into it. */
  rows(node: Node, kernel: Kernel, ...reads: Read[]): void {
    this.value(node.name, "nhwc", this.graph.shapes[node.name]);
    this.step(kernel, node.name, reads, node);
  }

  /** A kernel that adds rows up, four bytes a channel, and makes bytes of the sums after the last. */
  sums(node: Node, kernel: Kernel, read: Read): void {
    const { name } = node;
    const shape = this.graph.shapes[name];
    // The sums have no room in the caller's buffer.
    const leaves = this.isOutput(name);
    const sums = leaves ? `${name}:sums` : name;
    this.value(sums, "sums", shape);
    this.step(kernel, sums, [read], node);
    if (!leaves) return;
    this.value(name, "nhwc", shape);
    this.step("pad", name, [{ value: sums, window: row }]);
  }

  linear(node: LinearNode): void {
    if (this.options.dsp) this.dspLinear(node);
    else this.portableLinear(node);
  }

  portableLinear(node: LinearNode): void {
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

  dspLinear(node: LinearNode): void {
    const { graph } = this;
    const [input] = node.inputs;
    const { lookup, output } = this.result(node);
    const shape = graph.shapes[node.name];
    const from = graph.shapes[input];
    if (node.op === "conv2d" && isDepthwise(node, from)) {
      if (this.readsPlanes(node)) this.dspDepthwise(node, output, lookup);
      else if (from[3] >= 4) this.depthwiseOfPixels(node, output, lookup);
      else this.portableLinear(node);
      return;
    }
    if (node.op === "conv2d" && node.attributes.groups > 1) {
      this.portableLinear(node);
      return;
    }
    const { height, width } = mapOf(from);
    if (node.op === "dense" || (isPointwise(node) && height * width === 1)) {
      this.value(output, "nhwc", shape);
      const vector = this.nhwc(input);
      const scratch = 8 * Math.ceil(this.inputs(node) / 4);
      const kernel = this.options.uniformLayers?.has(node.name) ? "dsp_dense_uniform" : "dsp_dense";
      this.step(kernel, output, [{ value: vector, window: "whole" }], node, lookup, scratch);
      return;
    }
    const batch = this.batchOf(shape);
    if (batch > 1) {
      this.productOfRows(node, batch, output, lookup);
      return;
    }
    const planes = lookup?.op === "sigmoid" ? undefined : this.planesFor(output, node);
    if (this.options.tiles && planes === undefined && this.tileOf(node) < shape[2]) {
      this.convolutionInTiles(node, output, lookup);
      return;
    }
    const staged = this.quads(node);
    if (planes === undefined) {
      this.value(output, "nhwc", shape);
      this.step("dsp_product_nhwc", output, [{ value: staged, window: row }], node, lookup);
    } else {
      this.value(output, planes.layout, shape, planes.pad);
      this.step(`dsp_product_${planes.layout}`, output, [{ value: staged, window: row }], node, lookup);
    }
  }

  /** Several rows' pixels, or windows as pixels, to quads and through a product. */
  productOfRows(node: NodeOf<"conv2d">, batch: number, output: string, lookup: Lookup | undefined): void {
    const { graph } = this;
    const [, height, width] = graph.shapes[node.name];
    let pixels = this.nhwc(node.inputs[0]);
    const channels = this.inputs(node);
    if (!isPointwise(node)) {
      const read = { value: pixels, window: windowOf(node) };
      pixels = `${node.name}:windows`;
      this.value(pixels, "nhwc", [1, height, width, channels]);
      this.batch(batch, "dsp_nhwc_window", pixels, read, node);
    }
    const quads = `${node.name}:quads`;
    this.value(quads, "quads", [1, Math.ceil(height / batch), batch * width, channels]);
    this.batch(batch, "dsp_quads_rows", quads, { value: pixels, window: row });
    this.value(output, "nhwc", graph.shapes[node.name]);
    this.batch(batch, "dsp_product_rows", output, { value: quads, window: row }, node, lookup);
  }

  /** Bytes of the windows of four pixels. */
  bytesOfWindows(node: NodeOf<"conv2d">): number {
    return 8 * Math.ceil(this.inputs(node) / 4) * 4;
  }

  /** Pixels whose windows take no more than what four pixels of any layer take: so much is needed anyway. 4 at least. */
  tileOf(node: NodeOf<"conv2d">): number {
    if (isPointwise(node)) return Number.POSITIVE_INFINITY;
    this.#tileBytes ??= Math.max(
      leastTileBytes,
      ...this.graph.nodes.map((other) =>
        this.isDspProduct(other) && !isPointwise(other) ? this.bytesOfWindows(other) : 0,
      ),
    );
    return 4 * Math.floor(this.#tileBytes / this.bytesOfWindows(node));
  }

  convolutionInTiles(node: NodeOf<"conv2d">, output: string, lookup: Lookup | undefined): void {
    const tile = this.tileOf(node);
    this.value(output, "nhwc", this.graph.shapes[node.name]);
    const read = { value: this.nhwc(node.inputs[0]), window: windowOf(node) };
    this.step("dsp_conv2d", output, [read], node, lookup, (tile / 4) * this.bytesOfWindows(node));
    this.steps.push({ ...this.steps.pop()!, tile });
  }

  /** Whether a depthwise layer is one of those on planes. */
  readsPlanes(node: Node): node is NodeOf<"conv2d"> {
    const { shapes } = this.graph;
    return !this.#narrow && isDspDepthwise(node, shapes[node.inputs[0]], shapes[node.name]);
  }

  depthwiseOfPixels(node: NodeOf<"conv2d">, output: string, lookup: Lookup | undefined): void {
    const [taps, channels] = [this.inputs(node), this.graph.shapes[node.name][3]];
    // Addresses of the taps, and a pixel of the zero point.
    const scratch = 4 * (taps + 2) + 4 * Math.ceil(channels / 4);
    const shape = this.graph.shapes[node.name];
    this.value(output, "nhwc", shape);
    const read = { value: this.nhwc(node.inputs[0]), window: windowOf(node) };
    const readers = this.isOutput(output) ? [] : this.readers(output);
    const isStaged = readers.length === 1 && this.isDspProduct(readers[0]) && isPointwise(readers[0]);
    this.batch(isStaged ? this.batchOf(shape) : 1, "dsp_depthwise_nhwc", output, read, node, lookup, scratch);
  }

  /** Products a filter. */
  inputs(node: LinearNode): number {
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
    const layer = isTable(source) ? graph.nodes.find(({ name }) => name === source.inputs[0])! : source;
    if (isTable(source) && this.#fused.get(layer.name) !== source) return false;
    if (layer.op !== "conv2d") return false;
    if (!this.readsPlanes(layer)) return false;
    const readers = this.readers(value);
    if (readers.length !== 2) return false;
    const mean = readers.find(({ op }) => op === "globalAveragePool");
    const product = readers.find(({ op }) => op === "multiply");
    if (mean === undefined || product === undefined || product.inputs[0] !== value) return false;
    if (this.isConstant(product.inputs[1])) return false;
    const factors = graph.shapes[product.inputs[1]];
    if (factors.length !== 4 || factors[1] * factors[2] !== 1 || graph.outputs.includes(product.name)) return false;
    const next = this.readers(product.name);
    return next.length === 1 && this.isDspProduct(next[0]) && isPointwise(next[0]);
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
    if (!readers.every((reader) => this.readsPlanes(reader))) return undefined;
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

/** How each operator becomes steps. */
const lowerings: { readonly [O in Int8Op]: (to: Lowerer, node: NodeOf<O>) => void } = {
  input: (to, { name }) => {
    to.value(name, "nhwc", to.graph.shapes[name]);
  },
  conv2d: (to, node) => to.linear(node),
  dense: (to, node) => to.linear(node),
  hardswish: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  sigmoid: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  relu: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  relu6: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  unary: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  add: (to, node) => to.elementwise(node, to.options.dsp ? "dsp_add" : "add"),
  subtract: (to, node) => to.elementwise(node, "subtract"),
  maximum: (to, node) => to.elementwise(node, "maximum"),
  minimum: (to, node) => to.elementwise(node, "minimum"),
  constant: (to, { name }) => {
    // Its readers have it among their own constants.
    const stray = to.readers(name).find((reader) => !isElementwise(reader));
    if (stray !== undefined || to.graph.outputs.includes(name))
      throw new PhinetsError(
        "target.op",
        `constant "${name}": ${stray === undefined ? "leaves the network" : `is read by ${stray.op} "${stray.name}"`}; C has constants for element-wise operators alone`,
      );
  },
  multiply: (to, node) => {
    const [a, b] = node.inputs;
    if (to.isScaled(a)) return; // the product that reads it computes it
    const { [a]: map, [b]: factor, [node.name]: product } = to.graph.shapes;
    const isFactor = sameShape(map, product) && factor.length === 4 && factor[1] * factor[2] === 1;
    if (isFactor && factor[3] === product[3] && !to.isConstant(a) && !to.isConstant(b))
      to.rows(node, "multiply", to.read(a), to.read(b, "whole"));
    else to.elementwise(node, "multiply");
  },
  globalAveragePool: (to, node) => {
    const [input] = node.inputs;
    const isMap8 = to.values.get(input)!.layout === "map8";
    if (isMap8) to.sums(node, "dsp_mean", { value: input, window: row });
    else to.sums(node, "mean", to.read(input));
  },
  averagePool: (to, node) => {
    const { kernel, stride, padding } = node.attributes;
    const { height, width } = mapOf(to.graph.shapes[node.inputs[0]]);
    const isMap = kernel[0] === height && kernel[1] === width && Object.values(padding).every((side) => side === 0);
    if (isMap) to.sums(node, "average_map", to.read(node.inputs[0]));
    else {
      const window = { size: kernel[0], stride: stride[0], before: padding.top };
      to.rows(node, "average_pool", to.read(node.inputs[0], window));
    }
  },
  softmax: (to, node) => to.rows(node, "softmax", to.read(node.inputs[0])),
  maxWindow: (to, node) => {
    const { kernel, stride, padding } = node.attributes;
    const window = { size: kernel[0], stride: stride[0], before: padding.top };
    to.rows(node, "max_window", to.read(node.inputs[0], window));
  },
  maxPool: (to, node) => {
    const { size, stride } = node.attributes;
    to.rows(node, "max_pool", to.read(node.inputs[0], { size, stride, before: 0 }));
  },
  pad: (to, node) => {
    const { top } = node.attributes.padding;
    to.rows(node, "pad", to.read(node.inputs[0], { size: 1, stride: 1, before: top }));
  },
  resize: (to, node) => {
    const [input] = node.inputs;
    const { rows } = resizeTaps(node.name, to.graph.shapes[input], node.attributes);
    const spans = rows.map(({ lower, upper }) => [lower, upper + 1] as const);
    to.rows(node, `resize_${node.attributes.mode}`, to.read(input, { spans }));
  },
  slice: (to, node) => {
    const { begin, step } = node.attributes;
    to.rows(node, "slice", to.read(node.inputs[0], { size: 1, stride: step[0], before: 0 - begin[0] }));
  },
  concat: (to, node) => {
    const { axis } = node.attributes;
    let before = 0;
    const reads = node.inputs.map((input) => {
      // A vector may be a flattened map.
      if (to.graph.shapes[node.name].length < 4) return to.read(input, "whole");
      if (axis > 1) return to.read(input);
      // One below the other: of a row of the output one input has a row.
      const read = to.read(input, { size: 1, stride: 1, before });
      before += to.graph.shapes[input][1];
      return read;
    });
    to.rows(node, "concat", ...reads);
  },
  reshape: (to, node) => to.rows(node, "reshape", to.read(node.inputs[0], "whole")),
  flatten: (to, { name, inputs }) => {
    // The same bytes: who reads it reads the map.
    to.values.set(name, to.values.get(to.nhwc(inputs[0]))!);
  },
};

function windowOf({ attributes }: NodeOf<"conv2d">): Window {
  return { size: attributes.kernel[0], stride: attributes.stride[0], before: attributes.padding.top };
}

/** Quads of pixels that a DSP product multiplies each filter with; infinitely many of every other step. */
export function quadsOfProduct({ kernel, output }: Step, values: Lowering["values"]): number {
  if (!kernel.startsWith("dsp_product") && kernel !== "dsp_conv2d") return Number.POSITIVE_INFINITY;
  const { height, width } = values.get(output)!;
  return height * Math.ceil(width / 4);
}

/**
 * Kernels, layouts and fused look-ups of a deployment graph with one input, batch 1.
 * Throws PhinetsError for an op without a firmware kernel.
 */
export function lowerToSteps(deployed: Graph, options: LoweringOptions): Lowering {
  const lowerer = new Lowerer(deployed, options);
  lowerer.lower();
  const { values } = lowerer;
  const steps = lowerer.steps.map((step) => {
    if (options.helium) return onHelium(step, values);
    return quadsOfProduct(step, values) <= (options.byteWeightsUpTo ?? 0)
      ? { ...step, byteWeights: true as const }
      : step;
  });
  const [{ name: input }] = deployed.nodes.filter(({ op }) => op === "input");
  return { values, steps, input, outputs: deployed.outputs.map((name) => values.get(name)!.name) };
}
