/**
 * One row a C kernel of firmware/kernels: what it is given, and what its instructions grow with. A kernel is its source, its
 * row here, and the figures that bench/cost measures of it (kernel-costs.json, code-sizes.json).
 */
import { isLinear, type LinearNode, type NodeOf } from "../graph/index.js";
import { depthwiseRuns, windowTiles } from "./helium.js";
import type { Value } from "./layout.js";
import type { Lowering, Step } from "./steps.js";

/** What a step's cost depends on. */
export interface StepShape {
  /** Rows that it makes; of a mean, rows that it takes. */
  readonly rows: number;
  /** Pixels of a row of the output and of the first input. */
  readonly width: number;
  readonly inputWidth: number;
  /** Of the first input and of the output. */
  readonly channels: number;
  readonly filters: number;
  /** Weights of a filter; 0 where there are none. */
  readonly products: number;
  /** Side of the window, 1 where there is none. */
  readonly size: number;
  /** Its width, where it is no square. */
  readonly sizeAcross?: number;
  readonly stride: number;
  readonly padLeft: number;
  /** Rows of the first input, and of padding above them. Absent: every window has all of its rows. */
  readonly inputHeight?: number;
  readonly padTop?: number;
  /** 1 where results are looked up, or clamped by a table. */
  readonly table: number;
  /** 1 where a ReLU6 saturates about half of the results. */
  readonly clamped?: number;
  /** 1 where the second input is one value a channel. */
  readonly broadcast?: number;
  /** Inputs. */
  readonly reads?: number;
  /** Of a concatenation: inputs that make a row, and copies an input. */
  readonly parts?: number;
  readonly pixels?: number;
  /** Rows that one call makes. Absent: one. */
  readonly batch?: number;
  /** Pixels of which a convolution has windows at a time. */
  readonly tile?: number;
  /** 1 where a product's weights are bytes, which are unpacked for every quad. */
  readonly bytes?: number;
}

/** Calls of the kernel. */
export function callsOf({ rows, batch = 1 }: Pick<StepShape, "rows" | "batch">): number {
  return Math.ceil(rows / batch);
}

/** Amounts that instructions are proportional to, by name; of the whole step. */
export type Terms = Readonly<Record<string, number>>;

export interface KernelRow {
  /** Size of the C structure that it is given, on a 32-bit target. */
  readonly structBytes: number;
  /** `rows` stands for a call that makes one, `batches` for one that makes several. */
  readonly terms: (shape: StepShape) => Terms;
  /** Bytes of the weights as it reads them. Default: none. */
  readonly weightBytes?: (shape: StepShape) => number;
  /** Bytes of the arrays that the structure points to and that are no weights. Default: none. */
  readonly tableBytes?: (shape: StepShape) => number;
  /** Bytes of bias, multiplier and shift a channel. */
  readonly channelBytes?: { readonly bias: number; readonly requantization: number };
  /** Channels that have them. Default: the filters. */
  readonly constantChannels?: (shape: StepShape) => number;
}

const quarters = (count: number): number => Math.ceil(count / 4);
const portableChannel = { bias: 4, requantization: 5 } as const;
const dspChannel = { bias: 4, requantization: 8 } as const;
const bytesAsTheyAre = ({ products, filters }: StepShape): number => products * filters;

/** The windows of a layer along one axis: their taps inside the map, and how many lie inside with all of them. */
function along(outputs: number, inputs: number, size: number, stride: number, before: number) {
  let taps = 0;
  let whole = 0;
  for (let i = 0; i < outputs; i++) {
    const first = i * stride - before;
    const inside = Math.max(0, Math.min(inputs, first + size) - Math.max(0, first));
    taps += inside;
    if (inside === size) whole++;
  }
  return { taps, whole };
}

const linesOf = ({ rows, inputHeight, size, stride, padTop = 0 }: StepShape) =>
  inputHeight === undefined ? { taps: rows * size, whole: rows } : along(rows, inputHeight, size, stride, padTop);
