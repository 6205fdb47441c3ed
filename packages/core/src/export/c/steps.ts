/** Turns one step of a firmware program into C: the constants that its kernel in firmware/kernels reads. */
import type { NodeOf, ResizeTap } from "../../graph/index.js";
import type {
  IntegerAdd,
  IntegerAveragePool,
  IntegerConcat,
  IntegerConv2d,
  IntegerGlobalAveragePool,
  IntegerLookup,
  IntegerMaxWindow,
  IntegerMultiply,
  IntegerNode,
  IntegerResize,
  IntegerSlice,
  IntegerSoftmax,
} from "../../quantization/index.js";
import {
  copiesOfSlice,
  type Program,
  readerOfBlocks,
  type Step,
  slidingWindow,
  type Value,
} from "../../target/index.js";
import { formatShape, PhinetsError } from "../../tensor/index.js";
import {
  channelsOf,
  doubled,
  dspDenseUniform,
  dspDepthwise,
  dspDepthwiseOfPixels,
  dspProduct,
  power,
} from "./dsp-layers.js";
import { heliumConvolution, heliumDepthwise, heliumProduct } from "./helium.js";
import { type Linear, linearText, outputTable } from "./linear.js";
import { arrayDefinition, commentText, grouped, mapLiteral, mapOf } from "./literals.js";
import { portableLinear } from "./portable-layers.js";

export interface EmittedStep {
  /** Description of the step for a comment, without delimiters. */
  readonly comment: string;
  /** Definitions at file scope. */
  readonly constants: readonly string[];
  /** C expression of the kernel's layer argument. */
  readonly layer: string;
}

/** Integer nodes by name. */
export type IntegerNodes = ReadonlyMap<string, IntegerNode>;

/**
 * Emits one step.
 * @param index the step's number, part of its constants' names
 * @param ring gives the C of a value's location
 * Throws PhinetsError where an accumulator could leave int32, and where a result is clamped to less than int8's range.
 */
