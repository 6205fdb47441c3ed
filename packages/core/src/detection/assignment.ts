/** Assigns each truth to boxes of a YOLOv2 head's map, the positive boxes. */
import { exp, log, sigmoid } from "../tensor/index.js";
import { type Anchors, iouCentre, iouShapes, type Truth } from "./boxes.js";
import { type CompleteIou, completeIou } from "./ciou.js";
import type { Decoder } from "./decode.js";

/** How positive boxes are chosen. */
export const assignmentNames = ["anchors", "dynamic"] as const;
/**
 * "anchors": in the truth's cell, all anchors whose shape's IoU with the truth exceeds `anchorIou`, and always the most
 * similar one. With the "scaled" decoder, whose centre reaches half a cell further, also in the nearer horizontal and
 * vertical neighbour cell (YOLOv5's assignment). If two truths claim one box, the truth whose centre lies in the cell
 * wins, then the more similar, then the earlier.
 *
 * "dynamic": the boxes that the network itself predicts best (SimOTA: Ge et al., "YOLOX", 2021, section 2.1).
 * Candidates are all anchors of the cells whose boxes can reach the truth's centre. The cheapest k of them, by
 * classification and IoU with the truth, are positive, where k is the sum of the ten best IoUs, at least 1. A box that
 * several truths claim goes to the truth for which it is cheapest.
 */
export type AssignmentName = (typeof assignmentNames)[number];

export interface AssignmentOptions {
  /** Default "anchors". */
  readonly assignment?: AssignmentName;
  /** The same decoder must be used for detection. Default "scaled". */
  readonly decoder?: Decoder;
  /** For "anchors": shape IoU with the truth above which an anchor is positive. Default 0.3. */
  readonly anchorIou?: number;
  /** A box that is not positive is ignored if its IoU with some truth exceeds this. Default 0.6. */
  readonly thresh?: number;
}

export type MapShape = readonly [batch: number, height: number, width: number, channels: number];

export interface Positive {
  readonly truth: Truth;
  /** box in the map: ((picture * height + row) * width + column) * anchors + anchor */
  readonly box: number;
  readonly picture: number;
  readonly row: number;
  readonly column: number;
  readonly anchor: number;
}

/** The positive boxes with their truths, and all quantities that the gradient holds constant. */
export interface TargetAssignment {
  /** In the order of their boxes. */
  readonly positives: readonly Positive[];
  /** per positive: objectness target */
  readonly iou: Float64Array;
  /** per positive: alpha of CIoU */
  readonly tradeOff: Float64Array;
  /** per box: 1 where objectness has a target of 0 */
  readonly negative: Uint8Array;
}

/**
 * Assigns the truths of a batch. Boxes with more than half of their area within an ignored truth are neither positive
 * nor negative.
 * @param output `[batch, height, width, channels]`, raw values; see `DetectionLoss`
 */
export function assignTargets(
  output: Float32Array,
  shape: MapShape,
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  options: AssignmentOptions = {},
): TargetAssignment {
  const { assignment = "anchors", decoder = "scaled", anchorIou = 0.3, thresh = 0.6 } = options;
  const [batch, height, width] = shape;
  const byBox = new Map<number, RankedPositive>();
  const predicted = new Float64Array(4 * height * width * anchors.length);
  const negative = new Uint8Array(batch * height * width * anchors.length).fill(1);
  for (let picture = 0; picture < batch; picture++) {
    const list = truths[picture];
    if (list.length === 0) continue;
    decodePicture(predicted, output, shape, picture, anchors, decoder);
    const map: PictureMap = { output, shape, picture, anchors, predicted, decoder };
    const sought = list.filter(({ ignore }) => ignore === undefined);
    for (const truth of sought) {
      if (assignment === "dynamic") proposeCheapest(byBox, truth, map);
      else proposeByAnchor(byBox, truth, map, anchorIou);
    }
    leaveAlone(negative, map, sought, thresh);
    leaveAloneWithin(
      negative,
      map,
      list.filter(({ ignore }) => ignore !== undefined),
    );
  }
  const positives = [...byBox.values()].sort((a, b) => a.box - b.box);
  const iou = new Float64Array(positives.length);
  const tradeOff = new Float64Array(positives.length);
  for (const [i, positive] of positives.entries()) {
    negative[positive.box] = 0;
    const fit = compare(output, shape, anchors, positive, decoder);
    iou[i] = fit.iou;
    tradeOff[i] = fit.tradeOff;
  }
  return { positives, iou, tradeOff, negative };
}

