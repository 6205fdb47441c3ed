/** Layers of the DSP kernels as C: weights packed as words, and the rescaling of each channel. */
import { foldedBias, type IntegerConv2d, type IntegerLookup } from "../../quantization/index.js";
import type { Value } from "../../target/index.js";
import { checkAccumulators, isConstant, isRescaledAlike, type Linear, outputTable, tableOf } from "./linear.js";
import { arrayDefinition } from "./literals.js";

/** Array with each channel's start of the accumulator, doubled multiplier and power of two; see phinets_dsp_channel. */
export function channelsOf(node: Linear, layer: string): string {
  checkAccumulators(node);
  const bias = foldedBias(node);
  const rows = Array.from(node.multipliers, (multiplier, c) =>
    isConstant(node, c)
      ? `{0, ${doubled(2 ** 30)}, ${power(-1)}}`
      : `{${bias[c]}, ${doubled(multiplier)}, ${power(node.shifts[c])}}`,
  );
  const lines: string[] = [];
  let line = " ";
  for (const row of rows) {
    if (line.length + row.length + 2 > 120) {
      lines.push(line);
      line = " ";
    }
    line += ` ${row},`;
  }
  return `static const phinets_dsp_channel ${layer}_channels[${rows.length}] = {\n${[...lines, line].join("\n")}\n};`;
}

/** Two int16 packed as a word, the first in the low half. */
const pair = (low: number, high: number): number => (low & 0xffff) | (high << 16);

/** Four int8 packed as a word, the first lowest. Kernels load words, and an array of bytes would not be aligned. */
const bytes = (a: number, b: number, c: number, d: number): number =>
  (a & 255) | ((b & 255) << 8) | ((c & 255) << 16) | (d << 24);

/** Arrays of a DSP product and the fields of its structure. `channels`: C expression of the filters' constants. */
export function dspProduct(
  node: Linear,
  layer: string,
  output: Value,
  lookup: IntegerLookup | undefined,
  { packing, channels = `${layer}_channels` }: { readonly packing: "words" | "bytes"; readonly channels?: string },
): { readonly weights: string; readonly table: readonly string[]; readonly fields: string } {
  const filters = node.bias.length;
  const inputs = node.weights.length / filters;
  const groups = Math.ceil(inputs / 4);
  const weight = (filter: number, k: number): number =>
    k < inputs && !isConstant(node, filter) ? node.weights[filter * inputs + k] : 0;
  const packed: number[] = [];
  for (let f = 0; f < filters; f++)
    for (let k = 0; k < 4 * groups; k += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((i) => weight(f, k + i));
      packed.push(...(packing === "words" ? [pair(a, c), pair(b, d)] : [bytes(a, b, c, d)]));
    }
  const { array, middle } = tableOf(layer, outputTable(node, lookup));
  const fields = `{
  .width = ${output.width},
  .groups = ${groups},
  .filters = ${filters},
  .weights = ${layer}_weights,
  .channels = ${channels},
  .table = ${middle},
  .zero_point = ${node.outputZeroPoint},
  .bytes = ${packing === "bytes" ? 1 : 0},
  .padding = ${lookup?.outputZeroPoint ?? node.outputZeroPoint},
}`;
  return { weights: arrayDefinition("int32_t", `${layer}_weights`, packed), table: array, fields };
}

export function dspDenseUniform(
  node: Linear,
  layer: string,
  output: Value,
  lookup: IntegerLookup | undefined,
): string[] {
  if (!isRescaledAlike(node)) throw new Error(`${node.name}: its filters are not rescaled alike`); // cannot happen: its program chose this kernel
  checkAccumulators(node);
  const product = dspProduct(node, layer, output, lookup, { packing: "bytes", channels: "NULL" });
  return [
    product.weights,
    ...product.table,
    arrayDefinition("int32_t", `${layer}_bias`, foldedBias(node)),
    `static const phinets_dsp_uniform ${layer} = {${product.fields}, ${layer}_bias, ${doubled(node.multipliers[0])}, ${power(node.shifts[0])}};`,
  ];
}

export function dspDepthwise(
  node: IntegerConv2d,
  layer: string,
  input: Value,
  output: Value,
  lookup: IntegerLookup | undefined,
): string[] {
  const size = node.kernel[0];
  const words: number[] = [];
  for (let c = 0; c < output.channels; c++)
    for (let row = 0; row < size; row++) {
      const at = (c * size + row) * size;
      const taps = Array.from(node.weights.subarray(at, at + size), (w) => (isConstant(node, c) ? 0 : w));
      const [a, b, d, e, f] = taps;
      words.push(...(size === 3 ? [pair(a, b), pair(b, d)] : [pair(a, b), pair(d, e), pair(b, d), pair(e, f)]));
    }
  const table = tableOf(layer, outputTable(node, lookup));
  const fields = `{
  .width = ${output.width},
  .channels = ${output.channels},
  .input_width = ${input.width},
  .stride = ${node.stride[1]},
  .pad_left = ${node.padding.left},
  .weights = ${layer}_weights,
  .constants = ${layer}_channels,
  .table = ${table.middle},
  .zero_point = ${node.outputZeroPoint},
  .input_zero_point = ${node.inputZeroPoint},
}`;
  return [
    arrayDefinition("int32_t", `${layer}_weights`, words),
    channelsOf(node, layer),
    ...table.array,
    input.block === undefined
      ? `static const phinets_dsp_depthwise ${layer} = ${fields};`
      : `static const phinets_dsp_depthwise_blocks ${layer} = {${fields}, ${input.block}};`,
  ];
}

export function dspDepthwiseOfPixels(
  node: IntegerConv2d,
  layer: string,
  input: Value,
  lookup: IntegerLookup | undefined,
  batch: string,
): string[] {
  const [, , width, channels] = node.outputShape;
  const taps = node.kernel[0] * node.kernel[1];
  const weight = (c: number, tap: number): number => (isConstant(node, c) ? 0 : node.weights[c * taps + tap]);
  const words: number[] = [];
  for (let next = 0; next < channels; next += 4) {
    // The last four channels may overlap those before them.
    const c = Math.min(next, channels - 4);
    for (let tap = 0; tap < taps; tap++)
      words.push(pair(weight(c, tap), weight(c + 2, tap)), pair(weight(c + 1, tap), weight(c + 3, tap)));
  }
  const table = tableOf(layer, outputTable(node, lookup));
  return [
    arrayDefinition("int32_t", `${layer}_weights`, words),
    channelsOf(node, layer),
    ...table.array,
    `static const phinets_dsp_taps_of_rows ${layer} = {{
  .width = ${width},
  .channels = ${channels},
  .input_width = ${input.width},
  .kernel_height = ${node.kernel[0]},
  .kernel_width = ${node.kernel[1]},
  .stride_x = ${node.stride[1]},
  .pad_left = ${node.padding.left},
  .weights = ${layer}_weights,
  .constants = ${layer}_channels,
  .table = ${table.middle},
  .zero_point = ${node.outputZeroPoint},
  .input_zero_point = ${node.inputZeroPoint},
}, ${batch}};`,
  ];
}

/** A Q31 multiplier in the form of the DSP kernels: doubled, as a wrapped word. */
export function doubled(multiplier: number): string {
  const wrapped = (multiplier * 2) | 0;
  return wrapped === -2147483648 ? "(-2147483647 - 1)" : String(wrapped);
}

/** -(2^(32 - right shift)). `shift` has TFLite's sign: negative is a right shift. */
export function power(shift: number): string {
  return shift === -1 ? "(-2147483647 - 1)" : String(-(2 ** (32 + shift)));
}
