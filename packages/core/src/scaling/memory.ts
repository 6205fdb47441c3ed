/**
 * Working memory of a PhiNet's firmware program, and how many entries its schedule has, from the shapes of its blocks: what
 * target/program.ts finds with a graph, in closed form. A block's groups of steps are its expansion, its depthwise layer with
 * the projection, and with squeeze-and-excite two dense layers and a projection of their own; a phase's bytes are the rings
 * and maps that are alive in it, and the most that one of its groups needs within a row.
 */
import { aligned, readSlackBytes, rowBytes, type Value } from "../target/index.js";

export interface BlockMaps {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly skip: boolean;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** What a network has around its blocks with an expansion. */
export interface Frame {
  readonly dsp: boolean;
  /** The picture lies in the working memory. */
  readonly whole: boolean;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  /** The stem's output, and the stride and padding of its depthwise layer. */
  readonly stem: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly stride: number;
    readonly padding: number;
  };
  /** Block 0: depthwise and projection. */
  readonly first: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly stride: number;
    readonly skip: boolean;
  };
  readonly head:
    | { readonly kind: "none" }
    /** Of the dense layers. */
    | { readonly kind: "classifier"; readonly widths: readonly number[] }
    | { readonly kind: "yolov2"; readonly filters: number; readonly predictions: number };
}

type Plan = "speed" | "ram";

const up4 = (count: number): number => (count + 3) & ~3;
const quads = (width: number, channels: number): number => 2 * up4(width) * up4(channels);
const planes = (plan: Plan, width: number, channels: number, kernel: number): number =>
  plan === "speed"
    ? aligned(2 * (channels * (up4(width) + 2) + 2))
    : aligned(rowBytes({ layout: "planes8", width, channels, pad: (kernel - 1) / 2 } as Value));
const nhwc = (width: number, channels: number): number => aligned(width * channels);
/** A plane of the zero point beside a depthwise kernel. */
const zeroPlane = (width: number): number => aligned(2 * (up4(width) + 8));

/** Most rows of a map that its windows keep together. */
export function ringRows(height: number, outHeight: number, kernel: number, stride: number, padding: number): number {
  let most = 1;
  for (let y = 0; y < outHeight; y++) {
    const from = y * stride - padding;
    most = Math.max(most, Math.min(height, from + kernel) - Math.max(0, from));
    if (from >= 0 && from + kernel <= height) break; // a whole window: there are no more
  }
  return most;
}

/** Bytes alive and most scratch of each phase; reused from call to call. */
const alive = new Float64Array(256);
const scratch = new Float64Array(256);

/** Where a map that is held whole, or kept for a sum, begins. */
interface Kept {
  readonly bytes: number;
  readonly since: number;
}

/** Bytes that the last block and the head need, and entries of the schedule. */
interface End {
  /** The last block's output may be held whole. */
  readonly isCut: boolean;
  /** Rings in the last block's phase where its rows stream on. */
  readonly rings: number;
  readonly scratch: number;
  /** The last block's row lives until it is read. */
  readonly streams: boolean;
  /** Most bytes of the phases that follow. */
  readonly after: number;
  readonly entries: number;
  /** Where the last block's rows stream on. */
  readonly streamEntries: number;
}

/** Of a block, what does not depend on its expanded width h; places in its `bytes`. */
const [
  IN_MAP,
  OUT_MAP,
  KEPT,
  STAGED,
  ZERO,
  ROW,
  ROWS,
  SLOPE,
  BASE,
  RAM_SLOPE,
  RAM_BASE,
  WIDE,
  SKIP,
  IN_HEIGHT,
  OUT_HEIGHT,
] = Array.from({ length: 15 }, (_, i) => i);
const places = 15;

export interface PreparedBlock extends BlockMaps {
  /** `bytesOf` it. */
  readonly bytes: Float64Array;
}

