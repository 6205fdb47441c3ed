/**
 * Working memory of a PhiNet's firmware program and the length of its schedule, from the shapes of its blocks. Computes
 * in one pass over the blocks the results that target/program.ts derives from a graph.
 *
 * A block's groups of steps are its expansion, its depthwise layer with the projection, and with squeeze-and-excite two
 * dense layers and a projection of their own. A phase ends where a map is held whole or a group fires once. Its bytes
 * are the rings and maps that are alive in it, plus the largest scratch of its groups. The program streams the first p
 * blocks and holds the output of every later block that may be held (a cut). The part between two cuts does not depend
 * on p, so two passes cover all p: one that streams through, and one that holds at every cut.
 */
import { aligned, readSlackBytes, rowBytes, type Value, wordBytes } from "../target/index.js";

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

/** The parts of a network around its blocks with an expansion. */
export interface Frame {
  readonly dsp: boolean;
  readonly helium: boolean;
  /** Whether the whole picture lies in working memory. */
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
  /** Block 0, which has only a depthwise layer and a projection. */
  readonly first: BlockMaps;
  readonly head:
    | { readonly kind: "none" }
    /** Widths of the dense layers' outputs. */
    | { readonly kind: "classifier"; readonly widths: readonly number[] }
    | { readonly kind: "yolov2"; readonly filters: number };
}

export type Plan = "speed" | "ram";

const align = (bytes: number): number => (bytes + 7) & ~7;
const up4 = (count: number): number => (count + 3) & ~3;
const quads = (width: number, channels: number): number => 2 * up4(width) * up4(channels);
const planes = (plan: Plan, width: number, channels: number, kernel: number): number =>
  plan === "speed"
    ? aligned(2 * (channels * (up4(width) + 2) + 2))
    : aligned(rowBytes({ layout: "planes8", width, channels, pad: (kernel - 1) / 2 } as Value));
const nhwc = (width: number, channels: number): number => aligned(width * channels);
/** Bytes of the plane of zero points that a depthwise kernel uses. */
const zeroPlane = (width: number): number => aligned(2 * (up4(width) + 8));
/** Scratch of a depthwise layer: a plane of zero points, or its words with Helium. */
function besideDepthwise(
  { dsp, helium }: Pick<Frame, "dsp" | "helium">,
  { inWidth, outWidth, kernel, stride }: Pick<BlockMaps, "inWidth" | "outWidth" | "kernel" | "stride">,
): number {
  if (dsp) return zeroPlane(inWidth);
  return helium ? aligned(wordBytes(kernel as 3 | 5, outWidth, stride)) : 0;
}
/** Scratch into which a dense layer unpacks its inputs. */
const unpacked = (inputs: number): number => aligned(8 * Math.ceil(inputs / 4));

/** Most rows of a map that its windows need at once. */
export function ringRows(height: number, outHeight: number, kernel: number, stride: number, padding: number): number {
  let most = 1;
  for (let y = 0; y < outHeight; y++) {
    const from = y * stride - padding;
    most = Math.max(most, Math.min(height, from + kernel) - Math.max(0, from));
    if (from >= 0 && from + kernel <= height) break; // a whole window has the most rows
  }
  return most;
}

/**
 * Indices into `bytesOf` a block: the quantities that do not depend on its expanded width h. Integer arrays, because
 * they are read millions of times, and doubles are slow until V8 has compiled their readers.
 */
const [IN_MAP, OUT_MAP, KEPT, STAGED, ZERO, ROW, ROWS, WIDE] = [0, 1, 2, 3, 4, 5, 6, 7];
const [SLOPE, BASE, RAM_SLOPE, RAM_BASE] = [8, 9, 10, 11];
const [IN_HEIGHT, OUT_HEIGHT, OUTPUT, SKIP, places] = [12, 13, 14, 15, 16];

/**
 * Fills these quantities: a ring's row is aligned(SLOPE h + BASE) bytes; a staged row of h channels takes WIDE bytes
 * per channel.
 */
