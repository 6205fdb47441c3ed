/** What a training is given and what it gives back. */
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
  /** The folder's, where the caller has it. Default: it is taken here. */
  readonly lock?: RunLock;
  readonly network: Network;
  readonly recipe: Recipe;
  readonly train: PictureSource;
  readonly val: PictureSource;
  /** Identifies the training pictures and labels: a resumed run must see the same. */
  readonly dataKey: string;
  /** What was left out when the labels were read. Default: nothing. */
  readonly leftOut?: SkippedCounts;
  readonly threads: number;
  /** On so many threads, of the recipe's kernels; it is not disposed of. Default: one of its own. */
  readonly engine?: Engine;
  /** Go on from the folder's last checkpoint, where it has one. */
  readonly resume: boolean;
  /** End once so many epochs are done in all, as if there were no more; a resumed run goes on. Default: the recipe's. */
  readonly stopAfter?: number;
  /** Validate every so many epochs, and after the last; 0: never, and the last weights count as the best. Default 1. */
  readonly valEvery?: number;
  /** Draw curves, pictures and report.html into the folder; the data set's name for their titles. Default: draw none. */
  readonly plots?: { readonly dataName: string };
  /** Weights to start from: parts of the network's; read unless the run goes on from a checkpoint. */
  readonly pretrained?: { readonly sha256: string; weights(): FloatWeights };
  /** Gets each line of events.jsonl as it is written. */
  readonly onEvent?: (line: string) => void;
  /** Told of what happens; any of them may end the run early. */
  readonly observers?: readonly TrainObserver[];
}

export interface TrainResult {
  /** Epochs done. */
  readonly epochs: number;
  /** Why there are no more: all are done, none was better for `recipe.patience` epochs, or `stopAfter` or an observer ended it. */
  readonly end: "epochs" | "patience" | "stopped";
  /** 1-based epoch whose averaged weights are the best; 0: those that the run started from. */
  readonly bestEpoch: number;
  readonly best: number;
  /** On the validation split, of the best weights; absent where none was validated. */
  readonly metrics?: Metrics;
  /** Of weights/best.safetensors. */
  readonly weightsSha256: string;
  /** Training pictures a second, validation left out; 0 when nothing was left to train. */
  readonly imagesPerSecond: number;
}
