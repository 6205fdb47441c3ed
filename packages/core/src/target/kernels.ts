/**
 * One row per C kernel of firmware/kernels: its structures and the terms that its instructions grow with. A kernel
 * consists of its source, its row here, and its measured figures from bench/cost (kernel-costs.json, code-sizes.json).
 */
import { isLinear, type LinearNode, type NodeOf } from "../graph/index.js";
import { windowTiles } from "./helium.js";
import { blocksOf, type Value } from "./layout.js";
import type { Lowering, Step } from "./steps.js";
import {
  bytesAsTheyAre,
  callsOf,
  columnsOf,
  dspChannel,
  type KernelRow,
  linesOf,
  packedRuns,
  pooled,
  portableChannel,
  quarters,
  resized,
  run,
  type StepShape,
  sixteens,
  sumsOf,
  valuesOf,
} from "./terms.js";
import {
  denseRow,
  depthwise,
  halvesOf,
  inBlocks,
  passesOf,
  planesOf,
  product,
  productConstants,
  productTerms,
  productToPlanes,
  toQuads,
  windowTerms,
} from "./terms-dsp.js";
import { heliumConstants, heliumDepthwise, heliumProduct, heliumSums } from "./terms-helium.js";

export const kernels = {
  conv2d: {
    structBytes: 76,
    terms: (shape) => {
      const { rows, width, channels, filters, products, table, clamped = 0 } = shape;
      const outputs = rows * width * filters;
      const [fours, ones] = [Math.floor(filters / 4), filters % 4];
      const lines = linesOf(shape).taps;
      const taps = lines * columnsOf(shape).taps * channels;
      return {
        rows,
        filters: rows * filters * Math.ceil(width / run),
        outputs,
        tables: outputs * table,
        clamped: outputs * clamped,
        windows: rows * width * (fours + ones),
        lines: lines * width * (fours + ones),
        macs: taps * 4 * fours,
        macsOfOne: taps * ones,
        gathered: rows * width * products,
        packed: rows * filters * products * packedRuns(width, products),
      };
    },
    weightBytes: bytesAsTheyAre,
    channelBytes: portableChannel,
  },
  grouped: {
    structBytes: 80,
    terms: (shape) => {
      const { rows, width, filters, products, size, sizeAcross = size, table, clamped = 0 } = shape;
      const outputs = rows * width * filters;
      const lines = linesOf(shape).taps;
      return {
        rows,
        filters: rows * filters * Math.ceil(width / run),
        outputs,
        tables: outputs * table,
        clamped: outputs * clamped,
        lines: lines * width * filters,
        macs: lines * columnsOf({ ...shape, size: sizeAcross }).taps * filters * (products / (size * sizeAcross)),
      };
    },
    weightBytes: bytesAsTheyAre,
    channelBytes: portableChannel,
  },
  depthwise: {
    structBytes: 76,
    terms: (shape) => {
      const { rows, width, inputWidth, filters, stride, padLeft, table, clamped = 0, sizeAcross = shape.size } = shape;
      // 0: not square.
      const size = sizeAcross === shape.size ? sizeAcross : 0;
      const outputs = rows * width * filters;
      const lines = linesOf(shape).taps * filters;
      const columns = columnsOf(shape);
      const tiles = Math.ceil(width / run);
      // A Cortex-M0 has dedicated loops for these sizes, over the columns that the windows cover.
      const own = size === 3 || size === 5 ? size : "";
      const strided = own === "" || stride === 1 ? "" : "Strided";
      const covered = Math.min(inputWidth, (width - 1) * stride + sizeAcross - padLeft);
      const all = {
        rows,
        [`channels${own}`]: rows * filters * tiles,
        [`outputs${own}${strided}`]: outputs,
        outputsOfLast: rows * width * (filters % 2),
        tables: outputs * table,
        clamped: outputs * clamped,
        ...(own !== "" && { [`columns${own}${strided}`]: rows * filters * covered }),
      };
      if (size !== 3) return { ...all, [`lines${own}`]: lines * width, [`taps${own}`]: lines * columns.taps };
      // On other cores only 3x3 has more than the loop over taps, and only for windows inside the map.
      const borders = width - columns.whole;
      return {
        ...all,
        runs: columns.whole === 0 ? 0 : rows * filters * tiles,
        runLines: columns.whole === 0 ? 0 : lines * tiles,
        [`lines3${strided}`]: lines * columns.whole,
        linesOfRest: stride === 1 ? lines * (columns.whole % 3) : 0,
        borderLines: lines * borders,
        borderTaps: lines * (columns.taps - size * columns.whole),
      };
    },
    weightBytes: bytesAsTheyAre,
    channelBytes: portableChannel,
  },
  pointwise: {
    structBytes: 76,
    terms: ({ rows, width, filters, products, table, clamped = 0 }) => {
      const outputs = rows * width * filters;
      const last = filters % 2;
      const others = filters - last;
      const all = { rows, tables: outputs * table, clamped: outputs * clamped };
      // A single pixel, mostly of a dense layer, takes one filter at a time. It is the only loop of a Cortex-M0.
      if (width === 1)
        return { ...all, singles: rows * others, lastSingle: rows * last, macsOfSingles: outputs * products };
      // Tiles of two filters and two pixels, four products at a time; an odd pixel or filter is processed singly.
      const cells = rows * Math.floor(width / 2) * (others / 2);
      return {
        ...all,
        filters: rows * filters * Math.ceil(width / run),
        outputs: rows * width * others,
        outputsOfLast: rows * width * last,
        macs: cells * 16 * Math.floor(products / 4),
        macsOfRest: cells * 4 * (products % 4),
        rests: products > 4 && products % 4 > 0 ? cells : 0,
        macsOfLastPixel: rows * (width % 2) * others * products,
        macsOfLastFilter: rows * width * last * products,
        inputs: rows * width * products,
        packed: rows * filters * products * packedRuns(width, products),
        oddProducts: outputs * (products % 2),
      };
    },
    weightBytes: bytesAsTheyAre,
    channelBytes: portableChannel,
  },
  add: { structBytes: 44, terms: valuesOf },
  multiply: {
    structBytes: 28,
    terms: ({ rows, width, filters, broadcast }) => ({
      rows,
      pixels: broadcast ? rows * width : rows,
      factors: rows * filters * (broadcast ? 1 : width),
      values: rows * width * filters,
    }),
  },
  subtract: { structBytes: 44, terms: valuesOf },
  maximum: { structBytes: 4, terms: valuesOf },
  minimum: { structBytes: 4, terms: valuesOf },
  repeat: {
    structBytes: 24,
    terms: ({ rows, width, filters }) => ({ rows, pixels: rows * width, values: rows * width * filters }),
  },
  mean: { structBytes: 28, terms: sumsOf },
  average_map: { structBytes: 28, terms: sumsOf },
  average_pool: pooled,
  max_window: pooled,
  softmax: {
    structBytes: 12,
    terms: ({ rows, width, filters }) => ({ rows, pixels: rows * width, values: rows * width * filters }),
  },
  max_pool: {
    structBytes: 32,
    terms: ({ rows, width, filters, size }) => ({
      rows,
      values: rows * width * filters,
      lines: rows * width * filters * size,
      taps: rows * width * filters * size * size,
    }),
  },
  concat: {
    structBytes: 16,
    terms: ({ rows, pixels = 1, parts = 1, width, filters }) => ({
      rows,
      parts: rows * parts,
      copies: rows * parts * pixels,
      values: rows * width * filters,
      unaligned: filters % (4 * parts) === 0 ? 0 : rows * width * filters,
    }),
    tableBytes: ({ reads = 0 }) => 24 * reads,
  },
  slice: {
    structBytes: 16,
    terms: ({ rows, pixels = 1, width, filters }) => ({
      rows,
      copies: rows * pixels,
      values: rows * width * filters,
      unaligned: filters % 4 === 0 ? 0 : rows * width * filters,
    }),
  },
  resize_nearest: resized,
  resize_bilinear: resized,
  reshape: { structBytes: 4, terms: valuesOf },
  lookup: { structBytes: 8, terms: valuesOf },
  pad: {
    structBytes: 32,
    terms: ({ rows, width, inputWidth, inputHeight = rows, filters }) => ({
      rows,
      copied: inputHeight * inputWidth * filters,
      filled: (rows * width - inputHeight * inputWidth) * filters,
      unaligned: (width * filters) % 4 === 0 ? 0 : rows * width * filters,
    }),
  },
  dsp_quads_nhwc: { structBytes: 16, terms: toQuads },
  dsp_quads_rows: { structBytes: 16, terms: toQuads },
  dsp_quads_window: {
    structBytes: 32,
    terms: (shape) => ({ rows: shape.rows, ...windowTerms(shape) }),
  },
  dsp_conv2d: {
    structBytes: 72,
    terms: (shape) => {
      const { rows, width, tile = width } = shape;
      const passes = rows * (Math.floor(width / tile) * passesOf(tile) + passesOf(width % tile));
      return {
        ...windowTerms(shape),
        ...productTerms(shape, passes, rows * halvesOf(width)),
        tiles: rows * Math.ceil(width / tile),
      };
    },
    ...productConstants,
  },
  dsp_quads_scaled: {
    structBytes: 28,
    terms: ({ rows, width, filters }) => ({
      rows,
      groups: rows * quarters(filters),
      cells: rows * quarters(filters) * quarters(width),
    }),
  },
  dsp_product_nhwc: product(36),
  dsp_product_rows: product(44),
  dsp_product_planes16: productToPlanes(36, "planes16"),
  dsp_product_planes8: productToPlanes(40, "planes8"),
  dsp_product_blocks: { ...inBlocks(productToPlanes(44, "planes8")), countedAs: "dsp_product_planes8" },
  dsp_dense: { structBytes: 36, ...denseRow, channelBytes: dspChannel },
  dsp_dense_uniform: { structBytes: 48, ...denseRow, channelBytes: { bias: 4, requantization: 0 } },
  dsp_planes16: { structBytes: 16, terms: planesOf },
  dsp_planes8: { structBytes: 16, terms: planesOf },
  dsp_nhwc: { structBytes: 16, terms: planesOf },
  dsp_depthwise3_planes16_quads: depthwise(3, "planes16"),
  dsp_depthwise3_planes16_map8: depthwise(3, "planes16"),
  dsp_depthwise3_planes8_quads: depthwise(3, "planes8"),
  dsp_depthwise3_planes8_map8: depthwise(3, "planes8"),
  dsp_depthwise5_planes16_quads: depthwise(5, "planes16"),
  dsp_depthwise5_planes16_map8: depthwise(5, "planes16"),
  dsp_depthwise5_planes8_quads: depthwise(5, "planes8"),
  dsp_depthwise5_planes8_map8: depthwise(5, "planes8"),
  dsp_depthwise3_blocks: {
    ...inBlocks(depthwise(3, "planes8")),
    ...{ structBytes: 44, countedAs: "dsp_depthwise3_planes8_quads" },
  },
  dsp_depthwise_nhwc: {
    structBytes: 56,
    terms: (shape) => {
      const { rows, width, filters, products, table } = shape;
      const fours = rows * width * quarters(filters);
      return {
        batches: callsOf(shape),
        rows,
        cleared: rows * quarters(filters),
        pixels: rows * width,
        lines: rows * width * shape.size,
        taps: rows * width * products,
        fours,
        pairs: fours * Math.floor(products / 2),
        odd: fours * (products % 2),
        tables: fours * table,
      };
    },
    weightBytes: ({ products, filters }) => 8 * quarters(filters) * products,
    channelBytes: dspChannel,
  },
  dsp_nhwc_window: {
    structBytes: 40,
    terms: (shape) => {
      const { rows, width, channels, size, sizeAcross = size } = shape;
      const [lines, columns] = [linesOf(shape), columnsOf(shape)];
      const bytes = lines.taps * columns.taps * channels;
      const words = lines.taps * columns.whole * Math.floor((sizeAcross * channels) / 4);
      return {
        batches: callsOf(shape),
        rows,
        pixels: rows * width,
        lines: rows * width * size,
        words,
        filled: rows * width * size * sizeAcross * channels - bytes,
        rest: bytes - 4 * words,
      };
    },
  },
  dsp_mean: {
    structBytes: 32,
    terms: ({ rows, inputWidth, channels }) => ({
      rows,
      sums: rows * channels,
      quads: rows * channels * Math.floor(inputWidth / 4),
      rest: rows * channels * (inputWidth % 4 === 0 ? 0 : 1),
      channels,
    }),
  },
  dsp_add: { structBytes: 40, terms: valuesOf },
  helium_product: {
    structBytes: 28,
    terms: (shape) => heliumProduct(shape, [shape.width]),
    ...heliumConstants,
  },
  helium_conv2d: {
    structBytes: 56,
    terms: (shape) => {
      const { rows, width, channels, size, sizeAcross = size } = shape;
      const copies = Math.ceil((sizeAcross * channels) / 16);
      return {
        ...heliumProduct(shape, windowTiles(width)),
        rows,
        pixels: rows * width,
        lines: rows * width * size,
        copies: rows * width * size * copies,
      };
    },
    ...heliumConstants,
  },
  helium_depthwise3: heliumDepthwise(3),
  helium_depthwise5: heliumDepthwise(5),
  helium_add: {
    structBytes: 44,
    terms: ({ rows, width, filters }) => ({ rows, fours: rows * quarters(width * filters) }),
  },
  helium_multiply: {
    structBytes: 28,
    terms: ({ rows, width, filters, broadcast }) => {
      const [pixels, channels] = broadcast ? [width, filters] : [1, width * filters];
      return {
        rows,
        eights: rows * Math.ceil(channels / 8),
        products: rows * pixels * Math.floor(channels / 8),
        rests: channels % 8 === 0 ? 0 : rows * pixels,
      };
    },
  },
  helium_mean: { structBytes: 28, terms: heliumSums },
  helium_average_map: { structBytes: 28, terms: heliumSums },
  helium_lookup: {
    structBytes: 8,
    terms: ({ rows, width, filters }) => ({ rows, lookups: rows * sixteens(width * filters) }),
  },
} as const satisfies Readonly<Record<string, KernelRow>>;

