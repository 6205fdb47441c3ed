/** Those who watch a training: they are told what happened, after it was saved, and may end the run early. */
import type { Network } from "@phinets/core/networks";
import type { FloatWeights } from "@phinets/core/tensor";
import type { Recipe } from "@phinets/core/training";
import type { Metrics } from "../../text/metrics.js";
import type { TrainResult } from "./request.js";

/** A run that begins, or goes on. */
export interface RunStart {
  readonly version: string;
  readonly folder: string;
  readonly network: Network;
  readonly classes: readonly string[];
  readonly summary: { readonly parameters: number; readonly macs: number };
  readonly recipe: Recipe;
  readonly dataKey: string;
  /** Pictures of the training and of the validation split. */
  readonly train: number;
  readonly val: number;
  /** Pictures of both that were left out. */
  readonly skipped: number;
  /** Label rows that were left out. */
  readonly skippedRows: number;
  readonly threads: number;
  /** Epochs done before. */
  readonly epoch: number;
  readonly stepsPerEpoch: number;
}

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
  /** On the validation split, of the averaged weights; absent where the epoch was not validated. */
  readonly metrics?: Metrics;
  /** The metric that the best epoch is chosen by. */
  readonly value?: number;
  /** -1: unknown. */
  readonly best: number;
  /** 1-based; `epoch` when this one is the best so far. */
  readonly bestEpoch: number;
  /** The averaged weights. */
  readonly weights: FloatWeights;
}

export interface TrainObserver {
  started?(start: RunStart): void | Promise<void>;
  /** Something to look at that does not stop the run. */
  warning?(message: string): void;
  /** After the checkpoint is written. "stop" ends the run here as if it had no more epochs. */
  epochEnd?(report: EpochReport): "stop" | undefined | Promise<"stop" | undefined>;
  finished?(result: TrainResult): void | Promise<void>;
  /** The process ends before the run does; `epoch` epochs are kept. */
  stopped?(error: unknown, epoch: number): void | Promise<void>;
}

/** Tells all of them, in order; true when one asks to stop. */
export async function tellEpochEnd(observers: readonly TrainObserver[], report: EpochReport): Promise<boolean> {
  let stop = false;
  for (const observer of observers) if ((await observer.epochEnd?.(report)) === "stop") stop = true;
  return stop;
}
