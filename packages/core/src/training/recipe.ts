/** How a network is trained: every knob with its default, unit and source. */
import { type AssignmentName, assignmentNames, type DetectionLossName } from "../detection/index.js";
import { PhinetsError, showValue } from "../tensor/index.js";
import { type AugmentRecipe, augmentOptions, checkAugmentRecipe } from "./augment-recipe.js";
import { type OptimizerName, optimizerNames } from "./optimizer.js";
import { type ScheduleName, scheduleNames } from "./schedule.js";

/**
 * "cpu": our kernels, the same bits everywhere. "webgpu": ONNX Runtime on a GPU through WebGPU. "onnx-cpu": ONNX Runtime's
 * own CPU kernels.
 */
export const deviceNames = ["cpu", "webgpu", "onnx-cpu"] as const;
export type DeviceName = (typeof deviceNames)[number];

export type ClassLossName = "softmax" | "bce";

export interface Recipe extends AugmentRecipe {
  /** Passes over the training pictures. Default 30. */
  readonly epochs: number;
  /** Pictures a step. Default 8 (detection), 128 (classification). */
  readonly batch: number;
  /** Batches whose mean gradient makes a step: the optimiser sees batch * accumulate pictures. Default 1. */
  readonly accumulate: number;
  /** Seeds initial weights, order, augmentation and dropout. Default 0. */
  readonly seed: number;
  /** See optimizer.ts. Default "adamw". */
  readonly optimizer: OptimizerName;
  /** Peak learning rate. Default 1e-2; that of `fineTuningRates` where the training starts from trained weights. */
  readonly learningRate: number;
  /** How the learning rate falls after warm-up; see schedule.ts. Default "cosine". */
  readonly schedule: ScheduleName;
  /** Last learning rate as a fraction of the peak, 0..1, of cosine, linear and onecycle. Default 0.02. */
  readonly finalFraction: number;
  /** Epochs after which schedule "step" lowers the rate, ascending. Default none given: two thirds and eight ninths of the run. */
  readonly milestones: readonly number[];
  /** What schedule "step" multiplies the rate by at each milestone. Default 0.1. */
  readonly stepFactor: number;
  /** Steps of linear warm-up; at most a tenth of the run. Default 400. */
  readonly warmupSteps: number;
  /** Momentum of SGD and RMSprop, first beta of AdamW and LAMB. Default 0.9. */
  readonly momentum: number;
  /** SGD with Nesterov's momentum. Default false. */
  readonly nesterov: boolean;
  /** Second beta of AdamW and LAMB, RMSprop's smoothing. Default 0.99. */
  readonly beta2: number;
  /** Decoupled (AdamW, LAMB) or L2 (SGD, RMSprop); never on biases and batch norm. Default 0.02. */
  readonly weightDecay: number;
  /** LAMB: largest ratio of a tensor's norm to its update's; 0 = any. Default 0. */
  readonly trustClip: number;
  /** Gradients are scaled down to this global norm; 0 = off. Default 35. */
  readonly clipNorm: number;
  /**
   * Most decay of the averaged weights, which are what is validated, saved and deployed; a short run uses less (see
   * `emaDecayAt`). Default 0.9985.
   */
  readonly emaDecay: number;
  /** Share of a batch in the running statistics of batch norm (PyTorch's sense). Default 0.03. */
  readonly batchNormMomentum: number;
  /**
   * Rate of the network's dropout layers, 0..1 without 1. Default 0 (detection), undefined (classification): each layer's
   * own, which is 0.05 of the expanded channels in PhiNet's blocks.
   */
  readonly dropout?: number;
  /** Classification only, 0..1. Default 0.1. */
  readonly labelSmoothing: number;
  /**
   * "ciou": binary cross-entropy objectness with an IoU target and complete-IoU boxes, centres may leave their cell (see
   * detection/ciou-loss). "yolov2": darknet's region loss, exactly. Default "ciou".
   */
  readonly loss: DetectionLossName;
  /** Loss "ciou": how the boxes that answer for a truth are chosen; see detection/assignment. Default "anchors". */
  readonly assignment: AssignmentName;
  /**
   * Classification: "softmax" cross-entropy, or "bce", a binary cross-entropy a class. Default "softmax".
   */
  readonly classLoss?: ClassLossName;
  /**
   * Weight of each class in the class terms of the loss, one a class; "auto": the inverse of how often the training
   * pictures show it (see class-weights). Default: all alike.
   */
  readonly classWeights?: "auto" | readonly number[];
  /** Augment training pictures, by the strengths of `AugmentRecipe`. Default true. */
  readonly augment: boolean;
  /** Detection: last epochs with flips and small moves of the crop alone. Default 3, at most a tenth of the run. */
  readonly lightEpochs: number;
  /**
   * Kernels that may fuse multiply and add: bits may differ between kinds of processors (`EngineOptions.fast`). Default
   * false.
   */
  readonly fast?: boolean;
  /** What computes the steps: our kernels, or ONNX Runtime, whose bits are its own. Default "cpu". */
  readonly device?: DeviceName;
  /**
   * Detection: every ten steps another input size, keyed by (seed, step), from 0.6 to 1.5 of the network's (Redmon &
   * Farhadi, "YOLO9000", CVPR 2017); the light epochs at its own. Default false.
   */
  readonly multiScale: boolean;
  /** Layers that stay as they are; see freeze.ts. Default "" (none). */
  readonly freeze: string;
  /** Epochs without a better validated metric after which the run ends; 0 = never. Default 0. */
  readonly patience: number;
  /**
   * A run ends with an error when its smoothed loss stays above this many times its least, and above half of what it
   * started with; 0 = only when it is not finite. Default 4.
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
 * Peak learning rates of AdamW from trained weights. `whole`: all of them fit; a larger one unlearns in an epoch more than
 * a few epochs bring back (docs/decisions.md has the figures). `part`: some layers, or the predictions of some classes,
 * start anew.
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

/** Fills in defaults and checks ranges. Throws PhinetsError naming the option, its value and what is allowed. */
export function makeRecipe(task: "detect" | "classify", options: Partial<Recipe> = {}): Recipe {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const recipe: Recipe = { ...(task === "detect" ? detectionRecipe : classificationRecipe), ...given };
  for (const [name, range] of Object.entries(ranges)) {
    const [least, most, integer] = range as readonly [number, number, boolean];
    const value = recipe[name as keyof Recipe] as number | undefined;
    if (value === undefined) continue; // only what has no default
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
 * A recipe that a document holds: every field is one that `makeRecipe` knows. Throws PhinetsError naming the field, its value
 * and what is allowed.
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

/** A value in a message: words as they are. */
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

/** The first (0-based) of the last, light epochs. */
export function firstLightEpoch({ epochs, lightEpochs }: Pick<Recipe, "epochs" | "lightEpochs">): number {
  return epochs - Math.min(lightEpochs, Math.floor(epochs / 10));
}

/** Options that every run has recorded; those added later count only where they are not the default. */
const recordedAlways: readonly (keyof Recipe)[] = [
  ...(["epochs", "seed", "optimizer", "finalFraction", "warmupSteps", "momentum", "beta2", "weightDecay"] as const),
  ...(["clipNorm", "emaDecay", "batchNormMomentum", "labelSmoothing", "loss", "augment", "lightEpochs"] as const),
  ...(["batch", "learningRate"] as const),
];

/** Options that no weight depends on. */
const notOfTheWeights: readonly string[] = ["divergence"];

/**
 * What of a recipe decides the weights: equal for equal training, also when later versions know more options. Keys of
 * checkpoints are made of it.
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
