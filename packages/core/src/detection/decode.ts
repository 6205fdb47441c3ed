/**
 * Decodes the network's output map into boxes: by YOLOv2's rules (YOLO9000, section 2, "Direct location prediction";
 * darknet's region layer), or by the variant whose centre may leave its cell by half a cell (YOLOv4, section 3.4,
 * "eliminate grid sensitivity", with scale 2), which lets neighbouring cells find the same object.
 */
import { exp, formatShape, log, PhinetsError, sigmoid } from "../tensor/index.js";
import { type Anchors, clipDetection, type Detection } from "./boxes.js";
import { keepBest, nmsByObjectness, nmsPerClass } from "./nms.js";

/** Centre within the cell: "yolov2" sigmoid(t); "scaled" 2 sigmoid(t) - 0.5. Sizes are anchor * exp(t) in both. */
export type Decoder = "yolov2" | "scaled";

/** Real values. float64 holds the values of an int8 map exactly, so that decoding gives the firmware's boxes. */
export type OutputMap = Float32Array | Float64Array;

export interface DetectionHead {
  /** anchors in cells */
  readonly anchors: Anchors;
  /** number of classes */
  readonly classes: number;
  /** Must be the decoder that the loss was trained with. Default "yolov2". */
  readonly decoder?: Decoder;
}

/** Boxes above the objectness threshold, in the order row, column, anchor. */
export interface DecodedBoxes {
  readonly count: number;
  readonly classes: number;
  /** `[count, 4]`: centre x, y, width, height as fractions of the network's input */
  readonly boxes: Float64Array;
  /** `[count]`, 0..1 */
  readonly objectness: Float64Array;
  /** `[count, classes]`: objectness * class probability where above the threshold, else 0 */
  readonly probabilities: Float64Array;
}

/**
 * Decodes one picture's map `[height, width, anchors * (5 + classes)]`, channel anchor * (5 + classes) + {x, y, w, h,
 * object, class...}. Keeps boxes whose objectness is strictly above `threshold`.
 * Throws `detection.shape` when map, anchors and classes do not fit together.
 */
export function decodeBoxes(
  output: OutputMap,
  shape: readonly [height: number, width: number, channels: number],
  head: DetectionHead,
  threshold: number,
): DecodedBoxes {
  const [height, width, channels] = shape;
  const { anchors, classes, decoder = "yolov2" } = head;
  checkHead(channels, anchors, classes);
  if (output.length !== height * width * channels) {
    throw new PhinetsError(
      "detection.shape",
      `decode: the map has ${output.length} values but ${formatShape(shape)} needs ${height * width * channels}`,
    );
  }
  checkThreshold(threshold);
  const entries = 5 + classes;
  // A cheap test of the raw value spares most cells the sigmoid; its margin leaves the decision to the exact test
  // below.
  const leastLogit = log(threshold / (1 - threshold)) - 1e-6;
  const candidates: number[] = [];
  for (let at = 0; at < output.length; at += entries) {
    if (output[at + 4] > leastLogit && sigmoid(output[at + 4]) > threshold) candidates.push(at);
  }
  const count = candidates.length;
  const boxes = new Float64Array(4 * count);
  const objectness = new Float64Array(count);
  const probabilities = new Float64Array(count * classes);
  const scale = decoder === "scaled" ? 2 : 1;
  const shift = decoder === "scaled" ? 0.5 : 0;
  for (let i = 0; i < count; i++) {
    const at = candidates[i];
    const cell = Math.floor(at / channels);
    const [anchorWidth, anchorHeight] = anchors[(at % channels) / entries];
    boxes[4 * i] = ((cell % width) + scale * sigmoid(output[at]) - shift) / width;
    boxes[4 * i + 1] = (Math.floor(cell / width) + scale * sigmoid(output[at + 1]) - shift) / height;
    boxes[4 * i + 2] = (anchorWidth * exp(output[at + 2])) / width;
    boxes[4 * i + 3] = (anchorHeight * exp(output[at + 3])) / height;
    objectness[i] = sigmoid(output[at + 4]);
    // A network that diverged may predict a box of infinite size, which nothing downstream could draw or track.
    if (!Number.isFinite(boxes[4 * i + 2] * boxes[4 * i + 3])) continue;
    classProbabilities(output, at + 5, classes, objectness[i], threshold, probabilities, i * classes);
  }
  return { count, classes, boxes, objectness, probabilities };
}

export function checkThreshold(threshold: number): void {
  if (threshold >= 0 && threshold < 1) return;
  throw new PhinetsError("detection.threshold", `decode: confidence threshold is ${threshold}; it must lie in 0..1`);
}

function classProbabilities(
  logits: OutputMap,
  from: number,
  classes: number,
  objectness: number,
  threshold: number,
  into: Float64Array,
  at: number,
): void {
  let largest = logits[from];
  for (let c = 1; c < classes; c++) if (logits[from + c] > largest) largest = logits[from + c];
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    into[at + c] = exp(logits[from + c] - largest);
    sum += into[at + c];
  }
  for (let c = 0; c < classes; c++) {
    const probability = (objectness * into[at + c]) / sum;
    into[at + c] = probability > threshold ? probability : 0;
  }
}