const columnsOf = ({ width, inputWidth, size, sizeAcross = size, stride, padLeft }: StepShape) =>
  along(width, inputWidth, sizeAcross, stride, padLeft);

/** Outputs that the portable kernels make of a channel at a time: PHINETS_RUN of firmware/kernels/output.h. */
const run = 64;

/** Runs of a row on a Cortex-M0, whose buffer holds the pixels' products: `run_of` of firmware/kernels/armv6m.c. */
export function packedRuns(width: number, products: number): number {
  const pairs = Math.ceil(products / 2);
  const most = Math.min(run, 2 * Math.floor((1024 - pairs) / pairs / 2));
  return most < 2 ? 0 : Math.ceil(width / most);
}

/** A map's rows added up, and an end for each channel. */
const sumsOf = ({ rows, inputWidth, channels }: StepShape): Terms => ({
  rows,
  loops: rows * quarters(inputWidth),
  quads: rows * channels * Math.floor(inputWidth / 4),
  rest: rows * channels * (inputWidth % 4),
  channels,
});

/** Passes over the filters: of whole quads, and of the pixels beyond. */
const passesOf = (pixels: number): number => (pixels >= 4 ? 1 : 0) + (pixels % 4 === 0 ? 0 : 1);

/** A last quad of one or two pixels, of which two are multiplied. */
const halvesOf = (pixels: number): number => (pixels % 4 === 1 || pixels % 4 === 2 ? 1 : 0);

/** Quads of pixels, of as many rows at a time as a call makes, their passes, and those of two pixels. */
function quadsOf({ rows, width, batch = 1 }: StepShape) {
  const [whole, rest] = [Math.floor(rows / batch), rows % batch];
  return {
    quads: whole * quarters(batch * width) + quarters(rest * width),
    passes: whole * passesOf(batch * width) + passesOf(rest * width),
    halves: whole * halvesOf(batch * width) + halvesOf(rest * width),
  };
}

/** Windows of a convolution as quads. */
function windowTerms(shape: StepShape): Terms {
  const { rows, width, inputWidth, channels, size, sizeAcross = size, stride, padLeft } = shape;
  const groups = quarters(size * sizeAcross * channels);
  const pixels = 3 * stride + sizeAcross;
  // A window's row of whole words is followed by the next; others are put together, from a word before on.
  const whole = (sizeAcross * channels) % 4 === 0;
  const firsts = Array.from({ length: quarters(width) }, (_, i) => 4 * i * stride - padLeft);
  const isInside = (first: number): boolean =>
    first >= 0 && (whole || first * channels >= 3) && first + pixels <= inputWidth;
  const wholeRows = linesOf(shape).whole;
  /** Rows in which a quad is at the map's border. */
  const rowsAtBorder = (first: number): number => (isInside(first) ? rows - wholeRows : rows);
  const borders = firsts.reduce((sum, first) => sum + rowsAtBorder(first), 0);
  const all = {
    quads: rows * firsts.length,
    [whole ? "wholeLines" : "lines"]: rows * firsts.length * size,
    words: rows * firsts.length * groups,
  };
  // At the border the windows are copied to a buffer first, or put together piece by piece where it is too small.
  if ((whole ? 1 : size) * pixels * channels <= 248)
    return { ...all, borders, borderLines: borders * size, borderWords: borders * size * quarters(pixels * channels) };
  const pieces = { pieces: 0, pieceWords: 0, pieceBytes: 0 };
  for (const first of firsts)
    for (let i = 0; i < 4; i++) {
      const own = piecesOf(shape, first + i * stride);
      const times = rowsAtBorder(first);
      pieces.pieces += times * own.pieces;
      pieces.pieceWords += times * own.words;
      pieces.pieceBytes += times * own.bytes;
    }
  return { ...all, unbuffered: borders, ...pieces };
}

