/** Options that say how training pictures are changed, and what each class weighs. */
import type { AugmentRecipe, Recipe } from "@phinets/core/training";
import { type Command, InvalidArgumentError } from "commander";
import { fraction, integer, number, oneOf } from "../terminal/options.js";

/** Named as the recipe names them. */
export type AugmentOptions = AugmentRecipe & Pick<Partial<Recipe>, "classLoss" | "classWeights" | "lightEpochs">;

export function addAugmentOptions(command: Command): Command {
  return command
    .option("--flip <p>", "probability of mirroring (default 0.5; classifying grey pictures 0)", fraction)
    .option(
      "--jitter <share>",
      "crop edges move by up to this (default 0.25 to detect, 0 to classify)",
      number(0, 0.49),
    )
    .option("--shift <share>", "the crop moves by up to this (default 0; to classify 0.125, grey 0.07)", fraction)
    .option("--zoom <factor>", "larger or smaller by up to this (default 1 = off)", number(1, 10))
    .option("--rotate <degrees>", "turned by up to this either way (default 0)", number(0, 180))
    .option("--hue <degrees>", "hue turned by up to this either way (default 18; grey 0)", number(0, 180))
    .option("--saturation <factor>", "changed by up to this (default 1.5; to classify 1.25, grey 1)", number(1, 10))
    .option("--exposure <factor>", "changed by up to this (default 1.5; to classify 1.25, grey 1)", number(1, 10))
    .option("--rand-augment <magnitude>", "two operations of RandAugment, 0..10 (default 0 = off)", number(0, 10))
    .option("--erase <p>", "probability of a rectangle of noise (default 0)", fraction)
    .option("--mosaic <p>", "detection: probability of a mosaic of four pictures (default 0)", fraction)
    .option(
      "--mixup <x>",
      "blended pictures: to classify alpha of Beta(alpha, alpha), to detect a probability (default 0)",
      number(0, 32),
    )
    .option(
      "--light-epochs <n>",
      "detection: last epochs with little of it, at most a tenth of the run (default 3)",
      integer(0, 100_000),
    )
    .option("--class-weights <list>", "auto or one number a class, in their order (default all alike)", classWeights)
    .option("--class-loss <name>", "classification: softmax or bce (default softmax)", oneOf("softmax", "bce"));
}

/** What was given of them. */
export function augmentRecipeOf(options: AugmentOptions): AugmentOptions {
  const { flip, jitter, shift, zoom, rotate, hue, saturation, exposure } = options;
  const { randAugment, erase, mosaic, mixup, lightEpochs, classWeights, classLoss } = options;
  const moves = { flip, jitter, shift, zoom, rotate, hue, saturation, exposure };
  return { ...moves, randAugment, erase, mosaic, mixup, lightEpochs, classWeights, classLoss };
}

function classWeights(text: string): "auto" | number[] {
  if (text === "auto") return text;
  const weights = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!weights.every((w) => w >= 0 && w <= 1e6)) throw new InvalidArgumentError("It is auto or numbers like 1,2.5,1.");
  return weights;
}
