/** The end of an epoch: validation, the best weights, results.csv, the checkpoint. */
import type { Engine } from "@phinets/core/kernels";
import {
  type EpochSteps,
  figuresOf,
  floatOutputs,
  headline,
  isBestYet,
  type Metrics,
  requireFinite,
  score,
  validatesAfter,
} from "@phinets/core/learning";
import type { Trainer } from "@phinets/core/training";
import { appendResults } from "../../run/save.js";
import { type Checkpoint, saveBest, saveCheckpoint } from "../checkpoint.js";
import type { EpochReport } from "./observers.js";
import type { TrainRequest } from "./request.js";

/** The state of a run between epochs. */
export interface Standing {
  /** Epochs done. */
  epoch: number;
  best: number;
  /** 1-based; 0 for none or, with `bestSha256`, for the weights that the run started from. */
  bestEpoch: number;
  /** Hash of weights/best.safetensors. */
  bestSha256?: string;
  /** Metrics of the best epoch, where this process validated it. */
  bestMetrics?: Metrics;
}

const isNone = ({ bestEpoch, bestSha256 }: Standing): boolean => bestEpoch === 0 && bestSha256 === undefined;

/**
 * Validates the weights that a run starts from, before its first step. They are the first best weights, so that a
 * training never ends with worse weights than it started from. In results.csv they are epoch 0.
 */
export function startStanding(
  standing: Standing,
  { executor }: Trainer,
  engine: Engine,
  { folder, network, val }: Pick<TrainRequest, "folder" | "network" | "val">,
): Metrics {
  const weights = executor.emaParameters();
  const metrics = score(network, floatOutputs(engine, network, weights, val), val);
  standing.best = headline(metrics);
  standing.bestMetrics = metrics;
  standing.bestSha256 = saveBest(folder, weights);
  appendResults(folder, { epoch: 0, ...figuresOf(metrics) });
  return metrics;
}

/** Validates and saves an epoch, and updates `standing`. Throws `training.diverged` before anything is written. */
export function endEpoch(
  steps: EpochSteps,
  standing: Standing,
  trainer: Trainer,
  engine: Engine,
  {
    folder,
    network,
    val,
    dataKey,
    valEvery = 1,
  }: Pick<TrainRequest, "folder" | "network" | "val" | "dataKey" | "valEvery">,
  key: Checkpoint["key"],
): EpochReport {
  const { executor, recipe } = trainer;
  const epoch = standing.epoch + 1;
  const weights = executor.emaParameters();
  const state = executor.state();
  requireFinite({ ...state, ...weights }, trainer.steps, recipe);
  const validates = validatesAfter(epoch, recipe, valEvery);
  const metrics = validates ? score(network, floatOutputs(engine, network, weights, val), val) : undefined;
  const value = metrics && headline(metrics);
  if (isBestYet(standing, value, valEvery) || isNone(standing)) {
    standing.best = value ?? -1;
    standing.bestEpoch = epoch;
    standing.bestMetrics = metrics;
    standing.bestSha256 = saveBest(folder, weights);
  }
  const { losses, learningRate } = steps;
  const imagesPerSecond = (steps.pictures * 1000) / steps.ms;
  appendResults(folder, { epoch, ...losses, ...(metrics && figuresOf(metrics)), learningRate, imagesPerSecond });
  const { best, bestEpoch, bestSha256 } = standing;
  const { steps: step, startLoss } = trainer;
  saveCheckpoint(folder, { epoch, step, best, bestEpoch, bestSha256, startLoss, key, dataKey, state });
  standing.epoch = epoch;
  return {
    epoch,
    epochs: recipe.epochs,
    step: trainer.steps,
    losses,
    learningRate,
    imagesPerSecond,
    metrics,
    value,
    best,
    bestEpoch,
    weights,
  };
}

/** Describes an epoch in one line. */
export function describeEpoch({ losses, metrics, value, imagesPerSecond }: EpochReport): string {
  const parts = Object.entries(losses)
    .map(([name, mean]) => `${name} ${mean.toFixed(3)}`)
    .join(" ");
  const figure = metrics && `  ${metrics.task === "detect" ? "AP50" : "top1"} ${value!.toFixed(3)}`;
  return `${parts}${figure ?? ""}  ${imagesPerSecond.toFixed(0)} images/s`;
}
