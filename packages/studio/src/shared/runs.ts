/** Run folders as the page sees them, and the command lines that make and resume them. */
import { joinPath } from "./places.js";

/**
 * - training: a process is training in it;
 * - busy: a process does something else in it;
 * - finished: it has its final weights;
 * - stopped: it was asked to end, or ended with an error; it can be resumed;
 * - cut short: its process was killed; it can be resumed;
 * - new: nothing was trained yet.
 */
export type RunState = "training" | "busy" | "finished" | "stopped" | "cut short" | "new";

export interface RunEntry {
  /** Id in the API: `folder:PATH` within the opened folder, `project:PATH` within the folder of all runs. */
  readonly id: string;
  /** The path for use in commands. */
  readonly path: string;
  readonly state: RunState;
  readonly task: "detect" | "classify" | "none";
  readonly classes: readonly string[];
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  /** Epochs done, and their total; 0 where it is unknown. */
  readonly epoch: number;
  readonly epochs: number;
  /** AP50 or top-1 of the best weights, and their epoch. */
  readonly best?: number;
  readonly bestEpoch?: number;
  /** Hash of weights/best.safetensors, once the training is finished. */
  readonly weightsSha256?: string;
  readonly hasWeights: boolean;
  readonly hasInt8: boolean;
  /** Whether `phinets train --resume` can continue it. */
  readonly resumable: boolean;
  /** Why it stopped. */
  readonly message?: string;
  /** Id of this studio's job that trains it. */
  readonly job?: number;
  /** Whether it was asked to stop after its current epoch. */
  readonly pausing?: boolean;
  /** Changes whenever its files change. */
  readonly stamp: string;
}

/** A run folder that no longer exists. */
export interface RunGone {
  readonly id: string;
  readonly gone: true;
}

export interface RunDetail {
  readonly id: string;
  /** results.csv: figures by name, one row per epoch. */
  readonly rows: readonly Readonly<Record<string, number>>[];
  /** Those of `runPictures` that it has. */
  readonly pictures: readonly string[];
  /** Warnings during the training. */
  readonly warnings: readonly string[];
}

/** Pictures of a run folder, in the order to show them. */
export const runPictures: Readonly<Record<string, string>> = {
  "sample_batches.png": "What it trains on",
  "worst_pictures.png": "Worst validation pictures",
  "val_batch0_labels.jpg": "Validation pictures, labelled",
  "val_batch0_pred.jpg": "Validation pictures, as it sees them",
  "labels.jpg": "Labels",
  "pr_curve.svg": "Precision and recall",
  "confusion_matrix.svg": "Confusion",
  "anchors.svg": "Anchors",
};

/** Short name: its path within the root that it was found in. */
export function runName({ id, path }: Pick<RunEntry, "id" | "path">): string {
  const [, within] = /^(?:folder|project):(.+)$/s.exec(id) ?? [];
  return within ?? path;
}

/** Where a training's network comes from. */
export type NetworkChoice =
  /** Solved for a board, given by its name. */
  | { readonly kind: "board"; readonly board: string; readonly imgsz?: number }
  /** The network of a run, given by its id; with `weights` the training also starts from the run's weights. */
  | { readonly kind: "run"; readonly run: string; readonly weights?: boolean }
  /** The content of a network.json. */
  | { readonly kind: "document"; readonly document: unknown };

/** Settings of a training; those left out have the recipe's defaults. */
export interface TrainForm {
  /** Path of the data set within the opened folder. */
  readonly set: string;
  readonly network: NetworkChoice;
  readonly name: string;
  readonly epochs?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly seed?: number;
}

export interface TrainPaths {
  /** Paths of the data set, the network.json or run, and the folder of all runs, for use in commands. */
  readonly data: string;
  readonly network?: string;
  readonly project: string;
}

/** The command for a form: the page shows the same line that the server runs. */
export function trainWords(form: TrainForm, { data, network, project }: TrainPaths): string[] {
  const { epochs, batch, learningRate, seed, name } = form;
  const startsFromRun = form.network.kind === "run" && form.network.weights === true;
  const option = (flag: string, value: string | number | undefined) =>
    value === undefined ? [] : [flag, String(value)];
  return [
    ...["phinets", "train", "--data", data],
    ...(form.network.kind === "board"
      ? ["--target", form.network.board, ...option("--imgsz", form.network.imgsz)]
      : option(startsFromRun ? "--weights" : "--network", network)),
    ...option("--epochs", epochs),
    ...option("--batch", batch),
    ...option("--lr", learningRate),
    ...option("--seed", seed),
    ...(project === "runs" ? [] : ["--project", project]),
    ...["--name", name],
  ];
}

/** The command that resumes a run. */
export function resumeWords(path: string, project: string): string[] {
  return ["phinets", "train", "--resume", path, ...(project === "runs" ? [] : ["--project", project])];
}

/** Path at which a form's network document is saved: beside the runs, by the run's name. */
export const documentPath = (project: string, name: string): string => joinPath(project, `networks/${name}.json`);