/** A frame and blocks prepared for many expanded widths. */
export interface Layout {
  readonly frame: Frame;
  readonly maps: readonly PreparedBlock[];
  /** No map has a height of one row: phases are those of whole blocks. */
  readonly regular: boolean;
  readonly ends: Readonly<Record<Plan, End>>;
  /** Rings before block 0's output, and the most that the groups up to there need, with that output held and streaming. */
  readonly front: Readonly<Record<Plan, number>>;
  readonly frontHeld: number;
  readonly frontStreams: number;
  readonly out0: number;
  /** Of the schedule, without blocks and head. */
  readonly entries: number;
}

/** A ring's row is aligned(SLOPE h + BASE) bytes; a staged row of h channels WIDE bytes a channel. */
export function bytesOf(block: BlockMaps, dsp: boolean): Float64Array {
  const { inHeight, inWidth, outHeight, outWidth, kernel, stride, padding, input: from, output, skip } = block;
  const pad = (kernel - 1) / 2;
  const bytes = new Float64Array(places);
  bytes[IN_MAP] = aligned(inHeight * inWidth * from);
  bytes[OUT_MAP] = aligned(outHeight * outWidth * output);
  bytes[KEPT] = aligned(Math.min(inHeight, kernel - padding) * inWidth * from);
  bytes[STAGED] = dsp ? quads(inWidth, from) : 0;
  bytes[ZERO] = dsp ? zeroPlane(inWidth) : 0;
  bytes[ROW] = nhwc(outWidth, output);
  bytes[ROWS] = ringRows(inHeight, outHeight, kernel, stride, padding);
  bytes[SLOPE] = dsp ? 2 * (up4(inWidth) + 2) : inWidth;
  bytes[BASE] = dsp ? 4 : 0;
  bytes[RAM_SLOPE] = dsp ? inWidth + pad : inWidth;
  bytes[RAM_BASE] = dsp ? pad + 7 : 0;
  bytes[WIDE] = dsp ? 2 * up4(outWidth) : outWidth;
  bytes[SKIP] = skip ? 1 : 0;
  bytes[IN_HEIGHT] = inHeight;
  bytes[OUT_HEIGHT] = outHeight;
  return bytes;
}

export function layoutOf(frame: Frame, maps: readonly PreparedBlock[]): Layout {
  const { dsp, whole, input, stem, first } = frame;
  const pictureRow = input.width * input.channels;
  const pictureRows = ringRows(input.height, stem.height, 3, stem.stride, stem.padding);
  const stemRows = ringRows(stem.height, first.height, 3, first.stride, 1);
  const picture =
    (whole ? aligned(input.height * pictureRow) : dsp ? 0 : aligned(pictureRows * pictureRow)) +
    (dsp ? aligned(pictureRows * planes("ram", input.width, input.channels, 3)) : 0);
  const frontOf = (plan: Plan): number =>
    picture + aligned(stemRows * (dsp ? planes(plan, stem.width, stem.channels, 3) : stem.width * stem.channels));
  const stemScratch = dsp
    ? zeroPlane(input.width) + quads(stem.width, input.channels)
    : nhwc(stem.width, input.channels);
  const row0 = dsp ? quads(first.width, stem.channels) : nhwc(first.width, stem.channels);
  const scratch0 = Math.max(stemScratch, (dsp ? zeroPlane(stem.width) : 0) + row0);
  const out = nhwc(first.width, first.channels);
  const next = maps[0];
  const regular =
    !first.skip &&
    first.height > 1 &&
    stem.height > 1 &&
    maps.length > 0 &&
    maps.every(({ outHeight }) => outHeight > 1);
  const none = { isCut: false, rings: 0, scratch: 0, streams: false, after: 0, entries: 0, streamEntries: 0 };
  return {
    ...{ frame, maps, regular },
    ends: regular ? { speed: endOf(frame, maps, "speed"), ram: endOf(frame, maps, "ram") } : { speed: none, ram: none },
    front: { speed: frontOf("speed"), ram: frontOf("ram") },
    frontHeld: scratch0,
    frontStreams:
      next === undefined || next.skip
        ? scratch0
        : Math.max(scratch0, row0 + out, dsp ? out + quads(first.width, first.channels) : 0),
    out0: aligned(first.height * first.width * first.channels),
    entries: input.height + (dsp ? input.height : 0) + stem.height + first.height,
  };
}

