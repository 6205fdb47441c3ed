/**
 * A classifier's losses and their gradients: softmax cross-entropy, and binary cross-entropy per class (Wightman et
 * al., "ResNet strikes back", 2021). Both support label smoothing (Szegedy et al. 2016), blended targets (mixup) and
 * class weights.
 */
import { exp, log, PhinetsError, sigmoid } from "../tensor/index.js";

export interface CrossEntropy {
  /** Mean over the batch, in nats. Binary cross-entropy sums over the classes first. */
  readonly loss: number;
  /** d loss / d logits, `[batch, classes]`. */
  readonly gradient: Float32Array;
  /**
   * Number of pictures whose largest logit is the true class; for a blended picture, the class with the larger share.
   */
  readonly correct: number;
}

/** Second class of each blended picture and its share, 0..1; see `MixedClasses` in data. */
export interface Blend {
  readonly classes: ArrayLike<number>;
  readonly shares: ArrayLike<number>;
}

export interface CrossEntropyOptions {
  /** Probability mass moved from the true class and spread evenly over all classes, 0..1. Default 0. */
  readonly smoothing?: number;
  readonly mixed?: Blend;
  /**
   * Weight of each class's term, like PyTorch's `weight` with probability targets: the loss is not divided by the sum
   * of the weights. Default all 1.
   */
  readonly weights?: readonly number[];
}

/**
 * Writes a picture's target probabilities into `row`; they sum to 1.
 * @param share share of class `other`, 0..1
 */
export function softTargets(row: Float64Array, target: number, smoothing: number, other = target, share = 0): void {
  const classes = row.length;
  for (let c = 0; c < classes; c++) {
    row[c] = smoothing / classes + (c === target ? (1 - smoothing) * (1 - share) : 0);
    if (c === other && share > 0) row[c] += (1 - smoothing) * share;
  }
}

/**
 * @param logits `[batch, classes]`
 * @param targets class index of each picture
 */
export function crossEntropy(
  logits: Float32Array,
  classes: number,
  targets: ArrayLike<number>,
  options: CrossEntropyOptions = {},
): CrossEntropy {
  const { weights } = options;
  const batch = checkedBatch(logits, classes, targets);
  const gradient = new Float32Array(logits.length);
  const target = new Float64Array(classes);
  let loss = 0;
  let correct = 0;
  for (let n = 0; n < batch; n++) {
    const row = n * classes;
    const largest = largestOf(logits, row, classes);
    if (largest === fillTarget(target, targets, n, options)) correct++;
    const max = logits[row + largest];
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += exp(logits[row + c] - max);
    const logSum = log(sum) + max;
    let mass = 1;
    if (weights !== undefined) {
      mass = 0;
      for (let c = 0; c < classes; c++) {
        target[c] *= weights[c];
        mass += target[c];
      }
    }
    for (let c = 0; c < classes; c++) {
      const logProbability = logits[row + c] - logSum;
      loss -= target[c] * logProbability;
      gradient[row + c] = (mass * exp(logProbability) - target[c]) / batch;
    }
  }
  return { loss: loss / batch, gradient, correct };
}

/** Like `crossEntropy`, with an independent sigmoid per class instead of a softmax. */
export function binaryCrossEntropy(
  logits: Float32Array,
  classes: number,
  targets: ArrayLike<number>,
  options: CrossEntropyOptions = {},
): CrossEntropy {
  const batch = checkedBatch(logits, classes, targets);
  const gradient = new Float32Array(logits.length);
  const target = new Float64Array(classes);
  let loss = 0;
  let correct = 0;
  for (let n = 0; n < batch; n++) {
    const row = n * classes;
    if (largestOf(logits, row, classes) === fillTarget(target, targets, n, options)) correct++;
    for (let c = 0; c < classes; c++) {
      const logit = logits[row + c];
      const weight = options.weights?.[c] ?? 1;
      // log(1 + e^x) - t x, without overflow
      loss += weight * (Math.max(logit, 0) + log(1 + exp(-Math.abs(logit))) - target[c] * logit);
      gradient[row + c] = (weight * (sigmoid(logit) - target[c])) / batch;
    }
  }
  return { loss: loss / batch, gradient, correct };
}

/** Fills in the targets of picture n and returns the class that counts as correct. */
function fillTarget(
  row: Float64Array,
  targets: ArrayLike<number>,
  n: number,
  { smoothing = 0, mixed }: CrossEntropyOptions,
): number {
  if (mixed === undefined) {
    softTargets(row, targets[n], smoothing);
    return targets[n];
  }
  softTargets(row, targets[n], smoothing, mixed.classes[n], mixed.shares[n]);
  return mixed.shares[n] > 0.5 ? mixed.classes[n] : targets[n];
}

function largestOf(logits: Float32Array, row: number, classes: number): number {
  let largest = 0;
  for (let c = 1; c < classes; c++) if (logits[row + c] > logits[row + largest]) largest = c;
  return largest;
}

function checkedBatch(logits: Float32Array, classes: number, targets: ArrayLike<number>): number {
  const batch = logits.length / classes;
  if (batch !== targets.length) {
    throw new PhinetsError(
      "training.crossEntropy",
      `${logits.length} logits of ${classes} classes are not ${targets.length} pictures`,
    );
  }
  return batch;
}
