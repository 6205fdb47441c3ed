/** Softmax cross-entropy with label smoothing (Szegedy et al. 2016), and its gradient. */
import { exp, log, PhinetsError } from "../tensor/index.js";

export interface CrossEntropy {
  /** Mean over the batch, in nats. */
  readonly loss: number;
  /** d loss / d logits, `[batch, classes]`. */
  readonly gradient: Float32Array;
  /** Pictures whose largest logit is the true class. */
  readonly correct: number;
}

/**
 * @param logits `[batch, classes]`
 * @param targets class index of each picture
 * @param smoothing mass moved from the true class to all classes evenly, 0..1
 */
export function crossEntropy(
  logits: Float32Array,
  classes: number,
  targets: ArrayLike<number>,
  smoothing = 0,
): CrossEntropy {
  const batch = logits.length / classes;
  if (batch !== targets.length) {
    throw new PhinetsError(
      "training.crossEntropy",
      `${logits.length} logits of ${classes} classes are not ${targets.length} pictures`,
    );
  }
  const gradient = new Float32Array(logits.length);
  let loss = 0;
  let correct = 0;
  for (let n = 0; n < batch; n++) {
    const row = n * classes;
    let largest = 0;
    for (let c = 1; c < classes; c++) if (logits[row + c] > logits[row + largest]) largest = c;
    if (largest === targets[n]) correct++;
    const max = logits[row + largest];
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += exp(logits[row + c] - max);
    const logSum = log(sum) + max;
    for (let c = 0; c < classes; c++) {
      const target = smoothing / classes + (c === targets[n] ? 1 - smoothing : 0);
      const logProbability = logits[row + c] - logSum;
      loss -= target * logProbability;
      gradient[row + c] = (exp(logProbability) - target) / batch;
    }
  }
  return { loss: loss / batch, gradient, correct };
}
