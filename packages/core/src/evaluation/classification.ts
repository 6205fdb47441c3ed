/** Top-1, top-5 and the confusion matrix of a classifier. */
import { PhinetsError } from "../tensor/index.js";

export interface ClassificationMetrics {
  readonly images: number;
  /** fractions 0..1; 0 for no images */
  readonly top1: number;
  readonly top5: number;
  /** `[classes, classes]`, row = label, column = prediction */
  readonly confusion: Int32Array;
  readonly perClass: readonly {
    readonly class: number;
    readonly images: number;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
  }[];
}

/**
 * @param scores `[images, classes]`, logits or probabilities; of equal scores the lower class is the prediction
 * @param labels `[images]`, class indices
 * @throws `evaluation.classification` if the sizes do not match or a label is not a class.
 */
export function evaluateClassification(
  scores: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): ClassificationMetrics {
  const images = labels.length;
  if (!Number.isInteger(classes) || classes < 1 || scores.length !== images * classes) {
    throw new PhinetsError(
      "evaluation.classification",
      `evaluate: ${images} labels and ${classes} classes need ${images * classes} scores, got ${scores.length}`,
    );
  }
  const confusion = new Int32Array(classes * classes);
  let top1 = 0;
  let top5 = 0;
  for (let i = 0; i < images; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new PhinetsError(
        "evaluation.classification",
        `evaluate: label of image ${i} is ${label}; classes are 0..${classes - 1}`,
      );
    }
    const at = i * classes;
    const own = scores[at + label];
    let prediction = 0;
    let ahead = 0;
    for (let c = 0; c < classes; c++) {
      const score = scores[at + c];
      if (score > scores[at + prediction] || Number.isNaN(scores[at + prediction])) prediction = c;
      // With this form a NaN never helps: any score that is not clearly lower counts as higher.
      if (c !== label && !(score < own || (score === own && c > label))) ahead++;
    }
    confusion[label * classes + prediction]++;
    if (ahead === 0) top1++;
    if (ahead < 5) top5++;
  }
  return {
    images,
    top1: images === 0 ? 0 : top1 / images,
    top5: images === 0 ? 0 : top5 / images,
    confusion,
    perClass: Array.from({ length: classes }, (_, c) => {
      let labelled = 0;
      let predicted = 0;
      for (let other = 0; other < classes; other++) {
        labelled += confusion[c * classes + other];
        predicted += confusion[other * classes + c];
      }
      const right = confusion[c * classes + c];
      return {
        class: c,
        images: labelled,
        precision: predicted === 0 ? 0 : right / predicted,
        recall: labelled === 0 ? 0 : right / labelled,
        f1: labelled + predicted === 0 ? 0 : (2 * right) / (labelled + predicted),
      };
    }),
  };
}