interface RankedPositive extends Positive {
  /** The higher rank wins the box; of equal ranks, the earlier. */
  readonly rank: number;
}

interface PictureMap {
  readonly output: Float32Array;
  readonly shape: MapShape;
  readonly picture: number;
  readonly anchors: Anchors;
  /** `[height, width, anchors, 4]`: centre and size in cells. */
  readonly predicted: Float64Array;
  readonly decoder: Decoder;
}

function decodePicture(
  into: Float64Array,
  output: Float32Array,
  [, height, width, channels]: MapShape,
  picture: number,
  anchors: Anchors,
  decoder: Decoder,
): void {
  const entries = channels / anchors.length;
  const boxes = height * width * anchors.length;
  for (let local = 0; local < boxes; local++) {
    const [anchorWidth, anchorHeight] = anchors[local % anchors.length];
    const cell = Math.floor(local / anchors.length);
    const at = (picture * boxes + local) * entries;
    into[4 * local] = (cell % width) + centre(output[at], decoder);
    into[4 * local + 1] = Math.floor(cell / width) + centre(output[at + 1], decoder);
    into[4 * local + 2] = anchorWidth * exp(output[at + 2]);
    into[4 * local + 3] = anchorHeight * exp(output[at + 3]);
  }
}

/** IoU of box `local` of the picture with a truth. */
function iouWith({ predicted, shape: [, height, width] }: PictureMap, local: number, t: Truth): number {
  const at = 4 * local;
  return iouCentre(
    predicted[at],
    predicted[at + 1],
    predicted[at + 2],
    predicted[at + 3],
    t.x * width,
    t.y * height,
    t.width * width,
    t.height * height,
  );
}

/** Clears `negative` where a box overlaps a truth by more than `thresh`. */
function leaveAlone(negative: Uint8Array, map: PictureMap, truths: readonly Truth[], thresh: number): void {
  const boxes = map.predicted.length / 4;
  for (let local = 0; local < boxes; local++)
    for (const truth of truths) if (iouWith(map, local, truth) > thresh) negative[map.picture * boxes + local] = 0;
}

/** Share of a box inside an ignored truth above which the box is ignored. */
const withinIgnored = 0.5;

function leaveAloneWithin(negative: Uint8Array, map: PictureMap, ignored: readonly Truth[]): void {
  const { predicted, picture, shape } = map;
  const [, height, width] = shape;
  const boxes = predicted.length / 4;
  for (const t of ignored)
    for (let local = 0; local < boxes; local++) {
      const [x, y, w, h] = predicted.subarray(4 * local, 4 * local + 4);
      const across = overlap(x, w, t.x * width, t.width * width);
      const down = overlap(y, h, t.y * height, t.height * height);
      if (across * down > withinIgnored * w * h) negative[picture * boxes + local] = 0;
    }
}

/** Length of the overlap of two intervals, each given by its middle and length. */
function overlap(a: number, aLength: number, b: number, bLength: number): number {
  return Math.max(0, Math.min(a + aLength / 2, b + bLength / 2) - Math.max(a - aLength / 2, b - bLength / 2));
}

function proposeByAnchor(
  byBox: Map<number, RankedPositive>,
  truth: Truth,
  { shape: [, height, width], picture, anchors, decoder }: PictureMap,
  anchorIou: number,
): void {
  const column = Math.min(Math.floor(truth.x * width), width - 1);
  const row = Math.min(Math.floor(truth.y * height), height - 1);
  const cells = [[row, column]];
  if (decoder === "scaled") {
    const beside = column + (truth.x * width - column < 0.5 ? -1 : 1);
    const above = row + (truth.y * height - row < 0.5 ? -1 : 1);
    if (beside >= 0 && beside < width) cells.push([row, beside]);
    if (above >= 0 && above < height) cells.push([above, column]);
  }
  const likeness = anchors.map(([w, h]) => iouShapes(w, h, truth.width * width, truth.height * height));
  const best = likeness.indexOf(Math.max(...likeness));
  for (const [order, [r, c]] of cells.entries()) {
    for (let anchor = 0; anchor < anchors.length; anchor++) {
      if (anchor !== best && !(likeness[anchor] > anchorIou)) continue;
      const box = ((picture * height + r) * width + c) * anchors.length + anchor;
      propose(byBox, {
        truth,
        box,
        picture,
        row: r,
        column: c,
        anchor,
        rank: (order === 0 ? 2 : 0) + likeness[anchor],
      });
    }
  }
}