/** Entries of the schedule of the last `arenaOfBlocks`. */
export let scheduleEntries = 0;

/**
 * Bytes of working memory; sets `scheduleEntries`.
 * @param hidden expanded width of each block
 * @param squeezed widths of the squeezes; undefined without squeeze-and-excite
 */
export function arenaOfBlocks(
  layout: Layout,
  hidden: ArrayLike<number>,
  squeezed: ArrayLike<number> | undefined,
  plan: Plan,
): number {
  const { frame, maps } = layout;
  const slack = frame.dsp ? readSlackBytes : 0;
  if (layout.regular && everyBlockIsCut(layout, hidden))
    return (
      slack +
      (squeezed === undefined ? plainArena(layout, hidden, plan) : squeezedArena(layout, hidden, squeezed, plan))
    );
  const cuts = cutsOf(frame, maps, hidden);
  const most = squeezed === undefined || maps.length === 0 ? cuts.length : cuts.filter((cut) => cut < 0).length;
  let best = { bytes: Number.POSITIVE_INFINITY, entries: 0 };
  for (let prefix = 0; prefix <= most; prefix++) {
    const found = walk(frame, maps, hidden, squeezed, plan, prefix < cuts.length ? cuts[prefix] : maps.length, cuts);
    if (found.bytes < best.bytes) best = found;
  }
  scheduleEntries = best.entries;
  return best.bytes + slack;
}

/** Whether every block narrows to its output, so that all of them (but the last, by its head) may be held whole. */
function everyBlockIsCut({ frame, maps }: Layout, hidden: ArrayLike<number>): boolean {
  const { dsp, first, stem } = frame;
  if (first.channels >= stem.channels) return false;
  for (let i = 0; i < maps.length; i++) {
    const { skip, output, input } = maps[i];
    if (!skip && (output >= hidden[i] || (!dsp && input > hidden[i]))) return false;
  }
  return true;
}

/** What the last block and the head need. */
function endOf({ dsp, head }: Frame, maps: readonly BlockMaps[], plan: Plan): End {
  const { outHeight: height, outWidth: width, output: features, skip } = maps[maps.length - 1];
  if (head.kind === "none")
    return { isCut: false, rings: 0, scratch: 0, streams: false, after: 0, entries: 0, streamEntries: 0 };
  if (head.kind === "classifier") {
    let [after, inputs, before] = [0, features, aligned(4 * features)];
    head.widths.forEach((units, i) => {
      const made = i + 1 < head.widths.length ? aligned(units) : 0;
      after = Math.max(after, before + made + (dsp ? aligned(8 * Math.ceil(inputs / 4)) : 0));
      [inputs, before] = [units, made];
    });
    const entries = head.widths.length;
    return {
      isCut: false,
      rings: aligned(4 * features),
      scratch: 0,
      streams: true,
      after,
      entries,
      streamEntries: entries,
    };
  }
  const staged = dsp ? quads(width, features) : nhwc(width, features);
  const filters = nhwc(width, head.filters);
  const scratch = dsp
    ? Math.max(zeroPlane(width) + staged, staged + filters, filters + quads(width, head.filters))
    : staged + filters;
  const rows = ringRows(height, height, 3, 1, 1);
  if (!dsp || !skip) {
    const rings = aligned(rows * (dsp ? planes(plan, width, features, 3) : width * features));
    return { isCut: false, rings, scratch, streams: false, after: 0, entries: height, streamEntries: height };
  }
  const rings = aligned(rows * planes("ram", width, features, 3));
  const after = aligned(height * width * features) + scratch + rings;
  const own = Math.max(scratch, nhwc(width, features));
  return { isCut: true, rings, scratch: own, streams: true, after, entries: 2 * height, streamEntries: height };
}

