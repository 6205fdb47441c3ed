/** Observers of a training: they are called after each epoch is saved, and may end the run early. */
import type { Network } from "@phinets/core/networks";
import type { FloatWeights } from "@phinets/core/tensor";
import type { Recipe } from "@phinets/core/training";
import type { Metrics } from "../../text/metrics.js";
import type { TrainResult } from "./request.js";

/** A run that starts or resumes. */
export interface RunStart {
  readonly version: string;
  readonly folder: string;
  readonly network: Network;
  readonly classes: readonly string[];
  readonly summary: { readonly parameters: number; readonly macs: number };
  readonly recipe: Recipe;
  readonly dataKey: string;
  /** Number of pictures in the training and in the validation split. */
  readonly train: number;
  readonly val: number;
  /** Number of pictures in both that were left out. */
  readonly skipped: number;
  /** Number of label rows that were left out. */
  readonly skippedRows: number;
  readonly threads: number;
  /** Number of epochs done earlier. */
  readonly epoch: number;
  readonly stepsPerEpoch: number;
}

/** An epoch that is done, validated and saved. */
export interface EpochReport {
  /** 1-based. */
  readonly epoch: number;
  /** Number of epochs in the recipe. */
  readonly epochs: number;
  /** Total number of steps done. */
  readonly step: number;
  /** The loss and its parts, averaged over the epoch's steps. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of the epoch's last step. */
  readonly learningRate: number;
  /** Training speed, without validation. */
  readonly imagesPerSecond: number;
  /** Metrics of the averaged weights on the validation split; absent where the epoch was not validated. */
  readonly metrics?: Metrics;
  /** The metric that the best epoch is chosen by. */
  readonly value?: number;
  /** Best value so far; -1: unknown. */
  readonly best: number;
  /** 1-based; equals `epoch` where this one is the best so far. */
  readonly bestEpoch: number;
  readonly weights: FloatWeights;
}

export interface TrainObserver {
  started?(start: RunStart): void | Promise<void>;
  /** Something that needs attention but does not stop the run. */
  warning?(message: string): void;
  /** Called after the checkpoint is written. "stop" ends the run as if it had no more epochs. */
  epochEnd?(report: EpochReport): "stop" | undefined | Promise<"stop" | undefined>;
  finished?(result: TrainResult): void | Promise<void>;
  /** The process ends before the run does; `epoch` epochs are saved. */
  stopped?(error: unknown, epoch: number): void | Promise<void>;
}

/** Calls all observers in order; true when one asks to stop. */
export async function tellEpochEnd(observers: readonly TrainObserver[], report: EpochReport): Promise<boolean> {
  let stop = false;
  for (const observer of observers) if ((await observer.epochEnd?.(report)) === "stop") stop = true;
  return stop;
}