/** Weight of the IoU's term, relative to classification, in a candidate's cost (YOLOX: 3). */
const iouCost = 3;
/** Number of best IoUs whose sum gives the number of a truth's boxes (YOLOX: 10). */
const iousThatCount = 10;

function proposeCheapest(byBox: Map<number, RankedPositive>, truth: Truth, map: PictureMap): void {
  const { output, shape, picture, anchors, decoder } = map;
  const [, height, width, channels] = shape;
  const entries = channels / anchors.length;
  const candidates: (RankedPositive & { readonly iou: number })[] = [];
  for (const row of reaching(truth.y * height, height, decoder))
    for (const column of reaching(truth.x * width, width, decoder))
      for (let anchor = 0; anchor < anchors.length; anchor++) {
        const local = (row * width + column) * anchors.length + anchor;
        const box = picture * height * width * anchors.length + local;
        const iou = iouWith(map, local, truth);
        const found = logOfFound(output, box * entries, entries, truth.class);
        const rank = found / 2 + iouCost * log(iou + 1e-8);
        candidates.push({ truth, box, picture, row, column, anchor, rank, iou });
      }
  const ious = candidates.map(({ iou }) => iou).sort((a, b) => b - a);
  const k = Math.max(1, Math.floor(ious.slice(0, iousThatCount).reduce((sum, iou) => sum + iou, 0)));
  candidates.sort((a, b) => b.rank - a.rank || a.box - b.box);
  for (const candidate of candidates.slice(0, k)) propose(byBox, candidate);
}

/** Columns (or rows) whose boxes can have their centre at `place`, in cells. */
function reaching(place: number, count: number, decoder: Decoder): number[] {
  const own = Math.min(Math.floor(place), count - 1);
  if (decoder !== "scaled") return [own];
  const other = own + (place - own < 0.5 ? -1 : 1);
  return other >= 0 && other < count ? [own, other] : [own];
}

/** log(objectness * probability of the class) of the box whose entries begin at `at`. */
function logOfFound(output: Float32Array, at: number, entries: number, of: number): number {
  let largest = output[at + 5];
  for (let c = 6; c < entries; c++) largest = Math.max(largest, output[at + c]);
  let sum = 0;
  for (let c = 5; c < entries; c++) sum += exp(output[at + c] - largest);
  return -softplus(-output[at + 4]) + (output[at + 5 + of] - largest - log(sum));
}

function propose(byBox: Map<number, RankedPositive>, positive: RankedPositive): void {
  const holder = byBox.get(positive.box);
  if (holder === undefined || positive.rank > holder.rank) byBox.set(positive.box, positive);
}

/** Position of a box's centre within its cell, in cells. */
export function centre(raw: number, decoder: Decoder): number {
  return decoder === "scaled" ? 2 * sigmoid(raw) - 0.5 : sigmoid(raw);
}

/** log(1 + e^x) */
export function softplus(x: number): number {
  return Math.max(x, 0) + log(1 + exp(-Math.abs(x)));
}

const scratch: CompleteIou = { iou: 0, value: 0, tradeOff: 0, byX: 0, byY: 0, byWidth: 0, byHeight: 0 };

/**
 * CIoU of a positive box with its truth, in cells, so that shapes have the picture's aspect ratio. The result is valid
 * until the next call.
 */
export function compare(
  output: Float32Array,
  [, height, width, channels]: MapShape,
  anchors: Anchors,
  { truth, box, row, column, anchor }: Positive,
  decoder: Decoder,
  tradeOff?: number,
): CompleteIou {
  const at = box * (channels / anchors.length);
  return completeIou(
    scratch,
    column + centre(output[at], decoder),
    row + centre(output[at + 1], decoder),
    anchors[anchor][0] * exp(output[at + 2]),
    anchors[anchor][1] * exp(output[at + 3]),
    truth.x * width,
    truth.y * height,
    truth.width * width,
    truth.height * height,
    tradeOff,
  );
}
