/** Turns a recipe into the augmentation options of each epoch. */
import {
  type AugmentOptions,
  classificationAugmentation,
  detectionAugmentation,
  digitAugmentation,
} from "../data/index.js";
import type { Network } from "../networks/index.js";
import { firstLightEpoch, type Recipe } from "./recipe.js";

/** Augmentation in a detector's last epochs (`recipe.lightEpochs`): small shifts of the crop's edges only. */
const lightDetection: AugmentOptions = { jitter: 0.05, hueDegrees: 0, saturation: 1, exposure: 1 };

/** Augmentation for an epoch (0-based); undefined for none. */
export function augmentationOf(network: Network, recipe: Recipe, epoch: number): AugmentOptions | undefined {
  if (!recipe.augment) return undefined;
  const { flip, jitter, shift, zoom, rotate, hue, saturation, exposure, randAugment, erase, mosaic, mixup } = recipe;
  if (network.head.kind !== "yolov2") {
    // Grey classification pictures are usually digits or letters, which a flip would turn into something else.
    const base = network.input.channels === 1 ? digitAugmentation : classificationAugmentation;
    const mixing = mixup !== undefined && mixup > 0 ? { mixup: 1, mixupAlpha: mixup } : {};
    const moves = { flip, jitter, shift, zoom, rotateDegrees: rotate };
    return { ...base, ...given({ ...moves, hueDegrees: hue, saturation, exposure, randAugment, erase }), ...mixing };
  }
  if (epoch >= firstLightEpoch(recipe)) {
    return { ...lightDetection, ...given({ flip, jitter: jitter === undefined ? undefined : Math.min(jitter, 0.05) }) };
  }
  const moves = { flip, jitter, shift, zoom, rotateDegrees: rotate };
  const changes = { hueDegrees: hue, saturation, exposure, randAugment, erase, mosaic, mixup };
  return { ...detectionAugmentation, ...given({ ...moves, ...changes }) };
}

function given(options: AugmentOptions): AugmentOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
