/** Options of the recipe, shared by train and ship. */
import { assignmentNames } from "@phinets/core/detection";
import { deviceNames, type Recipe } from "@phinets/core/training";
import type { OptionDefinition } from "../terminal/definition.js";
import { integer, number, oneOf } from "../terminal/options.js";
import { type AugmentOptions, augmentOptions, augmentRecipeOf, classTermOptions } from "./augment-options.js";
import { type OptimizerOptions, optimizerOptions, optimizerRecipeOf } from "./optimizer-options.js";
import { recipeDefault } from "./recipe-default.js";
import { groups, seed, workers } from "./shared-options.js";

export interface RecipeOptions extends AugmentOptions, OptimizerOptions {
  readonly epochs?: number;
  readonly batch?: number;
  readonly seed?: number;
  readonly dropout?: number;
  readonly labelSmoothing?: number;
  readonly loss?: Recipe["loss"];
  readonly assignment?: Recipe["assignment"];
  readonly augment?: boolean;
  readonly fast?: boolean;
  readonly device?: Recipe["device"];
  readonly workers?: number;
}

export const weights: OptionDefinition = {
  flags: "--weights <run>",
  help: "start from a run, .safetensors or .pth, with all layers that fit",
  group: groups.network,
  usual: "none",
  completes: "path",
  wordsOf: ({ file }) => String(file),
};

export const epochs: OptionDefinition = {
  flags: "--epochs <n>",
  help: "passes over the training pictures",
  group: "Optimiser",
  parse: integer(1),
  usual: recipeDefault("epochs"),
};

export const recipeOptions: readonly OptionDefinition[] = [
  epochs,
  {
    flags: "--batch <n>",
    help: "pictures per batch",
    group: "Optimiser",
    parse: integer(1),
    usual: recipeDefault("batch"),
  },
  ...optimizerOptions,
  {
    flags: "--loss <name>",
    help: "detection: ciou (complete IoU) or yolov2 (darknet's region loss)",
    group: "Loss",
    parse: oneOf("ciou", "yolov2"),
    usual: recipeDefault("loss"),
  },
  {
    flags: "--assignment <how>",
    help: "detection with --loss ciou: how predicted boxes are assigned to objects. anchors: by anchor shape; dynamic: by lowest cost for the current network (SimOTA)",
    group: "Loss",
    parse: oneOf(...assignmentNames),
    usual: recipeDefault("assignment"),
  },
  ...classTermOptions,
  {
    flags: "--label-smoothing <x>",
    help: "classification: amount of label smoothing, 0 to 0.99; 0: off",
    group: "Loss",
    parse: number(0, 0.99),
    usual: recipeDefault("labelSmoothing"),
  },
  {
    flags: "--dropout <rate>",
    help: "rate of all dropout layers; 0: off",
    group: "Loss",
    parse: number(0, 0.95),
    usual: "0 to detect, the network's own to classify",
  },
  ...augmentOptions,
  seed,
  workers,
  {
    flags: "--device <name>",
    help: "where to train: cpu, webgpu or onnx-cpu; webgpu and onnx-cpu need ONNX Runtime, which is installed separately",
    group: groups.machine,
    parse: oneOf(...deviceNames),
    usual: "cpu",
  },
  {
    flags: "--fast",
    help: "use relaxed SIMD: results may differ in a few bits between types of processor; needs Node 22 or later",
    group: groups.machine,
    usual: "off",
  },
];

/** The options by the recipe's names; those not given are undefined. */
export function recipeOf(options: RecipeOptions): Partial<Recipe> {
  return {
    ...optimizerRecipeOf(options),
    epochs: options.epochs,
    batch: options.batch,
    seed: options.seed,
    dropout: options.dropout,
    labelSmoothing: options.labelSmoothing,
    loss: options.loss,
    assignment: options.assignment,
    augment: options.augment,
    fast: options.fast,
    device: options.device,
    ...augmentRecipeOf(options),
  };
}
