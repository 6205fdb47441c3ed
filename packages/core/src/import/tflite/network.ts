/** Imports an int8 .tflite network as an integer network whose intermediate bytes all equal TensorFlow Lite Micro's. */
import {
  makeGraph,
  type Node,
  type NodeOf,
  type OpAttributes,
  type OpName,
  type OpSpec,
  ops,
  type Padding,
} from "../../graph/index.js";
import { lowerToInteger, type QuantizationParameters, type QuantizedNetwork } from "../../quantization/index.js";
import {
  formatShape,
  PhinetsError,
  parseJson,
  type Shape,
  sizeOf,
  tensor,
  utf8Decode,
  type Weights,
} from "../../tensor/index.js";
import { nameOfFile } from "../float/network.js";
import type { ImportOptions } from "../input-shape.js";
import { importOperators, isOfGraph, Missing, Unsupported } from "../unsupported.js";
import { readTflite, type TfliteFile, type TfliteOperator, type TfliteTensor } from "./file.js";
import { type Activation, operatorRules, unaryRule } from "./operators.js";
import { OperatorReader } from "./reader.js";
import { paddings, slots } from "./schema.js";
import { graphShape } from "./shapes.js";
import { preparedTflite } from "./sizes.js";

/**
 * The network's input: int8 values as they are, other types as the file's first operator would convert them to int8.
 */
export interface ImportedInput extends QuantizationParameters {
  /** Type of the file's own input: uint8 is int8 + 128; float32 is rounded to the scale. */
  readonly type: "int8" | "uint8" | "float32";
  readonly shape: Shape;
}

export interface ImportedNetwork {
  readonly network: QuantizedNetwork;
  readonly input: ImportedInput;
  /** The file's operators, in the file's order. */
  readonly operators: readonly ImportedOperator[];
  /** Operators left out at input and output, in words. */
  readonly notes: readonly string[];
  /** Shapes of all outputs. */
  readonly outputs: readonly Shape[];
  /** The head as our own files state it. */
  readonly reading?: Readonly<Record<string, unknown>>;
}

export interface ImportedOperator {
  /** Operator name, such as "CONV_2D". */
  readonly kind: string;
  /**
   * Name of the graph's value that it makes; absent where it was merged into another (padding) or left out (at input
   * and output).
   */
  readonly value?: string;
}

/**
 * Imports a network of int8 values and weights.
 *
 * @param file name for messages
 * @throws PhinetsError `import.tflite` and `import.damaged` as `readTflite`; `import.shape` as `resolveInputShape`;
 * `import.operators` listing all operators that cannot be imported, each with its number, kind, output and remedy
 */
export function importTflite(bytes: Uint8Array, file: string, options: ImportOptions = {}): ImportedNetwork {
  return new NetworkBuilder(preparedTflite(readTflite(bytes, file), options)).build();
}

const remedies: Readonly<Record<string, string>> = {
  ARG_MAX: "gives an index, which is no int8; convert the network up to its scores: who reads them takes the largest",
  "CUSTOM TFLite_Detection_PostProcess": "belongs after the network; convert it up to its raw boxes and scores",
  SUM: "is not supported; convert the network with a mean, whose factor the next layer's weights can have",
  SHAPE: "computes sizes; convert the network for one size, or give the input's with --shape",
};

type InnerName = "flat" | "joined" | "padded" | "part" | "shaped";
/** Suffixes of inner values. Only the last is kept, so that names stay short along a chain. */
const innerNames = /:(flat|joined|padded|part|shaped)(_\d+)?$/;

/** A node that moves bytes; its name is derived from its source's. */
type Between<O extends OpName> = Omit<NodeOf<O>, "name" | "parameters"> & {
  readonly name: readonly [string, InnerName];
};

/** Operators with several outputs. */
const givesSeveral: ReadonlySet<string> = new Set(["SPLIT", "SPLIT_V", "UNPACK"]);

