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
  { flags: "--no-augment", help: "train on the pictures as they are", group },
  { flags: "--flip <p>", help: "probability of mirroring", group, parse: fraction, usual: augmentDefault("flip") },
  {
    flags: "--jitter <share>",
    help: "crop edges move by up to this",
    group,
    parse: number(0, 0.49),
    usual: augmentDefault("jitter"),
  },
  {
    flags: "--shift <share>",
    help: "the crop moves by up to this",
    group,
    parse: fraction,
    usual: augmentDefault("shift"),
  },
  {
    flags: "--zoom <factor>",
    help: "larger or smaller by up to this; 1: off",
    group,
    parse: number(1, 10),
    usual: augmentDefault("zoom"),
  },
  {
    flags: "--rotate <degrees>",
    help: "turned by up to this either way",
    group,
    parse: number(0, 180),
    usual: 0,
  },
  {
    flags: "--hue <degrees>",
    help: "hue turned by up to this either way",
    group,
    parse: number(0, 180),
    usual: augmentDefault("hueDegrees"),
  },
  {
    flags: "--saturation <factor>",
    help: "changed by up to this",
    group,
    parse: number(1, 10),
    usual: augmentDefault("saturation"),
  },
  {
    flags: "--exposure <factor>",
    help: "changed by up to this",
    group,
    parse: number(1, 10),
    usual: augmentDefault("exposure"),
  },
  {
    flags: "--rand-augment <magnitude>",
    help: "two operations of RandAugment, 0..10; 0: off",
    group,
    parse: number(0, 10),
    usual: 0,
  },
  { flags: "--erase <p>", help: "probability of a rectangle of noise", group, parse: fraction, usual: 0 },
  {
    flags: "--mosaic <p>",
    help: "detection: probability of a mosaic of four pictures",
    group,
    parse: fraction,
    usual: 0,
  },
  {
    flags: "--mixup <x>",
    help: "blended pictures: to classify alpha of Beta(alpha, alpha), to detect a probability",
    group,
    parse: number(0, 32),
    usual: 0,
  },
  {
    flags: "--light-epochs <n>",
    help: "detection: last epochs with little of it, at most a tenth of the run",
    group,
    parse: integer(0, 100_000),
    usual: recipeDefault("lightEpochs"),
  },
];

export const classTermOptions: readonly OptionDefinition[] = [
  {
    flags: "--class-weights <list>",
    help: "auto or one number a class, in their order",
    group: "Loss",
    parse: classWeights,
    usual: "all alike",
  },
  {
    flags: "--class-loss <name>",
    help: "classification",
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
