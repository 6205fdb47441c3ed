/** Turns a quantised network into its integer program. */
import {
  type Int8Op,
  isDepthwise,
  type LinearNode,
  type Node,
  type NodeOf,
  type NodeWith,
  requireInt8,
  resizeTaps,
  type TableOp,
} from "../graph/index.js";
import { PhinetsError, sameShape } from "../tensor/index.js";
import type { IntegerLinear, IntegerLookup, IntegerNode, IntegerNodeBase } from "./integer-nodes.js";
import { hardswishTable, sigmoidTable } from "./lookup-tables.js";
import {
  activationClamp,
  addRequantization,
  channelRequantization,
  meanRequantization,
  multiplyRequantization,
} from "./requantization.js";
import { mostSoftmaxChannels, softmaxExponentials } from "./softmax.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";
import { clampedTable, unaryTable } from "./unary-tables.js";

/**
 * Integer parameters of every node, in execution order.
 * Throws PhinetsError for an operator without int8 arithmetic (batchNorm, dropout) and for a batch other than 1.
 */
export function lowerToInteger(q: QuantizedNetwork): IntegerNode[] {
  return q.graph.nodes.map((node) => lowerNode(q, node));
}

/** Integer parameters of one node. Throws as `lowerToInteger`. */
export function lowerNode(q: QuantizedNetwork, node: Node): IntegerNode {
  const { shapes } = q.graph;
  const output = parametersOf(q, node.name);
  const inputs = node.inputs.map((input) => parametersOf(q, input));
  const base: IntegerNodeBase = {
    name: node.name,
    inputs: node.inputs,
    inputShapes: node.inputs.map((input) => shapes[input]),
    outputShape: shapes[node.name],
    outputZeroPoint: output.zeroPoint,
  };
  if (base.outputShape[0] !== 1)
    throw new PhinetsError(
      "quantization.batch",
      `${node.op} "${node.name}": batch is ${base.outputShape[0]}; an integer network has batch 1`,
    );
  requireInt8(node, "quantization.op");
  return lowerings[node.op](node as never, { q, base, inputs, output });
}

interface Lowering {
  readonly q: QuantizedNetwork;
  readonly base: IntegerNodeBase;
  readonly inputs: readonly QuantizationParameters[];
  readonly output: QuantizationParameters;
}

const int8 = { clampMin: -128, clampMax: 127 };

const lowerings: { readonly [O in Int8Op]: (node: NodeOf<O>, to: Lowering) => IntegerNode } = {
  input: (_, { base }) => ({ ...base, op: "input" }),
  conv2d: (node, { q, base }) => {
    const { kernel, stride, padding, groups } = node.attributes;
    const depthwise = isDepthwise(node, base.inputShapes[0]);
    return { ...base, op: "conv2d", kernel, stride, padding, groups, depthwise, ...linear(q, node) };
  },
  dense: (node, { q, base }) => ({ ...base, op: "dense", ...linear(q, node) }),
  add: (_, to) => sum(to, 1),
  subtract: (_, to) => sum(to, -1),
  maximum: (node, to) => extreme(node, to, true),
  minimum: (node, to) => extreme(node, to, false),
  constant: ({ name, parameters }, { q, base }) => {
    const data = q.weights[parameters.value]?.data;
    if (!(data instanceof Int8Array)) throw missing(name, parameters.value, "int8");
    return { ...base, op: "constant", data };
  },
  multiply: (_, { base, inputs: [a, b], output }) => {
    const inputZeroPoints = [a.zeroPoint, b.zeroPoint] as const;
    // [1,1,1,C] times [1,1,1,C] needs no repetition.
    const [first, second] = base.inputShapes;
    const { outputShape: output4 } = base;
    const isFactor = second.length === 4 && second[1] * second[2] === 1 && second[3] === output4[3];
    const broadcast = sameShape(first, output4) && !sameShape(second, output4) && isFactor;
    return { ...base, op: "multiply", broadcast, inputZeroPoints, ...multiplyRequantization(a, b, output), ...int8 };
  },
  globalAveragePool: (_, { base, inputs: [x], output }) => {
    const count = base.inputShapes[0][1] * base.inputShapes[0][2];
    const requantization = meanRequantization(x, output, count);
    return { ...base, op: "globalAveragePool", count, inputZeroPoint: x.zeroPoint, ...requantization, ...int8 };
  },
  hardswish: lookup(hardswishTable),
  sigmoid: lookup(sigmoidTable),
  relu: lookup((input, output, { name }) => clampedTable({ name: `relu "${name}"`, input, output }, 0)),
  relu6: lookup((input, output, { name }) => clampedTable({ name: `relu6 "${name}"`, input, output }, 0, 6)),
  unary: (node, { base, inputs, output }) => ({
    ...base,
    op: "lookup",
    function: node.attributes.function,
    table: unaryTable(node, inputs[0], output),
  }),
  averagePool: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "averagePool", ...node.attributes };
  },
  softmax: ({ name }, { base, inputs, output }) => {
    const channels = base.outputShape.at(-1)!;
    if (channels > mostSoftmaxChannels)
      throw new PhinetsError(
        "quantization.softmax",
        `softmax "${name}": has ${channels} values, whose sum int8 arithmetic cannot hold; at most ${mostSoftmaxChannels} can be`,
      );
    return { ...base, op: "softmax", exponentials: softmaxExponentials(inputs[0], output) };
  },
  maxWindow: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "maxWindow", ...node.attributes };
  },
  maxPool: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "maxPool", ...node.attributes };
  },
  pad: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "pad", ...node.attributes };
  },
  resize: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "resize", ...resizeTaps(node.name, base.inputShapes[0], node.attributes) };
  },
  slice: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    const { begin, step } = node.attributes;
    return { ...base, op: "slice", begin, step };
  },
  concat: (node, { base, inputs, output }) => {
    for (const input of inputs) requireSame(node, input, output);
    return { ...base, op: "concat", ...node.attributes };
  },
  flatten: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "flatten" };
  },
  reshape: (node, { base, inputs, output }) => {
    requireSame(node, inputs[0], output);
    return { ...base, op: "reshape" };
  },
};

