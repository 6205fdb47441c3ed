/**
 * Calibration of a classifier: whether its confidence matches its accuracy. Expected calibration error after Guo et
 * al., "On Calibration of Modern Neural Networks" (ICML 2017), section 2: bins of equal width over the confidence of
 * the prediction, bin b covering (b / bins, (b + 1) / bins].
 */
import { exp, PhinetsError } from "../tensor/index.js";

export interface CalibrationBin {
  readonly from: number;
  readonly to: number;
  readonly images: number;
  /** mean confidence and share of correct predictions, 0..1; 0 for an empty bin */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** mean over the pictures of their bin's |accuracy - confidence|, 0..1; 0 without pictures */
  readonly ECE: number;
  /** the largest |accuracy - confidence| of a bin */
  readonly MCE: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * @param probabilities `[images, classes]`, each 0..1; of equal values the lower class is the prediction
 * @param labels `[images]`, class indices
 * @throws `evaluation.calibration` if the sizes do not match, or a value is not a probability (apply `softmaxRows` to
 *   logits first).
 */
export function evaluateCalibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  bins = 15,
): Calibration {
  const images = labels.length;
  if (!Number.isInteger(bins) || bins < 1) {
    throw new PhinetsError(
      "evaluation.calibration",
      `calibration: bins is ${bins}; it must be an integer of at least 1`,
    );
  }
  if (!Number.isInteger(classes) || classes < 1 || probabilities.length !== images * classes) {
    throw new PhinetsError(
      "evaluation.calibration",
      `calibration: ${images} labels and ${classes} classes need ${images * classes} probabilities, got ${probabilities.length}`,
    );
  }
  const count = new Int32Array(bins);
  const right = new Int32Array(bins);
  const confidence = new Float64Array(bins);
  for (let i = 0; i < images; i++) {
    let prediction = 0;
    for (let c = 0; c < classes; c++) {
      const value = probabilities[i * classes + c];
      if (!(value >= 0 && value <= 1)) {
        throw new PhinetsError(
          "evaluation.calibration",
          `calibration: image ${i} has ${value} for class ${c}; a probability lies in 0..1`,
        );
      }
      if (value > probabilities[i * classes + prediction]) prediction = c;
    }
    const most = probabilities[i * classes + prediction];
    const bin = Math.max(0, Math.ceil(most * bins) - 1);
    count[bin]++;
    confidence[bin] += most;
    if (prediction === labels[i]) right[bin]++;
  }
  let ECE = 0;
  let MCE = 0;
  const list = Array.from(count, (n, b): CalibrationBin => {
    const mean = n === 0 ? 0 : confidence[b] / n;
    const accuracy = n === 0 ? 0 : right[b] / n;
    const gap = Math.abs(accuracy - mean);
    ECE += n === 0 ? 0 : (n / images) * gap;
    MCE = Math.max(MCE, gap);
    return { from: b / bins, to: (b + 1) / bins, images: n, confidence: mean, accuracy };
  });
  return { ECE, MCE, bins: list };
}

/** Probabilities of logits `[rows, classes]`. */
export function softmaxRows(logits: ArrayLike<number>, classes: number): Float64Array {
  const result = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) {
    let most = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) most = Math.max(most, logits[at + c]);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      result[at + c] = exp(logits[at + c] - most);
      sum += result[at + c];
    }
    for (let c = 0; c < classes; c++) result[at + c] /= sum;
  }
  return result;
}