export function bytesOf(block: BlockMaps, simd: Pick<Frame, "dsp" | "helium">): Int32Array {
  const { dsp } = simd;
  const { inHeight, inWidth, outHeight, outWidth, kernel, stride, padding, input, output, skip } = block;
  const pad = (kernel - 1) / 2;
  const bytes = new Int32Array(places);
  bytes[IN_MAP] = aligned(inHeight * inWidth * input);
  bytes[OUT_MAP] = aligned(outHeight * outWidth * output);
  bytes[KEPT] = aligned(Math.min(inHeight, kernel - padding) * inWidth * input);
  bytes[STAGED] = dsp ? quads(inWidth, input) : 0;
  bytes[ZERO] = besideDepthwise(simd, block);
  bytes[ROW] = nhwc(outWidth, output);
  bytes[ROWS] = ringRows(inHeight, outHeight, kernel, stride, padding);
  bytes[WIDE] = dsp ? 2 * up4(outWidth) : outWidth;
  bytes[SLOPE] = dsp ? 2 * (up4(inWidth) + 2) : inWidth;
  bytes[BASE] = dsp ? 4 : 0;
  bytes[RAM_SLOPE] = dsp ? inWidth + pad : inWidth;
  bytes[RAM_BASE] = dsp ? pad + 7 : 0;
  bytes[IN_HEIGHT] = inHeight;
  bytes[OUT_HEIGHT] = outHeight;
  bytes[OUTPUT] = output;
  bytes[SKIP] = skip ? 1 : 0;
  return bytes;
}

/** The part before block 0's depthwise layer. */
export interface Start {
  /**
   * Bytes alive where block 0 begins, the scratch that its phase has needed so far, and the peak of the phases before.
   */
  readonly alive: Readonly<Record<Plan, number>>;
  readonly scratch: number;
  readonly peak: Readonly<Record<Plan, number>>;
  /** Number of entries in the schedule. */
  readonly entries: number;
}

/** The part after the last block's projection. */
export interface End {
  /** Bytes of the ring that the head reads; for a classifier, of its sums. */
  readonly ring: Readonly<Record<Plan, number>>;
  /** Whether the last block's row lives until the head's first step has read it. */
  readonly streams: boolean;
  /** Whether the last block's output may be held whole. */
  readonly holds: boolean;
  /** The head's scratch, and the peak of the phases that follow. */
  readonly scratch: number;
  readonly peak: number;
  /** Number of entries in the schedule. */
  readonly entries: number;
}

/** A network without its expanded widths. */
export interface Layout {
  readonly dsp: boolean;
  readonly helium: boolean;
  readonly start: Start;
  /** `bytesOf` blocks 0, 1, ...; block 0 is as wide as the stem. */
  readonly blocks: readonly Int32Array[];
  readonly stemChannels: number;
  readonly end: End;
}

export function startOf({ dsp, helium, whole, input, stem, first }: Omit<Frame, "head">): Start {
  const pictureRow = input.width * input.channels;
  const pictureRows = ringRows(input.height, stem.height, 3, stem.stride, stem.padding);
  const picture =
    (whole ? aligned(input.height * pictureRow) : dsp ? 0 : aligned(pictureRows * pictureRow)) +
    (dsp ? aligned(pictureRows * planes("ram", input.width, input.channels, 3)) : 0);
  // With a residual sum, the stem's map is stored as NHWC too.
  const summed = dsp && first.skip;
  const sumRows = summed ? aligned(Math.min(stem.height, 2) * stem.width * stem.channels) : 0;
  const stemRows = ringRows(stem.height, first.outHeight, 3, first.stride, 1);
  const ringOf = (plan: Plan): number =>
    aligned(
      stemRows * (dsp ? planes(summed ? "ram" : plan, stem.width, stem.channels, 3) : stem.width * stem.channels),
    );
  const scratch =
    besideDepthwise({ dsp, helium }, { inWidth: input.width, outWidth: stem.width, kernel: 3, stride: stem.stride }) +
    (dsp ? quads(stem.width, input.channels) : nhwc(stem.width, input.channels));
  const entries = input.height + (dsp ? input.height : 0) + stem.height + (summed ? stem.height : 0);
  const each = (of: (plan: Plan) => number) => ({ speed: of("speed"), ram: of("ram") });
  if (stem.height > 1)
    return { alive: each((plan) => picture + sumRows + ringOf(plan)), scratch, peak: each(() => 0), entries };
  // A stem of one row is a phase of its own.
  const peak = each((plan) => picture + (summed ? sumRows : ringOf(plan)) + scratch);
  return { alive: each((plan) => sumRows + ringOf(plan)), scratch: 0, peak, entries };
}

