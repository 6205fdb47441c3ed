/** The recipe: every option of a training run, with its default, unit and source. */
import { type AssignmentName, assignmentNames, type DetectionLossName } from "../detection/index.js";
import { PhinetsError, showValue } from "../tensor/index.js";
import { type AugmentRecipe, augmentOptions, checkAugmentRecipe } from "./augment-recipe.js";
import { type OptimizerName, optimizerNames } from "./optimizer.js";
import { type ScheduleName, scheduleNames } from "./schedule.js";

/**
 * - "cpu": our kernels, with the same bits on every machine.
 * - "webgpu": ONNX Runtime on a GPU through WebGPU.
 * - "onnx-cpu": ONNX Runtime's own CPU kernels.
 */
export const deviceNames = ["cpu", "webgpu", "onnx-cpu"] as const;
export type DeviceName = (typeof deviceNames)[number];

export type ClassLossName = "softmax" | "bce";

export interface Recipe extends AugmentRecipe {
  /** Passes over the training pictures. Default 30. */
  readonly epochs: number;
  /** Pictures per batch. Default 8 (detection), 128 (classification). */
  readonly batch: number;
  /** Batches whose gradients are averaged into one step: the optimiser sees batch * accumulate pictures. Default 1. */
  readonly accumulate: number;
  /** Seeds initial weights, order, augmentation and dropout. Default 0. */
  readonly seed: number;
  /** See optimizer.ts. Default "adamw". */
  readonly optimizer: OptimizerName;
  /** Peak learning rate. Default 1e-2; from `fineTuningRates` when training starts from trained weights. */
  readonly learningRate: number;
  /** How the learning rate falls after warm-up; see schedule.ts. Default "cosine". */
  readonly schedule: ScheduleName;
  /** Final learning rate as a fraction of the peak, 0..1, for cosine, linear and onecycle. Default 0.02. */
  readonly finalFraction: number;
  /** Epochs after which schedule "step" lowers the rate, ascending. Default: two thirds and eight ninths of the run. */
  readonly milestones: readonly number[];
  /** Factor by which schedule "step" multiplies the rate at each milestone. Default 0.1. */
  readonly stepFactor: number;
  /** Steps of linear warm-up; at most a tenth of the run. Default 400. */
  readonly warmupSteps: number;
  /** Momentum of SGD and RMSprop, and first beta of AdamW and LAMB. Default 0.9. */
  readonly momentum: number;
  /** Nesterov momentum for SGD. Default false. */
  readonly nesterov: boolean;
  /** Second beta of AdamW and LAMB, and RMSprop's smoothing. Default 0.99. */
  readonly beta2: number;
  /** Decoupled (AdamW, LAMB) or L2 (SGD, RMSprop); not applied to biases and batch norm. Default 0.02. */
  readonly weightDecay: number;
  /** LAMB: largest ratio of a tensor's norm to its update's norm; 0 = no limit. Default 0. */
  readonly trustClip: number;
  /** Gradients are scaled down to this global norm; 0 = off. Default 35. */
  readonly clipNorm: number;
  /**
   * Largest decay of the averaged weights, which are the ones validated, saved and deployed; a short run uses a smaller
   * one (see `emaDecayAt`). Default 0.9985.
   */
  readonly emaDecay: number;
  /** Weight of a batch in the running statistics of batch norm (PyTorch's convention). Default 0.03. */
  readonly batchNormMomentum: number;
  /**
   * Rate of the network's dropout layers, 0 <= rate < 1. Default 0 (detection), undefined (classification), which keeps
   * each layer's own rate: 0.05 of the expanded channels in PhiNet's blocks.
   */
  readonly dropout?: number;
  /** Classification only, 0..1. Default 0.1. */
  readonly labelSmoothing: number;
  /**
   * "ciou": binary cross-entropy objectness with an IoU target and complete-IoU boxes, whose centres may leave their
   * cell (see detection/ciou-loss). "yolov2": exactly darknet's region loss. Default "ciou".
   */
  readonly loss: DetectionLossName;
  /** Loss "ciou": how predictions are assigned to a true box; see detection/assignment. Default "anchors". */
  readonly assignment: AssignmentName;
  /** Classification: "softmax" cross-entropy, or "bce", binary cross-entropy per class. Default "softmax". */
  readonly classLoss?: ClassLossName;
  /**
   * Weight of each class in the loss's class terms, or "auto": the inverse of the class's frequency in the training
   * pictures (see class-weights). Default: equal weights.
   */
  readonly classWeights?: "auto" | readonly number[];
  /** Augment training pictures with the strengths in `AugmentRecipe`. Default true. */
  readonly augment: boolean;
  /**
   * Detection: number of last epochs with only flips and small shifts of the crop's edges. Default 3, at most a tenth
   * of the run.
   */
  readonly lightEpochs: number;
  /**
   * Use kernels that may fuse multiply and add, so that bits may differ between kinds of processors
   * (`EngineOptions.fast`). Default false.
   */
  readonly fast?: boolean;
  /**
   * Where steps are computed: on our kernels, or on ONNX Runtime, whose results differ in their bits. Default "cpu".
   */
  readonly device?: DeviceName;
  /**
   * Detection: a new input size every ten steps, drawn by (seed, step), from 0.6 to 1.5 times the network's (Redmon &
   * Farhadi, "YOLO9000", CVPR 2017). The light epochs use the network's own size. Default false.
   */
  readonly multiScale: boolean;
  /** Layers that are not trained; see freeze.ts. Default "" (none). */
  readonly freeze: string;
  /** The run ends after this many epochs without a better validation metric; 0 = never. Default 0. */
  readonly patience: number;
  /**
   * The run ends with an error when its smoothed loss stays above this many times its minimum and above half of its
   * start value; 0 = only when the loss is not finite. Default 4.
   */
  readonly divergence: number;
}

