/**
 * The default detection loss: YOLOv2's head, with what detectors learnt since.
 * - Box: complete IoU (Zheng et al., "Distance-IoU Loss", AAAI 2020, eq. 8-12): 2 (2 - w h) (1 - CIoU), w and h of the
 *   truth as fractions of the picture, so small objects weigh up to twice as much.
 * - Objectness: binary cross-entropy; target of a positive box its IoU with the truth, of all others 0. Others that
 *   overlap a truth by more than `thresh` are left alone.
 * - Class: softmax cross-entropy on positive boxes.
 * - Positive boxes: in the truth's cell every anchor whose shape's IoU with the truth is above `anchorIou`, and in any
 *   case the most alike; with the "scaled" decoder, whose centre reaches half a cell further, also in the nearer
 *   horizontal and vertical neighbour cell (YOLOv5's assignment). Where two truths ask for one box, the truth whose
 *   centre lies in the cell wins, then the more alike, then the earlier.
 *
 * `loss` is the sum of these terms over the boxes, averaged over the pictures; `gradient` is its gradient with the IoU
 * targets and CIoU's trade-off factor held constant.
 */
import { exp, log, PhinetsError, sigmoid } from "../tensor/index.js";
import { type Anchors, iouCentre, iouShapes, type Truth } from "./boxes.js";
import { type CompleteIou, completeIou } from "./ciou.js";
import type { Decoder } from "./decode.js";
import { checkLossArguments, type DetectionLossOptions, type DetectionLossResult, softmax } from "./loss.js";

export interface CiouLossOptions extends DetectionLossOptions {
  /** Decode with the same. Default "scaled". */
  readonly decoder?: Decoder;
  /** Anchors more alike than this IoU of shapes are positive. Default 0.3. */
  readonly anchorIou?: number;
}

type MapShape = readonly [batch: number, height: number, width: number, channels: number];

export function ciouLoss(
  output: Float32Array,
  shape: MapShape,
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  classes: number,
  options: CiouLossOptions = {},
): DetectionLossResult {
  checkLossArguments(output, shape, truths, anchors, classes, options);
  if (!(options.anchorIou === undefined || options.anchorIou <= 1)) {
    throw new PhinetsError("detection.options", `loss: anchorIou is ${options.anchorIou}; it must lie in 0..1`);
  }
  const assignment = assignTargets(output, shape, truths, anchors, options);
  return lossOfAssignment(output, shape, anchors, classes, assignment, options);
}

interface Positive {
  readonly truth: Truth;
  /** box in the map: ((picture * height + row) * width + column) * anchors + anchor */
  readonly box: number;
  readonly picture: number;
  readonly row: number;
  readonly column: number;
  readonly anchor: number;
  /** higher wins the box */
  readonly rank: number;
}

/** Which box answers for which truth, and all that the gradient holds constant. */
export interface TargetAssignment {
  readonly positives: readonly Positive[];
  /** per positive: objectness target */
  readonly iou: Float64Array;
  /** per positive: alpha of CIoU */
  readonly tradeOff: Float64Array;
  /** per box: 1 where objectness has a target of 0 */
  readonly negative: Uint8Array;
}

export function assignTargets(
  output: Float32Array,
  shape: MapShape,
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  options: CiouLossOptions = {},
): TargetAssignment {
  const [batch, height, width, channels] = shape;
  const decoder = options.decoder ?? "scaled";
  const byBox = new Map<number, Positive>();
  for (let picture = 0; picture < batch; picture++) {
    for (const truth of truths[picture]) {
      propose(byBox, truth, picture, shape, anchors, options.anchorIou ?? 0.3, decoder === "scaled");
    }
  }
  const positives = [...byBox.values()].sort((a, b) => a.box - b.box);
  const iou = new Float64Array(positives.length);
  const tradeOff = new Float64Array(positives.length);
  for (const [i, positive] of positives.entries()) {
    const fit = compare(output, shape, anchors, positive, decoder);
    iou[i] = fit.iou;
    tradeOff[i] = fit.tradeOff;
  }
  const negative = new Uint8Array(batch * height * width * anchors.length).fill(1);
  const perPicture = height * width * anchors.length;
  const entries = channels / anchors.length;
  const thresh = options.thresh ?? 0.6;
  for (let picture = 0; picture < batch; picture++) {
    if (truths[picture].length === 0) continue;
    for (let local = 0; local < perPicture; local++) {
      const box = picture * perPicture + local;
      const anchor = anchors[local % anchors.length];
      const cell = Math.floor(local / anchors.length);
      const at = box * entries;
      const x = (cell % width) + centre(output[at], decoder);
      const y = Math.floor(cell / width) + centre(output[at + 1], decoder);
      const w = anchor[0] * exp(output[at + 2]);
      const h = anchor[1] * exp(output[at + 3]);
      for (const t of truths[picture]) {
        if (iouCentre(x, y, w, h, t.x * width, t.y * height, t.width * width, t.height * height) > thresh) {
          negative[box] = 0;
        }
      }
    }
  }
  for (const { box } of positives) negative[box] = 0;
  return { positives, iou, tradeOff, negative };
}