/** @param last the last block */
export function endOf({ dsp, helium, head }: Pick<Frame, "dsp" | "helium" | "head">, last: BlockMaps): End {
  const { outHeight: height, outWidth: width, output: features, skip } = last;
  const none = { ring: { speed: 0, ram: 0 }, streams: false, holds: false, scratch: 0, peak: 0, entries: 0 };
  if (head.kind === "none") return none;
  if (head.kind === "classifier") {
    const sums = aligned(4 * features);
    let [peak, inputs, before] = [0, features, sums];
    head.widths.forEach((units, i) => {
      const made = i + 1 < head.widths.length ? aligned(units) : 0;
      peak = Math.max(peak, before + made + (dsp ? unpacked(inputs) : 0));
      [inputs, before] = [units, made];
    });
    return { ...none, ring: { speed: sums, ram: sums }, streams: true, peak, entries: head.widths.length };
  }
  const staged = dsp ? quads(width, features) : nhwc(width, features);
  const filters = nhwc(width, head.filters);
  const beside = besideDepthwise({ dsp, helium }, { inWidth: width, outWidth: width, kernel: 3, stride: 1 });
  const scratch = Math.max(beside + staged, staged + filters, dsp ? filters + quads(width, head.filters) : 0);
  const rows = ringRows(height, height, 3, 1, 1);
  // The head's depthwise layer is the only reader of a block without a sum, so the block's projection writes planes.
  const ringOf = (plan: Plan): number =>
    aligned(rows * (dsp ? planes(skip ? "ram" : plan, width, features, 3) : width * features));
  const ring = { speed: ringOf("speed"), ram: ringOf("ram") };
  return { ring, streams: dsp && skip, holds: dsp && skip, scratch, peak: 0, entries: height };
}

/** Length of the schedule of the last `arenaOfBlocks`. */
export let scheduleEntries = 0;

/** For each piece between held cuts: its bytes, and the schedule's length up to its end. Reused between calls. */
const pieceBytes = new Int32Array(64);
const pieceEntries = new Int32Array(64);
/** Whether block i is a cut. */
const cutAt = new Uint8Array(64);
/** Most bytes of a piece and all pieces after it. */
const restBytes = new Int32Array(64);

/**
 * Bytes of working memory; also sets `scheduleEntries`.
 * @param hidden expanded width of each block
 * @param squeezed widths of the squeezes; undefined without squeeze-and-excite
 */
export function arenaOfBlocks(
  layout: Layout,
  hidden: ArrayLike<number>,
  squeezed: ArrayLike<number> | undefined,
  plan: Plan,
): number {
  findCuts(layout, hidden);
  const cuts = walk(layout, hidden, squeezed, plan, true);
  let most = 0;
  for (let i = cuts; i >= 0; i--) restBytes[i] = most = Math.max(most, pieceBytes[i]);
  scheduleEntries = pieceEntries[cuts];
  best = most;
  // A squeeze holds its map whole, so at most block 0 streams on.
  if (cuts > 0 && (squeezed === undefined || cutAt[0] === 1)) walk(layout, hidden, squeezed, plan, false, cuts);
  return best + (layout.dsp ? readSlackBytes : 0);
}

/** The fewest bytes that the streaming `walk` has found. */
let best = 0;

/**
 * Marks the blocks whose output may be held whole: those with a residual sum, and those that narrow. Returns whether
 * all candidates may.
 */
function findCuts({ dsp, blocks, stemChannels, end }: Layout, hidden: ArrayLike<number>): boolean {
  let all = true;
  const last = blocks.length - 1;
  for (let i = 0; i <= last; i++) {
    const block = blocks[i];
    cutAt[i] = 0;
    if (block[OUT_HEIGHT] === 1 || (i === last && !end.holds)) continue;
    const output = block[OUTPUT];
    const narrows = block[SKIP] === 1 || output < (i === 0 ? stemChannels : hidden[i - 1]);
    const isCut = narrows && (dsp || i === last || blocks[i + 1][SKIP] === 1 || output <= hidden[i]);
    if (isCut) cutAt[i] = 1;
    else all = false;
  }
  return all;
}

/**
 * Whether all blocks' outputs may be held whole, apart from those of one row and the head's; this then holds for wider
 * blocks too.
 */
export const holdsAll = findCuts;

/**
 * Walks from the picture to the output. With `holds`, it holds at every cut, stores the pieces' bytes and returns the
 * number of cuts. Without, it streams up to each of the `cuts` in turn, holds all later ones, and leaves the fewest
 * bytes in `best`; in a tie, the shortest streaming part wins. It stops once streaming alone takes as many bytes.
 */