function sum({ base, inputs: [a, b], output }: Lowering, sign: 1 | -1): IntegerNode {
  const inputZeroPoints = [a.zeroPoint, b.zeroPoint] as const;
  return { ...base, op: "add", sign, inputZeroPoints, ...addRequantization(a, b, output), ...int8 };
}

function extreme(node: Node, { base, inputs, output }: Lowering, largest: boolean): IntegerNode {
  for (const input of inputs) requireSame(node, input, output);
  return { ...base, op: "extreme", largest };
}

function lookup(table: (input: QuantizationParameters, output: QuantizationParameters, node: Node) => Int8Array) {
  return (node: NodeWith<TableOp>, { base, inputs, output }: Lowering): IntegerLookup => ({
    ...base,
    op: "lookup",
    function: node.op,
    table: table(inputs[0], output, node),
  });
}

function linear(q: QuantizedNetwork, node: LinearNode): IntegerLinear {
  const input = parametersOf(q, node.inputs[0]);
  const output = parametersOf(q, node.name);
  const { weight, bias } = node.parameters;
  const scales = q.weightScales[weight];
  const outputs = q.graph.shapes[node.name].at(-1)!;
  const weights = q.weights[weight]?.data;
  const biases = node.attributes.bias ? q.weights[bias]?.data : new Int32Array(outputs);
  if (!(weights instanceof Int8Array)) throw missing(node.name, weight, "int8");
  if (!(biases instanceof Int32Array)) throw missing(node.name, bias, "int32");
  // A dense layer with a single scale is TensorFlow Lite's per-tensor form.
  const shared = node.op === "dense" && scales?.length === 1;
  if (!shared && scales?.length !== outputs)
    throw new PhinetsError(
      "quantization.scales",
      `${node.op} "${node.name}": ${scales?.length ?? 0} weight scales for ${outputs} output channels; one each is needed`,
    );
  const requantization = channelRequantization(input, scales, output, node.op === "dense");
  const [clampMin, clampMax] = activationClamp(node.attributes.activation, output);
  return {
    inputZeroPoint: input.zeroPoint,
    weights,
    bias: biases,
    ...(shared ? repeated(requantization, outputs) : requantization),
    clampMin,
    clampMax,
  };
}

function repeated({ multipliers, shifts }: ReturnType<typeof channelRequantization>, count: number) {
  return { multipliers: new Int32Array(count).fill(multipliers[0]), shifts: new Int8Array(count).fill(shifts[0]) };
}

function parametersOf(q: QuantizedNetwork, value: string): QuantizationParameters {
  const parameters = q.values[value];
  if (parameters === undefined)
    throw new PhinetsError("quantization.value", `quantised network: value "${value}" has no scale; quantise it again`);
  return parameters;
}

function missing(layer: string, parameter: string, dtype: string): PhinetsError {
  return new PhinetsError(
    "quantization.weight",
    `layer "${layer}": ${dtype} parameter "${parameter}" is missing from the quantised weights; quantise it again`,
  );
}

function requireSame({ op, name }: Node, a: QuantizationParameters, b: QuantizationParameters): void {
  if (a.scale !== b.scale || a.zeroPoint !== b.zeroPoint)
    throw new PhinetsError(
      "quantization.value",
      `${op} "${name}": input has scale ${a.scale} zero point ${a.zeroPoint}, output ${b.scale} and ${b.zeroPoint}; they must be equal`,
    );
}