/** Builds the graph operator by operator. */
export class NetworkBuilder extends OperatorReader {
  readonly #nodes: Node[] = [];
  readonly #shapes = new Map<string, Shape>();
  readonly #values: Record<string, QuantizationParameters> = {};
  readonly #weightScales: Record<string, readonly number[]> = {};
  readonly #weights: Weights = {};
  readonly #names = new Set<string>();
  /** Names of values by tensor; undefined for results of operators that cannot be imported. */
  readonly #made = new Map<number, string | undefined>();
  /** For each tensor that is a vector as a map of one pixel: the vector. */
  readonly #pixels = new Map<number, string>();
  /** For each tensor that is a padded map read only by windows without padding: the map and its padding. */
  readonly #padded = new Map<number, { readonly x: string; readonly padding: Padding }>();
  /** Constants used as values, by tensor and shape. */
  readonly #constants = new Map<string, string>();
  readonly #notes: string[] = [];
  #input: ImportedInput | undefined;

  build(): ImportedNetwork {
    try {
      return this.#build();
    } catch (error) {
      // Concerns an input or output; problems with operators are collected elsewhere.
      if (error instanceof Unsupported) return this.#fail(`its input or output ${error.message}`);
      if (isOfGraph(error)) return this.#fail(error.message);
      throw error;
    }
  }