/** What a window that begins at pixel `left` is put together of: what is left of the map, in it and right of it, line by line. */
function piecesOf({ inputWidth, channels, size, sizeAcross = size }: StepShape, left: number) {
  const inMap = (x: number): number => Math.max(0, Math.min(inputWidth, x));
  const right = left + sizeAcross;
  const [begin, end] = [inMap(left), inMap(right)];
  const found = { pieces: 0, words: 0, bytes: 0 };
  let at = 0;
  for (let line = 0; line < size; line++)
    for (const pixels of begin < end ? [begin - left, end - begin, right - end] : [sizeAcross]) {
      const bytes = pixels * channels;
      // Words where one begins, bytes up to there and after the last.
      const before = Math.min(bytes, -at & 3);
      found.pieces++;
      found.words += (bytes - before) >> 2;
      found.bytes += before + ((bytes - before) & 3);
      at += bytes;
    }
  return found;
}

/** Filters outside, quads of pixels inside. */
function productTerms(shape: StepShape, passes: number, halves: number): Terms {
  const { filters, products, table, bytes } = shape;
  const groups = quarters(products);
  const pairs = Math.ceil(groups / 2);
  const cells = quadsOf(shape).quads * filters;
  const cellsOfTwo = halves * filters;
  const whole = cells - cellsOfTwo;
  return {
    rows: callsOf(shape),
    passes,
    filters: passes * filters,
    cells,
    groups: whole * groups,
    pairs: whole * pairs,
    groupsOfTwo: cellsOfTwo * groups,
    pairsOfTwo: cellsOfTwo * pairs,
    tables: cells * table,
    ...(bytes && { unpacked: cells * groups }),
  };
}

/** Of a matrix product, packed as words unless they are bytes. */
const productConstants: Pick<KernelRow, "weightBytes" | "channelBytes"> = {
  weightBytes: ({ products, filters, bytes }) => (bytes ? 4 : 8) * quarters(products) * filters,
  channelBytes: dspChannel,
};

/** Four filters at a time, of one vector; weights are bytes. */
const denseRow: Pick<KernelRow, "terms" | "weightBytes"> = {
  terms: ({ products, filters, table }) => {
    const groups = quarters(products);
    // The last filters are made with those before them.
    const fours = quarters(filters);
    return {
      rows: 1,
      inputs: groups,
      fours,
      groups: fours * groups,
      pairs: fours * Math.ceil(groups / 2),
      tables: fours * table,
      rest: filters % 4 === 0 ? 0 : 1,
    };
  },
  weightBytes: ({ products, filters }) => 4 * quarters(products) * filters,
};

/** To NHWC, where pixels beyond whole quads are a pass of their own. */
const product = (structBytes: number): KernelRow => ({
  structBytes,
  terms: (shape) => {
    const { passes, halves } = quadsOf(shape);
    return productTerms(shape, passes, halves);
  },
  ...productConstants,
});

const productToPlanes = (structBytes: number, to: "planes16" | "planes8"): KernelRow => ({
  structBytes,
  terms: (shape) => {
    const { rows, width, filters } = shape;
    const beyond = width % 4 === 0 ? 0 : 1;
    // Of planes of int8 all quads are whole, and one pass.
    const halves = to === "planes16" ? rows * halvesOf(width) : 0;
    const passes = halves > 0 && width > 4 ? 2 * rows : rows;
    return {
      ...productTerms(shape, passes, halves),
      ...(to === "planes16" && { padded: rows * filters * beyond, padding: rows * filters * (-width & 3) }),
    };
  },
  ...productConstants,
});

