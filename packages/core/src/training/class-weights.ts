/** Class weights that balance rare and common classes. */
import type { Sample } from "../data/index.js";
import { PhinetsError } from "../tensor/index.js";
import type { Recipe } from "./recipe.js";

/**
 * Inverse class frequency: total / (classes seen * count). The mean weight over all samples is 1, and every class seen
 * has the same total weight. A class that never occurs gets 1.
 */
export function balancedWeights(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const seen = counts.filter((n) => n > 0).length;
  return counts.map((n) => (n > 0 ? total / (seen * n) : 1));
}

/** Counts per class: pictures (classification) or boxes (detection). */
export function classCounts(samples: readonly Pick<Sample, "labels" | "class">[], classes: number): number[] {
  const counts: number[] = new Array(classes).fill(0);
  for (const { labels, class: c } of samples) {
    if (c !== undefined) counts[c]++;
    for (const { class: label, ignore } of labels ?? []) if (ignore === undefined) counts[label]++;
  }
  return counts;
}

/**
 * The recipe with "auto" class weights computed from the training samples. Throws when a list does not have one weight
 * per class.
 */
export function withClassWeights(
  recipe: Recipe,
  samples: readonly Pick<Sample, "labels" | "class">[],
  classes: number,
): Recipe {
  const { classWeights } = recipe;
  if (classWeights === undefined) return recipe;
  if (classWeights === "auto") return { ...recipe, classWeights: balancedWeights(classCounts(samples, classes)) };
  checkClassWeights(classWeights, classes);
  return recipe;
}

export function checkClassWeights(weights: readonly number[], classes: number): void {
  if (weights.length === classes) return;
  throw new PhinetsError(
    "training.option",
    `classWeights has ${weights.length} weights (${weights.join(",")}); the ${classes} classes of the data need one each`,
    "classWeights",
  );
}
