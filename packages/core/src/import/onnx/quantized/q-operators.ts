/**
 * Rewrites ONNX's QOperator format, whose operators take and give integers and name their scales, into the QDQ format.
 * Sources: onnx's QLinearConv and QLinearMatMul; ONNX Runtime's ContribOperators.md for the operators of com.microsoft.
 */
import { floats } from "../constants.js";
import { OnnxAttributes, type OnnxConstant, type OnnxFile, type OnnxNode } from "../file.js";

/** An integer tensor by name, with the names of its scale and zero point. */
interface Quantized {
  readonly tensor: string;
  readonly scale: string;
  /** "" for a zero point of 0. */
  readonly zero: string;
  /** Axis of several scales. Default 0. */
  readonly axis?: number;
}

/** The float operator that an integer operator stands for. */
interface Real {
  readonly kind: string;
  readonly inputs: readonly Quantized[];
  /** int32 bias, whose scale is the product of two others. */
  readonly bias?: { readonly tensor: string; readonly of: readonly [Quantized, Quantized] };
  /** Scale and zero point of the result. */
  readonly output: Omit<Quantized, "tensor">;
}

type Form = (node: OnnxNode) => Real;

const at = ({ inputs }: OnnxNode, index: number): Quantized => ({
  tensor: inputs[index] ?? "",
  scale: inputs[index + 1] ?? "",
  zero: inputs[index + 2] ?? "",
});

const resultAt = ({ inputs }: OnnxNode, index: number): Real["output"] => ({
  scale: inputs[index] ?? "",
  zero: inputs[index + 1] ?? "",
});

/** An operator on one value. */
const unary =
  (kind: string): Form =>
  (node) => ({ kind, inputs: [at(node, 0)], output: resultAt(node, 3) });

/** An operator on two values. */
const binary =
  (kind: string): Form =>
  (node) => ({ kind, inputs: [at(node, 0), at(node, 3)], output: resultAt(node, 6) });

const forms: Readonly<Record<string, Form>> = {
  QLinearConv(node) {
    const inputs = [at(node, 0), at(node, 3)] as const;
    const bias = node.inputs[8] ? { tensor: node.inputs[8], of: inputs } : undefined;
    return { kind: "Conv", inputs, output: resultAt(node, 6), ...(bias && { bias }) };
  },
  QLinearMatMul: (node) => ({
    ...{ kind: "MatMul", inputs: [at(node, 0), { ...at(node, 3), axis: 1 }], output: resultAt(node, 6) },
  }),
  QGemm(node) {
    const unitsFirst = node.attributes.int("transB", 0) !== 0;
    const inputs = [at(node, 0), { ...at(node, 3), axis: unitsFirst ? 0 : 1 }] as const;
    const bias = node.inputs[6] ? { tensor: node.inputs[6], of: inputs } : undefined;
    return { kind: "Gemm", inputs, output: resultAt(node, 7), ...(bias && { bias }) };
  },
  QLinearAdd: binary("Add"),
  QLinearAveragePool: unary("AveragePool"),
  QLinearConcat: (node) => ({
    kind: "Concat",
    inputs: Array.from({ length: Math.floor((node.inputs.length - 2) / 3) }, (_, i) => at(node, 2 + 3 * i)),
    output: resultAt(node, 0),
  }),
  QLinearGlobalAveragePool: unary("GlobalAveragePool"),
  QLinearLeakyRelu: unary("LeakyRelu"),
  QLinearMul: binary("Mul"),
  QLinearReduceMean: unary("ReduceMean"),
  QLinearSigmoid: unary("Sigmoid"),
  QLinearSoftmax: unary("Softmax"),
};

/**
 * The form of an operator in this format; undefined for other operators, and with channels last, which no other
 * operator of a file supports.
 */
function formOf({ kind, outputs, attributes }: OnnxNode): Form | undefined {
  const name = kind.replace(/^com\.microsoft\./, "");
  if (outputs.length !== 1 || attributes.int("channels_last", 0) !== 0) return undefined;
  return Object.hasOwn(forms, name) ? forms[name] : undefined;
}

/**
 * The file in the QDQ format; unchanged if it has no operator of this format. New nodes keep the index of the node they
 * come from.
 */
export function asQdq(file: OnnxFile): OnnxFile {
  if (!file.nodes.some(formOf)) return file;
  return new Rewriting(file).file();
}

class Rewriting {
  readonly #constants: Map<string, OnnxConstant>;
  readonly #names: Set<string>;

  constructor(readonly whole: OnnxFile) {
    this.#constants = new Map(whole.constants);
    this.#names = new Set(whole.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  }

  file(): OnnxFile {
    const nodes = this.whole.nodes.flatMap((node) => {
      const form = formOf(node);
      return form === undefined ? [node] : this.#rewritten(node, form(node));
    });
    return { ...this.whole, nodes, constants: this.#constants };
  }

  #rewritten({ index, attributes, outputs: [output] }: OnnxNode, real: Real): OnnxNode[] {
    const nodes: OnnxNode[] = [];
    const add = (node: Omit<OnnxNode, "index" | "outputs">, made: string): string => {
      nodes.push({ ...node, index, outputs: [made] });
      return made;
    };
    const dequantize = ({ tensor, scale, zero, axis = 0 }: Quantized): string => {
      const own = new OnnxAttributes([], new Map([["axis", axis]]));
      const node = { kind: "DequantizeLinear", inputs: [tensor, scale, zero], attributes: own };
      return add(node, this.#unused(`${tensor}:real`));
    };
    const inputs = real.inputs.map(dequantize);
    if (real.bias !== undefined) {
      const scale = this.#product(real.bias.of);
      inputs.push(dequantize({ tensor: real.bias.tensor, scale, zero: "" }));
    }
    const { scale, zero } = real.output;
    const own = { kind: real.kind, inputs, attributes };
    // A QGemm may give floats.
    if (scale === "") add(own, output);
    else {
      const result = add(own, this.#unused(`${output}:float`));
      add({ kind: "QuantizeLinear", inputs: [result, scale, zero], attributes: new OnnxAttributes([]) }, output);
    }
    return nodes;
  }

  /** A constant with the scales of a bias; "" where the scales of its inputs are not constants. */
  #product([x, weight]: readonly [Quantized, Quantized]): string {
    const [a, b] = [x, weight].map(({ scale }) => this.#constants.get(scale));
    if (a?.type !== "float32" || b?.type !== "float32") return "";
    const [one] = a.floats();
    const name = this.#unused(`${weight.scale}:bias`);
    const data = b.floats().map((scale) => scale * one);
    this.#constants.set(name, floats(name, b.shape, data));
    return name;
  }

  #unused(wanted: string): string {
    let free = wanted;
    for (let n = 2; this.#names.has(free) || this.#constants.has(free); n++) free = `${wanted}_${n}`;
    this.#names.add(free);
    return free;
  }
}