function propose(
  byBox: Map<number, Positive>,
  truth: Truth,
  picture: number,
  [, height, width]: MapShape,
  anchors: Anchors,
  anchorIou: number,
  neighbours: boolean,
): void {
  const column = Math.min(Math.floor(truth.x * width), width - 1);
  const row = Math.min(Math.floor(truth.y * height), height - 1);
  const cells = [[row, column]];
  if (neighbours) {
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
      const rank = (order === 0 ? 2 : 0) + likeness[anchor];
      const holder = byBox.get(box);
      if (holder === undefined || rank > holder.rank) {
        byBox.set(box, { truth, box, picture, row: r, column: c, anchor, rank });
      }
    }
  }
}

/** The loss for a given assignment: differentiable everywhere but where box edges meet. */
export function lossOfAssignment(
  output: Float32Array,
  shape: MapShape,
  anchors: Anchors,
  classes: number,
  assignment: TargetAssignment,
  options: CiouLossOptions = {},
): DetectionLossResult {
  const { coordScale = 1, objectScale = 1, noobjectScale = 1, classScale = 1, decoder = "scaled" } = options;
  const [batch] = shape;
  const entries = 5 + classes;
  const gradient = options.gradient?.fill(0) ?? new Float32Array(output.length);
  const parts = { box: 0, object: 0, noobject: 0, class: 0 };
  const { positives, iou, tradeOff, negative } = assignment;
  for (let box = 0; box < negative.length; box++) {
    if (negative[box] === 0) continue;
    const logit = output[box * entries + 4];
    parts.noobject += noobjectScale * softplus(logit);
    gradient[box * entries + 4] = (noobjectScale * sigmoid(logit)) / batch;
  }
  const probabilities = new Float64Array(classes);
  for (const [i, positive] of positives.entries()) {
    const { truth, box } = positive;
    const at = box * entries;
    const weight = 2 * coordScale * (2 - truth.width * truth.height);
    const fit = compare(output, shape, anchors, positive, decoder, tradeOff[i]);
    parts.box += weight * (1 - fit.value);
    const [anchorWidth, anchorHeight] = anchors[positive.anchor];
    gradient[at] = (-weight * fit.byX * centreSlope(output[at], decoder)) / batch;
    gradient[at + 1] = (-weight * fit.byY * centreSlope(output[at + 1], decoder)) / batch;
    gradient[at + 2] = (-weight * fit.byWidth * anchorWidth * exp(output[at + 2])) / batch;
    gradient[at + 3] = (-weight * fit.byHeight * anchorHeight * exp(output[at + 3])) / batch;
    const logit = output[at + 4];
    parts.object += objectScale * (softplus(logit) - iou[i] * logit);
    gradient[at + 4] = (objectScale * (sigmoid(logit) - iou[i])) / batch;
    softmax(output.subarray(at + 5, at + entries), probabilities);
    const classWeight = classScale * (options.classWeights?.[truth.class] ?? 1);
    parts.class -= classWeight * log(probabilities[truth.class]);
    for (let c = 0; c < classes; c++) {
      gradient[at + 5 + c] = (classWeight * (probabilities[c] - (c === truth.class ? 1 : 0))) / batch;
    }
  }
  for (const name of Object.keys(parts) as (keyof typeof parts)[]) parts[name] /= batch;
  return { loss: parts.box + parts.object + parts.noobject + parts.class, parts, gradient };
}

/** Where in its cell a box's centre lies. */
function centre(raw: number, decoder: Decoder): number {
  return decoder === "scaled" ? 2 * sigmoid(raw) - 0.5 : sigmoid(raw);
}

function centreSlope(raw: number, decoder: Decoder): number {
  const s = sigmoid(raw);
  return (decoder === "scaled" ? 2 : 1) * s * (1 - s);
}

/** log(1 + e^x) */
function softplus(x: number): number {
  return Math.max(x, 0) + log(1 + exp(-Math.abs(x)));
}

const scratch: CompleteIou = { iou: 0, value: 0, tradeOff: 0, byX: 0, byY: 0, byWidth: 0, byHeight: 0 };

/** CIoU of a positive box with its truth, in cells, so that shapes have the picture's aspect. */
function compare(
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
