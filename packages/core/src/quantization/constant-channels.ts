/**
 * Folds constant channels. Interval arithmetic finds channels that have the same byte for every input, which batch norm
 * and ReLU leave in many trained networks. The layers that read such a channel get its exact contribution through their
 * biases; the channel is removed together with everything that only it needed. Every output byte stays the same.
 */
import { isDepthwise, isLinear, type LinearNode, makeGraph, type Node } from "../graph/index.js";
import { sizeOf, type Tensor, tensor, type Weights } from "../tensor/index.js";
import { type ChannelRanges, channelRanges } from "./channel-ranges.js";
import { lowerToInteger } from "./lower.js";
import type { QuantizedNetwork } from "./types.js";

export interface FoldedNetwork {
  /** The given network itself where nothing could be removed. */
  readonly network: QuantizedNetwork;
  /** Number of channels before folding, of all values except the input, constants, flattened values and outputs. */
  readonly channels: number;
  readonly removed: number;
}

/**
 * Folds constant channels and removes the parts that are dead afterwards. Remaining values keep their names, scales and
 * zero points.
 */
export function foldConstantChannels(network: QuantizedNetwork): FoldedNetwork {
  const folding = new Folding(network);
  const { channels, removed } = folding.count();
  const changes = removed > 0 || folding.hasConstants();
  return { network: changes ? folding.rewrite() : network, channels, removed };
}

class Folding {
  readonly #graph: QuantizedNetwork["graph"];
  readonly #ranges: ReadonlyMap<string, ChannelRanges>;
  /** Index of each value's first channel in the union-find. */
  readonly #first = new Map<string, number>();
  /** Union-find: channels that can only be removed together. */
  readonly #parent: Int32Array;
  /** For the root of each class: 1 if the class stays. */
  readonly #stays: Uint8Array;

