/** Constants of the Helium kernels, in the packing of firmware/kernels/helium/phinets_helium.h. */
import { foldedBias, type IntegerConv2d } from "../../quantization/index.js";
import type { Value } from "../../target/index.js";
import { checkAccumulators, isConstant, type Linear, tableOf } from "./linear.js";
import { arrayDefinition } from "./literals.js";

type Table = Int8Array | undefined;

/** The values whose rows a step reads and makes. */
interface Rows {
  readonly input: Value;
  readonly output: Value;
}

/** Bias, multiplier and shift of each channel. For a constant channel they produce its zero point. */
function channelsOf(node: Linear): [bias: number, multiplier: number, shift: number][] {
  checkAccumulators(node);
  const bias = foldedBias(node);
  return Array.from(node.multipliers, (multiplier, c) =>
    isConstant(node, c) ? [0, 2 ** 30, -1] : [bias[c], multiplier, node.shifts[c]],
  );
}

const weightOf = (node: Linear, at: number, filter: number): number =>
  isConstant(node, filter) ? 0 : node.weights[at];

/** Constants of a product's filters, and the fields of its structure. */
function productOf(node: Linear, layer: string, { width }: Value, table: Table): [constants: string[], fields: string] {
  const filters = node.bias.length;
  const inputs = node.weights.length / filters;
  const blocks = Math.ceil(inputs / 16);
  const fours = Math.ceil(filters / 4);
  const channels = channelsOf(node);
  const weights = new Int8Array(64 * fours * blocks);
  const words: number[] = [];
  for (let i = 0; i < fours; i++) {
    const first = filters < 4 ? 0 : Math.min(4 * i, filters - 4);
    const four = [0, 1, 2, 3].map((f) => first + f);
    for (let k = 0; k < 3; k++) words.push(...four.map((m) => (channels[m] ?? [0, 2 ** 30, -1])[k]));
    for (const [f, m] of four.entries())
      for (let k = 0; k < inputs && m < filters; k++) {
        const at = 16 * blocks - inputs + k;
        weights[64 * (i * blocks + (at >> 4)) + 16 * f + (at & 15)] = weightOf(node, m * inputs + k, m);
      }
  }
  const { array, middle } = tableOf(layer, table);
  const constants = [
    arrayDefinition("int8_t", `${layer}_weights`, weights),
    arrayDefinition("int32_t", `${layer}_channels`, words),
    ...array,
  ];
  const fields = `{
  .width = ${width},
  .inputs = ${inputs},
  .filters = ${filters},
  .weights = ${layer}_weights,
  .channels = ${layer}_channels,
  .table = ${middle},
  .zero_point = ${node.outputZeroPoint},
}`;
  return [constants, fields];
}

export function heliumProduct(node: Linear, layer: string, output: Value, table: Table): string[] {
  const [constants, fields] = productOf(node, layer, output, table);
  return [...constants, `static const phinets_helium_product ${layer} = ${fields};`];
}

export function heliumConvolution(node: IntegerConv2d, layer: string, { input, output }: Rows, table: Table): string[] {
  const [constants, fields] = productOf(node, layer, output, table);
  const { kernel, stride, padding, inputZeroPoint } = node;
  return [
    ...constants,
    `static const phinets_helium_convolution ${layer} = {
  .product = ${fields},
  .input_width = ${input.width},
  .channels = ${input.channels},
  .kernel_height = ${kernel[0]},
  .kernel_width = ${kernel[1]},
  .stride_x = ${stride[1]},
  .pad_left = ${padding.left},
  .zero_point = ${inputZeroPoint},
};`,
  ];
}

export function heliumDepthwise(node: IntegerConv2d, layer: string, { input, output }: Rows, table: Table): string[] {
  const [size] = node.kernel;
  const bytes = size === 3 ? 16 : 32;
  const weights = new Int8Array(bytes * output.channels);
  for (let c = 0; c < output.channels; c++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const at = y < 4 ? 4 * x + y : 20 + x;
        weights[bytes * c + at] = weightOf(node, (c * size + y) * size + x, c);
      }
  const { array, middle } = tableOf(layer, table);
  return [
    arrayDefinition("int8_t", `${layer}_weights`, weights),
    arrayDefinition("int32_t", `${layer}_channels`, channelsOf(node).flat()),
    ...array,
    `static const phinets_helium_depthwise ${layer} = {
  .width = ${output.width},
  .channels = ${output.channels},
  .input_width = ${input.width},
  .stride = ${node.stride[1]},
  .pad_left = ${node.padding.left},
  .weights = ${layer}_weights,
  .constants = ${layer}_channels,
  .table = ${middle},
  .zero_point = ${node.outputZeroPoint},
  .input_zero_point = ${node.inputZeroPoint},
};`,
  ];
}