const common = {
  epochs: 30,
  accumulate: 1,
  seed: 0,
  optimizer: "adamw",
  schedule: "cosine",
  finalFraction: 0.02,
  milestones: [],
  stepFactor: 0.1,
  warmupSteps: 400,
  momentum: 0.9,
  nesterov: false,
  beta2: 0.99,
  weightDecay: 0.02,
  trustClip: 0,
  clipNorm: 35,
  emaDecay: 0.9985,
  batchNormMomentum: 0.03,
  labelSmoothing: 0.1,
  loss: "ciou",
  assignment: "anchors",
  augment: true,
  lightEpochs: 3,
  multiScale: false,
  freeze: "",
  patience: 0,
  divergence: 4,
} as const;

export const detectionRecipe: Recipe = { ...common, batch: 8, learningRate: 1e-2, dropout: 0 };
export const classificationRecipe: Recipe = { ...common, batch: 128, learningRate: 1e-2 };

/**
 * Peak learning rates of AdamW when training starts from trained weights. `whole`: all weights are reused; a larger
 * rate would lose more in one epoch than a few epochs win back (figures in docs/decisions.md). `part`: some layers, or
 * the predictions of some classes, start from new weights.
 */
export const fineTuningRates = { whole: 1e-3, part: 3e-3 } as const;

const ranges: Partial<Record<keyof Recipe, readonly [least: number, most: number, integer: boolean]>> = {
  epochs: [1, 100_000, true],
  batch: [1, 4096, true],
  seed: [-(2 ** 31), 2 ** 32, true],
  learningRate: [1e-9, 100, false],
  finalFraction: [0, 1, false],
  warmupSteps: [0, 1e9, true],
  momentum: [0, 0.9999, false],
  beta2: [0, 0.999999, false],
  weightDecay: [0, 10, false],
  clipNorm: [0, 1e9, false],
  emaDecay: [0, 0.999999, false],
  batchNormMomentum: [1e-4, 1, false],
  labelSmoothing: [0, 0.99, false],
  dropout: [0, 0.95, false],
  lightEpochs: [0, 100_000, true],
  accumulate: [1, 4096, true],
  stepFactor: [1e-6, 1, false],
  trustClip: [0, 1e6, false],
  patience: [0, 100_000, true],
  divergence: [0, 1e6, false],
};

/** Fills in defaults and checks ranges. Throws PhinetsError naming the option, its value and the allowed values. */
export function makeRecipe(task: "detect" | "classify", options: Partial<Recipe> = {}): Recipe {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const recipe: Recipe = { ...(task === "detect" ? detectionRecipe : classificationRecipe), ...given };
  for (const [name, range] of Object.entries(ranges)) {
    const [least, most, integer] = range as readonly [number, number, boolean];
    const value = recipe[name as keyof Recipe] as number | undefined;
    if (value === undefined) continue; // only options without a default can be undefined
    if (typeof value !== "number" || !(value >= least && value <= most) || (integer && !Number.isInteger(value))) {
      throw new PhinetsError(
        "training.option",
        `${name} is ${shown(value)}; ${integer ? "an integer" : "a number"} in ${least}..${most} is needed`,
        name,
      );
    }
  }
  requireOneOf("optimizer", recipe.optimizer, optimizerNames);
  requireOneOf("schedule", recipe.schedule, scheduleNames);
  if (recipe.device !== undefined) requireOneOf("device", recipe.device, deviceNames);
  for (const name of ["nesterov", "augment", "fast", "multiScale"] as const)
    if (recipe[name] !== undefined && typeof recipe[name] !== "boolean")
      throw mistaken(name, recipe[name], "true or false");
  if (typeof recipe.freeze !== "string") throw mistaken("freeze", recipe.freeze, "a text");
  requireMilestones(recipe);
  if (recipe.loss !== "ciou" && recipe.loss !== "yolov2") {
    throw mistaken("loss", recipe.loss, "ciou or yolov2");
  }
  requireOneOf("assignment", recipe.assignment, assignmentNames);
  if (recipe.loss !== "ciou" && recipe.assignment !== "anchors") {
    throw mistaken("assignment", recipe.assignment, `anchors, with loss ${recipe.loss},`);
  }
  checkAugmentRecipe(task, recipe);
  checkClassTerms(recipe);
  return recipe;
}

