/**
 * The files of a shipped run: who owns the folder, earlier weights, digests for step keys, and the list of artefacts.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { firmwareSources } from "../firmware/build.js";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { bestPath, loadCheckpoint } from "./checkpoint.js";
import type { StepContext } from "./context.js";
import { keyOf, sha256 } from "./hash.js";
import type { ShipResult } from "./ship.js";
import { hasStepLog } from "./step-log.js";

/** Refuses a folder that holds anything else, before something in it is overwritten. */
export function requireOwn(folder: string): void {
  if (!existsSync(folder) || hasStepLog(folder)) return;
  // Another process may have just begun: before its log it writes its lock.
  const isOurs = (name: string): boolean => name.startsWith("train.pid") || /^\.\d+-/.test(name);
  if (statSync(folder).isDirectory() && readdirSync(folder).every(isOurs)) return;
  throw new PhinetsError(
    "ship.folder",
    `${folder}: exists and is not a shipped run (it has no steps.json); name another --out or --name, or empty it`,
    folder,
  );
}

/** Makes the folder of a run given by its path. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, folder);
  }
}

/** Names, sizes and modification times of a video, or of the files of a folder. */
export function stampsOf(clip: string): unknown {
  const stamp = (path: string) => {
    const { size, mtimeMs } = statSync(path);
    return [path, size, mtimeMs];
  };
  if (!statSync(clip).isDirectory()) return stamp(clip);
  const files = readdirSync(clip, { recursive: true, encoding: "utf8" }).sort();
  return [clip, ...files.map((file) => stamp(join(clip, file)))];
}

/**
 * Moves weights that were trained from other inputs into a folder named after the start of their key, and restores the
 * weights of `key` where they were moved earlier.
 */
export function setAside(folder: string, key: string, context: StepContext): void {
  const weights = join(folder, "weights");
  const placeOf = (other: string): string => join(folder, `weights-${other.slice(0, 8)}`);
  const moveResults = (from: string, to: string): void => {
    if (existsSync(join(from, "results.csv"))) renameSync(join(from, "results.csv"), join(to, "results.csv"));
  };
  const old = readKey(join(weights, "key"));
  if (old === undefined || old === key) return;
  if (existsSync(bestPath(folder))) {
    const aside = placeOf(old);
    rmSync(aside, { recursive: true, force: true }); // an earlier state of the same training
    renameSync(weights, aside);
    moveResults(folder, aside);
    context.note(`train: its inputs have changed; the earlier weights are in ${aside}`);
  }
  const kept = placeOf(key);
  if (existsSync(kept)) {
    rmSync(weights, { recursive: true, force: true });
    renameSync(kept, weights);
    moveResults(weights, folder);
  }
}

/** Key of the weights; undefined where the file is missing or invalid. */
function readKey(file: string): string | undefined {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  const key = readFileSync(file, "utf8");
  return /^[0-9a-f]{64}$/.test(key) ? key : undefined;
}

/** Hash of the firmware's own sources. */
export function sourcesKey(): string {
  const files = readdirSync(firmwareSources, { recursive: true, encoding: "utf8" }).sort();
  return keyOf(
    files
      .filter((file) => /\.(c|h|ld|S)$/.test(file))
      .map((file) => [file, sha256(readFileSync(join(firmwareSources, file)))]),
  );
}

export function artefactsOf(folder: string, made: readonly string[]): ShipResult["artefacts"] {
  const weights = ["network.json", "weights/best.safetensors", "quantized.json", "quantized.safetensors"];
  return [...weights, ...made, "tracks.txt", "tracks.mp4"]
    .filter((file) => statSync(join(folder, file), { throwIfNoEntry: false })?.isFile())
    .map((file) => {
      const bytes = readFileSync(join(folder, file));
      return { file, bytes: bytes.length, sha256: sha256(bytes) };
    });
}

/** Copies another run's training where its checkpoint has the key `key`, so that nothing is left to train. */
export function adoptTraining(
  run: string,
  { folder, key, context }: { readonly folder: string; readonly key: string; readonly context: StepContext },
): void {
  const checkpoint = loadCheckpoint(run);
  if (checkpoint?.key !== key) {
    context.note(`${run}: was trained with other options, pictures or kernels; training starts from the first epoch`);
    return;
  }
  // The checkpoint is copied last: with it the training counts as done.
  for (const file of ["results.csv", "events.jsonl", "weights/best.safetensors", "weights/last.safetensors"])
    if (existsSync(join(run, file))) writeFileAtomic(join(folder, file), readFileSync(join(run, file)));
  context.note(`train: ${checkpoint.epoch} epochs are reused from ${run}`);
}
