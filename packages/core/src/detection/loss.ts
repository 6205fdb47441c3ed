/** The arguments and results that all detection losses share, so that a trainer can exchange them. */
import { exp, formatShape, PhinetsError } from "../tensor/index.js";
import type { AssignmentName } from "./assignment.js";
import type { Anchors, Truth } from "./boxes.js";
import { checkHead, type OutputMap } from "./decode.js";

export interface DetectionLossOptions {
  /** Weight of the box term. Default 1. */
  readonly coordScale?: number;
  /** Weight of the objectness of positive boxes. Default 5 in yolov2Loss, 1 in ciouLoss. */
  readonly objectScale?: number;
  /** Weight of the objectness of all other boxes. Default 1. */
  readonly noobjectScale?: number;
  /** Weight of the class term. Default 1. */
  readonly classScale?: number;
  /** Weight of the class term of each class. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** A box that is not positive is ignored if its IoU with some truth exceeds this. Default 0.6. */
  readonly thresh?: number;
  /** How positive boxes are chosen; only ciouLoss uses it. Default "anchors". */
  readonly assignment?: AssignmentName;
  /**
   * Pictures trained on before this step; yolov2Loss pulls all boxes to their anchors at first. Default: infinitely
   * many.
   */
  readonly seen?: number;
  /** Array for the gradient, as long as `output`. Default: a new one. */
  readonly gradient?: Float32Array;
}

export interface DetectionLossResult {
  /** mean over the pictures of the batch */
  readonly loss: number;
  /** the terms of `loss`; they add up to it */
  readonly parts: Readonly<Record<string, number>>;
  /**
   * `[batch, height, width, channels]`: the gradient, averaged over the pictures like `loss`, so that `output -= rate *
   * gradient` descends.
   */
  readonly gradient: Float32Array;
}

/**
 * A detection loss.
 * @param output the network's map, NHWC, channel anchor * (5 + classes) + {x, y, w, h, object, class...}, raw values
 * @param shape `[batch, height, width, channels]`
 * @param truths per picture; centre boxes, fractions 0..1
 * @param anchors in cells
 * @param classes number of classes
 */
export type DetectionLoss = (
  output: Float32Array,
  shape: readonly [batch: number, height: number, width: number, channels: number],
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  classes: number,
  options?: DetectionLossOptions,
) => DetectionLossResult;

/**
 * Throws `detection.shape`, `detection.truth` or `detection.options` when the arguments of a loss do not fit together.
 */
export function checkLossArguments(
  output: Float32Array,
  shape: readonly [batch: number, height: number, width: number, channels: number],
  truths: readonly (readonly Truth[])[],
  anchors: Anchors,
  classes: number,
  options: DetectionLossOptions,
): void {
  const [batch, height, width, channels] = shape;
  checkHead(channels, anchors, classes);
  if (output.length !== batch * height * width * channels || truths.length !== batch) {
    throw new PhinetsError(
      "detection.shape",
      `loss: shape ${formatShape(shape)} needs ${batch * height * width * channels} values and truths of ${batch} pictures, got ${output.length} and ${truths.length}`,
    );
  }
  if (options.gradient !== undefined && options.gradient.length !== output.length) {
    throw new PhinetsError(
      "detection.shape",
      `loss: the gradient's buffer has ${options.gradient.length} elements, the output ${output.length}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "number" && !(value >= 0)) {
      throw new PhinetsError("detection.options", `loss: ${name} is ${value}; it must be at least 0`);
    }
  }
  if (options.classWeights !== undefined && options.classWeights.length !== classes) {
    throw new PhinetsError(
      "detection.options",
      `loss: ${options.classWeights.length} class weights for ${classes} classes; one each is needed`,
    );
  }
  for (const [picture, list] of truths.entries()) {
    for (const t of list) {
      if (!Number.isInteger(t.class) || t.class < 0 || t.class >= classes) {
        throw new PhinetsError(
          "detection.truth",
          `loss: picture ${picture} of the batch has class ${t.class}; classes are 0..${classes - 1}`,
        );
      }
      if (!(t.x >= 0 && t.x <= 1 && t.y >= 0 && t.y <= 1 && t.width > 0 && t.height > 0 && t.width * t.height <= 1)) {
        throw new PhinetsError(
          "detection.truth",
          `loss: picture ${picture} of the batch has the box ${t.x},${t.y},${t.width},${t.height}; centre and size are fractions of the picture in 0..1`,
        );
      }
    }
  }
}

/** Writes the softmax of `logits` to `into`; subtracts the largest first. */
export function softmax(logits: OutputMap, into: Float64Array): void {
  let largest = logits[0];
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (let c = 0; c < logits.length; c++) {
    into[c] = exp(logits[c] - largest);
    sum += into[c];
  }
  for (let c = 0; c < logits.length; c++) into[c] /= sum;
}
