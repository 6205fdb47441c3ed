/** How a network is trained: every knob with its default, unit and source. */
import type { DetectionLossName } from "../detection/index.js";
import { PhinetsError } from "../tensor/index.js";
import type { OptimizerName } from "./optimizer.js";

export interface Recipe {
  /** Passes over the training pictures. Default 30. */
  readonly epochs: number;
  /** Pictures a step. Default 8 (detection), 128 (classification). */
  readonly batch: number;
  /** Seeds initial weights, order, augmentation and dropout. Default 0. */
  readonly seed: number;
  /** Default "adamw". */
  readonly optimizer: OptimizerName;
  /** Peak learning rate. Default 1e-2. */
  readonly learningRate: number;
  /** Last learning rate as a fraction of the peak, 0..1. Default 0.02. */
  readonly finalFraction: number;
  /** Steps of linear warm-up; at most a tenth of the run. Default 400. */
  readonly warmupSteps: number;
  /** SGD's momentum, AdamW's first beta. Default 0.9. */
  readonly momentum: number;
  /** AdamW's second beta. Default 0.99. */
  readonly beta2: number;
  /** Decoupled (AdamW) or L2 (SGD); never on biases and batch norm. Default 0.02. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; 0 = off. Default 35. */
  readonly clipNorm: number;
  /**
   * Most decay of the averaged weights, which are what is validated, saved and deployed; a short run uses less (see
   * `emaDecayAt`). Default 0.9985.
   */
  readonly emaDecay: number;
  /** Share of a batch in the running statistics of batch norm (PyTorch's sense). Default 0.03. */
  readonly batchNormMomentum: number;
  /** Classification only, 0..1. Default 0.1. */
  readonly labelSmoothing: number;
  /**
   * "ciou": binary cross-entropy objectness with an IoU target and complete-IoU boxes, centres may leave their cell (see
   * detection/ciou-loss). "yolov2": darknet's region loss, exactly. Default "ciou".
   */
  readonly loss: DetectionLossName;
  /** Augment training pictures. Default true. */
  readonly augment: boolean;
  /** Last epochs without geometric and colour jitter. Default 3, at most a tenth of the run. */
  readonly lightEpochs: number;
  /**
   * Kernels that may fuse multiply and add: bits may differ between kinds of processors (`EngineOptions.fast`). Default
   * false.
   */
  readonly fast?: boolean;
}

const common = {
  epochs: 30,
  seed: 0,
  optimizer: "adamw",
  finalFraction: 0.02,
  warmupSteps: 400,
  momentum: 0.9,
  beta2: 0.99,
  weightDecay: 0.02,
  clipNorm: 35,
  emaDecay: 0.9985,
  batchNormMomentum: 0.03,
  labelSmoothing: 0.1,
  loss: "ciou",
  augment: true,
  lightEpochs: 3,
} as const;

export const detectionRecipe: Recipe = { ...common, batch: 8, learningRate: 1e-2 };
export const classificationRecipe: Recipe = { ...common, batch: 128, learningRate: 1e-2 };

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
  lightEpochs: [0, 100_000, true],
};

/** Fills in defaults and checks ranges. Throws PhinetsError naming the option, its value and what is allowed. */
export function makeRecipe(task: "detect" | "classify", options: Partial<Recipe> = {}): Recipe {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const recipe: Recipe = { ...(task === "detect" ? detectionRecipe : classificationRecipe), ...given };
  for (const [name, range] of Object.entries(ranges)) {
    const [least, most, integer] = range as readonly [number, number, boolean];
    const value = recipe[name as keyof Recipe] as number;
    if (!(value >= least && value <= most) || (integer && !Number.isInteger(value))) {
      throw new PhinetsError(
        "training.option",
        `${name} is ${value}; ${integer ? "an integer" : "a number"} in ${least}..${most} is needed`,
        name,
      );
    }
  }
  if (recipe.optimizer !== "sgd" && recipe.optimizer !== "adamw") {
    throw new PhinetsError(
      "training.option",
      `optimizer is "${recipe.optimizer}"; sgd or adamw is needed`,
      "optimizer",
    );
  }
  if (recipe.loss !== "ciou" && recipe.loss !== "yolov2") {
    throw new PhinetsError("training.option", `loss is "${recipe.loss}"; ciou or yolov2 is needed`, "loss");
  }
  return recipe;
}