const align = (bytes: number): number => (bytes + 7) & ~7;
const suffix = new Float64Array(64);

/** Without squeeze-and-excite: the first blocks stream, each later one is a phase. */
function plainArena(layout: Layout, hidden: ArrayLike<number>, plan: Plan): number {
  const { frame, maps, frontHeld, frontStreams, out0 } = layout;
  const { dsp } = frame;
  const count = maps.length;
  const end = layout.ends[plan];
  const slope = plan === "speed" ? SLOPE : RAM_SLOPE;
  const base = plan === "speed" ? BASE : RAM_BASE;
  const inner = dsp ? 7 : 0;
  // Most bytes of the phases from each block on, where all blocks from there are held.
  let after = end.after;
  let entries = layout.entries + end.entries;
  for (let i = count - 1; i >= 0; i--) {
    const at = maps[i].bytes;
    const h = hidden[i];
    const skip = at[SKIP] === 1;
    const row = at[ROW];
    const wide = dsp ? at[WIDE] * ((h + 3) & ~3) : align(at[WIDE] * h);
    const ring = align(at[ROWS] * ((at[slope] * h + at[base] + inner) & ~inner));
    let within = Math.max(at[STAGED], at[ZERO] + wide, skip ? wide + row : 0);
    let made = at[OUT_MAP];
    if (i === count - 1 && !end.isCut) {
      made = end.rings;
      within = Math.max(within, end.scratch, end.streams ? (skip ? Math.max(wide + row, 2 * row) : wide + row) : 0);
    }
    suffix[i] = after = Math.max(after, at[IN_MAP] + ring + made + within);
    entries += at[IN_HEIGHT] + at[OUT_HEIGHT];
  }
  // Rows that stream: each block adds its rings; where the next one has no sum its rows become quads at once.
  let rings = layout.front[plan];
  let best = Math.max(rings + out0 + frontHeld, suffix[0]);
  let fewest = entries;
  let within = frontStreams;
  for (let i = 0; i < count; i++) {
    const at = maps[i].bytes;
    const h = hidden[i];
    const skip = at[SKIP] === 1;
    const row = at[ROW];
    const wide = dsp ? at[WIDE] * ((h + 3) & ~3) : align(at[WIDE] * h);
    rings += align(at[ROWS] * ((at[slope] * h + at[base] + inner) & ~inner));
    if (skip) {
      rings += at[KEPT];
      within = Math.max(within, at[STAGED], wide + row);
    } else entries -= at[IN_HEIGHT];
    within = Math.max(within, at[ZERO] + wide);
    const last = i === count - 1;
    if (!last || end.isCut) {
      const bytes = Math.max(rings + at[OUT_MAP] + within, last ? end.after : suffix[i + 1]);
      if (bytes < best) {
        best = bytes;
        fewest = entries;
      }
    }
    if (last) {
      const streaming = end.streams ? (skip ? Math.max(wide + row, 2 * row) : wide + row) : 0;
      const bytes = Math.max(rings + end.rings + Math.max(within, end.scratch, streaming), end.isCut ? 0 : end.after);
      if (bytes < best) {
        best = bytes;
        fewest = entries - end.entries + end.streamEntries;
      }
    } else if (maps[i + 1].bytes[SKIP] === 0)
      within = Math.max(within, wide + row, skip ? 2 * row : 0, dsp ? row + maps[i + 1].bytes[STAGED] : 0);
  }
  scheduleEntries = fewest;
  return best;
}

