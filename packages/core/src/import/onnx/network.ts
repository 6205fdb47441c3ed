/** Imports a float .onnx network as a float graph with weights. */

import { inputName } from "../../networks/index.js";
import { formatShape, PhinetsError, type Shape, sameShape } from "../../tensor/index.js";
import { FloatGraph } from "../float/graph.js";
import { type FloatNetwork, nameOfFile } from "../float/network.js";
import { type ImportOptions, resolveInputShape } from "../input-shape.js";
import { importOperators, isOfGraph, Missing, Unsupported } from "../unsupported.js";
import { foldConstant, shapeConstant } from "./constants.js";
import { cutOnnx } from "./cut.js";
import { type OnnxConstant, type OnnxEnd, type OnnxFile, type OnnxNode, readOnnx } from "./file.js";
import { type OperatorRule, operatorRules } from "./operators.js";
import type { Layout, OnnxValue } from "./value.js";

/**
 * Imports a network of float values and weights.
 *
 * @param file name for messages
 * @throws PhinetsError `import.onnx` and `import.damaged` as `readOnnx`; `import.shape` as `resolveInputShape`;
 * `import.operators` listing all operators that cannot be imported, each with its number, kind, output and remedy
 */
export function importOnnx(bytes: Uint8Array, file: string, options: ImportOptions = {}): FloatNetwork {
  return new OnnxNetwork(readOnnx(bytes, file), options).build();
}

/** Builds the graph operator by operator. */
export class OnnxNetwork {
  readonly file: OnnxFile;
  readonly graph: FloatGraph;
  readonly notes: string[] = [];
  readonly #constants: Map<string, OnnxConstant>;
  /** Values by tensor; undefined for results of operators that cannot be imported. */
  readonly #made = new Map<string, OnnxValue | undefined>();
  /** Number of reads of each tensor, outputs of the network included. */
  readonly #uses = new Map<string, number>();

