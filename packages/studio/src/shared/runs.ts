/** Run folders as the page sees them, and the command line that makes one. */
import { joinPath } from "./places.js";

/**
 * - training: a process trains in it now;
 * - busy: a process does something else in it;
 * - finished: it has its weights;
 * - stopped: it was asked to end, or ended with an error; it can go on;
 * - cut short: its process was killed; it can go on;
 * - new: nothing was trained yet.
 */
export type RunState = "training" | "busy" | "finished" | "stopped" | "cut short" | "new";

export interface RunEntry {
  /** How the API knows it: `folder:PATH` within the opened folder, `project:PATH` within the folder of all runs. */
  readonly id: string;
  /** As commands name it. */
  readonly path: string;
  readonly state: RunState;
  readonly task: "detect" | "classify" | "none";
  readonly classes: readonly string[];
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  /** Epochs done, and in all; 0 where it is not known. */
  readonly epoch: number;
  readonly epochs: number;
  /** AP50 or top-1 of the best weights, and their epoch. */
  readonly best?: number;
  readonly bestEpoch?: number;
  /** Of weights/best.safetensors, once the training is finished. */
  readonly weightsSha256?: string;
  readonly hasWeights: boolean;
  readonly hasInt8: boolean;
  /** `phinets train --resume` goes on with it. */
  readonly resumable: boolean;
  /** Why it stopped. */
  readonly message?: string;
  /** The studio's own job that trains it. */
  readonly job?: number;
  /** It was asked to stop when its epoch is done. */
  readonly pausing?: boolean;
  /** Changes with its files. */
  readonly stamp: string;
}

/** A run folder that is not there any more. */
export interface RunGone {
  readonly id: string;
  readonly gone: true;
}

export interface RunDetail {
  readonly id: string;
  /** results.csv: figures by name, one row an epoch. */
  readonly rows: readonly Readonly<Record<string, number>>[];
  /** Pictures that it holds, of `runPictures`. */
  readonly pictures: readonly string[];
  /** What was said on the way that does not stop it. */
  readonly warnings: readonly string[];
}

/** Pictures of a run folder, in the order in which they are shown. */
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

/** Short: within the folder that it was found in. */
export function runName({ id, path }: Pick<RunEntry, "id" | "path">): string {
  const [, within] = /^(?:folder|project):(.+)$/s.exec(id) ?? [];
  return within ?? path;
}

/** Where a training's network comes from. */
export type NetworkChoice =
  /** Solved for a board, by its name. */
  | { readonly kind: "board"; readonly board: string; readonly imgsz?: number }
  /** That of a run, by its id. */
  | { readonly kind: "run"; readonly run: string }
  /** The content of a network.json. */
  | { readonly kind: "document"; readonly document: unknown };

/** What a training is asked for; what is left out is the recipe's own. */
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
  /** The data set, the network.json or run, and the folder of all runs, as commands name them. */
  readonly data: string;
  readonly network?: string;
  readonly project: string;
}

/** The command that does what the form says: what the page shows is what the server runs. */
export function trainWords(form: TrainForm, { data, network, project }: TrainPaths): string[] {
  const { epochs, batch, learningRate, seed, name } = form;
  const option = (flag: string, value: string | number | undefined) =>
    value === undefined ? [] : [flag, String(value)];
  return [
    ...["phinets", "train", "--data", data],
    ...(form.network.kind === "board"
      ? ["--target", form.network.board, ...option("--imgsz", form.network.imgsz)]
      : option("--network", network)),
    ...option("--epochs", epochs),
    ...option("--batch", batch),
    ...option("--lr", learningRate),
    ...option("--seed", seed),
    ...(project === "runs" ? [] : ["--project", project]),
    ...["--name", name],
  ];
}

/** The command that goes on with a run. */
export function resumeWords(path: string, project: string): string[] {
  return ["phinets", "train", "--resume", path, ...(project === "runs" ? [] : ["--project", project])];
}

/** Where the network.json of a form's document is kept: beside the runs, by the run's name. */
export const documentPath = (project: string, name: string): string => joinPath(project, `networks/${name}.json`);