export function emitStep(
  step: Step,
  index: number,
  nodes: IntegerNodes,
  program: Program,
  ring: (value: string) => string,
): EmittedStep {
  const { values } = program.lowering;
  const layer = `layer${index}`;
  const node = step.node && nodes.get(step.node.name)!;
  const lookup = step.lookup && (nodes.get(step.lookup.name) as IntegerLookup);
  const output = values.get(step.output)!;
  const input = values.get(step.reads[0].value)!;
  const define = (type: string, fields: string): string[] => [`static const ${type} ${layer} = ${fields};`];
  /** Constants of a DSP product. `fieldsOf` wraps its fields where its structure is nested in another. */
  const product = (type: string, fieldsOf = (fields: string): string => fields): string[] => {
    const packing = step.byteWeights || step.kernel === "dsp_dense" ? "bytes" : "words";
    const { weights, table, fields } = dspProduct(node as Linear, layer, output, lookup, { packing });
    return [weights, channelsOf(node as Linear, layer), ...table, ...define(type, fieldsOf(fields))];
  };
  const emitted = (constants: string[], what: string): EmittedStep => ({
    comment: describe(what, step, index, values, node, lookup),
    constants,
    layer: `&${layer}`,
  });
  switch (step.kernel) {
    case "grouped": {
      const constants = portableLinear(node as Linear, "conv2d", `${layer}_convolution`, lookup);
      // A single constant that holds both the convolution and its groups.
      const last = constants.pop()!;
      const fields = last.slice(last.indexOf("{"), -1);
      constants.push(`static const phinets_step_groups ${layer} = {${fields}, ${(node as IntegerConv2d).groups}};`);
      return emitted(constants, linearText(node as Linear));
    }
    case "conv2d":
    case "depthwise":
    case "pointwise":
      return emitted(portableLinear(node as Linear, step.kernel, layer, lookup), linearText(node as Linear));
    case "repeat": {
      const { input: which, constantBytes } = step.repeats!;
      const { inputs, inputShapes } = node as IntegerAdd;
      const repeatedNode = nodes.get(inputs[which])!;
      const constants =
        repeatedNode.op === "constant" ? [arrayDefinition("int8_t", `${layer}_constant`, repeatedNode.data)] : [];
      const [height, width, channels] = mapOf(inputShapes[which]);
      const strides = [height === 1 ? 0 : width * channels, width === 1 ? 0 : channels, channels === 1 ? 0 : 1];
      const from = constantBytes > 0 ? `${layer}_constant` : "NULL";
      constants.push(
        ...define("phinets_step_repetition", `{${from}, ${output.width}, ${output.channels}, ${strides.join(", ")}}`),
      );
      return emitted(constants, `repeat ${commentText(JSON.stringify(repeatedNode.name))} for`);
    }
    case "subtract":
    case "add":
    case "helium_add": {
      const { a, b, leftShift } = operandsOf(node as IntegerAdd);
      const addition = `{${a}, ${b}, ${leftShift}, ${result(node as IntegerAdd)}}`;
      const fields = `{${addition}, ${output.width * output.channels}}`;
      return emitted(define("phinets_step_addition", fields), step.kernel === "subtract" ? "subtract" : "add");
    }
    case "maximum":
    case "minimum":
      return emitted(define("phinets_step_values", `{${output.width * output.channels}}`), step.kernel);
    case "multiply":
    case "helium_multiply": {
      const { inputZeroPoints } = node as IntegerMultiply;
      const broadcast = step.reads[1].window === "whole";
      const [pixels, length] = broadcast ? [output.width, output.channels] : [1, output.width * output.channels];
      const product = `{${inputZeroPoints[0]}, ${inputZeroPoints[1]}, ${result(node as IntegerMultiply)}}`;
      return emitted(define("phinets_step_product", `{${product}, ${pixels}, ${length}}`), "multiply");
    }
    case "mean":
    case "helium_mean":
      return emitted(define("phinets_average", averageOf(node as IntegerGlobalAveragePool)), "global average pool");
    case "average_map":
    case "helium_average_map":
      // Only the fields of a mean that its sums need.
      return emitted(define("phinets_average", `{${mapOfValue(input)}, 0, {0, 0, 0}}`), "average of the map");
    case "average_pool":
    case "max_window": {
      const { kernel, stride, padding } = node as IntegerAveragePool | IntegerMaxWindow;
      const fields = `{${mapOfValue(input)}, ${mapOfValue(output)}, ${kernel.join(", ")}, ${stride[1]}, ${padding.left}}`;
      return emitted(
        define("phinets_pooling", fields),
        `${step.kernel === "max_window" ? "max" : "average"} pool ${kernel.join("x")}, stride ${stride.join("x")}`,
      );
    }
    case "softmax": {
      const constants = [arrayDefinition("int32_t", `${layer}_exponentials`, (node as IntegerSoftmax).exponentials)];
      const fields = `{${layer}_exponentials, ${output.width}, ${output.channels}}`;
      constants.push(...define("phinets_step_exponentials", fields));
      return emitted(constants, "softmax");
    }
    case "lookup":
    case "helium_lookup": {
      const { table, function: name } = node as IntegerLookup;
      const constants = [arrayDefinition("int8_t", `${layer}_table`, table)];
      constants.push(...define("phinets_step_table", `{${layer}_table, ${output.width * output.channels}}`));
      return emitted(constants, name);
    }
    case "max_pool": {
      const { size, stride } = step.node!.attributes as { size: number; stride: number };
      const pool = `{${mapOfValue(input)}, ${mapOfValue(output)}, ${size}, ${stride}}`;
      return emitted(define("phinets_step_pool", pool), `max pool ${size}x${size}, stride ${stride}`);
    }
    case "slice": {
      const { begin, step: along, outputShape } = node as IntegerSlice;
      const pixels = copiesOfSlice(step.node as NodeOf<"slice">, input);
      const bytes = (outputShape[2] * outputShape[3]) / pixels;
      const fields = `{${begin[1] * input.channels + begin[2]}, ${pixels}, ${bytes}, ${along[1] * input.channels}}`;
      return emitted(define("phinets_step_slicing", fields), "slice");
    }
    case "resize_nearest":
    case "resize_bilinear": {
      const { rows, columns } = node as IntegerResize;
      const taps = (name: string, list: readonly ResizeTap[]): string =>
        `static const phinets_tap ${layer}_${name}[${list.length}] = {${list.map(({ lower, upper, weight }) => `{${lower}, ${upper}, ${weight}}`).join(", ")}};`;
      const fields = `{${output.width}, ${output.channels}, ${layer}_rows, ${layer}_columns}`;
      return emitted(
        [taps("rows", rows), taps("columns", columns), ...define("phinets_step_resizing", fields)],
        step.kernel.replace("_", ", "),
      );
    }
    case "concat":
      return emitted(concat(node as IntegerConcat, step, layer, values, ring), "concatenation");
    case "reshape":
      return emitted(define("phinets_step_reshaping", `{${output.width * output.channels}}`), "reshape");
    case "pad": {
      // A step without a node copies.
      const { padding, outputZeroPoint } = (node as Extract<IntegerNode, { op: "pad" }> | undefined) ?? {
        padding: { left: 0 },
        outputZeroPoint: 0,
      };
      const fields = `{${mapOfValue(input)}, ${mapOfValue(output)}, ${padding.left}, ${outputZeroPoint}}`;
      return emitted(define("phinets_step_padding", fields), node === undefined ? "copy" : "pad");
    }
    case "dsp_product_rows":
      return emitted(
        product("phinets_dsp_product_of_rows", (fields) => `{${fields}, ${batchOf(step, output)}}`),
        linearText(node as Linear),
      );
    case "dsp_quads_rows": {
      const fields = `{${input.width}, ${input.channels}, ${batchOf(step, input)}}`;
      return emitted(define("phinets_dsp_quads_of_rows", fields), `${step.batch} rows to quads`);
    }
    case "dsp_product_nhwc":
    case "dsp_product_planes16":
      return emitted(product("phinets_dsp_product"), linearText(node as Linear));
    case "dsp_product_planes8":
      return emitted(
        product("phinets_dsp_product8", (fields) => `{${fields}, ${output.pad}}`),
        linearText(node as Linear),
      );
    case "dsp_product_blocks": {
      const all = program.stream.groups.flatMap((group) => group.steps);
      const reader = all.indexOf(readerOfBlocks(step, all)!) - index;
      return emitted(
        product("phinets_dsp_product_blocks", (fields) => `{{${fields}, ${output.pad}}, ${reader}}`),
        linearText(node as Linear),
      );
    }
    case "dsp_dense_uniform":
      return emitted(dspDenseUniform(node as Linear, layer, output, lookup), linearText(node as Linear));
    case "dsp_dense":
      return emitted(product("phinets_dsp_product"), linearText(node as Linear));
    case "dsp_conv2d": {
      const window = windowFields(node as IntegerConv2d, input, output);
      return emitted(
        product("phinets_dsp_convolution", (fields) => `{${window}, ${fields}, ${step.tile}}`),
        linearText(node as Linear),
      );
    }
    case "dsp_nhwc_window":
    case "dsp_quads_window": {
      const ofRows = step.kernel === "dsp_nhwc_window";
      const { kernel } = node as IntegerConv2d;
      const fields = windowFields(node as IntegerConv2d, input, output);
      const windows = ofRows
        ? define("phinets_dsp_windows_of_rows", `{${fields}, ${batchOf(step, output)}}`)
        : define("phinets_dsp_window", fields);
      return emitted(windows, `windows ${kernel[0]}x${kernel[1]}`);
    }
    case "dsp_quads_scaled": {
      const { inputZeroPoints, multiplier, shift, outputZeroPoint } = node as IntegerMultiply;
      const fields = `{
  .width = ${output.width}, .channels = ${output.channels},
  .a_zero_point = ${inputZeroPoints[0]}, .b_zero_point = ${inputZeroPoints[1]},
  .multiplier = ${doubled(multiplier)}, .power = ${power(shift)}, .zero_point = ${outputZeroPoint},
}`;
      return emitted(define("phinets_dsp_scale", fields), "multiply");
    }
    case "dsp_quads_nhwc":
    case "dsp_nhwc":
      return emitted(
        define("phinets_dsp_row", `{${output.width}, ${output.channels}, 0, 0}`),
        `${input.layout} to ${output.layout}`,
      );
    case "dsp_planes16":
    case "dsp_planes8": {
      const reader = program.lowering.steps.find(({ reads }) => reads.some(({ value }) => value === step.output))!;
      const zero = (nodes.get(reader.node!.name) as IntegerConv2d).inputZeroPoint;
      const fields = `{${output.width}, ${output.channels}, ${zero}, ${output.pad}}`;
      return emitted(define("phinets_dsp_row", fields), `${input.layout} to ${output.layout}`);
    }
    case "dsp_depthwise_nhwc":
      return emitted(
        dspDepthwiseOfPixels(node as IntegerConv2d, layer, input, lookup, batchOf(step, output)),
        linearText(node as Linear),
      );
    case "dsp_mean": {
      const average = averageOf(node as IntegerGlobalAveragePool);
      return emitted(define("phinets_dsp_average", `{${average}, ${input.width}}`), "global average pool");
    }
    case "dsp_add": {
      const { inputZeroPoints, inputMultipliers, inputShifts, multiplier, shift, outputZeroPoint } = node as IntegerAdd;
      const operand = (i: 0 | 1): string =>
        `{${inputZeroPoints[i]}, ${doubled(inputMultipliers[i])}, ${-inputShifts[i]}}`;
      const fields = `{
  {.a = ${operand(0)}, .b = ${operand(1)}, .multiplier = ${doubled(multiplier)}, .power = ${power(shift)}, .zero_point = ${outputZeroPoint}},
  ${output.width * output.channels},
}`;
      return emitted(define("phinets_dsp_sum", fields), "add");
    }
    case "helium_product":
      return emitted(
        heliumProduct(node as Linear, layer, output, outputTable(node as Linear, lookup)),
        linearText(node as Linear),
      );
    case "helium_conv2d":
      return emitted(
        heliumConvolution(node as IntegerConv2d, layer, { input, output }, outputTable(node as Linear, lookup)),
        linearText(node as Linear),
      );
    case "helium_depthwise3":
    case "helium_depthwise5":
      return emitted(
        heliumDepthwise(node as IntegerConv2d, layer, { input, output }, outputTable(node as Linear, lookup)),
        linearText(node as Linear),
      );
    default:
      return emitted(dspDepthwise(node as IntegerConv2d, layer, input, output, lookup), linearText(node as Linear));
  }
}

