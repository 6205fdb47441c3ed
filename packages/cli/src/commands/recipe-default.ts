/** Texts of a recipe's defaults for the help, taken from the recipes themselves. */
import {
  type AugmentOptions,
  augmentDefaults,
  classificationAugmentation,
  digitAugmentation,
} from "@phinets/core/data";
import { classificationRecipe, detectionRecipe, type Recipe } from "@phinets/core/training";

/** "30", or "8 to detect, 128 to classify". */
export function recipeDefault(name: keyof Recipe): string {
  const [detect, classify] = [detectionRecipe[name], classificationRecipe[name]];
  return detect === classify ? String(detect) : `${detect} to detect, ${classify} to classify`;
}

/** "0.5; to classify grey pictures 0", or "1.5; to classify 1.25, grey 1" */
export function augmentDefault(name: keyof AugmentOptions & keyof typeof augmentDefaults): string {
  const detect = augmentDefaults[name];
  const classify = classificationAugmentation[name] ?? detect;
  const grey = digitAugmentation[name] ?? detect;
  if (classify === detect && grey === detect) return String(detect);
  if (classify === detect) return `${detect}; to classify grey pictures ${grey}`;
  return grey === classify ? `${detect}; to classify ${classify}` : `${detect}; to classify ${classify}, grey ${grey}`;
}
