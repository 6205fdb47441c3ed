/**
 * YOLOv2's loss as darknet's region layer computes it (YOLO9000, section 2; darknet, src/region_layer.c), apart from
 * details of storage. Terms are squared errors of the activated values:
 * 1. every box has the objectness target 0, unless its IoU with some truth exceeds `thresh`;
 * 2. while `seen` < `priorPeriod`, every box is pulled to the middle of its cell and its anchor's shape, weight .01;
 * 3. for every truth, in order, the box of its cell with the most similar anchor gets the truth's place and shape
 *    (weight coordScale * (2 - w h)), objectness 1 (`rescore`: its IoU with the truth) and class as targets. A later
 *    truth overwrites an earlier one on the same box.
 *
 * Signs and scale. Darknet keeps delta = weight * (target - value), reports sum(delta^2), and ascends delta. Here,
 * `loss` = sum(delta^2) / batch, the figure that darknet prints, while `gradient` = -delta / batch, times sigmoid' for
 * x, y and objectness. This is not the gradient of `loss`, but of sum(weight * (target - value)^2 / 2) + weight *
 * cross-entropy of the classes, with the IoU target held constant, which is the function that darknet descends.
 */
import { exp, log, sigmoid } from "../tensor/index.js";
import { type Anchors, iouCentre, iouShapes, type Truth } from "./boxes.js";
import { checkLossArguments, type DetectionLossOptions, type DetectionLossResult, softmax } from "./loss.js";

export interface Yolov2LossOptions extends DetectionLossOptions {
  /** The objectness target is the IoU of box and truth instead of 1. Default true. */
  readonly rescore?: boolean;
  /** Chooses a truth's box by the anchors' shapes instead of the predicted shapes. Default true. */
  readonly biasMatch?: boolean;
  /** Number of pictures for which term 2 applies. Default 12800. */
  readonly priorPeriod?: number;
  /** Most truths per picture; darknet's labels hold 30. Default 30. */
  readonly maxTruths?: number;
}

const priorScale = 0.01;

export function yolov2Loss(
  output: Float32Array,
  shape: readonly [batch: number, height: number, width: number, channels: number],
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  classes: number,
  options: Yolov2LossOptions = {},
): DetectionLossResult {
  checkLossArguments(output, shape, truths, anchors, classes, options);
  const [batch, height, width, channels] = shape;
  const gradient = options.gradient ?? new Float32Array(output.length);
  const picture: Picture = {
    coordScale: options.coordScale ?? 1,
    objectScale: options.objectScale ?? 5,
    noobjectScale: options.noobjectScale ?? 1,
    classScale: options.classScale ?? 1,
    classWeights: options.classWeights,
    thresh: options.thresh ?? 0.6,
    rescore: options.rescore ?? true,
    biasMatch: options.biasMatch ?? true,
    prior: (options.seen ?? Number.POSITIVE_INFINITY) < (options.priorPeriod ?? 12800),
    height,
    width,
    anchors,
    classes,
    delta: new Float64Array(height * width * channels),
    activated: new Float64Array(height * width * channels),
    responsible: new Uint8Array(height * width * anchors.length),
  };
  const parts = { xy: 0, wh: 0, object: 0, noobject: 0, class: 0 };
  const size = height * width * channels;
  for (let b = 0; b < batch; b++) {
    const list = truths[b].filter(({ ignore }) => ignore === undefined).slice(0, options.maxTruths ?? 30);
    const end = list.findIndex((truth) => truth.x === 0); // darknet's end mark of a list
    deltasOf(picture, output.subarray(b * size, (b + 1) * size), end < 0 ? list : list.slice(0, end));
    collect(picture, parts, gradient.subarray(b * size, (b + 1) * size), batch);
  }
  for (const name of Object.keys(parts) as (keyof typeof parts)[]) parts[name] /= batch;
  return { loss: parts.xy + parts.wh + parts.object + parts.noobject + parts.class, parts, gradient };
}

interface Picture {
  readonly coordScale: number;
  readonly objectScale: number;
  readonly noobjectScale: number;
  readonly classScale: number;
  readonly classWeights: readonly number[] | undefined;
  readonly thresh: number;
  readonly rescore: boolean;
  readonly biasMatch: boolean;
  readonly prior: boolean;
  readonly height: number;
  readonly width: number;
  readonly anchors: Anchors;
  readonly classes: number;
  /** darknet's delta, in the map's layout */
  readonly delta: Float64Array;
  /** per box: x and y within the cell 0..1, width and height as fractions of the picture, objectness */
  readonly activated: Float64Array;
  /** per box: 1 if a truth chose it */
  readonly responsible: Uint8Array;
}