/** Names of the functions of firmware/kernels, without `phinets_step_`. */
export type Kernel = keyof typeof kernels;

/** A step belongs to one lowering, so its shape can be cached for flash, weights, instructions and work. */
const shapes = new WeakMap<Step, StepShape>();

/** The quantities that a step's cost depends on. */
export function shapeOf(step: Step, lowering: Pick<Lowering, "values">): StepShape {
  const known = shapes.get(step);
  if (known !== undefined) return known;
  const shape = stepShape(step, lowering);
  shapes.set(step, shape);
  return shape;
}

function stepShape(step: Step, { values }: Pick<Lowering, "values">): StepShape {
  const input = values.get(step.reads[0].value)!;
  const output = values.get(step.output)!;
  const { node } = step;
  const linear = node !== undefined && isLinear(node) ? node : undefined;
  const windowed =
    node?.op === "conv2d" || node?.op === "averagePool" || node?.op === "maxWindow" ? node.attributes : undefined;
  const vector = step.reads[0].window === "whole";
  const channels = vector ? input.height * input.width * input.channels : input.channels;
  // Quads made of several rows count the rows and pixels of the map that they are made of.
  const pixels = step.kernel === "dsp_quads_rows" ? input : output;
  return {
    rows: output.layout === "sums" ? input.height : pixels.height,
    ...(step.batch && { batch: step.batch }),
    ...(step.tile && { tile: step.tile }),
    ...(step.byteWeights && { bytes: 1 }),
    ...((input.block ?? output.block) !== undefined && { blocks: Math.max(blocksOf(input), blocksOf(output)) }),
    width: pixels.width,
    inputWidth: vector ? 1 : input.width,
    inputHeight: vector ? 1 : input.height,
    channels,
    filters: output.channels,
    products: linear === undefined ? 0 : productsOf(step, linear, channels),
    size: windowed?.kernel[0] ?? (node?.op === "maxPool" ? node.attributes.size : 1),
    ...(windowed !== undefined && windowed.kernel[1] !== windowed.kernel[0] && { sizeAcross: windowed.kernel[1] }),
    stride: windowed?.stride[1] ?? (node?.op === "maxPool" ? node.attributes.stride : 1),
    padLeft: windowed?.padding.left ?? 0,
    padTop: windowed?.padding.top ?? 0,
    table: step.lookup !== undefined ? 1 : 0,
    clamped: linear?.attributes.activation === "relu6" ? 1 : 0,
    broadcast: node?.op === "multiply" && step.reads[1]?.window === "whole" ? 1 : 0,
    reads: step.reads.length,
    ...(node?.op === "slice" && { pixels: copiesOfSlice(node, input) }),
    ...(node?.op === "concat" && concatOf(step, node, output)),
  };
}

/** Copies that a slice makes per row: one where whole pixels lie together, else one per pixel. */
export function copiesOfSlice({ attributes: { size, step } }: NodeOf<"slice">, { channels }: Value): number {
  return size[2] === channels && step[1] === 1 ? 1 : size[1];
}

/**
 * A concatenation along the channels joins pixels, otherwise rows; inputs that lie below each other give each row from
 * one.
 */
function concatOf({ reads }: Step, { attributes: { axis } }: NodeOf<"concat">, { width, height }: Value) {
  const below = axis === 1 && height > 1;
  return { parts: below ? 1 : reads.length, pixels: axis === 3 ? width : 1 };
}

function productsOf({ kernel }: Step, node: LinearNode, channels: number): number {
  if (kernel === "dsp_quads_window" || kernel === "dsp_nhwc_window") return 0;
  if (node.op === "dense") return channels;
  const { kernel: window, groups } = node.attributes;
  // A product reads windows as quads, whose channels are the filter's weights.
  return kernel.startsWith("dsp_product") ? channels : (window[0] * window[1] * channels) / groups;
}
