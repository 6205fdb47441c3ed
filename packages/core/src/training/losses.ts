/** The loss of a network's head: takes outputs and ground truth, returns the loss, its parts and the cotangent. */
import { detectionLosses, type Truth } from "../detection/index.js";
import { classCount, type Network } from "../networks/index.js";
import { PhinetsError, type Shape } from "../tensor/index.js";
import { checkClassWeights } from "./class-weights.js";
import { type Blend, binaryCrossEntropy, crossEntropy } from "./cross-entropy.js";
import type { Recipe } from "./recipe.js";

/** Ground truth of a batch: each picture's boxes (detection) or class (classification). */
export type Targets =
  | { readonly truths: readonly (readonly Truth[])[] }
  | { readonly classes: ArrayLike<number>; readonly mixed?: Blend };

export interface LossValue {
  /** Mean over the batch. */
  readonly loss: number;
  /** A detector's loss terms, or a classifier's accuracy on the batch, for the progress line and results.csv. */
  readonly parts: Readonly<Record<string, number>>;
  /** d loss / d output, in the output's shape. */
  readonly gradient: Float32Array;
}

/** @param seen pictures trained on so far (darknet's prior term ends after 12,800) */
export type Loss = (output: Float32Array, shape: Shape, targets: Targets, seen: number) => LossValue;

/** Throws PhinetsError `training.head` for a head that has no loss. */
export function requireLoss({ head: { kind } }: Network): void {
  if (kind === "classifier" || kind === "yolov2") return;
  const what = kind === "none" ? "a network without a head" : `a ${kind} head`;
  throw new PhinetsError(
    "training.head",
    `${what} has no loss to train with; quantise the network without --qat`,
    "head",
  );
}

/** The loss that a recipe selects for a network's head. Throws PhinetsError as `requireLoss` does. */
export function lossOf(network: Network, recipe: Recipe): Loss {
  requireLoss(network);
  const head = network.head;
  const { classWeights, assignment } = recipe;
  if (classWeights === "auto") throw new Error("lossOf: class weights are still to be made, by withClassWeights");
  if (classWeights !== undefined) checkClassWeights(classWeights, classCount(head));
  if (head.kind === "yolov2") {
    const anchors = head.anchors;
    const classes = classCount(head);
    const { loss, decoder } = detectionLosses[recipe.loss];
    if (head.decoder !== decoder) {
      throw new PhinetsError(
        "training.option",
        `loss ${recipe.loss} needs head.decoder "${decoder}"; the network's is "${head.decoder}"`,
        "loss",
      );
    }
    return (output, shape, targets, seen) => {
      const { truths } = targets as { truths: readonly (readonly Truth[])[] };
      return loss(output, shape as [number, number, number, number], truths, anchors, classes, {
        seen,
        classWeights,
        assignment,
      });
    };
  }
  const classLoss = recipe.classLoss === "bce" ? binaryCrossEntropy : crossEntropy;
  const smoothing = recipe.labelSmoothing;
  return (output, shape, targets) => {
    const { classes, mixed } = targets as { classes: ArrayLike<number>; mixed?: Blend };
    const { loss, gradient, correct } = classLoss(output, shape[1], classes, {
      smoothing,
      mixed,
      weights: classWeights,
    });
    return { loss, parts: { accuracy: correct / shape[0] }, gradient };
  };
}
