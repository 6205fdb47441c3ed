/**
 * Lowers linear layers to the kernels of the DSP extension: products of quads of pixels, depthwise layers on planes.
 */
import {
  type Graph,
  isDepthwise,
  isPointwise,
  isTable,
  type LinearNode,
  type Node,
  type NodeOf,
} from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import type { Value } from "../layout.js";
import { type LoweringOptions, type Read, row } from "../steps.js";
import { type Lookup, Lowerer, mapOf, windowOf } from "./lowerer.js";

/**
 * Least number of bytes allowed for a tile's windows: with fewer, calls for a few pixels each would take much of the
 * time.
 */
const leastTileBytes = 1024;

/** From this width on, computing the pixels beyond whole quads costs less than joining rows. */
const narrowWidth = 8;

/**
 * Whether all maps made by convolutions have only a few pixels per row, such as those of spectra and windows of
 * samples. In such networks every row stays NHWC, and the pixels of several rows together make quads without gaps.
 */
export function isNarrow({ nodes, shapes }: Graph): boolean {
  return nodes.every(({ name, op }) => op !== "conv2d" || shapes[name][2] < narrowWidth);
}

/**
 * Whether the DSP depthwise kernels can run a convolution: 3x3 or 5x5, stride 1 or 2, padding as the layouts have it.
 */
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

export class DspLowerer extends Lowerer {
  readonly #narrow: boolean;
  #tileBytes: number | undefined;

  constructor(graph: Graph, options: LoweringOptions) {
    super(graph, options);
    this.#narrow = isNarrow(graph);
  }

  override linear(node: LinearNode): void {
    const { graph } = this;
    const [input] = node.inputs;
    const { lookup, output } = this.result(node);
    const shape = graph.shapes[node.name];
    const from = graph.shapes[input];
    if (node.op === "conv2d" && isDepthwise(node, from)) {
      if (this.readsPlanes(node)) this.dspDepthwise(node, output, lookup);
      else if (from[3] >= 4) this.depthwiseOfPixels(node, output, lookup);
      else super.linear(node);
      return;
    }
    if (node.op === "conv2d" && node.attributes.groups > 1) {
      super.linear(node);
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

  /** Turns several rows of pixels, or their windows, into quads and multiplies them. */
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

  /**
   * Pixels whose windows together take no more bytes than four pixels of the layer with the largest windows, which are
   * needed anyway. At least 4.
   */
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

  /** Whether a depthwise layer runs on planes. */
  readsPlanes(node: Node): node is NodeOf<"conv2d"> {
    const { shapes } = this.graph;
    return !this.#narrow && isDspDepthwise(node, shapes[node.inputs[0]], shapes[node.name]);
  }

  depthwiseOfPixels(node: NodeOf<"conv2d">, output: string, lookup: Lookup | undefined): void {
    const [taps, channels] = [this.inputs(node), this.graph.shapes[node.name][3]];
    // Addresses of the taps, and one pixel of zero points.
    const scratch = 4 * (taps + 2) + 4 * Math.ceil(channels / 4);
    const shape = this.graph.shapes[node.name];
    this.value(output, "nhwc", shape);
    const read = { value: this.nhwc(node.inputs[0]), window: windowOf(node) };
    const readers = this.isOutput(output) ? [] : this.readers(output);
    const isStaged = readers.length === 1 && this.isDspProduct(readers[0]) && isPointwise(readers[0]);
    this.batch(isStaged ? this.batchOf(shape) : 1, "dsp_depthwise_nhwc", output, read, node, lookup, scratch);
  }

  /** The quads that a product reads, made of its input's rows, of its windows, or of a map that is scaled. */
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

  /**
   * Whether a depthwise layer's output is read only by a squeeze and by the multiplication that scales it for a
   * projection.
   */
  override isScaled(value: string): boolean {
    const { graph } = this;
    if (graph.outputs.includes(value)) return false;
    const source = [...graph.nodes].find(({ name }) => name === value)!;
    const layer = isTable(source) ? graph.nodes.find(({ name }) => name === source.inputs[0])! : source;
    if (isTable(source) && this.fused.get(layer.name) !== source) return false;
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

  /** Whether a convolution runs as a matrix product over more than one pixel. */
  isDspProduct(node: Node): node is NodeOf<"conv2d"> {
    if (node.op !== "conv2d" || node.attributes.groups !== 1) return false;
    const { height, width } = mapOf(this.graph.shapes[node.name]);
    return height * width > 1 && !isDepthwise(node, this.graph.shapes[node.inputs[0]]);
  }

  /** Layout of a product's output where only DSP depthwise layers read it; otherwise undefined. */
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

  /** A depthwise layer's input as planes; converts another layout. */
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

  /** Rows that a product, or the layer that only it reads, makes in one call. */
  batchOf(shape: Shape): number {
    const { height, width } = mapOf(shape);
    if (!this.#narrow || !this.options.batches || height === 1) return 1;
    return 4 / [4, 2, 1].find((n) => width % n === 0)!;
  }

  /** Products per filter. */
  inputs(node: LinearNode): number {
    const [, ...rest] = this.graph.parameters[node.parameters.weight].shape;
    return rest.reduce((product, size) => product * size, 1);
  }
}
