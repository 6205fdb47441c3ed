/** The request and the result of a training. */
import type { PictureSource } from "@phinets/core/data";
import type { Engine } from "@phinets/core/kernels";
import type { Network } from "@phinets/core/networks";
import type { FloatWeights } from "@phinets/core/tensor";
import type { Recipe } from "@phinets/core/training";
import type { RunLock } from "../../run/lock.js";
import type { Metrics } from "../../text/metrics.js";
import type { SkippedCounts } from "../data.js";
import type { TrainObserver } from "./observers.js";

export interface TrainRequest {
  readonly folder: string;
  /** The folder's lock, where the caller holds it. Default: it is taken here. */
  readonly lock?: RunLock;
  readonly network: Network;
  readonly recipe: Recipe;
  readonly train: PictureSource;
  readonly val: PictureSource;
  /** Identifies the training pictures and labels, which must be the same in a resumed run. */
  readonly dataKey: string;
  /** What was left out when the labels were read. Default: nothing. */
  readonly leftOut?: SkippedCounts;
  readonly threads: number;
  /** An engine with `threads` threads and the recipe's kernels; it is not disposed of. Default: a new one. */
  readonly engine?: Engine;
  /** Resume from the folder's last checkpoint, if it has one. */
  readonly resume: boolean;
  /** Stop once this many epochs are done in total; the run can be resumed later. Default: the recipe's number. */
  readonly stopAfter?: number;
  /**
   * Number of epochs between validations (the last is always validated); 0: never, and the last weights count as the
   * best. Default 1.
   */
  readonly valEvery?: number;
  /**
   * Draw curves, pictures and report.html into the folder, with the data set's name in their titles. Default: draw
   * none.
   */
  readonly plots?: { readonly dataName: string };
  /**
   * Weights to start from, for all or some of the network's parameters; read unless the run resumes from a checkpoint.
   */
  readonly pretrained?: { readonly sha256: string; weights(): FloatWeights };
  /** Receives each line of events.jsonl as it is written. */
  readonly onEvent?: (line: string) => void;
  /** Observers, any of which may end the run early. */
  readonly observers?: readonly TrainObserver[];
}

export interface TrainResult {
  /** Epochs done. */
  readonly epochs: number;
  /**
   * Why it ended: all epochs are done, `recipe.patience` epochs brought no improvement, or `stopAfter` or an observer
   * stopped it.
   */
  readonly end: "epochs" | "patience" | "stopped";
  /** 1-based epoch whose averaged weights are the best; 0: the weights that the run started from. */
  readonly bestEpoch: number;
  readonly best: number;
  /** Metrics of the best weights on the validation split; absent where nothing was validated. */
  readonly metrics?: Metrics;
  /** Hash of weights/best.safetensors. */
  readonly weightsSha256: string;
  /** Training speed in pictures per second, without validation; 0 when nothing was left to train. */
  readonly imagesPerSecond: number;
}
