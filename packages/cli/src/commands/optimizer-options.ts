/** Options of the optimiser, the learning rate and the length of the training. */
import { fineTuningRates, optimizerNames, type Recipe, scheduleNames } from "@phinets/core/training";
import { InvalidArgumentError } from "commander";
import type { OptionDefinition } from "../terminal/definition.js";
import { integer, number, oneOf } from "../terminal/options.js";
import { recipeDefault } from "./recipe-default.js";

export interface OptimizerOptions {
  readonly optimizer?: Recipe["optimizer"];
  readonly lr?: number;
  readonly schedule?: Recipe["schedule"];
  readonly warmupSteps?: number;
  readonly finalFraction?: number;
  readonly milestones?: number[];
  readonly stepFactor?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly beta2?: number;
  readonly weightDecay?: number;
  readonly trustClip?: number;
  readonly clipNorm?: number;
  readonly accumulate?: number;
  readonly freeze?: string;
  readonly multiScale?: boolean;
  readonly patience?: number;
  readonly divergence?: number;
  readonly ema?: number;
  readonly batchNormMomentum?: number;
}

const group = "Optimiser";

export const optimizerOptions: readonly OptionDefinition[] = [
  {
    flags: "--lr <rate>",
    help: "peak learning rate",
    group,
    parse: number(1e-9, 100),
    usual: `${recipeDefault("learningRate")}; with --weights ${fineTuningRates.whole} if all fit, else ${fineTuningRates.part}`,
    recipe: "learningRate",
  },
  {
    flags: "--optimizer <name>",
    help: "optimiser",
    group,
    parse: oneOf(...optimizerNames),
    usual: recipeDefault("optimizer"),
  },
  {
    flags: "--schedule <name>",
    help: "how the learning rate falls after warm-up",
    group,
    parse: oneOf(...scheduleNames),
    usual: recipeDefault("schedule"),
  },
  {
    flags: "--warmup-steps <n>",
    help: "steps of linear learning-rate warm-up, at most a tenth of the run",
    group,
    parse: integer(0),
    usual: recipeDefault("warmupSteps"),
  },
  {
    flags: "--final-fraction <x>",
    help: "cosine, linear, onecycle: last learning rate as a share of the peak, 0 to 1",
    group,
    parse: number(0, 1),
    usual: recipeDefault("finalFraction"),
  },
  {
    flags: "--milestones <epochs>",
    help: "schedule step: epochs after which the rate falls, for example 60,80",
    group,
    parse: epochList,
    usual: "2/3 and 8/9 of the run",
  },
  {
    flags: "--step-factor <x>",
    help: "schedule step: factor for the rate at each milestone",
    group,
    parse: number(1e-6, 1),
    usual: recipeDefault("stepFactor"),
  },
  {
    flags: "--momentum <x>",
    help: "momentum of SGD and RMSprop; first beta of AdamW and LAMB",
    group,
    parse: number(0, 0.9999),
    usual: recipeDefault("momentum"),
  },
  { flags: "--nesterov", help: "SGD: use Nesterov momentum", group, usual: "off" },
  {
    flags: "--beta2 <x>",
    help: "second beta of AdamW and LAMB; smoothing of RMSprop",
    group,
    parse: number(0, 0.999999),
    usual: recipeDefault("beta2"),
  },
  {
    flags: "--weight-decay <x>",
    help: "weight decay; not applied to biases and batch norm",
    group,
    parse: number(0, 10),
    usual: recipeDefault("weightDecay"),
  },
  {
    flags: "--trust-clip <x>",
    help: "LAMB: largest trust ratio of a tensor; 0: no limit",
    group,
    parse: number(0, 1e6),
    usual: recipeDefault("trustClip"),
  },
  {
    flags: "--clip-norm <x>",
    help: "largest global norm of the gradients; larger ones are scaled down to it; 0: no limit",
    group,
    parse: number(0, 1e9),
    usual: recipeDefault("clipNorm"),
  },
  {
    flags: "--accumulate <n>",
    help: "batches whose mean gradient makes one step",
    group,
    parse: integer(1, 4096),
    usual: recipeDefault("accumulate"),
  },
  {
    flags: "--ema <decay>",
    help: "decay of the averaged weights, which are validated and saved",
    group,
    parse: number(0, 0.999999),
    usual: recipeDefault("emaDecay"),
    recipe: "emaDecay",
  },
  {
    flags: "--batch-norm-momentum <x>",
    help: "weight of each batch in the running statistics of batch norm",
    group,
    parse: number(1e-4, 1),
    usual: recipeDefault("batchNormMomentum"),
  },
  {
    flags: "--freeze <layers>",
    help: "layers to keep fixed: the first n modules, backbone, or names such as a,b.*",
    group,
    usual: "none",
  },
  {
    flags: "--multi-scale",
    help: "detection: switch between ten input sizes, 0.6 to 1.5 times the network's",
    group,
    usual: "off",
  },
  {
    flags: "--patience <epochs>",
    help: "stop after this many epochs without improvement; 0: never",
    group,
    parse: integer(0, 100_000),
    usual: recipeDefault("patience"),
  },
  {
    flags: "--divergence <k>",
    help: "stop if the loss stays above k times its minimum; 0: only if it is not finite",
    group,
    parse: number(0, 1e6),
    usual: recipeDefault("divergence"),
  },
];

/** The options by the recipe's names; those not given are undefined. */
export function optimizerRecipeOf(options: OptimizerOptions): Partial<Recipe> {
  const { optimizer, schedule, warmupSteps, finalFraction, milestones, stepFactor, momentum, nesterov } = options;
  const { beta2, weightDecay, trustClip, accumulate, freeze, multiScale, patience, divergence } = options;
  return {
    optimizer,
    learningRate: options.lr,
    schedule,
    warmupSteps,
    finalFraction,
    milestones,
    stepFactor,
    momentum,
    nesterov,
    beta2,
    weightDecay,
    trustClip,
    clipNorm: options.clipNorm,
    accumulate,
    emaDecay: options.ema,
    batchNormMomentum: options.batchNormMomentum,
    freeze,
    multiScale,
    patience,
    divergence,
  };
}

function epochList(text: string): number[] {
  const epochs = text.split(",").map(Number);
  if (!epochs.every((epoch, i) => Number.isInteger(epoch) && epoch > (epochs[i - 1] ?? 0)))
    throw new InvalidArgumentError("It is a list of ascending epochs, 60,80 for example.");
  return epochs;
}
