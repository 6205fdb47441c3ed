/**
 * Simulates the integer network in floats on the training kernels. Weights and values lie on their int8 grids, every
 * value is rounded where and as the integer network rounds it, and activations use its tables. Only an accumulator very
 * close to the middle between two steps can differ, where float32 rounds it the other way.
 */
import { isLinear, isTable, type Node, type NodeWith, type TableOp, unaryFunctions } from "../graph/index.js";
import { type Engine, layouts, offsetsOf } from "../kernels/index.js";
import { type FloatWeights, sigmoid, tensor } from "../tensor/index.js";
import { differentiateInt8, Executor, forwardOnlyInt8 } from "../training/index.js";
import type { IntegerLookup, IntegerNode } from "./integer-nodes.js";
import { lowerNode } from "./lower.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";

const rounding = offsetsOf(layouts.rounding);
const table = offsetsOf(layouts.table);

/** Inference of an integer network, in batches on all threads. */
export class SimulatedNetwork extends Executor {
  /** For each value, the scales and zero points that its block was filled with. */
  readonly #filled = new Map<string, string>();

  /**
   * @param trains whether gradients are needed too
   * Throws PhinetsError when the graph has an op without int8 arithmetic.
   */
  constructor(engine: Engine, network: Pick<QuantizedNetwork, "graph">, batch: number, trains = false) {
    super(engine, (trains ? differentiateInt8 : forwardOnlyInt8)(network.graph, batch));
  }

  /** Takes over weights, scales and zero points. `network` must have the graph that this object was made for. */
  load(network: QuantizedNetwork): void {
    this.setInt8(realWeights(network));
    for (const node of network.graph.nodes) this.#fill(node, network);
  }

  #fill(node: Node, network: QuantizedNetwork): void {
    const { values } = network;
    const block = this.int8Block(node.name);
    if (block === undefined) return;
    const output = values[node.name];
    const input = values[node.inputs[0]] ?? output;
    const key = [input.scale, input.zeroPoint, output.scale, output.zeroPoint].join();
    if (isTable(node) && this.#filled.get(node.name) === key) return;
    this.#filled.set(node.name, key);
    const integer = lowerNode(network, node);
    if (integer.op === "lookup") {
      fillTable(block, integer, activationOf(node as NodeWith<TableOp>), input, output);
      return;
    }
    fillPowers(block, shiftsOf(integer));
    const { clampMin, clampMax } = "clampMin" in integer ? integer : { clampMin: -128, clampMax: 127 };
    block[rounding.inverse] = 1 / output.scale;
    block[rounding.scale] = output.scale;
    block[rounding.lowest] = clampMin - output.zeroPoint;
    block[rounding.highest] = clampMax - output.zeroPoint;
  }
}

/** Right shifts of the requantisation, one per output channel or one for all. */
function shiftsOf(node: IntegerNode): ArrayLike<number> {
  if ("shifts" in node) return node.shifts;
  return ["shift" in node ? node.shift : -20]; // the input: pixels are rounded once
}

function fillPowers(block: Float32Array, shifts: ArrayLike<number>): void {
  const stride = (block.length - rounding.powers) / 2;
  for (let c = 0; c < stride; c++) {
    const shift = Math.min(0, shifts.length === 1 ? shifts[0] : (shifts[c] ?? 0)); // a left shift needs no second rounding
    block[rounding.powers + c] = 2 ** -shift;
    block[rounding.powers + stride + c] = 2 ** shift;
  }
}

/** Fills in an activation's table and its slopes, which are 0 where int8 clamps the result. */
function fillTable(
  block: Float32Array,
  lookup: IntegerLookup,
  activation: Activation,
  input: QuantizationParameters,
  output: QuantizationParameters,
): void {
  block[table.inverse] = 1 / input.scale;
  block[table.zero] = input.zeroPoint + 128;
  for (let i = 0; i < 256; i++) {
    const x = input.scale * (i - 128 - input.zeroPoint);
    block[table.values + i] = output.scale * (lookup.table[i] - output.zeroPoint);
    const q = Math.round(activation.value(x) / output.scale) + output.zeroPoint;
    block[table.slopes + i] = q < -128 || q > 127 ? 0 : activation.slope(x);
  }
}

/** A function of one value, and its derivative. */
export interface Activation {
  value(x: number): number;
  slope(x: number): number;
}

/** The function that an activation's node applies to each element. */
export function activationOf(node: NodeWith<TableOp>): Activation {
  if (node.op !== "unary") return activations[node.op];
  const { function: of, alpha } = node.attributes;
  const { value, slope } = unaryFunctions[of];
  return { value: (x) => value(x, alpha), slope: (x) => slope(x, alpha) };
}

const hardswishGate = (x: number): number => Math.min(1, Math.max(0, x / 6 + 0.5));

const activations: Readonly<Record<Exclude<TableOp, "unary">, Activation>> = {
  relu: { value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
  relu6: { value: (x) => Math.min(6, Math.max(0, x)), slope: (x) => (x > 0 && x < 6 ? 1 : 0) },
  hardswish: {
    value: (x) => x * hardswishGate(x),
    slope: (x) => hardswishGate(x) + (x > -3 && x < 3 ? x / 6 : 0),
  },
  sigmoid: {
    value: (x) => Math.min(sigmoid(x), 255 / 256), // int8 cannot represent 1 itself, but values near it are not clamped either
    slope: (x) => {
      const y = sigmoid(x);
      return y * (1 - y);
    },
  },
};

/** Weights and biases of an integer network as real numbers, float32. */
export function realWeights({ graph, values, weightScales, weights }: QuantizedNetwork): FloatWeights {
  const real: FloatWeights = {};
  for (const node of graph.nodes) {
    if (node.op === "constant") {
      const { shape, data } = weights[node.parameters.value];
      const { scale, zeroPoint } = values[node.name];
      real[node.parameters.value] = tensor(
        "float32",
        shape,
        Float32Array.from(data, (q) => scale * (q - zeroPoint)),
      );
    }
    if (!isLinear(node)) continue;
    const { weight, bias } = node.parameters;
    const scales = weightScales[weight];
    const { shape, data } = weights[weight];
    const w = tensor("float32", shape);
    const perFilter = data.length / scales.length;
    for (let f = 0, i = 0; f < scales.length; f++)
      for (let end = i + perFilter; i < end; i++) w.data[i] = scales[f] * data[i];
    real[weight] = w;
    if (!node.attributes.bias) continue;
    const b = tensor("float32", [scales.length]);
    const inputScale = values[node.inputs[0]].scale;
    for (let f = 0; f < scales.length; f++) b.data[f] = inputScale * scales[f] * weights[bias].data[f];
    real[bias] = b;
  }
  return real;
}