  constructor(readonly network: QuantizedNetwork) {
    this.#graph = network.graph;
    this.#ranges = channelRanges(lowerToInteger(network));
    let count = 0;
    for (const { name } of this.#graph.nodes) {
      this.#first.set(name, count);
      count += this.#channels(name);
    }
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
    this.#stays = new Uint8Array(count);
    for (const node of this.#graph.nodes) this.#tie(node);
    for (const node of this.#graph.nodes) this.#require(node);
    for (const output of this.#graph.outputs) this.#keepAll(output);
    this.#keepOneOfEach();
  }

  #channels(value: string): number {
    return this.#graph.shapes[value].at(-1)!;
  }

  #root(channel: number): number {
    let root = channel;
    while (this.#parent[root] !== root) root = this.#parent[root];
    while (this.#parent[channel] !== root) [this.#parent[channel], channel] = [root, this.#parent[channel]];
    return root;
  }

  #join(a: number, b: number): void {
    this.#parent[this.#root(a)] = this.#root(b);
  }

  #at(value: string, channel: number): number {
    return (this.#first.get(value) as number) + channel;
  }

  #keep(value: string, channel: number): void {
    this.#stays[this.#root(this.#at(value, channel))] = 1;
  }

  #keepAll(value: string): void {
    for (let c = 0; c < this.#channels(value); c++) this.#keep(value, c);
  }

  goes(value: string, channel: number): boolean {
    return this.#stays[this.#root(this.#at(value, channel))] === 0;
  }

  /**
   * Joins the channels of a node's inputs and output that can only be removed together: those of every node that works
   * channel by channel.
   */
  #tie(node: Node): void {
    const channels = this.#channels(node.name);
    if (node.op === "slice") return;
    if (node.op === "reshape" && channels !== this.#channels(node.inputs[0])) return;
    if (node.op === "concat" && node.attributes.axis === this.#graph.shapes[node.name].length - 1) {
      let to = 0;
      for (const input of node.inputs)
        for (let c = 0; c < this.#channels(input); c++) this.#join(this.#at(node.name, to++), this.#at(input, c));
      return;
    }
    for (const input of node.inputs) {
      const from = this.#channels(input);
      if (isLinear(node) && !this.#isDepthwise(node)) continue;
      // A depthwise layer may have several filters per channel; a flattened map repeats the channels at each pixel.
      const source = (c: number) => (node.op === "flatten" ? c % from : Math.floor(c / (channels / from)));
      for (let c = 0; c < channels; c++) this.#join(this.#at(node.name, c), this.#at(input, source(c)));
    }
  }

  #isDepthwise(node: LinearNode): boolean {
    return node.op === "conv2d" && isDepthwise(node, this.#graph.shapes[node.inputs[0]]);
  }

  /** Marks the channels of a node's inputs and output that must stay. */
  #require(node: Node): void {
    if (node.op === "input") this.#keepAll(node.name);
    else if (node.op === "softmax") this.#keepAll(node.name);
    else if (node.op === "reshape" || node.op === "slice") {
      // These nodes have a channel count or positions in their attributes.
      this.#keepAll(node.name);
      this.#keepAll(node.inputs[0]);
    } else if (isLinear(node) && !this.#isDepthwise(node)) {
      const [input] = node.inputs;
      const grouped = node.op === "conv2d" && node.attributes.groups > 1;
      if (grouped) this.#keepAll(node.name);
      for (let c = 0; c < this.#channels(input); c++) if (grouped || !this.#isFolded(node, c)) this.#keep(input, c);
    }
  }

  /** Whether channel c of the input adds the same to a filter's sum at every pixel. */
  #isFolded(node: LinearNode, c: number): boolean {
    const [input] = node.inputs;
    const { least, most } = this.#ranges.get(input) as ChannelRanges;
    if (least[c] !== most[c]) return false;
    // Padding has the zero point's byte.
    const padded = node.op === "conv2d" && Object.values(node.attributes.padding).some((side) => side > 0);
    return !padded || least[c] === this.network.values[input].zeroPoint;
  }

  /** A value needs at least one channel: keeps the first where all would be removed. */
  #keepOneOfEach(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const { name } of this.#graph.nodes) {
        const channels = Array.from({ length: this.#channels(name) }, (_, c) => c);
        if (!channels.every((c) => this.goes(name, c))) continue;
        this.#keep(name, 0);
        changed = true;
      }
    }
  }

  /** Whether a remaining channel of a layer is constant. */
  hasConstants(): boolean {
    return this.#graph.nodes.some((node) => {
      if (!isLinear(node)) return false;
      const byte = this.#constantOf(node, this.network.weightScales[node.parameters.weight].length);
      return this.#left(node.name).some((f) => byte(f) !== undefined);
    });
  }

  count(): { channels: number; removed: number } {
    let [channels, removed] = [0, 0];
    for (const { name, op } of this.#graph.nodes) {
      if (op === "input" || op === "constant" || op === "flatten" || this.#graph.outputs.includes(name)) continue;
      channels += this.#channels(name);
      for (let c = 0; c < this.#channels(name); c++) removed += this.goes(name, c) ? 1 : 0;
    }
    return { channels, removed };
  }

  #left(value: string): number[] {
    return Array.from({ length: this.#channels(value) }, (_, c) => c).filter((c) => !this.goes(value, c));
  }

  rewrite(): QuantizedNetwork {
    const { network } = this;
    const weights: Weights = {};
    const weightScales: Record<string, readonly number[]> = {};
    const nodes = this.#graph.nodes.map((node): Node => {
      if (node.op === "constant") {
        const { value } = node.parameters;
        const kept = this.#left(node.name);
        const shape = [...node.attributes.shape.slice(0, -1), kept.length];
        const channels = this.#channels(node.name);
        const data = (network.weights[value].data as Int8Array).filter((_, i) => kept.includes(i % channels));
        weights[value] = tensor("int8", shape, data);
        return { ...node, attributes: { shape } };
      }
      if (!isLinear(node)) return node;
      const made = this.#layer(node);
      weights[made.node.parameters.weight] = made.weight;
      weightScales[made.node.parameters.weight] = made.scales;
      if (made.bias !== undefined) weights[made.node.parameters.bias] = made.bias;
      return made.node;
    });
    const graph = makeGraph(this.#graph.name, nodes, this.#graph.outputs);
    return { graph, values: network.values, weightScales, weights };
  }

  #layer(node: LinearNode): {
    node: LinearNode;
    weight: Tensor<"int8">;
    bias?: Tensor<"int32">;
    scales: readonly number[];
  } {
    const { network } = this;
    const [input] = node.inputs;
    const { weight: weightName, bias: biasName } = node.parameters;
    const { data, shape } = network.weights[weightName] as Tensor<"int8">;
    const before = network.weightScales[weightName];
    const filters = this.#left(node.name);
    const byte = this.#constantOf(node, before.length);
    // A quarter of the output's scale: four steps of the sum make one step of the output byte.
    const quarter = Math.fround(network.values[node.name].scale / (4 * network.values[input].scale));
    const scales = before.length === 1 ? before : filters.map((f) => (byte(f) === undefined ? before[f] : quarter));
    const perFilter = data.length / shape[0];
    const perPixel = shape.at(-1)!;
    const depthwise = this.#isDepthwise(node);
    const grouped = node.op === "conv2d" && node.attributes.groups > 1;
    const { least } = this.#ranges.get(input) as ChannelRanges;
    const { zeroPoint } = network.values[input];
    // In a grouped layer, each filter keeps all its weights.
    const gone = grouped ? [] : Array.from({ length: perPixel }, (_, c) => c).filter((c) => this.goes(input, c));
    const isGone = new Set(gone);
    const kept: number[] = [];
    const biases = filters.map((f) => {
      const constant = byte(f);
      if (constant !== undefined) {
        for (let i = 0; i < perFilter; i++) if (!isGone.has(i % perPixel)) kept.push(0);
        return 4 * (constant - network.values[node.name].zeroPoint);
      }
      let bias = biasName === undefined ? 0 : network.weights[biasName].data[f];
      for (let i = 0; i < perFilter; i++) {
        const weight = data[f * perFilter + i];
        const c = i % perPixel;
        if (isGone.has(c)) bias += weight * (least[c] - zeroPoint);
        else kept.push(weight);
      }
      return bias;
    });
    const hasBias = biasName !== undefined || biases.some((bias) => bias !== 0);
    const name = biasName ?? `${node.name}.bias`;
    const rest = shape.slice(1, -1);
    const weight = tensor("int8", [filters.length, ...rest, perPixel - gone.length], Int8Array.from(kept));
    return {
      node: this.#resized(
        node,
        filters.length,
        depthwise,
        hasBias ? { weight: weightName, bias: name } : { weight: weightName },
      ),
      weight,
      scales,
      ...(hasBias && { bias: tensor("int32", [filters.length], Int32Array.from(biases)) }),
    };
  }

  /**
   * The byte of a filter whose channel is constant but has to stay; undefined for other filters. Such a filter is
   * rewritten with zero weights and a small bias, since its own sum may be near the ends of int32, where the fast
   * kernels do not compute.
   */
  #constantOf(node: LinearNode, scales: number): (filter: number) => number | undefined {
    const { least, most } = this.#ranges.get(node.name) as ChannelRanges;
    const free = scales === least.length;
    return (f) => (free && least[f] === most[f] ? least[f] : undefined);
  }

  #resized(node: LinearNode, filters: number, depthwise: boolean, parameters: Node["parameters"]): LinearNode {
    const bias = "bias" in parameters;
    if (node.op === "dense") return { ...node, parameters, attributes: { ...node.attributes, units: filters, bias } };
    const groups = depthwise ? this.#left(node.inputs[0]).length : node.attributes.groups;
    return { ...node, parameters, attributes: { ...node.attributes, filters, groups, bias } };
  }
}

/** Total bytes of a network's weights and biases. */
export function constantBytes({ weights }: QuantizedNetwork): number {
  return Object.values(weights).reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * (dtype === "int32" ? 4 : 1), 0);
}