/**
 * Reads a recipe stored in a document; every field must be known to `makeRecipe`. Throws PhinetsError naming the field,
 * its value and the allowed values.
 */
export function parseRecipe(task: "detect" | "classify", value: unknown): Recipe {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mistaken("recipe", value, "an object");
  for (const [name, field] of Object.entries(value)) {
    if (!optionNames.has(name))
      throw mistaken(`unknown option ${name}`, field, `one of ${[...optionNames].join(", ")}`);
  }
  return makeRecipe(task, value as Partial<Recipe>);
}

/** Every option of a recipe. */
const optionNames: ReadonlySet<string> = new Set([
  ...Object.keys(common),
  ...Object.keys(ranges),
  ...augmentOptions,
  ...["classLoss", "classWeights", "fast", "device"],
]);

function mistaken(name: string, value: unknown, needed: string): PhinetsError {
  return new PhinetsError("training.option", `${name} is ${showValue(value)}; ${needed} is needed`, name);
}

/** A value in an error message: strings without quotes. */
function shown(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 60) : showValue(value);
}

function requireOneOf(name: string, value: string, words: readonly string[]): void {
  if (!words.includes(value)) throw mistaken(name, value, `one of ${words.join(", ")}`);
}

function requireMilestones({ milestones, epochs, schedule }: Recipe): void {
  if (!Array.isArray(milestones)) throw mistaken("milestones", milestones, "a list of epochs");
  const ascending = milestones.every((value, i) => Number.isInteger(value) && value > (milestones[i - 1] ?? 0));
  if (ascending && (schedule !== "step" || milestones.every((value) => value < epochs))) return;
  throw new PhinetsError(
    "training.option",
    `milestones are ${milestones.map(shown).join(",").slice(0, 200)}; ascending epochs above 0 and below ${epochs} (epochs) are needed`,
    "milestones",
  );
}

/** The first light epoch (0-based). */
export function firstLightEpoch({ epochs, lightEpochs }: Pick<Recipe, "epochs" | "lightEpochs">): number {
  return epochs - Math.min(lightEpochs, Math.floor(epochs / 10));
}

/**
 * Options that every recipe identity includes; options added later are included only when they differ from the default.
 */
const recordedAlways: readonly (keyof Recipe)[] = [
  ...(["epochs", "seed", "optimizer", "finalFraction", "warmupSteps", "momentum", "beta2", "weightDecay"] as const),
  ...(["clipNorm", "emaDecay", "batchNormMomentum", "labelSmoothing", "loss", "augment", "lightEpochs"] as const),
  ...(["batch", "learningRate"] as const),
];

/** Options that do not influence the weights. */
const notOfTheWeights: readonly string[] = ["divergence"];

/**
 * The part of a recipe that determines the weights. It is equal for equal training, even when later versions know more
 * options, and goes into the keys of checkpoints.
 */
export function recipeIdentity(recipe: Recipe): Readonly<Record<string, unknown>> {
  const isDefault = (name: string, value: unknown) =>
    JSON.stringify(value ?? false) === JSON.stringify((common as Readonly<Record<string, unknown>>)[name] ?? false);
  const later = Object.entries(recipe)
    .filter(([name, value]) => !recordedAlways.includes(name as keyof Recipe) && !isDefault(name, value))
    .filter(([name]) => !notOfTheWeights.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries([...recordedAlways.map((name) => [name, recipe[name]]), ...later]);
}

function checkClassTerms({ classLoss = "softmax", classWeights }: Recipe): void {
  if (classLoss !== "softmax" && classLoss !== "bce") {
    throw mistaken("classLoss", classLoss, "softmax or bce");
  }
  if (classWeights === undefined || classWeights === "auto") return;
  if (
    Array.isArray(classWeights) &&
    classWeights.every((w) => typeof w === "number" && w >= 0 && w <= 1e6) &&
    classWeights.some((w) => w > 0)
  )
    return;
  throw new PhinetsError(
    "training.option",
    `classWeights is ${shown(classWeights)}; auto, or one number in 0..1000000 a class, not all 0, is needed`,
    "classWeights",
  );
}