/** Throws `detection.shape` unless channels = anchors * (5 + classes). */
export function checkHead(channels: number, anchors: Anchors, classes: number): void {
  if (!Number.isInteger(classes) || classes < 1 || anchors.length < 1) {
    throw new PhinetsError(
      "detection.shape",
      `detection head: ${anchors.length} anchors and ${classes} classes; both must be integers of at least 1`,
    );
  }
  if (channels !== anchors.length * (5 + classes)) {
    throw new PhinetsError(
      "detection.shape",
      `detection head: the map has ${channels} channels but ${anchors.length} anchors and ${classes} classes need ${anchors.length * (5 + classes)}`,
    );
  }
}

/**
 * Undoes letterboxing in place: boxes as fractions of the network's input become fractions of the picture that was
 * fitted into it. Counts whole pixels like darknet's correct_region_boxes. Sizes are in pixels.
 */
export function undoLetterbox(
  decoded: DecodedBoxes,
  picture: { readonly width: number; readonly height: number },
  input: { readonly width: number; readonly height: number },
): void {
  const wide = input.width / picture.width < input.height / picture.height;
  const fittedWidth = wide ? input.width : Math.floor((picture.width * input.height) / picture.height);
  const fittedHeight = wide ? Math.floor((picture.height * input.width) / picture.width) : input.height;
  const { boxes } = decoded;
  for (let i = 0; i < 4 * decoded.count; i += 4) {
    boxes[i] = (boxes[i] - (input.width - fittedWidth) / 2 / input.width) / (fittedWidth / input.width);
    boxes[i + 1] = (boxes[i + 1] - (input.height - fittedHeight) / 2 / input.height) / (fittedHeight / input.height);
    boxes[i + 2] *= input.width / fittedWidth;
    boxes[i + 3] *= input.height / fittedHeight;
  }
}

/** One detection for every box and class with a probability above 0, best score first. */
export function toDetections({ count, classes, boxes, probabilities }: DecodedBoxes): Detection[] {
  const detections: Detection[] = [];
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < classes; c++) {
      const score = probabilities[i * classes + c];
      const width = boxes[4 * i + 2];
      const height = boxes[4 * i + 3];
      if (score === 0) continue;
      detections.push({
        class: c,
        score,
        x: boxes[4 * i] - width / 2,
        y: boxes[4 * i + 1] - height / 2,
        width,
        height,
      });
    }
  }
  return detections.sort((a, b) => b.score - a.score);
}

/** Defaults of `detect`. */
export const detectDefaults = { threshold: 0.25, iouThreshold: 0.45, maxDetections: 100 } as const;

export interface DetectOptions {
  /** Score that a detection must exceed, 0..1. Default 0.25; evaluators use 0.005. */
  readonly threshold?: number;
  /** IoU above which two boxes of a class count as one object. Default 0.45. */
  readonly iouThreshold?: number;
  /** true: boxes suppress each other across classes, by objectness. Default false. */
  readonly agnostic?: boolean;
  /** Number of best detections kept per picture. Default 100. */
  readonly maxDetections?: number;
  /**
   * Number of best boxes, over all classes, that suppression considers. Default: all. The firmware has limited room.
   */
  readonly maxCandidates?: number;
  /** The picture's and the input's size in pixels, if the picture was letterboxed. Default: it was stretched. */
  readonly letterbox?: {
    readonly picture: { readonly width: number; readonly height: number };
    readonly input: { readonly width: number; readonly height: number };
  };
  /** Whether to clip boxes to the picture, after suppression. Default true. */
  readonly clip?: boolean;
}

/**
 * Detections of one picture from its map, best first: decodes, suppresses, clips.
 * @param output `[height, width, anchors * (5 + classes)]`, real values; dequantise an int8 map first
 */
export function detect(
  output: OutputMap,
  shape: readonly [height: number, width: number, channels: number],
  head: DetectionHead,
  options: DetectOptions = {},
): Detection[] {
  const { threshold = detectDefaults.threshold } = options;
  return detectionsOf(decodeBoxes(output, shape, head, threshold), options);
}

/** Detections from decoded boxes, which it changes: suppressed, clipped, best first. */
export function detectionsOf(decoded: DecodedBoxes, options: Omit<DetectOptions, "threshold">): Detection[] {
  const {
    iouThreshold = detectDefaults.iouThreshold,
    maxDetections = detectDefaults.maxDetections,
    agnostic = false,
    clip = true,
  } = options;
  if (options.letterbox !== undefined) undoLetterbox(decoded, options.letterbox.picture, options.letterbox.input);
  if (options.maxCandidates !== undefined) keepBest(decoded, options.maxCandidates);
  if (agnostic) nmsByObjectness(decoded, iouThreshold);
  else nmsPerClass(decoded, iouThreshold);
  const detections = toDetections(decoded).slice(0, maxDetections);
  return clip ? detections.map(clipDetection) : detections;
}