/** Channels outside, four outputs inside. */
const depthwise = (size: 3 | 5, from: "planes16" | "planes8"): KernelRow => ({
  structBytes: 40,
  terms: (shape) => {
    const { rows, width, inputWidth, filters, stride, padLeft, table } = shape;
    const cells = rows * filters * quarters(width);
    const outside = rows - linesOf(shape).whole;
    const odd = padLeft % 2 === 1;
    let variant = stride === 1 ? "cells" : "cellsStrided";
    // Two pixels lie in a word: where the window starts in it matters. Stride 1 has loops for the usual padding alone.
    if (from === "planes16" && stride === 1 && odd !== (size === 3)) variant = "cellsInC";
    if (from === "planes16" && stride === 2 && !odd) variant = "cellsStridedEven";
    return {
      rows,
      channels: rows * filters,
      [variant]: cells,
      tables: cells * table,
      // Lines outside the map are one of zero points.
      outside,
      filled: outside * inputWidth,
    };
  },
  weightBytes: ({ filters }) => filters * (size === 3 ? 24 : 80),
  channelBytes: dspChannel,
});

const sixteens = (count: number): number => Math.ceil(count / 16);
/** Filters go in fours, inputs in sixteens; the last filters overlap those before them. */
const heliumConstants: Pick<KernelRow, "weightBytes" | "channelBytes" | "constantChannels"> = {
  weightBytes: ({ filters, products }) => 64 * quarters(filters) * sixteens(products),
  channelBytes: dspChannel,
  constantChannels: ({ filters }) => 4 * quarters(filters),
};

/** Helium's products of `pixels` in rounds: filters in fours outside, pairs of pixels inside, sixteen inputs at a time. */
function heliumProduct({ rows, filters, products, width, table }: StepShape, tiles: readonly number[]): Terms {
  const fours = rows * quarters(filters);
  const blocks = sixteens(products);
  const single = tiles.filter((pixels) => pixels === 1).length;
  const pairs = tiles.reduce((sum, pixels) => sum + (pixels === 1 ? 0 : Math.ceil(pixels / 2)), 0);
  return {
    calls: rows * tiles.length,
    fours: fours * (tiles.length - single),
    [blocks > 1 ? "pairs" : "pairsOfOneBlock"]: fours * pairs,
    blocks: fours * pairs * (blocks - 1),
    singles: fours * single,
    singleBlocks: fours * single * (blocks - 1),
    unpacked: filters < 4 ? rows * width * filters : 0,
    tables: rows * tiles.length * table,
    lookups: tiles.reduce((sum, pixels) => sum + sixteens(pixels * filters), 0) * rows * table,
  };
}

const heliumSums = ({ rows, inputWidth, channels }: StepShape): Terms => {
  const eights = rows * Math.ceil(channels / 8);
  return { rows, eights, values: eights * inputWidth, channels };
};

/** Channels outside, outputs inside, whose words are made for each sixteen channels of a run before. */
const heliumDepthwise = (size: 3 | 5): KernelRow => ({
  structBytes: 40,
  terms: ({ rows, width, inputWidth, filters, stride, table }) => {
    const runs = depthwiseRuns(size, width, stride);
    const blocks = rows * sixteens(filters);
    const pixels = runs.reduce((sum, outputs) => sum + (outputs - 1) * stride + size, 0);
    const eights = runs.reduce((sum, n) => sum + Math.floor(n / 8) + (n % 8 > 4 ? 1 : 0), 0);
    const fours = runs.filter((n) => n % 8 > 0 && n % 8 <= 4).length;
    return {
      rows,
      runs: rows * runs.length,
      blocks: blocks * runs.length,
      words: blocks * pixels,
      // Where sixteen channels reach beyond the row.
      shortWords: filters < 16 ? rows * Math.min(inputWidth, Math.floor(15 / filters)) : 0,
      channels: rows * filters * runs.length,
      eights: rows * filters * eights,
      fours: rows * filters * fours,
      tables: rows * table,
      lookups: rows * table * sixteens(width * filters),
    };
  },
  weightBytes: ({ filters }) => filters * (size === 3 ? 16 : 32),
  channelBytes: dspChannel,
});

const valuesOf = ({ rows, width, filters }: StepShape): Terms => ({
  rows,
  values: rows * width * filters,
});

/** Four pixels of a channel, and what is left of them. */
const planesOf = ({ rows, width, filters }: StepShape): Terms => ({
  rows,
  channels: rows * filters,
  quads: rows * filters * Math.floor(width / 4),
  rest: rows * filters * (width % 4),
});