/** With squeeze-and-excite: a block has a phase up to its map, two for the squeeze, and one for the projection. */
function squeezedArena(layout: Layout, hidden: ArrayLike<number>, squeezed: ArrayLike<number>, plan: Plan): number {
  const { frame, maps, front, frontHeld, frontStreams, out0 } = layout;
  const { dsp } = frame;
  const count = maps.length;
  const end = layout.ends[plan];
  const slope = plan === "speed" ? SLOPE : RAM_SLOPE;
  const base = plan === "speed" ? BASE : RAM_BASE;
  const inner = dsp ? 7 : 0;
  let entries = layout.entries + end.entries;
  let most = end.after;
  let held = 0;
  let streamed = 0;
  for (let i = 0; i < count; i++) {
    const at = maps[i].bytes;
    const h = hidden[i];
    const skip = at[SKIP] === 1;
    const row = at[ROW];
    const padded = (h + 3) & ~3;
    const outHeight = at[OUT_HEIGHT];
    const staging = dsp ? at[WIDE] * padded : align(at[WIDE] * h);
    const ring = align(at[ROWS] * ((at[slope] * h + at[base] + inner) & ~inner));
    // Half of a staged row's bytes a pixel and channel.
    const map = dsp ? outHeight * align((at[WIDE] / 2) * h) : align(outHeight * at[WIDE] * h);
    const sums = align(4 * h);
    const factors = align(h);
    const narrow = align(squeezed[i]);
    const kept = skip ? at[IN_MAP] : 0;
    const opening = at[IN_MAP] + ring + map + sums + Math.max(at[STAGED], at[ZERO]);
    if (i === 0) {
      held = Math.max(front[plan] + out0 + frontHeld, opening);
      streamed = front[plan] + ring + map + sums + kept + Math.max(frontStreams, at[ZERO], skip ? at[STAGED] : 0);
    } else most = Math.max(most, opening);
    const last = i === count - 1 && !end.isCut;
    const made = last ? end.rings : at[OUT_MAP];
    let within = Math.max(staging, skip ? staging + row : 0);
    if (last) within = Math.max(within, end.scratch, end.streams ? Math.max(staging + row, skip ? 2 * row : 0) : 0);
    const dense = dsp ? 2 * padded : 0;
    const denseNarrow = dsp ? 2 * ((squeezed[i] + 3) & ~3) : 0;
    most = Math.max(
      most,
      kept + map + sums + narrow + align(dense),
      kept + map + narrow + factors + align(denseNarrow),
      kept + map + factors + made + within,
    );
    entries += at[IN_HEIGHT] + 2 * outHeight + 2;
  }
  held = Math.max(held, most);
  streamed = Math.max(streamed, most);
  scheduleEntries = streamed < held && !maps[0].skip ? entries - maps[0].inHeight : entries;
  return Math.min(streamed, held);
}

/** Blocks whose outputs may be held whole; -1 is block 0. */
function cutsOf(frame: Frame, blocks: readonly BlockMaps[], hidden: ArrayLike<number>): number[] {
  const cuts: number[] = [];
  const grows = (i: number, channels: number): boolean =>
    frame.dsp || i >= blocks.length || blocks[i].skip || channels <= hidden[i];
  const { first, stem, head } = frame;
  const isLast = (i: number): boolean =>
    i === blocks.length - 1 && (head.kind !== "yolov2" || !frame.dsp || !(i < 0 ? first : blocks[i]).skip);
  if (first.height > 1 && !isLast(-1) && (first.skip || first.channels < stem.channels) && grows(0, first.channels))
    cuts.push(-1);
  for (let i = 0; i < blocks.length; i++) {
    const { outHeight, output, skip } = blocks[i];
    if (outHeight > 1 && !isLast(i) && (skip || output < hidden[i]) && grows(i + 1, output)) cuts.push(i);
  }
  return cuts;
}

