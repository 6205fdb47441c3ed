/** One integer node to C: its constants and its call. The kernels are firmware/kernels. */
import {
  foldedBias,
  type IntegerAdd,
  type IntegerConv2d,
  type IntegerDense,
  type IntegerGlobalAveragePool,
  type IntegerLookup,
  type IntegerMultiply,
  type IntegerNode,
} from "../quantization/index.js";
import { formatShape, PhinetsError, sizeOf } from "../tensor/index.js";
import { arrayDefinition, commentText, grouped, mapLiteral, mapOf } from "./c-literals.js";

export interface EmittedLayer {
  /** What the layer is: a comment's text, without its delimiters. */
  readonly comment: string;
  /** Definitions at file scope. */
  readonly constants: readonly string[];
  /** Statement of the run function; none where nothing has to move. */
  readonly call?: string;
  readonly macs: number;
}

/** C expression of a value's address in the arena. */
export type Address = (value: string) => string;

type Kernel = "pointwise" | "depthwise" | "conv2d";

/**
 * @param index the layer's number, part of its constants' names
 * @param fused a lookup that this node's kernel applies to its own output (convolutions and dense only)
 * Throws PhinetsError for a grouped convolution that is not depthwise, and where an accumulator could leave int32.
 */
export function emitLayer(node: IntegerNode, index: number, address: Address, fused?: IntegerLookup): EmittedLayer {
  const layer = `layer${index}`;
  const [a, b] = node.inputs.map(address);
  const out = address(node.name);
  const size = sizeOf(node.outputShape);
  const describe = (what: string, macs = 0): string => {
    const shapes = `${node.inputShapes.map(spatial).join(", ")} -> ${spatial(node.outputShape)}`;
    const table = fused === undefined ? "" : `, then ${fused.function} ${commentText(JSON.stringify(fused.name))}`;
    return `${index}. ${what} ${commentText(JSON.stringify(node.name))}: ${shapes}${macs > 0 ? `, ${grouped(macs)} MACs` : ""}${table}`;
  };
  switch (node.op) {
    case "conv2d":
    case "dense": {
      const kernel = kernelOf(node);
      const macs = size * (node.weights.length / node.bias.length);
      const { what, constants } = emitLinear(node, kernel, layer, fused);
      return {
        comment: describe(what, macs),
        constants,
        call: `phinets_${kernel}(&${layer}, ${a}, ${out});`,
        macs,
      };
    }
    case "add": {
      const operand = (i: 0 | 1): string =>
        `{${node.inputZeroPoints[i]}, ${node.inputMultipliers[i]}, ${node.inputShifts[i]}}`;
      return {
        comment: describe("add"),
        constants: [
          `static const phinets_addition ${layer} = {\n  .a = ${operand(0)},\n  .b = ${operand(1)},\n  .left_shift = ${node.leftShift},\n  .output = ${result(node)},\n};`,
        ],
        call: `phinets_add(&${layer}, ${size}, ${a}, ${b}, ${out});`,
        macs: 0,
      };
    }
    case "multiply": {
      const [height, width, channels] = mapOf(node.outputShape);
      const [pixels, length] = node.broadcast ? [height * width, channels] : [1, size];
      return {
        comment: describe("multiply"),
        constants: [
          `static const phinets_product ${layer} = {\n  .a_zero_point = ${node.inputZeroPoints[0]},\n  .b_zero_point = ${node.inputZeroPoints[1]},\n  .output = ${result(node)},\n};`,
        ],
        call: `phinets_multiply(&${layer}, ${pixels}, ${length}, ${a}, ${b}, ${out});`,
        macs: 0,
      };
    }
    case "globalAveragePool":
      return {
        comment: describe("global average pool"),
        constants: [
          `static const phinets_average ${layer} = {\n  .input = ${mapLiteral(node.inputShapes[0])},\n  .input_zero_point = ${node.inputZeroPoint},\n  .output = ${result(node)},\n};`,
        ],
        call: `phinets_mean(&${layer}, ${a}, ${out});`,
        macs: 0,
      };
    case "lookup":
      return {
        comment: describe(node.function),
        constants: [arrayDefinition("int8_t", `${layer}_table`, node.table)],
        call: `phinets_lookup(${layer}_table, ${size}, ${a}, ${out});`,
        macs: 0,
      };
    case "maxPool":
      return {
        comment: describe(`max pool ${node.size}x${node.size}, stride ${node.stride}`),
        constants: [],
        call: `phinets_max_pool((phinets_map)${mapLiteral(node.inputShapes[0])}, (phinets_map)${mapLiteral(node.outputShape)}, ${node.size}, ${node.stride}, ${a}, ${out});`,
        macs: 0,
      };
    case "pad": {
      const { top, left } = node.padding;
      return {
        comment: describe("pad"),
        constants: [],
        call: `phinets_pad((phinets_map)${mapLiteral(node.inputShapes[0])}, (phinets_map)${mapLiteral(node.outputShape)}, ${top}, ${left}, ${node.outputZeroPoint}, ${a}, ${out});`,
        macs: 0,
      };
    }
    case "flatten":
      return {
        comment: describe("flatten"),
        constants: [],
        call: a === out ? undefined : `memcpy(${out}, ${a}, ${size});`,
        macs: 0,
      };
    case "input":
      return { comment: describe("input"), constants: [], macs: 0 };
  }
}