  #build(): ImportedNetwork {
    const { inputs, outputs, operators } = this.file;
    if (outputs.length === 0) this.#fail("has no outputs; convert the network again");
    if (inputs.length !== 1) this.#fail(`has ${inputs.length} inputs; networks of one can be imported`);
    const input = this.file.tensors[inputs[0]];
    if (input.type === "int8") this.#begin(input, "int8");
    importOperators({
      ...{ file: this.file.file, operators, made: this.#made, outputs },
      import: (operator) => this.#import(operator),
      nameOf: (tensor) => this.file.tensors[tensor]?.name,
      isEnd: (tensor) => this.#made.get(tensor) !== undefined || this.#pixels.has(tensor),
    });
    const graph = makeGraph(
      nameOfFile(this.file.file, ".tflite"),
      this.#nodes,
      outputs.map((each) => this.value(each)),
    );
    const network = { graph, values: this.#values, weightScales: this.#weightScales, weights: this.#weights };
    this.#requireArithmetic(network);
    const imported = operators.map(({ kind, outputs: [made] }): ImportedOperator => {
      const value = this.#pixels.get(made) ?? this.#made.get(made);
      return { kind, ...(value !== undefined && { value }) };
    });
    return {
      network,
      input: this.#input as ImportedInput,
      operators: imported,
      notes: this.#notes,
      outputs: graph.outputs.map((output) => graph.shapes[output]),
      reading: readingOf(this.file.metadata),
    };
  }

  /**
   * Checks shapes, which may disagree in a damaged file, and scales, some of which the integer arithmetic does not
   * support.
   */
  #requireArithmetic(network: QuantizedNetwork): void {
    for (const [name, { shape }] of Object.entries(network.graph.parameters)) {
      const given = network.weights[name].shape;
      if (formatShape(given) !== formatShape(shape))
        this.#fail(
          `"${name.slice(0, 60)}" has the shape ${formatShape(given)}, where ${formatShape(shape)} is needed; convert the network again`,
        );
    }
    try {
      lowerToInteger(network);
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      this.#fail(`${error.message.split("; ")[0]}; quantise the network again`);
    }
  }

  #import(operator: TfliteOperator): void {
    const { kind, inputs, outputs } = operator;
    const isEnd = kind === "QUANTIZE" || kind === "DEQUANTIZE";
    if (!isEnd && !Object.hasOwn(operatorRules, kind))
      throw new Unsupported(remedies[kind] ?? "is not supported; convert the network without it");
    if (inputs.length === 0 || (outputs.length !== 1 && !givesSeveral.has(kind)) || inputs[0] === -1)
      throw new Unsupported(`has ${inputs.length} inputs and ${outputs.length} outputs; convert the network again`);
    if (kind === "QUANTIZE") this.#quantize(operator);
    else if (kind === "DEQUANTIZE") this.#dequantize(operator);
    else operatorRules[kind](this, operator);
  }

  /** Whether the transpose is the only reader of the input; if so, the network takes the transposed input. */
  takeTransposed(x: TfliteTensor, output: TfliteTensor): boolean {
    const [input, ...others] = this.#nodes;
    const readers = this.file.operators.filter(({ inputs }) => inputs.includes(x.index));
    const isInput = others.length === 0 && input?.op === "input" && this.#made.get(x.index) === input.name;
    if (!isInput || readers.length !== 1 || this.file.outputs.includes(x.index)) return false;
    const { scale, zeroPoint } = this.quantizationOf(output);
    const given = this.#input as ImportedInput;
    if (scale !== given.scale || zeroPoint !== given.zeroPoint) return false;
    const shape = graphShape(output.shape);
    this.#nodes[0] = { ...input, attributes: { shape } };
    this.#shapes.set(input.name, shape);
    this.#input = { ...given, shape };
    this.#made.set(output.index, input.name);
    this.note(
      `the input is ${formatShape(x.shape)} and TRANSPOSE brings its channels to the end: the network takes ${formatShape(shape)}`,
    );
    return true;
  }

  /** Adds a node that makes a tensor, and reshapes its value to the tensor's shape where the node's shape differs. */
  addShaped(node: Node, of: TfliteTensor): void {
    this.add(node, of);
    this.reshapeFrom(of, this.#shapes.get(node.name) as Shape);
  }

  /** QUANTIZE: at the network's ends it describes the int8 values; inside, it changes scale and zero point. */
  #quantize({ inputs, outputs }: TfliteOperator): void {
    const [from, to] = [this.file.tensors[inputs[0]], this.file.tensors[outputs[0]]];
    const isInput = from.index === this.file.inputs[0] && this.#input === undefined;
    if (isInput && from.type === "float32") {
      this.#notes.push("the input is float32 and QUANTIZE makes it int8: the network takes the int8 values");
      this.#begin(to, "float32");
      return;
    }
    if (isInput && from.type === "uint8") {
      this.#notes.push("the input is uint8 and QUANTIZE takes 128 off: the network takes the int8 values");
      if (sameQuantization(lessBy128(from), to)) this.#begin(to, "uint8");
      else {
        this.#begin(lessBy128(from), "uint8");
        this.#rescale(from, to);
      }
      return;
    }
    const isOutput = this.file.outputs.includes(to.index);
    if (from.type !== "int8" || !(to.type === "int8" || (to.type === "uint8" && isOutput)))
      throw new Unsupported(
        `is from ${from.type} to ${to.type}; int8 to int8, and float32 or uint8 at the network's ends can be imported`,
      );
    if (to.type === "uint8") this.#notes.push("QUANTIZE at the output adds 128: the network gives the int8 values");
    this.#rescale(from, lessBy128(to));
  }

  #rescale(from: TfliteTensor, to: TfliteTensor): void {
    if (sameQuantization(from, to)) this.#made.set(to.index, this.value(from.index));
    else unaryRule(this, from, to, { function: "identity", alpha: 0 });
  }

  /** DEQUANTIZE at the output is left out, since the host converts the int8 values. */
  #dequantize({ inputs, outputs }: TfliteOperator): void {
    if (!this.file.outputs.includes(outputs[0]))
      throw new Unsupported("is inside the network; it can be imported at the output");
    this.#notes.push("DEQUANTIZE at the output is left out: the network gives the int8 values");
    this.#made.set(outputs[0], this.value(inputs[0]));
  }

  #begin(tensor: TfliteTensor, type: ImportedInput["type"]): void {
    const name = this.nameOf(tensor);
    if (tensor.shape[0] !== 1)
      this.#fail(`its input has the shape ${formatShape(tensor.shape)}; a batch of 1 can be imported`);
    const shape = graphShape(tensor.shape);
    this.add({ name, op: "input", inputs: [], parameters: {}, attributes: { shape } }, tensor);
    this.#input = { type, shape, ...this.quantizationOf(tensor) };
  }

  /** Adds a note about the import to its card. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** The value of a tensor, in the shape `graphShape` of the tensor's. Throws Unsupported where there is none. */
  value(index: number): string {
    const name = this.#made.get(index);
    if (name !== undefined) return name;
    if (this.#made.has(index)) throw new Missing();
    const vector = this.#pixels.get(index);
    if (vector !== undefined) {
      const map = this.#shaped(vector, this.file.tensors[index].shape, undefined);
      this.#made.set(index, map);
      return map;
    }
    const { name: shown, type, data } = this.file.tensors[index];
    if (type === "float32") this.quantizationOf(this.file.tensors[index]); // throws with a remedy
    const what = data === undefined ? "is made by no operator before" : "is a constant";
    throw new Unsupported(
      `reads "${shown.slice(0, 60)}" (${type}), which ${what}; values that operators make can be imported`,
    );
  }

  /** Scale and zero point of an int8 tensor. */
  quantizationOf({ name, type, scales, zeroPoints }: TfliteTensor): QuantizationParameters {
    const [scale, ...more] = scales;
    const zeroPoint = zeroPoints[0] ?? 0;
    if (type !== "int8")
      throw new Unsupported(`has ${type} values ("${name.slice(0, 60)}"); quantise the network to int8`);
    if (more.length > 0 || !(scale > 0 && Number.isFinite(scale)) || !(zeroPoint >= -128 && zeroPoint <= 127))
      throw new Unsupported(
        `is a value "${name.slice(0, 60)}" of ${scale === undefined ? "no scale" : `scale ${scale} and zero point ${zeroPoint}`}; quantise the network again`,
      );
    return { scale, zeroPoint };
  }

  /** A name for a tensor's value: the tensor's own, as far as C allows. */
  nameOf({ index, name }: TfliteTensor): string {
    const plain = name.replace(/[^A-Za-z0-9_./:-]/g, "_").slice(0, 60) || `tensor${index}`;
    return this.unused(plain);
  }

  /** A name for an intermediate value. */
  #inner(value: string, what: InnerName): string {
    return this.unused(`${value.replace(innerNames, "")}:${what}`);
  }

  unused(name: string): string {
    let free = name;
    for (let n = 2; this.#names.has(free); n++) free = `${name}_${n}`;
    this.#names.add(free);
    return free;
  }

  /** Adds the node that makes a tensor. A later node may replace it. */
  add(node: Node, of: TfliteTensor, quantization = this.quantizationOf(of)): void {
    this.#push(node, quantization);
    this.#made.set(of.index, node.name);
  }

  /** Adds a node. Throws PhinetsError where the operator refuses the shapes of its inputs. */
  #push(node: Node, quantization: QuantizationParameters): void {
    const { infer } = ops[node.op] as OpSpec<OpAttributes[OpName]>;
    const inputs = node.inputs.map((input) => this.#shapes.get(input) as Shape);
    this.#shapes.set(node.name, infer(node.name, inputs, node.attributes)[0]);
    this.#nodes.push(node);
    this.#values[node.name] = quantization;
  }

  /** Makes a tensor by an operator whose activation becomes a node of its own. */
  withActivation(of: TfliteTensor, activation: Activation, make: (name: string) => void): void {
    const name = this.nameOf(of);
    const made = activation === "none" ? name : this.unused(`${name}:before`);
    make(made);
    if (activation === "none") return;
    const node = { name, inputs: [made], parameters: {} };
    if (activation !== "reluN1To1") this.add({ ...node, op: activation, attributes: {} }, of);
    else this.add({ ...node, op: "unary", attributes: { function: activation, alpha: 0 } }, of);
  }

  /** Reshapes a tensor's bytes. A vector as a map of one pixel stays a vector, since dense layers read it. */
  reshape(from: number, to: number): void {
    const output = this.file.tensors[to];
    const x = this.#pixels.get(from) ?? this.value(from);
    const { length } = this.#shapes.get(x) as Shape;
    if (length === 2 && isPixel(output.shape)) this.#pixels.set(to, x);
    else this.#made.set(to, this.#shaped(x, graphShape(output.shape), this.nameOf(output)));
  }

  /** Whether only convolutions with padding VALID read a tensor. */
  isReadByWindowsAlone({ index }: TfliteTensor): boolean {
    const readers = this.file.operators.filter(({ inputs }) => inputs.includes(index));
    const isWindow = ({ kind, inputs, options }: TfliteOperator): boolean =>
      (kind === "CONV_2D" || kind === "DEPTHWISE_CONV_2D") &&
      inputs.indexOf(index) === 0 &&
      inputs.lastIndexOf(index) === 0 &&
      options?.byte(slots.conv2d.padding) === paddings.valid;
    return readers.length > 0 && readers.every(isWindow) && !this.file.outputs.includes(index);
  }

  /** Turns a border of zeros into padding of the map's readers. */
  pad({ index }: TfliteTensor, to: TfliteTensor, padding: Padding): void {
    if (Object.values(padding).some((side) => side < 0))
      throw new Unsupported("has a side below 0; convert the network again");
    this.#padded.set(to.index, { x: this.value(index), padding });
  }

  /** The value of a tensor, or the map that it pads and the padding. */
  paddedValue(index: number): { readonly x: string; readonly padding?: Padding } {
    return this.#padded.get(index) ?? { x: this.value(index) };
  }

  /** The vector that a tensor holds as a map of one pixel. */
  vectorOf(index: number): string | undefined {
    return this.#pixels.get(index);
  }

  /** Marks a tensor as a map of one pixel whose value is a vector. */
  asPixel({ index }: TfliteTensor): void {
    this.#pixels.set(index, this.value(index));
    this.#made.delete(index);
  }

  /** Throws Unsupported where a tensor's value does not have the tensor's shape. */
  requireShape({ index, shape }: TfliteTensor): void {
    const made = this.#shapes.get(this.value(index)) as Shape;
    if (formatShape(made) !== formatShape(graphShape(shape)))
      throw new Unsupported(
        `makes ${formatShape(made)}, where the file has ${formatShape(shape)}; convert the network again`,
      );
  }

  /** Reshapes a tensor's value, made in the graph's `shape`, to the shape that the file states. */
  reshapeFrom(output: TfliteTensor, shape: Shape): void {
    const wanted = graphShape(output.shape);
    if (formatShape(shape) === formatShape(wanted)) return;
    const x = this.value(output.index);
    this.#made.set(output.index, this.#shaped(x, wanted, this.#inner(x, "shaped")));
  }

  /** A tensor's value in another shape. */
  shaped(index: number, shape: Shape): string {
    return this.#shaped(this.value(index), shape, undefined);
  }

  /** A value of the graph in another shape. */
  shapedValue(x: string, shape: Shape): string {
    return this.#shaped(x, shape, undefined);
  }

  shapeOf(value: string): Shape {
    return this.#shapes.get(value) as Shape;
  }

  /** A part of a map, as a value of its own. */
  part(x: string, { begin, size }: Pick<OpAttributes["slice"], "begin" | "size">): string {
    return this.#between({ name: [x, "part"], op: "slice", inputs: [x], attributes: { begin, size, step: [1, 1] } });
  }

  /** Values joined one behind the other along an axis of the graph. */
  joined(values: readonly string[], axis: number): string {
    if (values.length === 1) return values[0];
    return this.#between({ name: [values[0], "joined"], op: "concat", inputs: values, attributes: { axis } });
  }

  /** A map with a border of zeros. */
  bordered(x: string, padding: Padding): string {
    return this.#between({ name: [x, "padded"], op: "pad", inputs: [x], attributes: { padding } });
  }

  /** Adds a node that moves bytes and makes none of the file's tensors. */
  #between<O extends "slice" | "concat" | "pad">({ name, ...node }: Between<O>): string {
    const made = this.#inner(...name);
    this.#push({ ...node, name: made, parameters: {} } as unknown as Node, this.#values[node.inputs[0]]);
    return made;
  }

  /** Makes a value the value of a tensor, in the tensor's graph shape. */
  take(output: TfliteTensor, x: string): void {
    this.#made.set(output.index, this.#shaped(x, graphShape(output.shape), undefined));
  }

  /** A tensor's value as `[1, features]`. */
  flat(index: number, features: number): string {
    const x = this.value(index);
    const shape = this.#shapes.get(x) as Shape;
    if (sizeOf(shape) !== features)
      throw new Unsupported(
        `has weights of ${features} features for ${formatShape(shape)}; a batch of 1 can be imported`,
      );
    return this.#shaped(x, [1, features], undefined);
  }

  #shaped(x: string, shape: Shape, name: string | undefined): string {
    const from = this.#shapes.get(x) as Shape;
    if (formatShape(from) === formatShape(shape)) return x;
    if (sizeOf(from) !== sizeOf(shape))
      throw new Unsupported(`makes ${formatShape(shape)} of ${formatShape(from)}; the numbers of elements must agree`);
    const made = name ?? this.#inner(x, shape.length === 2 ? "flat" : "shaped");
    const node = { name: made, inputs: [x], parameters: {} };
    if (from.length === 4 && shape.length === 2)
      this.#push({ ...node, op: "flatten", attributes: {} }, this.#values[x]);
    else this.#push({ ...node, op: "reshape", attributes: { shape: shape.slice(1) } }, this.#values[x]);
    return made;
  }

  /** A constant as a value, in a shape with the same number of elements. */
  constant(of: TfliteTensor, shape: Shape): string {
    const key = `${of.index}:${formatShape(shape)}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.nameOf(of);
    const parameters = { value: `${name}.value` };
    const quantization = this.quantizationOf(of);
    this.#weights[parameters.value] = tensor("int8", shape, this.int8s(of));
    this.#push({ name, op: "constant", inputs: [], parameters, attributes: { shape } }, quantization);
    this.#constants.set(key, name);
    return name;
  }

  /** Registers weights; returns their name. */
  weight(name: string, shape: Shape, data: Int8Array, scales: readonly number[]): string {
    if (data.length !== sizeOf(shape) || !scales.every((scale) => scale > 0 && Number.isFinite(scale)))
      throw new Unsupported(
        `has ${data.length} weights for ${formatShape(shape)}, or scales that are not positive; convert the network again`,
      );
    this.#weights[name] = tensor("int8", shape, data);
    this.#weightScales[name] = scales;
    return name;
  }

  bias(name: string, shape: Shape, data: Int32Array): string {
    if (data.length !== sizeOf(shape))
      throw new Unsupported(`has ${data.length} biases for ${shape[0]} outputs; convert the network again`);
    this.#weights[name] = tensor("int32", shape, data);
    return name;
  }

  #fail(problem: string): never {
    throw new PhinetsError("import.tflite", `${this.file.file}: ${problem}`, this.file.file);
  }
}

/** A uint8 tensor as the int8 tensor of values smaller by 128. */
const lessBy128 = (tensor: TfliteTensor): TfliteTensor =>
  tensor.type === "uint8" ? { ...tensor, type: "int8", zeroPoints: [(tensor.zeroPoints[0] ?? 0) - 128] } : tensor;

const sameQuantization = (a: TfliteTensor, b: TfliteTensor): boolean =>
  a.scales[0] === b.scales[0] && (a.zeroPoints[0] ?? 0) === (b.zeroPoints[0] ?? 0);

const isPixel = ([batch, height, width, ...more]: Shape): boolean =>
  batch === 1 && height === 1 && width === 1 && more.length === 1;

/** The head as our own files state it. */
export function readingOf(metadata: TfliteFile["metadata"]): ImportedNetwork["reading"] {
  const text = metadata.get("phinets");
  if (text === undefined) return undefined;
  try {
    return parseJson(utf8Decode(text)) as ImportedNetwork["reading"];
  } catch {
    return undefined; // an entry of the same name by another tool
  }
}