function windowFields({ kernel, stride, padding, inputZeroPoint }: IntegerConv2d, input: Value, output: Value): string {
  return `{
  .width = ${output.width}, .input_width = ${input.width}, .channels = ${input.channels},
  .kernel_height = ${kernel[0]}, .kernel_width = ${kernel[1]}, .stride_x = ${stride[1]}, .pad_left = ${padding.left},
  .zero_point = ${inputZeroPoint},
}`;
}

function concat(
  { axis, outputShape }: IntegerConcat,
  { reads, output }: Step,
  layer: string,
  values: ReadonlyMap<string, Value>,
  ring: (value: string) => string,
): string[] {
  const isMap = outputShape.length === 4;
  const { width, channels } = values.get(output)!;
  const pixels = isMap && axis === 3 ? width : 1;
  const below = isMap && axis === 1;
  let offset = 0;
  const parts = reads.map(({ value, window }) => {
    const map = values.get(value)!;
    const rows = window === "whole" ? map.height : 1;
    const bytes = (rows * map.width * map.channels) / pixels;
    const { before } = slidingWindow({ value, window });
    const part = `{${ring(value)}, ${bytes}, ${below ? 0 : offset}, ${before}, ${map.height}}`;
    offset += bytes;
    return part;
  });
  return [
    `static const phinets_step_part ${layer}_parts[${parts.length}] = {\n  ${parts.join(",\n  ")},\n};`,
    `static const phinets_step_parts ${layer} = {${layer}_parts, ${parts.length}, ${pixels}, ${(width * channels) / pixels}};`,
  ];
}