/** True for the nodes whose kernel can apply a table to its output. */
export function canFuseLookup(node: IntegerNode): node is IntegerConv2d | IntegerDense {
  return node.op === "conv2d" || node.op === "dense";
}

function kernelOf(node: IntegerConv2d | IntegerDense): Kernel {
  if (node.op === "dense") return "pointwise";
  if (node.depthwise) return "depthwise";
  const { kernel, stride, padding, groups } = node;
  if (groups !== 1)
    throw new PhinetsError(
      "export.groups",
      `conv2d "${node.name}": has ${groups} groups of several channels; C export knows 1 group or one filter a channel`,
    );
  const plain = [...kernel, ...stride].every((k) => k === 1) && Object.values(padding).every((side) => side === 0);
  return plain ? "pointwise" : "conv2d";
}

function emitLinear(
  node: IntegerConv2d | IntegerDense,
  kernel: Kernel,
  layer: string,
  fused: IntegerLookup | undefined,
): { what: string; constants: string[] } {
  checkAccumulators(node);
  const spec =
    node.op === "conv2d"
      ? node
      : { kernel: [1, 1] as const, stride: [1, 1] as const, padding: { top: 0, left: 0, bottom: 0, right: 0 } };
  const [height, width] = spec.kernel;
  const [vertical, horizontal] = spec.stride;
  const { top, bottom, left, right } = spec.padding;
  const constants = [
    arrayDefinition("int8_t", `${layer}_weights`, node.weights),
    arrayDefinition("int32_t", `${layer}_bias`, kernel === "pointwise" ? foldedBias(node) : node.bias),
    arrayDefinition("int32_t", `${layer}_multiplier`, node.multipliers),
    arrayDefinition("int8_t", `${layer}_shift`, node.shifts),
  ];
  const table = outputTable(node, fused);
  if (table !== undefined) constants.push(arrayDefinition("int8_t", `${layer}_table`, table));
  constants.push(
    `static const phinets_convolution ${layer} = {
  .input = ${mapLiteral(node.inputShapes[0])},
  .output = ${mapLiteral(node.outputShape)},
  .kernel_height = ${height},
  .kernel_width = ${width},
  .stride_y = ${vertical},
  .stride_x = ${horizontal},
  .pad_top = ${top},
  .pad_left = ${left},
  .input_zero_point = ${node.inputZeroPoint},
  .weights = ${layer}_weights,
  .requantization = {
    .bias = ${layer}_bias,
    .multiplier = ${layer}_multiplier,
    .shift = ${layer}_shift,
    .zero_point = ${node.outputZeroPoint},
    .table = ${table === undefined ? "NULL" : `${layer}_table`},
  },
};`,
  );
  if (node.op === "dense") return { what: "dense", constants };
  const stride =
    vertical * horizontal === 1 ? "" : `, stride ${vertical === horizontal ? vertical : `${vertical}x${horizontal}`}`;
  const padding = top + bottom + left + right === 0 ? "" : `, padding ${top} ${bottom} ${left} ${right}`;
  const name = kernel === "depthwise" ? "depthwise" : "convolution";
  return { what: `${name} ${height}x${width}${stride}${padding}`, constants };
}

/** What the kernel looks its saturated results up in: the clamp of a fused ReLU6, then a fused lookup; often neither. */
function outputTable(node: IntegerConv2d | IntegerDense, fused: IntegerLookup | undefined): Int8Array | undefined {
  if (fused === undefined && node.clampMin === -128 && node.clampMax === 127) return undefined;
  return Int8Array.from({ length: 256 }, (_, i) => {
    const clamped = Math.max(node.clampMin, Math.min(node.clampMax, i - 128));
    return fused === undefined ? clamped : fused.table[clamped + 128];
  });
}

/** Signed overflow is undefined in C: no input may take an accumulator, or a part of one, out of int32. */
function checkAccumulators(node: IntegerConv2d | IntegerDense): void {
  const perFilter = node.weights.length / node.bias.length;
  for (let filter = 0; filter < node.bias.length; filter++) {
    let magnitude = 0;
    for (let i = filter * perFilter; i < (filter + 1) * perFilter; i++) magnitude += Math.abs(node.weights[i]);
    // At most 255 an offset byte, or 128 a stored byte and 128 for the offset folded into the bias.
    if (Math.abs(node.bias[filter]) + 256 * magnitude > 2147483647)
      throw new PhinetsError(
        "export.accumulator",
        `${node.op} "${node.name}": bias ${node.bias[filter]} of channel ${filter} could overflow an int32 accumulator; quantise again with more calibration pictures`,
      );
  }
}

/** Operands of an element-wise kernel's result, which saturates to int8: a narrower clamp is not its arithmetic. */
function result(node: IntegerAdd | IntegerMultiply | IntegerGlobalAveragePool): string {
  if (node.clampMin !== -128 || node.clampMax !== 127)
    throw new PhinetsError(
      "export.clamp",
      `${node.op} "${node.name}": clamps to ${node.clampMin}..${node.clampMax}; C export knows -128..127`,
    );
  return `{${node.outputZeroPoint}, ${node.multiplier}, ${node.shift}}`;
}

/** A shape without its batch of 1. */
function spatial(shape: readonly number[]): string {
  return formatShape(shape.slice(1));
}
