/** Those who watch a training: they are told what happened, after it was saved, and may end the run early. */
import type { FloatWeights } from "@phinets/core/tensor";
import type { Metrics } from "../validate.js";

/** One epoch, done, validated and saved. */
export interface EpochReport {
  /** 1-based. */
  readonly epoch: number;
  /** Epochs that the recipe asks for. */
  readonly epochs: number;
  /** Steps done in all. */
  readonly step: number;
  /** The loss and its parts, means over the epoch's steps. */
  readonly losses: Readonly<Record<string, number>>;
  /** Of the epoch's last step. */
  readonly learningRate: number;
  /** Training alone, validation left out. */
  readonly imagesPerSecond: number;
  /** On the validation split, of the averaged weights. */
  readonly metrics: Metrics;
  /** The metric that the best epoch is chosen by. */
  readonly value: number;
  readonly best: number;
  /** 1-based; `epoch` when this one is the best so far. */
  readonly bestEpoch: number;
  /** The averaged weights. */
  readonly weights: FloatWeights;
}

export interface TrainObserver {
  /** After the checkpoint is written. "stop" ends the run here as if it had no more epochs. */
  epochEnd?(report: EpochReport): "stop" | undefined | Promise<"stop" | undefined>;
}

/** Tells all of them, in order; true when one asks to stop. */
export async function tellEpochEnd(observers: readonly TrainObserver[], report: EpochReport): Promise<boolean> {
  let stop = false;
  for (const observer of observers) if ((await observer.epochEnd?.(report)) === "stop") stop = true;
  return stop;
}