  constructor(
    whole: OnnxFile,
    readonly options: ImportOptions = {},
    /** Rules for operators; quantised networks use others. */
    readonly rules: Readonly<Record<string, OperatorRule>> = operatorRules,
    arithmetic: FloatGraph["arithmetic"] = "float",
  ) {
    const file = cutOnnx(whole, options.outputs);
    this.file = file;
    this.graph = new FloatGraph(arithmetic);
    this.#constants = new Map(file.constants);
    const read = [...file.nodes.flatMap(({ inputs }) => inputs), ...file.outputs.map(({ name }) => name)];
    for (const name of read) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  build(): FloatNetwork {
    const { file, inputs, outputs, nodes } = this.file;
    if (inputs.length !== 1) this.#fail(`has ${inputs.length} inputs; networks of one picture can be imported`);
    if (outputs.length === 0) this.#fail("has no outputs; export the network again");
    const input = this.#begin(inputs[0]);
    importOperators({
      ...{ file, operators: nodes, made: this.#made, outputs: outputs.map(({ name }) => name) },
      import: (node) => this.#import(node),
      nameOf: (tensor) => tensor,
      isEnd: (tensor) => typeof this.#made.get(tensor)?.layout === "string",
    });
    try {
      return { ...this.#finish(), input, operators: nodes.map(({ kind }) => kind), notes: this.notes };
    } catch (error) {
      if (error instanceof Unsupported || isOfGraph(error)) this.#fail(error.message);
      throw error;
    }
  }

  #finish(): Pick<FloatNetwork, "graph" | "weights" | "reading"> {
    const { file, outputs, metadata } = this.file;
    const made = outputs.map(({ name: tensor, title = tensor }) => {
      const value = this.value(tensor);
      if (typeof value.layout !== "string")
        throw new Unsupported(
          `its output "${title.slice(0, 60)}" is a map as a vector, channel by channel; export the network with the map as its output`,
        );
      const name = value.make();
      const own = this.graph.shape(name);
      if (value.layout === "channelsFirst" && own[1] * own[2] > 1)
        this.notes.push(`the output ${formatShape(value.shape)} is given with channels last, ${formatShape(own)}`);
      return name;
    });
    // Renames only after all values are made, since values are looked up under their first names.
    const renamed = new Map<string, string>();
    const names = outputs.map(({ name, title = name }, i) => {
      const before = renamed.get(made[i]) ?? made[i];
      if (renamed.has(made[i]) || this.graph.node(before).op === "input") return this.graph.copy(before, title);
      const own = this.graph.rename(made[i], title);
      renamed.set(made[i], own);
      return own;
    });
    return { ...this.graph.build(nameOfFile(file, ".onnx"), names), reading: readingOf(metadata) };
  }

  #import(node: OnnxNode): void {
    const { kind, inputs, outputs } = node;
    const constants = inputs.map((name) => this.constantOf(name));
    const [name] = outputs;
    if (name === undefined) throw new Unsupported("has no outputs; export the network again");
    if (outputs.some((each) => this.#made.has(each) || this.#constants.has(each)))
      throw new Unsupported("makes a tensor that is there already; export the network again");
    if (kind === "Shape") {
      this.#constants.set(name, shapeConstant(name, this.value(inputs[0]).shape));
      return;
    }
    if (kind === "Constant" || (constants[0] && inputs.every((each, i) => each === "" || constants[i]))) {
      const folded = foldConstant(node, constants as OnnxConstant[]);
      if (folded === undefined)
        throw new Unsupported(
          "computes a constant; export the network with constants folded (do_constant_folding=True)",
        );
      this.#constants.set(name, folded);
      return;
    }
    if (!Object.hasOwn(this.rules, kind))
      throw new Unsupported(remedies[kind] ?? "is not supported; export the network without it");
    const made = [this.rules[kind](this, node)].flat();
    if (made.length !== outputs.length && outputs.slice(1).some((output) => this.#uses.has(output)))
      throw new Unsupported(`has ${outputs.length} outputs; ${made.length} can be imported`);
    for (const [i, value] of made.entries()) this.#made.set(outputs[i], value);
  }

  /**
   * Adds the input: a map in NCHW, unless only its last size can be a picture's channels or all its readers turn it
   * into NCHW first.
   */
  #begin({ name, type, shape }: OnnxEnd): FloatNetwork["input"] {
    const refuse = (problem: string): never => this.#fail(`its input "${name.slice(0, 60)}" ${problem}`);
    const isByte = this.graph.arithmetic === "int8" && (type === "int8" || type === "uint8");
    if (type !== "float32" && !isByte) refuse(`is of ${type}; float32 can be imported`);
    const isVector = this.graph.arithmetic === "int8" && shape?.length === 2;
    if (shape === undefined || !(shape.length === 4 || isVector))
      refuse(`has the shape ${formatShape(shape ?? [])}; networks of pictures, [1,3,height,width], can be imported`);
    const sized = resolveInputShape({ file: this.file.file, name, shape: shape as Shape }, this.options.shape);
    if (sized[0] !== 1) refuse(`has the shape ${formatShape(sized)}; export the network for a batch of 1`);
    if (sized.some((size) => size > 65536))
      refuse(`has the shape ${formatShape(sized)}; sizes up to 65536 can be imported`);
    if (isVector) {
      const vector = this.graph.add("input", inputName, [], { shape: sized });
      this.#made.set(name, { shape: sized, layout: "same", make: () => vector, sole: this.isSole(name) });
      return { shape: sized };
    }
    const readers = this.#readersOf(name);
    const turns = ({ kind, attributes, inputs }: OnnxNode): boolean => {
      if (kind === "Transpose") return attributes.ints("perm")?.join() === "0,3,1,2";
      const target = kind === "Reshape" ? this.constantOf(inputs[1])?.ints() : undefined;
      return target?.slice(1).join() === [sized[3], sized[1], sized[2]].join();
    };
    const isPicture = (channels: number) => channels === 1 || channels === 3;
    const isNhwc = (isPicture(sized[3]) && !isPicture(sized[1])) || (readers.length > 0 && readers.every(turns));
    const [, a, b, c] = sized;
    const own = isNhwc ? [1, a, b, c] : [1, b, c, a];
    const made = this.graph.add("input", inputName, [], { shape: own });
    const layout: Layout = isNhwc ? "same" : "channelsFirst";
    this.#made.set(name, { shape: sized, layout, make: () => made, sole: this.isSole(name) });
    return { shape: own };
  }

  /** The readers of a tensor, looking through quantisation. */
  #readersOf(name: string, depth = 0): OnnxNode[] {
    const readers = this.file.nodes.filter(({ inputs }) => inputs.includes(name));
    return readers.flatMap((node) =>
      /^(Q|Deq)uantizeLinear$/.test(node.kind) && depth < 4 ? this.#readersOf(node.outputs[0], depth + 1) : [node],
    );
  }

  /** Whether a tensor is read at most once, by an operator or as an output. */
  isSole(name: string): boolean {
    return (this.#uses.get(name) ?? 0) <= 1;
  }

  constantOf(name: string | undefined): OnnxConstant | undefined {
    return name === undefined ? undefined : this.#constants.get(name);
  }

  /** The value of a tensor. Throws Unsupported where there is none. */
  value(name: string | undefined): OnnxValue {
    const value = this.#made.get(name ?? "");
    if (value !== undefined) return value;
    if (this.#made.has(name ?? "")) throw new Missing();
    const what = this.constantOf(name) === undefined ? "which no operator before it makes" : "which is a constant";
    throw new Unsupported(`reads "${(name ?? "").slice(0, 60)}", ${what}; values that operators make can be imported`);
  }

  /** The constant float input of a name. Throws Unsupported where it is not a constant. */
  floats(name: string | undefined, what: string): OnnxConstant & { readonly data: Float32Array } {
    const constant = this.constantOf(name);
    if (constant === undefined) throw new Unsupported(`has ${what} that are no constant; constants can be imported`);
    return { ...constant, data: constant.floats() };
  }

  /** A node's result, made by one node of the graph. */
  made(node: OnnxNode, shape: Shape, layout: Layout, name: string): OnnxValue {
    return { shape, layout, make: () => name, sole: this.isSole(node.outputs[0]) };
  }

  /** The same value under another tensor's name. */
  alias(node: OnnxNode, value: OnnxValue): OnnxValue {
    return { ...value, sole: value.sole && this.isSole(node.outputs[0]) };
  }

  #fail(problem: string): never {
    throw new PhinetsError("import.onnx", `${this.file.file}: ${problem}`, this.file.file);
  }
}

const quantised = "is of a quantised network; export it in float32, or import an int8 .tflite";
const byOperators =
  "is of the QOperator format, and not as ONNX Runtime's quantiser writes it with channels first; quantise the network in the QDQ format (quant_format=QuantFormat.QDQ)";
const ofSixteenBits =
  "is of 16 or 4 bits; quantise the network to 8 (activation_type and weight_type of QuantType.QInt8)";
const whileItRuns = "computes scales while it runs; quantise the network with quantize_static, in the QDQ format";
const remedies: Readonly<Record<string, string>> = {
  QuantizeLinear: quantised,
  DequantizeLinear: quantised,
  ...Object.fromEntries(
    ["Add", "AveragePool", "Concat", "Conv", "GlobalAveragePool", "LeakyRelu", "MatMul", "Mul", "Sigmoid", "Softmax"]
      .flatMap((kind) => [`QLinear${kind}`, `com.microsoft.QLinear${kind}`])
      .concat("com.microsoft.QGemm")
      .map((kind) => [kind, byOperators]),
  ),
  ...Object.fromEntries(["ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"].map((kind) => [kind, whileItRuns])),
  "com.microsoft.QuantizeLinear": ofSixteenBits,
  "com.microsoft.DequantizeLinear": ofSixteenBits,
  If: "is control flow; export the network without it",
  Loop: "is control flow; export the network without it",
  NonMaxSuppression: "belongs after the network; export it up to its raw output map",
};

/** The head as our own files state it. */
function readingOf(metadata: ReadonlyMap<string, string>): FloatNetwork["reading"] {
  const json = (key: string): unknown => {
    try {
      return JSON.parse(metadata.get(key) ?? "null");
    } catch {
      return undefined; // an entry of the same name by another tool
    }
  };
  const head = metadata.get("head");
  if (head === undefined) return undefined;
  const [classes, anchors, bins] = ["classes", "anchors", "bins"].map(json);
  return { head, classes, anchors, bins, decoder: metadata.get("decoder") };
}

export const sameSizes = (a: OnnxValue, b: OnnxValue): boolean => sameShape(a.shape, b.shape);
