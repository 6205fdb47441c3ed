/** Options of the optimiser, its learning rate and how long it trains. */
import { optimizerNames, type Recipe, scheduleNames } from "@phinets/core/training";
import { type Command, InvalidArgumentError } from "commander";
import { integer, number, oneOf } from "../terminal/options.js";

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
}

export function addOptimizerOptions(command: Command): Command {
  return command
    .option("--optimizer <name>", `${optimizerNames.join(", ")} (default adamw)`, oneOf(...optimizerNames))
    .option("--lr <rate>", "peak learning rate (default 0.01)", number(1e-9, 100))
    .option("--schedule <name>", `${scheduleNames.join(", ")} (default cosine)`, oneOf(...scheduleNames))
    .option("--warmup-steps <n>", "steps of linear warm-up, at most a tenth of the run (default 400)", integer(0))
    .option("--final-fraction <x>", "last learning rate as a share of the peak, 0..1 (default 0.02)", number(0, 1))
    .option("--milestones <epochs>", "schedule step: 60,80 for example (default 2/3 and 8/9 of the run)", epochList)
    .option("--step-factor <x>", "schedule step: factor at each milestone (default 0.1)", number(1e-6, 1))
    .option("--momentum <x>", "of SGD and RMSprop; first beta of AdamW and LAMB (default 0.9)", number(0, 0.9999))
    .option("--nesterov", "SGD with Nesterov's momentum (default off)")
    .option("--beta2 <x>", "second beta of AdamW and LAMB, RMSprop's smoothing (default 0.99)", number(0, 0.999999))
    .option("--weight-decay <x>", "never on biases and batch norm (default 0.02)", number(0, 10))
    .option("--trust-clip <x>", "LAMB: largest trust ratio of a tensor, 0 for any (default 0)", number(0, 1e6))
    .option("--clip-norm <x>", "most norm of the gradients, 0 for any (default 35)", number(0, 1e9))
    .option("--accumulate <n>", "batches a step: as one batch of n times the pictures (default 1)", integer(1, 4096))
    .option("--freeze <layers>", "keep the first n modules, the backbone, or layers by name (a,b.*) (default none)")
    .option("--multi-scale", "detection: ten input sizes from 0.6 to 1.5 of the network's, in turn (default off)")
    .option(
      "--patience <epochs>",
      "end after so many epochs that are not better, 0 never (default 0)",
      integer(0, 100_000),
    )
    .option("--divergence <k>", "end when the loss stays above k times its least, 0 never (default 4)", number(0, 1e6));
}

/** By the recipe's names; what was not given stays undefined. */
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