function describe(
  what: string,
  step: Step,
  index: number,
  values: ReadonlyMap<string, Value>,
  node: IntegerNode | undefined,
  lookup: IntegerLookup | undefined,
): string {
  const shape = (name: string): string => {
    const { height, width, channels } = values.get(name)!;
    return formatShape([height, width, channels]);
  };
  const shapes = `${step.reads.map(({ value }) => shape(value)).join(", ")} -> ${shape(step.output)}`;
  const macs = macsOf(step, node);
  const count = macs > 0 ? `, ${grouped(macs)} MACs` : "";
  const table = lookup === undefined ? "" : `, then ${lookup.function} ${commentText(JSON.stringify(lookup.name))}`;
  return `${index}. ${what} ${commentText(JSON.stringify(node?.name ?? step.output))}: ${shapes}${count}${table}`;
}

function macsOf({ kernel }: Step, node: IntegerNode | undefined): number {
  const isWindow = kernel === "dsp_quads_window" || kernel === "dsp_nhwc_window";
  if (node === undefined || (node.op !== "conv2d" && node.op !== "dense") || isWindow) return 0;
  const outputs = node.outputShape.reduce((product, size) => product * size, 1);
  return outputs * (node.weights.length / node.bias.length);
}

/** C fields: rows per call, rows of the map. */
function batchOf({ batch = 1 }: Step, { height }: Value): string {
  return `${batch}, ${height}`;
}

function operandsOf({ inputZeroPoints, inputMultipliers, inputShifts, leftShift }: IntegerAdd) {
  const operand = (i: 0 | 1): string => `{${inputZeroPoints[i]}, ${inputMultipliers[i]}, ${inputShifts[i]}}`;
  return { a: operand(0), b: operand(1), leftShift };
}

function averageOf(node: IntegerGlobalAveragePool): string {
  return `{${mapLiteral(node.inputShapes[0])}, ${node.inputZeroPoint}, ${result(node)}}`;
}

function mapOfValue({ height, width, channels }: Value): string {
  return `{${height}, ${width}, ${channels}}`;
}

/** C fields of an element-wise kernel's result. The kernels saturate to int8, so a narrower clamp is refused. */
function result(node: IntegerAdd | IntegerMultiply | IntegerGlobalAveragePool): string {
  if (node.clampMin !== -128 || node.clampMax !== 127)
    throw new PhinetsError(
      "export.clamp",
      `${node.op} "${node.name}": clamps to ${node.clampMin}..${node.clampMax}; C export knows -128..127`,
    );
  return `{${node.outputZeroPoint}, ${node.multiplier}, ${node.shift}}`;
}
