/** Options for augmentation of training pictures and for class weights. */
import type { AugmentRecipe, Recipe } from "@phinets/core/training";
import { InvalidArgumentError } from "commander";
import type { OptionDefinition } from "../terminal/definition.js";
import { fraction, integer, number, oneOf } from "../terminal/options.js";
import { augmentDefault, recipeDefault } from "./recipe-default.js";

/** Option names equal the recipe's names. */
export type AugmentOptions = AugmentRecipe & Pick<Partial<Recipe>, "classLoss" | "classWeights" | "lightEpochs">;

const group = "Augmentation";

export const augmentOptions: readonly OptionDefinition[] = [
  { flags: "--no-augment", help: "train on unchanged pictures", group },
  {
    flags: "--flip <p>",
    help: "probability of mirroring left and right",
    group,
    parse: fraction,
    usual: augmentDefault("flip"),
  },
  {
    flags: "--jitter <share>",
    help: "each edge of the crop moves by up to this share of the side",
    group,
    parse: number(0, 0.49),
    usual: augmentDefault("jitter"),
  },
  {
    flags: "--shift <share>",
    help: "the whole crop moves by up to this share of the side",
    group,
    parse: fraction,
    usual: augmentDefault("shift"),
  },
  {
    flags: "--zoom <factor>",
    help: "objects appear larger or smaller by up to this factor; 1: off",
    group,
    parse: number(1, 10),
    usual: augmentDefault("zoom"),
  },
  {
    flags: "--rotate <degrees>",
    help: "pictures are rotated by up to this angle in either direction",
    group,
    parse: number(0, 180),
    usual: 0,
  },
  {
    flags: "--hue <degrees>",
    help: "the hue is shifted by up to this angle in either direction",
    group,
    parse: number(0, 180),
    usual: augmentDefault("hueDegrees"),
  },
  {
    flags: "--saturation <factor>",
    help: "saturation is raised or lowered by up to this factor; 1: off",
    group,
    parse: number(1, 10),
    usual: augmentDefault("saturation"),
  },
  {
    flags: "--exposure <factor>",
    help: "exposure is raised or lowered by up to this factor; 1: off",
    group,
    parse: number(1, 10),
    usual: augmentDefault("exposure"),
  },
  {
    flags: "--rand-augment <magnitude>",
    help: "magnitude of two RandAugment operations, 0 to 10; 0: off",
    group,
    parse: number(0, 10),
    usual: 0,
  },
  { flags: "--erase <p>", help: "probability of covering a rectangle with noise", group, parse: fraction, usual: 0 },
  {
    flags: "--mosaic <p>",
    help: "detection: probability of a mosaic of four pictures",
    group,
    parse: fraction,
    usual: 0,
  },
  {
    flags: "--mixup <x>",
    help: "blend pairs of pictures; classification: alpha of Beta(alpha, alpha); detection: probability; 0: off",
    group,
    parse: number(0, 32),
    usual: 0,
  },
  {
    flags: "--light-epochs <n>",
    help: "detection: number of last epochs with only flips and small moves of the crop, at most a tenth of the run",
    group,
    parse: integer(0, 100_000),
    usual: recipeDefault("lightEpochs"),
  },
];

export const classTermOptions: readonly OptionDefinition[] = [
  {
    flags: "--class-weights <list>",
    help: "weight of each class in the loss: auto (rare classes weigh more), or one number per class in class order",
    group: "Loss",
    parse: classWeights,
    usual: "all equal",
  },
  {
    flags: "--class-loss <name>",
    help: "classification: softmax (cross-entropy) or bce (binary cross-entropy per class)",
    group: "Loss",
    parse: oneOf("softmax", "bce"),
    usual: "softmax",
  },
];

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
