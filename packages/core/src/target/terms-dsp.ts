/** Terms that the instructions of the DSP kernels grow with: quads of pixels, windows, products, planes. */
import { callsOf, dspChannel, type KernelRow, linesOf, quarters, type StepShape, type Terms } from "./terms.js";

/** Passes over the filters: one for whole quads, and one for the remaining pixels. */
export const passesOf = (pixels: number): number => (pixels >= 4 ? 1 : 0) + (pixels % 4 === 0 ? 0 : 1);

/** Number of last quads with one or two pixels, for which only two pixels are multiplied. */
export const halvesOf = (pixels: number): number => (pixels % 4 === 1 || pixels % 4 === 2 ? 1 : 0);

/**
 * Quads of pixels over all calls of `batch` rows each, their passes, and the quads of which only two pixels are
 * multiplied.
 */
export function quadsOf({ rows, width, batch = 1 }: StepShape) {
  const [whole, rest] = [Math.floor(rows / batch), rows % batch];
  return {
    quads: whole * quarters(batch * width) + quarters(rest * width),
    passes: whole * passesOf(batch * width) + passesOf(rest * width),
    halves: whole * halvesOf(batch * width) + halvesOf(rest * width),
  };
}

/** Terms of turning a convolution's windows into quads. */
export function windowTerms(shape: StepShape): Terms {
  const { rows, width, inputWidth, channels, size, sizeAcross = size, stride, padLeft } = shape;
  const groups = quarters(size * sizeAcross * channels);
  const pixels = 3 * stride + sizeAcross;
  // Window lines of whole words are copied one after the other; others are assembled, starting up to a word before.
  const whole = (sizeAcross * channels) % 4 === 0;
  const firsts = Array.from({ length: quarters(width) }, (_, i) => 4 * i * stride - padLeft);
  const isInside = (first: number): boolean =>
    first >= 0 && (whole || first * channels >= 3) && first + pixels <= inputWidth;
  const wholeRows = linesOf(shape).whole;
  /** Number of rows in which a quad touches the map's border. */
  const rowsAtBorder = (first: number): number => (isInside(first) ? rows - wholeRows : rows);
  const borders = firsts.reduce((sum, first) => sum + rowsAtBorder(first), 0);
  const all = {
    quads: rows * firsts.length,
    [whole ? "wholeLines" : "lines"]: rows * firsts.length * size,
    words: rows * firsts.length * groups,
  };
  // At the border, windows are copied to a buffer first, or assembled piece by piece where the buffer is too small.
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

/**
 * Pieces of a window that begins at pixel `left`: for each line the parts left of the map, inside it and right of it.
 */
export function piecesOf({ inputWidth, channels, size, sizeAcross = size }: StepShape, left: number) {
  const inMap = (x: number): number => Math.max(0, Math.min(inputWidth, x));
  const right = left + sizeAcross;
  const [begin, end] = [inMap(left), inMap(right)];
  const found = { pieces: 0, words: 0, bytes: 0 };
  let at = 0;
  for (let line = 0; line < size; line++)
    for (const pixels of begin < end ? [begin - left, end - begin, right - end] : [sizeAcross]) {
      const bytes = pixels * channels;
      // Copied as words where aligned, as bytes before and after.
      const before = Math.min(bytes, -at & 3);
      found.pieces++;
      found.words += (bytes - before) >> 2;
      found.bytes += before + ((bytes - before) & 3);
      at += bytes;
    }
  return found;
}

/** Terms of a matrix product: a loop over filters outside, over quads of pixels inside. */
export function productTerms(shape: StepShape, passes: number, halves: number): Terms {
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

/** Constants of a matrix product, packed as words unless they are bytes. */
export const productConstants: Pick<KernelRow, "weightBytes" | "channelBytes"> = {
  weightBytes: ({ products, filters, bytes }) => (bytes ? 4 : 8) * quarters(products) * filters,
  channelBytes: dspChannel,
};

/** A dense layer: four filters at a time on one vector; weights are bytes. */
export const denseRow: Pick<KernelRow, "terms" | "weightBytes"> = {
  terms: ({ products, filters, table }) => {
    const groups = quarters(products);
    // The last filters are computed along with those before them.
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

/** A product to NHWC, where the pixels beyond whole quads take a pass of their own. */
export const product = (structBytes: number): KernelRow => ({
  structBytes,
  terms: (shape) => {
    const { passes, halves } = quadsOf(shape);
    return productTerms(shape, passes, halves);
  },
  ...productConstants,
});

export const productToPlanes = (structBytes: number, to: "planes16" | "planes8"): KernelRow => ({
  structBytes,
  terms: (shape) => {
    const { rows, width, filters } = shape;
    const beyond = width % 4 === 0 ? 0 : 1;
    // Planes of int8 take whole quads only, in one pass.
    const halves = to === "planes16" ? rows * halvesOf(width) : 0;
    const {
      passes,
      filters: ofFilters,
      ...terms
    } = productTerms(shape, halves > 0 && width > 4 ? 2 * rows : rows, halves);
    return {
      ...terms,
      // A row in parts has its own loops.
      ...(halves > 0 ? { parts: passes, filtersOfParts: ofFilters } : { passes, filters: ofFilters }),
      ...(to === "planes16" && { padded: rows * filters * beyond, padding: rows * filters * (-width & 3) }),
    };
  },
  ...productConstants,
});

/** A depthwise layer: a loop over channels outside, over four outputs at a time inside. */
export const depthwise = (size: 3 | 5, from: "planes16" | "planes8"): KernelRow => ({
  structBytes: 40,
  terms: (shape) => {
    const { rows, width, inputWidth, filters, stride, padLeft, table } = shape;
    const cells = rows * filters * quarters(width);
    const outside = rows - linesOf(shape).whole;
    const odd = padLeft % 2 === 1;
    let variant = stride === 1 ? "cells" : "cellsStrided";
    // Two pixels share a word, so the alignment of the window matters. Stride 1 has assembly loops for the usual
    // padding only.
    if (from === "planes16" && stride === 1 && odd !== (size === 3)) variant = "cellsInC";
    if (from === "planes16" && stride === 2 && !odd) variant = "cellsStridedEven";
    return {
      rows,
      channels: rows * filters,
      [variant]: cells,
      tables: cells * table,
      // Lines outside the map are read from one line of zero points.
      outside,
      filled: outside * inputWidth,
    };
  },
  weightBytes: ({ filters }) => filters * (size === 3 ? 24 : 80),
  channelBytes: dspChannel,
});

/** A kernel that makes each row block by block of channels: work that was done once per row is done once per block. */
export const inBlocks = (row: KernelRow): KernelRow => ({
  ...row,
  terms: (shape) => {
    const { blocks = 1 } = shape;
    const { rows, passes = 0, outside = 0, filled = 0, ...terms } = row.terms(shape);
    const eachBlock = { rows, ...(passes && { passes }), ...(outside && { outside, filled }) };
    return { ...terms, ...Object.fromEntries(Object.entries(eachBlock).map(([name, n]) => [name, blocks * n])) };
  },
});

/** Four pixels of a channel at a time, and the remaining ones. */
export const planesOf = ({ rows, width, filters }: StepShape): Terms => ({
  rows,
  channels: rows * filters,
  quads: rows * filters * Math.floor(width / 4),
  rest: rows * filters * (width % 4),
});

export function toQuads(shape: StepShape): Terms {
  const { quads, passes } = quadsOf(shape);
  return { rows: callsOf(shape), calls: passes, quads, groups: quads * quarters(shape.filters) };
}
