/**
 * The default detection loss: for YOLOv2's head, with later improvements.
 * - Box: complete IoU (Zheng et al., "Distance-IoU Loss", AAAI 2020, eq. 8-12): 2 (2 - w h) (1 - CIoU), where w and h
 *   are the truth's size as fractions of the picture, so that small objects weigh up to twice as much.
 * - Objectness: binary cross-entropy. The target is the IoU with the truth for a positive box, and 0 for all others,
 *   except that others overlapping a truth by more than `thresh` are ignored.
 * - Class: softmax cross-entropy on positive boxes.
 * - Positive boxes: chosen by `assignment`; see assignment.ts.
 *
 * `loss` is the sum of these terms over the boxes, averaged over the pictures. `gradient` is its gradient, with the IoU
 * targets and CIoU's trade-off factor held constant.
 */
import { exp, log, PhinetsError, sigmoid } from "../tensor/index.js";
import {
  type AssignmentOptions,
  assignTargets,
  compare,
  type MapShape,
  softplus,
  type TargetAssignment,
} from "./assignment.js";
import type { Anchors, Truth } from "./boxes.js";
import type { Decoder } from "./decode.js";
import { checkLossArguments, type DetectionLossOptions, type DetectionLossResult, softmax } from "./loss.js";

export interface CiouLossOptions extends DetectionLossOptions, AssignmentOptions {}

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

/** The loss for a given assignment, differentiable except where box edges meet. */
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

function centreSlope(raw: number, decoder: Decoder): number {
  const s = sigmoid(raw);
  return (decoder === "scaled" ? 2 : 1) * s * (1 - s);
}
