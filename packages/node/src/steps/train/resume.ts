/** Checks before a run resumes from its last checkpoint: network, recipe, data and best weights must be unchanged. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "@phinets/core/graph";
import { PhinetsError } from "@phinets/core/tensor";
import { loadWeights } from "../../run/load.js";
import { bestPath, type Checkpoint } from "../checkpoint.js";
import { sha256 } from "../hash.js";

/**
 * Whether weights/best.safetensors is the file that the checkpoint's best epoch wrote. True for checkpoints of earlier
 * versions, which do not record its hash.
 */
export function hasOwnBest(folder: string, { bestSha256 }: Checkpoint): boolean {
  return bestSha256 === undefined || sha256(readFileSync(bestPath(folder))) === bestSha256;
}

/** The error for a finished run whose best weights have changed: no further epoch could replace them. */
export function changedBest(folder: string, { bestEpoch }: Checkpoint): PhinetsError {
  const path = bestPath(folder);
  return new PhinetsError(
    "run.weights",
    `${path}: is not what epoch ${bestEpoch} wrote; restore it, or remove ${join(folder, "weights")} to train from the first epoch`,
    path,
  );
}

/** Throws PhinetsError unless network, recipe and data are the checkpoint's and the best weights so far can be read. */
export function requireSame(
  folder: string,
  checkpoint: Checkpoint,
  wanted: Pick<Checkpoint, "key" | "dataKey">,
  graph: Graph,
): void {
  if (checkpoint.key !== wanted.key) {
    const changed =
      checkpoint.dataKey === wanted.dataKey
        ? "the network or the recipe is not the one that the checkpoint was made with; restore network.json and args.yaml"
        : "the data set has changed since the last checkpoint (pictures count by their bytes, names and labels); restore it";
    throw new PhinetsError("run.resume", `${folder}: ${changed}, or start a new run with another --name`, folder);
  }
  // A run without epochs validates and saves its initial weights again.
  if (checkpoint.epoch === 0 || (checkpoint.bestEpoch === 0 && checkpoint.bestSha256 === undefined)) return;
  const path = bestPath(folder);
  let problem = `${path}: is missing, though epoch ${checkpoint.bestEpoch} wrote it; restore it`;
  if (existsSync(path)) {
    try {
      loadWeights(path, graph);
      return;
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      problem = error.message;
    }
  }
  throw new PhinetsError(
    "run.weights",
    `${problem}, or remove ${join(folder, "weights")} to train from the first epoch`,
    path,
  );
}
