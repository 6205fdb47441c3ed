/** Turns a float graph into an int8 network, with the scales of values and weights from its file. */
import {
  consumersOf,
  type Graph,
  makeGraph,
  type Node,
  type NodeOf,
  opTraits,
  type Padding,
} from "../../../graph/index.js";
import {
  type QuantizationParameters,
  type QuantizedNetwork,
  sigmoidOutput,
  softmaxOutput,
  tanhOutput,
} from "../../../quantization/index.js";
import { type FloatWeights, tensor, type Weights } from "../../../tensor/index.js";
import { Unsupported } from "../../unsupported.js";

export interface QuantizedGraph {
  readonly graph: Graph;
  readonly weights: FloatWeights;
  readonly quantizations: ReadonlyMap<string, QuantizationParameters>;
  readonly weightScales: ReadonlyMap<string, readonly number[]>;
}

function refuse(problem: string): never {
  throw new Unsupported(problem);
}

/** Makes the int8 network. Throws Unsupported where a value or weights have no scale. */
export function quantizedNetworkOf(given: QuantizedGraph): QuantizedNetwork {
  return new Int8Graph(given).build();
}

class Int8Graph {
  readonly #nodes: Node[] = [];
  readonly #values: Record<string, QuantizationParameters> = {};
  readonly #weightScales: Record<string, readonly number[]> = {};
  readonly #weights: Weights = {};
  /** Values that hold the same bytes as another, mapped to that one. */
  readonly #aliases = new Map<string, string>();
  readonly #readers: ReadonlyMap<string, readonly Node[]>;

  constructor(readonly given: QuantizedGraph) {
    this.#readers = consumersOf(given.graph);
  }