/** Windows that may leave the map. */
const pooled: KernelRow = {
  structBytes: 40,
  terms: (shape) => {
    const { rows, width, filters } = shape;
    const lines = linesOf(shape).taps;
    return {
      rows,
      pixels: rows * width,
      values: rows * width * filters,
      lines: lines * width * filters,
      taps: lines * columnsOf(shape).taps * filters,
    };
  },
};

/** A tap for each row and column. */
const resized: KernelRow = {
  structBytes: 16,
  terms: ({ rows, width, filters }) => ({ rows, pixels: rows * width, values: rows * width * filters }),
  tableBytes: ({ rows, width }) => 4 * (Math.ceil((6 * rows) / 4) + Math.ceil((6 * width) / 4)),
};
function toQuads(shape: StepShape): Terms {
  const { quads, passes } = quadsOf(shape);
  return { rows: callsOf(shape), calls: passes, quads, groups: quads * quarters(shape.filters) };
}

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
      // 0: no square.
      const size = sizeAcross === shape.size ? sizeAcross : 0;
      const outputs = rows * width * filters;
      const lines = linesOf(shape).taps * filters;
      const columns = columnsOf(shape);
      const tiles = Math.ceil(width / run);
      // A Cortex-M0 has loops for these sizes, over the columns that the windows cover.
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
      // Elsewhere only 3x3 has more than the loop over taps, and only for windows inside the map.
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
      // One pixel, mostly of a dense layer: a filter at a time. A Cortex-M0 has no other loop for it.
      if (width === 1)
        return { ...all, singles: rows * others, lastSingle: rows * last, macsOfSingles: outputs * products };
      // Tiles of two filters and two pixels, four products at a time; an odd pixel or filter is a row of single ones.
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

/** Functions of firmware/kernels, without `phinets_step_`. */
export type Kernel = keyof typeof kernels;

/** What a step's cost depends on. */
export function shapeOf(step: Step, { values }: Pick<Lowering, "values">): StepShape {
  const input = values.get(step.reads[0].value)!;
  const output = values.get(step.output)!;
  const { node } = step;
  const linear = node !== undefined && isLinear(node) ? node : undefined;
  const windowed =
    node?.op === "conv2d" || node?.op === "averagePool" || node?.op === "maxWindow" ? node.attributes : undefined;
  const vector = step.reads[0].window === "whole";
  const channels = vector ? input.height * input.width * input.channels : input.channels;
  // The map's rows of which quads are made of several.
  const pixels = step.kernel === "dsp_quads_rows" ? input : output;
  return {
    rows: output.layout === "sums" ? input.height : pixels.height,
    ...(step.batch && { batch: step.batch }),
    ...(step.tile && { tile: step.tile }),
    ...(step.byteWeights && { bytes: 1 }),
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

/** A row of whole pixels that lie together is copied as one. */
export function copiesOfSlice({ attributes: { size, step } }: NodeOf<"slice">, { channels }: Value): number {
  return size[2] === channels && step[1] === 1 ? 1 : size[1];
}

/** Along the channels pixels are put together, else rows; where inputs lie below each other, each row is of one. */
function concatOf({ reads }: Step, { attributes: { axis } }: NodeOf<"concat">, { width, height }: Value) {
  const below = axis === 1 && height > 1;
  return { parts: below ? 1 : reads.length, pixels: axis === 3 ? width : 1 };
}

function productsOf({ kernel }: Step, node: LinearNode, channels: number): number {
  if (kernel === "dsp_quads_window" || kernel === "dsp_nhwc_window") return 0;
  if (node.op === "dense") return channels;
  const { kernel: window, groups } = node.attributes;
  // A product reads its windows as quads, whose channels are the filter's weights.
  return kernel.startsWith("dsp_product") ? channels : (window[0] * window[1] * channels) / groups;
}
