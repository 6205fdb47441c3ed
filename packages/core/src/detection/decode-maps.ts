/**
 * Decodes several raw maps into boxes as Ultralytics' detectors do: YOLOv5 (anchors; github.com/ultralytics/yolov5,
 * models/yolo.py, Detect), and YOLOv8 and later (distances to the four sides as distributions over whole cells: Li et
 * al., "Generalized Focal Loss", NeurIPS 2020). Each class has a sigmoid of its own; there is no softmax.
 */
import { countOf, levelsOf, type Yolov5Head, type Yolov8Head } from "../networks/index.js";
import { exp, formatShape, log, PhinetsError, type Shape, sigmoid, sizeOf } from "../tensor/index.js";
import { checkThreshold, type DecodedBoxes, type OutputMap } from "./decode.js";
import type { HeadOutput } from "./heads.js";

/** A box above the threshold. */
interface Candidate {
  readonly box: readonly [x: number, y: number, width: number, height: number];
  readonly objectness: number;
  /** Score of each class. */
  readonly scores: readonly number[];
}

/**
 * Decodes one picture's maps into boxes with at least one class score strictly above the threshold, in the order map,
 * row, column, anchor.
 * Throws PhinetsError `detection.shape` where the maps do not suit the head.
 */
export function decodeMaps(maps: HeadOutput, head: Yolov5Head | Yolov8Head, threshold: number): DecodedBoxes {
  checkThreshold(threshold);
  const { output, shapes } = maps;
  const needed = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (output.length !== needed)
    throw new PhinetsError(
      "detection.shape",
      `decode: the maps have ${output.length} values but ${shapes.map(formatShape).join(" and ")} need ${needed}`,
    );
  const found = head.kind === "yolov5" ? anchored(maps, head, threshold) : distances(maps, head, threshold);
  const classes = countOf(head.classes);
  return {
    ...{ count: found.length, classes },
    boxes: Float64Array.from(found.flatMap(({ box }) => box)),
    objectness: Float64Array.from(found, ({ objectness }) => objectness),
    probabilities: Float64Array.from(
      found.flatMap(({ box, scores }) =>
        // A network that diverged may predict a box of infinite size, which nothing downstream could draw or track.
        scores.map((score) => (score > threshold && box.every(Number.isFinite) ? score : 0)),
      ),
    ),
  };
}

/** Index of each map's first element. */
function beginnings(shapes: readonly Shape[]): number[] {
  let at = 0;
  return shapes.map((shape) => {
    at += sizeOf(shape);
    return at - sizeOf(shape);
  });
}

function refuse({ shapes }: HeadOutput, kind: string): never {
  throw new PhinetsError(
    "detection.shape",
    `decode: ${shapes.map(formatShape).join(" and ")} are no maps of a ${kind} head`,
  );
}

function anchored(maps: HeadOutput, { anchors, classes: given }: Yolov5Head, threshold: number): Candidate[] {
  const { output, shapes, input } = maps;
  const classes = countOf(given);
  const entries = 5 + classes;
  const begin = beginnings(shapes);
  const least = leastLogit(threshold);
  const found: Candidate[] = [];
  if (shapes.length !== anchors.length) refuse(maps, "yolov5");
  for (const [level, [, height, width, channels]] of shapes.entries()) {
    if (channels !== anchors[level].length * entries) refuse(maps, "yolov5");
    for (let i = 0; i < height * width * channels; i += entries) {
      const at = begin[level] + i;
      if (output[at + 4] <= least) continue;
      const objectness = sigmoid(output[at + 4]);
      const scores = Array.from({ length: classes }, (_, c) => objectness * sigmoid(output[at + 5 + c]));
      if (!scores.some((score) => score > threshold)) continue;
      const cell = Math.floor(i / channels);
      const [anchorWidth, anchorHeight] = anchors[level][(i % channels) / entries];
      const box = [
        ((cell % width) + 2 * sigmoid(output[at]) - 0.5) / width,
        (Math.floor(cell / width) + 2 * sigmoid(output[at + 1]) - 0.5) / height,
        (anchorWidth * square(2 * sigmoid(output[at + 2]))) / input.width,
        (anchorHeight * square(2 * sigmoid(output[at + 3]))) / input.height,
      ] as const;
      found.push({ box, objectness, scores });
    }
  }
  return found;
}

function distances(maps: HeadOutput, head: Yolov8Head, threshold: number): Candidate[] {
  const { output, shapes } = maps;
  const { bins } = head;
  const classes = countOf(head.classes);
  const begin = beginnings(shapes);
  const least = leastLogit(threshold);
  const found: Candidate[] = [];
  for (const { boxes, classes: scored } of levelsOf(head, shapes) ?? refuse(maps, "yolov8")) {
    const [, height, width, channels] = shapes[boxes];
    const classChannels = shapes[scored][3];
    const before = boxes === scored ? 4 * bins : 0;
    for (let cell = 0; cell < height * width; cell++) {
      const first = begin[scored] + cell * classChannels + before;
      let best = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) best = Math.max(best, output[first + c]);
      if (!(best > least)) continue;
      const scores = Array.from({ length: classes }, (_, c) => sigmoid(output[first + c]));
      const from = begin[boxes] + cell * channels;
      const [left, top, right, bottom] = [0, 1, 2, 3].map((side) => distance(output, from + side * bins, bins));
      const [x, y] = [(cell % width) + 0.5, Math.floor(cell / width) + 0.5];
      const box = [
        (x + (right - left) / 2) / width,
        (y + (bottom - top) / 2) / height,
        (left + right) / width,
        (top + bottom) / height,
      ] as const;
      found.push({ box, objectness: sigmoid(best), scores });
    }
  }
  return found;
}

/** A product, since `**` differs between hosts. */
const square = (value: number): number => value * value;

/** Mean of a distribution over 0, 1, ..., bins - 1, given as logits; with one bin, the value itself. */
function distance(output: OutputMap, from: number, bins: number): number {
  if (bins === 1) return output[from];
  let most = Number.NEGATIVE_INFINITY;
  for (let bin = 0; bin < bins; bin++) most = Math.max(most, output[from + bin]);
  let [sum, weighted] = [0, 0];
  for (let bin = 0; bin < bins; bin++) {
    const share = exp(output[from + bin] - most);
    sum += share;
    weighted += bin * share;
  }
  return weighted / sum;
}

/** Slightly below the logit of a threshold: spares most cells the sigmoid, and leaves the decision to an exact test. */
const leastLogit = (threshold: number): number => log(threshold / (1 - threshold)) - 1e-6;