function walk(
  layout: Layout,
  hidden: ArrayLike<number>,
  squeezed: ArrayLike<number> | undefined,
  plan: Plan,
  holds: boolean,
  cuts = 0,
): number {
  const { dsp, start, blocks, end } = layout;
  const streamsOut = end.streams;
  const last = blocks.length - 1;
  const slope = plan === "speed" ? SLOPE : RAM_SLOPE;
  const base = plan === "speed" ? BASE : RAM_BASE;
  const inner = dsp ? 7 : 0;
  // Of the current phase: bytes alive and most scratch. `peak`: most bytes of earlier phases. `carried`: bytes alive in
  // the next phase too.
  let alive = start.alive[plan];
  let scratch = start.scratch;
  let peak = start.peak[plan];
  let carried = 0;
  let entries = start.entries;
  /** Bytes of the block's input, where its rows do not stream on. */
  let kept = 0;
  let streams = false;
  let cut = 0;
  for (let i = 0; i <= last; i++) {
    const block = blocks[i];
    const h = i === 0 ? layout.stemChannels : hidden[i - 1];
    const skip = block[SKIP] === 1;
    const row = block[ROW];
    const outHeight = block[OUT_HEIGHT];
    const wide = dsp ? block[WIDE] * up4(h) : align(block[WIDE] * h);
    if (i > 0) {
      const inHeight = block[IN_HEIGHT];
      const ring = align(block[ROWS] * ((block[slope] * h + block[base] + inner) & ~inner));
      if (!streams) {
        // The expansion is a group of its own.
        if (inHeight === 1) {
          peak = Math.max(peak, alive + scratch);
          alive = carried;
          scratch = 0;
        }
        scratch = Math.max(scratch, block[STAGED]);
        if (!skip) carried -= kept;
        entries += inHeight;
      }
      alive += ring;
      if (inHeight === 1) {
        peak = Math.max(peak, alive + scratch);
        alive = carried + ring;
        scratch = 0;
      }
    }
    if (squeezed === undefined || i === 0) scratch = Math.max(scratch, block[ZERO] + wide);
    else {
      const map = dsp ? outHeight * align((block[WIDE] >> 1) * h) : align(outHeight * block[WIDE] * h);
      const sums = align(4 * h);
      const factors = align(h);
      const narrow = align(squeezed[i - 1]);
      peak = Math.max(
        peak,
        alive + map + sums + Math.max(scratch, block[ZERO]),
        carried + map + sums + narrow + (dsp ? align(2 * up4(h)) : 0),
        carried + map + narrow + factors + (dsp ? align(2 * up4(squeezed[i - 1])) : 0),
      );
      alive = carried + map + factors;
      scratch = wide;
      entries += outHeight + 2;
    }
    entries += outHeight;
    if (skip) scratch = Math.max(scratch, wide + row);
    if (cutAt[i] === 1) {
      const bytes = Math.max(peak, alive + block[OUT_MAP] + scratch);
      if (holds) {
        pieceBytes[cut] = bytes;
        pieceEntries[cut] = entries;
        cut++;
        alive = carried = kept = block[OUT_MAP];
        scratch = peak = 0;
        streams = false;
        continue;
      }
      if (Math.max(bytes, restBytes[cut + 1]) < best) {
        best = Math.max(bytes, restBytes[cut + 1]);
        scheduleEntries = entries + pieceEntries[cuts] - pieceEntries[cut];
      }
      cut++;
      if (squeezed !== undefined && cut > 1) return cut;
    }
    if (skip) carried -= kept;
    kept = 0;
    streams = i < last ? blocks[i + 1][SKIP] === 0 : streamsOut;
    if (streams) {
      scratch = Math.max(scratch, wide + row, skip ? 2 * row : 0);
      if (dsp && i < last) scratch = Math.max(scratch, row + blocks[i + 1][STAGED]);
    } else if (i < last) {
      kept = blocks[i + 1][squeezed === undefined ? KEPT : IN_MAP];
      alive += kept;
      carried += kept;
    }
    if (!holds && Math.max(peak, alive + scratch) >= best) return cut;
  }
  const held = kept > 0; // the last block's output
  const ring = end.ring[plan];
  alive += ring;
  if (!held && blocks[last][OUT_HEIGHT] === 1) {
    peak = Math.max(peak, alive + scratch);
    alive = carried + ring;
    scratch = 0;
  }
  peak = Math.max(peak, alive + Math.max(scratch, end.scratch), end.peak);
  entries += end.entries + (held ? blocks[last][OUT_HEIGHT] : 0);
  if (holds) {
    pieceBytes[cut] = peak;
    pieceEntries[cut] = entries;
  } else if (peak < best) {
    best = peak;
    scheduleEntries = entries;
  }
  return cut;
}