/** @param from first block whose output is held whole, if it is among the cuts */
function walk(
  { dsp, whole, input, stem, first, head }: Frame,
  blocks: readonly BlockMaps[],
  hidden: ArrayLike<number>,
  squeezed: ArrayLike<number> | undefined,
  plan: Plan,
  from: number,
  cuts: readonly number[],
): { bytes: number; entries: number } {
  let phase = 0;
  let entries = input.height;
  alive[0] = scratch[0] = 0;
  const next = (): void => {
    phase++;
    alive[phase] = scratch[phase] = 0;
  };
  const add = (bytes: number): void => {
    alive[phase] += bytes;
  };
  const span = ({ bytes, since }: Kept): void => {
    for (let i = since; i < phase; i++) alive[i] += bytes;
    alive[phase] += bytes;
  };
  const within = (bytes: number): void => {
    if (bytes > scratch[phase]) scratch[phase] = bytes;
  };
  /** A group has fired its last: a phase of one firing ends. */
  const group = (firings: number, ends = false): void => {
    entries += firings;
    if (ends || firings === 1) next();
  };
  const isBarrier = (i: number): boolean => i >= from && cuts.includes(i);

  const pictureRow = input.width * input.channels;
  if (whole) add(aligned(input.height * pictureRow));
  else if (!dsp) add(aligned(ringRows(input.height, stem.height, 3, stem.stride, stem.padding) * pictureRow));
  if (dsp) {
    const rows = ringRows(input.height, stem.height, 3, stem.stride, stem.padding);
    add(aligned(rows * planes("ram", input.width, input.channels, 3)));
    group(input.height);
  }
  const stemRows = ringRows(stem.height, first.height, 3, first.stride, 1);
  if (dsp) {
    const row = quads(stem.width, input.channels);
    within(zeroPlane(input.width) + row);
    if (first.skip) {
      add(aligned(Math.min(stem.height, 2) * stem.width * stem.channels));
      group(stem.height);
      add(aligned(stemRows * planes("ram", stem.width, stem.channels, 3)));
      group(stem.height);
    } else {
      add(aligned(stemRows * planes(plan, stem.width, stem.channels, 3)));
      group(stem.height);
    }
  } else {
    within(nhwc(stem.width, input.channels));
    add(aligned(stemRows * stem.width * stem.channels));
    group(stem.height);
  }

  /**
   * The end of a group that makes a block's output of `channels` channels from a row of `before` bytes: the projection, the
   * sum, and what the next block begins with where rows stream into it. Returns the map or ring that the next block reads.
   */
  const finish = (
    i: number,
    before: number,
    skip: boolean,
    width: number,
    height: number,
    channels: number,
  ): Kept | undefined => {
    const following = i + 1 < blocks.length ? blocks[i + 1] : undefined;
    const row = nhwc(width, channels);
    const barrier = isBarrier(i);
    if (following === undefined && head.kind === "yolov2" && dsp && !skip) {
      // The head's depthwise layer alone reads it: the projection writes planes.
      within(before);
      return { bytes: aligned(ringRows(height, height, 3, 1, 1) * planes(plan, width, channels, 3)), since: phase };
    }
    const isOutput = following === undefined && head.kind === "none";
    // The map of a detector without the DSP extension is read by windows.
    const isRead =
      following === undefined ? head.kind === "classifier" || (head.kind === "yolov2" && dsp) : !following.skip;
    const streams = !barrier && !isOutput && isRead;
    const made = streams ? row : 0;
    if (skip) {
      within(before + row);
      within(row + made);
    } else within(before + made);
    let kept: Kept | undefined;
    if (streams) {
      if (following !== undefined && dsp) {
        const staged = quads(width, channels);
        within(row + staged);
        within(staged);
      }
    } else if (!isOutput) {
      const rows = barrier ? height : following === undefined ? ringRows(height, height, 3, 1, 1) : keptRows(following);
      kept = { bytes: aligned(rows * width * channels), since: phase };
    }
    return kept;
  };
  const keptRows = ({ inHeight, kernel, padding }: BlockMaps): number =>
    squeezed === undefined ? Math.min(inHeight, kernel - padding) : inHeight;

  // Block 0.
  {
    const row = dsp ? quads(first.width, stem.channels) : nhwc(first.width, stem.channels);
    within((dsp ? zeroPlane(stem.width) : 0) + row);
  }
  const row0 = dsp ? quads(first.width, stem.channels) : nhwc(first.width, stem.channels);
  let kept = finish(-1, row0, first.skip, first.width, first.height, first.channels);
  /** Whether the group that is open has begun the next block. */
  let merged = kept === undefined;
  let firings = first.height;
  let ends = isBarrier(-1);

  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i];
    const { inHeight, inWidth, outHeight, outWidth, kernel, stride, padding, skip, output } = block;
    const wide = hidden[i];
    const rows = ringRows(inHeight, outHeight, kernel, stride, padding);
    const ring = dsp ? aligned(rows * planes(plan, inWidth, wide, kernel)) : aligned(rows * inWidth * wide);
    if (merged) {
      add(ring);
      group(firings, ends);
      // The ring is read in the phase that follows a group of one firing.
      if (firings === 1) add(ring);
    } else {
      group(firings, ends);
      if (dsp) within(quads(inWidth, block.input));
      add(ring);
      if (!skip) span(kept!);
      group(inHeight);
      if (inHeight === 1) add(ring);
    }
    const row = dsp ? quads(outWidth, wide) : nhwc(outWidth, wide);
    if (squeezed === undefined) {
      within((dsp ? zeroPlane(inWidth) : 0) + row);
    } else {
      const map = dsp ? outHeight * aligned(wide * up4(outWidth)) : aligned(outHeight * outWidth * wide);
      const narrow = squeezed[i];
      const sums = aligned(4 * wide);
      const dense = (inputs: number): number => (dsp ? aligned(8 * Math.ceil(inputs / 4)) : 0);
      if (dsp) within(zeroPlane(inWidth));
      add(map + sums);
      group(outHeight, true);
      add(map + sums + aligned(narrow));
      within(dense(wide));
      group(1);
      add(map + aligned(narrow) + aligned(wide));
      within(dense(narrow));
      group(1);
      add(map + aligned(wide));
      within(row);
    }
    const before = kept;
    kept = finish(i, row, skip, outWidth, outHeight, output);
    if (skip && before !== undefined) span(before);
    merged = kept === undefined && i + 1 < blocks.length;
    firings = outHeight;
    ends = isBarrier(i);
  }

  const last = blocks.length > 0 ? blocks[blocks.length - 1] : undefined;
  const [height, width, features] = last
    ? [last.outHeight, last.outWidth, last.output]
    : [first.height, first.width, first.channels];
  if (head.kind === "classifier") {
    // The row that is added up lives while it is.
    within(nhwc(width, features));
    add(aligned(4 * features));
    group(firings, true);
    add(aligned(4 * features));
    let inputs = features;
    head.widths.forEach((units, i) => {
      if (i > 0) add(aligned(inputs));
      if (i + 1 < head.widths.length) add(aligned(units));
      if (dsp) within(aligned(8 * Math.ceil(inputs / 4)));
      group(1);
      inputs = units;
    });
  } else if (head.kind === "yolov2") {
    const ring = aligned(ringRows(height, height, 3, 1, 1) * planes("ram", width, features, 3));
    if (dsp) {
      if (!(last ?? first).skip) {
        group(firings, ends);
        span(kept!);
      } else if (kept === undefined) {
        // The last block's rows become planes at once.
        within(nhwc(width, features));
        add(ring);
        group(firings, ends);
        if (firings === 1) add(ring);
      } else {
        group(firings, ends);
        add(ring);
        span(kept);
        group(height);
        if (height === 1) add(ring);
      }
      const [wide, row, narrow] = [quads(width, features), nhwc(width, head.filters), quads(width, head.filters)];
      within(zeroPlane(width) + wide);
      within(wide + row);
      within(row + narrow);
      group(height);
    } else {
      group(firings, ends);
      if (kept !== undefined) span(kept);
      within(nhwc(width, features) + nhwc(width, head.filters));
      group(height);
    }
  } else group(firings, ends);
  let bytes = 0;
  for (let i = 0; i <= phase; i++) bytes = Math.max(bytes, alive[i] + scratch[i]);
  return { bytes, entries };
}