function deltasOf(picture: Picture, output: Float32Array, truths: readonly Truth[]): void {
  const { height, width, anchors, classes, delta, activated, responsible } = picture;
  const entries = 5 + classes;
  delta.fill(0);
  responsible.fill(0);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      for (let a = 0; a < anchors.length; a++, at += entries) {
        activated[at] = sigmoid(output[at]);
        activated[at + 1] = sigmoid(output[at + 1]);
        activated[at + 2] = (anchors[a][0] * exp(output[at + 2])) / width;
        activated[at + 3] = (anchors[a][1] * exp(output[at + 3])) / height;
        activated[at + 4] = sigmoid(output[at + 4]);
        const x = (column + activated[at]) / width;
        const y = (row + activated[at + 1]) / height;
        let best = 0;
        for (const t of truths) {
          best = Math.max(best, iouCentre(x, y, activated[at + 2], activated[at + 3], t.x, t.y, t.width, t.height));
        }
        if (best <= picture.thresh) delta[at + 4] = -picture.noobjectScale * activated[at + 4];
        if (picture.prior) {
          delta[at] = priorScale * (0.5 - activated[at]);
          delta[at + 1] = priorScale * (0.5 - activated[at + 1]);
          delta[at + 2] = -priorScale * output[at + 2];
          delta[at + 3] = -priorScale * output[at + 3];
        }
      }
    }
  }
  for (const truth of truths) matchTruth(picture, output, truth);
}

function matchTruth(picture: Picture, output: Float32Array, truth: Truth): void {
  const { height, width, anchors, classes, delta, activated } = picture;
  const entries = 5 + classes;
  const column = Math.min(Math.floor(truth.x * width), width - 1);
  const row = Math.min(Math.floor(truth.y * height), height - 1);
  const cell = row * width + column;
  let best = 0;
  let bestIou = 0;
  for (let a = 0; a < anchors.length; a++) {
    const at = (cell * anchors.length + a) * entries;
    const w = picture.biasMatch ? anchors[a][0] / width : activated[at + 2];
    const h = picture.biasMatch ? anchors[a][1] / height : activated[at + 3];
    const likeness = iouShapes(w, h, truth.width, truth.height);
    if (likeness > bestIou) {
      bestIou = likeness;
      best = a;
    }
  }
  const at = (cell * anchors.length + best) * entries;
  picture.responsible[cell * anchors.length + best] = 1;
  const scale = picture.coordScale * (2 - truth.width * truth.height);
  delta[at] = scale * (truth.x * width - column - activated[at]);
  delta[at + 1] = scale * (truth.y * height - row - activated[at + 1]);
  delta[at + 2] = scale * (log((truth.width * width) / anchors[best][0]) - output[at + 2]);
  delta[at + 3] = scale * (log((truth.height * height) / anchors[best][1]) - output[at + 3]);
  const x = (column + activated[at]) / width;
  const y = (row + activated[at + 1]) / height;
  const target = picture.rescore
    ? iouCentre(x, y, activated[at + 2], activated[at + 3], truth.x, truth.y, truth.width, truth.height)
    : 1;
  delta[at + 4] = picture.objectScale * (target - activated[at + 4]);
  const probabilities = delta.subarray(at + 5, at + entries);
  softmax(output.subarray(at + 5, at + entries), probabilities);
  const classScale = picture.classScale * (picture.classWeights?.[truth.class] ?? 1);
  for (let c = 0; c < classes; c++) {
    probabilities[c] = classScale * ((c === truth.class ? 1 : 0) - probabilities[c]);
  }
}

/** Adds the squared deltas to `parts` and writes the gradient: the negated deltas, taken through the sigmoids. */
function collect(
  { delta, activated, responsible, classes }: Picture,
  parts: { xy: number; wh: number; object: number; noobject: number; class: number },
  gradient: Float32Array,
  batch: number,
): void {
  const entries = 5 + classes;
  for (let box = 0, at = 0; box < responsible.length; box++, at += entries) {
    parts.xy += delta[at] * delta[at] + delta[at + 1] * delta[at + 1];
    parts.wh += delta[at + 2] * delta[at + 2] + delta[at + 3] * delta[at + 3];
    parts[responsible[box] === 1 ? "object" : "noobject"] += delta[at + 4] * delta[at + 4];
    for (let e = 0; e < entries; e++) {
      const slope = e < 2 || e === 4 ? activated[at + e] * (1 - activated[at + e]) : 1;
      gradient[at + e] = (-delta[at + e] * slope) / batch;
      if (e >= 5) parts.class += delta[at + e] * delta[at + e];
    }
  }
}
