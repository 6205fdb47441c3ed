/** How the pictures of an epoch are changed at random. */
import {
  type AugmentOptions,
  classificationAugmentation,
  detectionAugmentation,
  digitAugmentation,
} from "@phinets/core/data";
import type { Network } from "@phinets/core/networks";
import type { Recipe } from "@phinets/core/training";

/** Grey pictures of classification sets are digits and the like, which a flip would turn into something else. */
export function augmentationOf(network: Network, recipe: Recipe, epoch: number): AugmentOptions | undefined {
  if (!recipe.augment) return undefined;
  if (network.head.kind !== "yolov2")
    return network.input.channels === 1 ? digitAugmentation : classificationAugmentation;
  const light = epoch >= recipe.epochs - Math.min(recipe.lightEpochs, Math.floor(recipe.epochs / 10));
  return light ? { jitter: 0.05, hueDegrees: 0, saturation: 1, exposure: 1 } : detectionAugmentation;
}