  build(): QuantizedNetwork {
    const { graph } = this.given;
    for (const node of graph.nodes) this.#add(node);
    const outputs: string[] = [];
    for (const each of graph.outputs) outputs.push(this.#asOutput(each, outputs));
    const made = makeGraph(graph.name, this.#needed(outputs), outputs);
    return { graph: made, values: this.#values, weightScales: this.#weightScales, weights: this.#weights };
  }

  /** An output under a name of its own, even where another output has the same bytes. */
  #asOutput(value: string, others: readonly string[]): string {
    const made = this.#resolve(value);
    if (!others.includes(made)) return made;
    this.#push(rescaling(value, made), this.#values[made]);
    return value;
  }

  /** The nodes without pads that a convolution's own padding replaces. */
  #needed(outputs: readonly string[]): Node[] {
    const read = new Set([...outputs, ...this.#nodes.flatMap(({ inputs }) => inputs)]);
    return this.#nodes.filter(({ name, op }) => op !== "pad" || read.has(name));
  }

  #resolve(value: string): string {
    return this.#aliases.get(value) ?? value;
  }

  /** Quantisation of a node's value: its own, or that of the value that follows it in floats. */
  #quantizationOf(node: Node): QuantizationParameters {
    const { quantizations } = this.given;
    const own = quantizations.get(node.name);
    if (own !== undefined) return own;
    const { op, name } = node;
    if (op === "softmax" || op === "sigmoid") return op === "softmax" ? softmaxOutput : sigmoidOutput;
    const [input] = node.inputs.map((each) => this.#values[this.#resolve(each)]);
    if (opTraits[op].int8 === "keeps" && !isOfSeveral(node)) return input;
    for (let value = name; ; ) {
      const readers = this.#readers.get(value) ?? [];
      const [reader] = readers;
      const follows = readers.length === 1 && ["relu", "relu6", "flatten", "reshape"].includes(reader.op);
      if (!follows || this.given.graph.outputs.includes(value)) break;
      const after = quantizations.get(reader.name);
      if (after !== undefined) return after;
      value = reader.name;
    }
    if ((op === "relu" || op === "relu6") && input !== undefined) return input;
    return refuse(
      `${op} "${name.slice(0, 60)}": its values have no QuantizeLinear behind them; quantise all operators (op_types_to_quantize) and the output`,
    );
  }

  #push(node: Node, quantization: QuantizationParameters): void {
    this.#nodes.push(node);
    this.#values[node.name] = quantization;
  }

  #add(node: Node): void {
    const { name, op } = node;
    const quantization = this.#quantizationOf(node);
    const resolved = { ...node, inputs: node.inputs.map((each) => this.#resolve(each)) } as Node;
    if (op === "conv2d" || op === "dense") this.#layer(resolved as NodeOf<"conv2d"> | NodeOf<"dense">, quantization);
    else if (op === "relu" && this.#isClamped(resolved, quantization)) this.#aliases.set(name, resolved.inputs[0]);
    else if (op === "relu6" && this.#isFused(resolved, quantization)) this.#fuse(name, resolved.inputs[0]);
    else if (isOfSeveral(node)) {
      const inputs = resolved.inputs.map((each) => this.#rescaled(each, quantization));
      this.#push({ ...resolved, inputs } as Node, quantization);
    } else {
      if (op === "constant") this.#constant(node as NodeOf<"constant">, quantization);
      const fixed = fixedOutput(node);
      if (fixed !== undefined && !isSame(fixed, quantization)) {
        const exact = `${name}:exact`;
        this.#push({ ...resolved, name: exact } as Node, fixed);
        this.#push(rescaling(name, exact), quantization);
      } else this.#push(resolved, quantization);
    }
  }

  /** Whether a ReLU has no effect: no byte stands for less than 0, and the scale stays. */
  #isClamped({ inputs: [x] }: Node, quantization: QuantizationParameters): boolean {
    return quantization.zeroPoint === -128 && isSame(this.#values[x], quantization);
  }

  /** Whether a layer can absorb a ReLU6: the ReLU6 is its only reader and has the same scale. */
  #isFused({ inputs: [x] }: Node, quantization: QuantizationParameters): boolean {
    const source = this.#nodes.find(({ name }) => name === x);
    if (source?.op !== "conv2d" && source?.op !== "dense") return false;
    const isSole = this.#readers.get(x)?.length === 1 && !this.given.graph.outputs.includes(x);
    return isSole && isSame(this.#values[x], quantization) && source.attributes.activation === "none";
  }

  #fuse(name: string, layer: string): void {
    const at = this.#nodes.findIndex((each) => each.name === layer);
    const source = this.#nodes[at] as NodeOf<"conv2d">;
    this.#nodes[at] = { ...source, attributes: { ...source.attributes, activation: "relu6" } };
    this.#aliases.set(name, layer);
  }

  /** A value brought to its reader's scale. */
  #rescaled(x: string, quantization: QuantizationParameters): string {
    if (isSame(this.#values[x], quantization)) return x;
    let name = `${x}:rescaled`;
    for (let n = 2; this.#values[name] !== undefined; n++) name = `${x}:rescaled_${n}`;
    this.#push(rescaling(name, x), quantization);
    return name;
  }

  #constant({ parameters }: NodeOf<"constant">, { scale, zeroPoint }: QuantizationParameters): void {
    const { shape, data } = this.given.weights[parameters.value];
    const byteOf = (value: number) => Math.max(-128, Math.min(127, Math.round(value / scale) + zeroPoint));
    this.#weights[parameters.value] = tensor("int8", shape, Int8Array.from(data, byteOf));
  }

  #layer(node: NodeOf<"conv2d"> | NodeOf<"dense">, quantization: QuantizationParameters): void {
    const { name, op, parameters } = node;
    const shown = `${op} "${name.slice(0, 60)}"`;
    const weight = this.given.weights[parameters.weight];
    const outputs = weight.shape[0];
    const perOutput = weight.data.length / outputs;
    const given = this.given.weightScales.get(parameters.weight);
    if (given === undefined)
      refuse(`${shown}: its weights "${parameters.weight}" are floats; quantise weights too, as int8`);
    if (given.length !== 1 && given.length !== outputs)
      refuse(`${shown}: has ${given.length} scales for ${outputs} outputs; quantise the network again`);
    const scaleOf = (output: number): number => given[given.length === 1 ? 0 : output];
    const bytes = new Int8Array(weight.data.length);
    for (const [i, value] of weight.data.entries()) {
      const exact = value / scaleOf(Math.floor(i / perOutput));
      const byte = Math.round(exact);
      if (!(Math.abs(exact - byte) < 0.01 && byte >= -128 && byte <= 127))
        refuse(`${shown}: its weight ${value} is no int8 multiple of its scale; quantise the network again`);
      bytes[i] = byte;
    }
    this.#weights[parameters.weight] = tensor("int8", weight.shape, bytes);
    // A dense layer may have one scale for all filters; a convolution needs one per filter.
    const shared = given.length === 1 && op === "dense";
    this.#weightScales[parameters.weight] = shared ? given : Array.from({ length: outputs }, (_, i) => scaleOf(i));
    const { scale } = this.#values[node.inputs[0]];
    if (node.attributes.bias) {
      const { data } = this.given.weights[parameters.bias];
      const integers = Array.from(data, (value, i) => Math.round(value / (scale * scaleOf(i))));
      if (!integers.every((each) => Math.abs(each) < 2 ** 31))
        refuse(`${shown}: a bias is beyond int32; quantise the network again`);
      this.#weights[parameters.bias] = tensor("int32", [outputs], Int32Array.from(integers));
    }
    this.#push(op === "conv2d" ? this.#withPadding(node as NodeOf<"conv2d">) : node, quantization);
  }

  /** Merges a pad before a convolution into the convolution's padding. */
  #withPadding(node: NodeOf<"conv2d">): Node {
    const [x] = node.inputs;
    const source = this.#nodes.find(({ name }) => name === x);
    if (source?.op !== "pad") return node;
    const [a, b] = [node.attributes.padding, source.attributes.padding];
    const padding: Padding = {
      ...{ top: a.top + b.top, bottom: a.bottom + b.bottom },
      ...{ left: a.left + b.left, right: a.right + b.right },
    };
    return { ...node, inputs: source.inputs, attributes: { ...node.attributes, padding } };
  }
}

/** Whether all inputs of an operator must have its output's scale, so that each is rescaled to it. */
const isOfSeveral = ({ op }: Node): boolean => op === "concat" || op === "maximum" || op === "minimum";

/** The only output quantisation of an operator's integer arithmetic, where it is fixed. */
function fixedOutput(node: Node): QuantizationParameters | undefined {
  if (node.op === "softmax") return softmaxOutput;
  if (node.op === "sigmoid") return sigmoidOutput;
  return node.op === "unary" && node.attributes.function === "tanh" ? tanhOutput : undefined;
}

const rescaling = (name: string, x: string): Node => ({
  ...{ name, op: "unary", inputs: [x], parameters: {} },
  attributes: { function: "identity", alpha: 0 },
});

const isSame = (a: QuantizationParameters, b: QuantizationParameters): boolean =>
  a.scale === b.scale && a.zeroPoint === b.zeroPoint;
