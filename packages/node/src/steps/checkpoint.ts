/**
 * Checkpoints: `weights/last.safetensors` holds everything that a resumed run needs, `weights/best.safetensors` the
 * averaged weights of the best epoch, which are deployed. Both are written atomically.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  decodeSafetensors,
  encodeSafetensors,
  type FloatWeights,
  PhinetsError,
  showValue,
  type Tensor,
} from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { describeReadError } from "../host/document.js";
import { sha256 } from "./hash.js";

export interface Checkpoint {
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /**
   * Best value of the validated metric so far, and its epoch (1-based; 0 where there is none or, with `bestSha256`, for
   * the weights that the run started from).
   */
  readonly best: number;
  readonly bestEpoch: number;
  /** SHA-256 of weights/best.safetensors as that epoch wrote it; absent in checkpoints of earlier versions. */
  readonly bestSha256?: string;
  /** Mean loss of the run's first steps; absent in checkpoints of earlier versions. */
  readonly startLoss?: number;
  /** SHA-256 of everything that must not change between start and resume: network, recipe, data set. */
  readonly key: string;
  /** The data set's part of the key, to tell what has changed. */
  readonly dataKey: string;
  readonly state: Readonly<Record<string, Tensor>>;
}

const lastPath = (folder: string): string => join(folder, "weights/last.safetensors");
export const bestPath = (folder: string): string => join(folder, "weights/best.safetensors");

export function saveCheckpoint(
  folder: string,
  { state, ...progress }: Checkpoint,
  path: string = lastPath(folder),
): void {
  const known = Object.entries(progress).filter(([, value]) => value !== undefined);
  const metadata = Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
  writeFileAtomic(
    path,
    encodeSafetensors(state as Record<string, Tensor>, { format: "phinets-checkpoint-1", ...metadata }),
  );
}

/** The run's last checkpoint; undefined before the first epoch has ended. Throws PhinetsError when it is damaged. */
export function loadCheckpoint(folder: string, path: string = lastPath(folder)): Checkpoint | undefined {
  if (!existsSync(path)) return undefined;
  const remedy = "remove it to train from the first epoch (weights/best.safetensors is kept until then)";
  let decoded: ReturnType<typeof decodeSafetensors>;
  try {
    decoded = decodeSafetensors(readFileSync(path), path);
  } catch (error) {
    const problem = error instanceof PhinetsError ? error.message : `${path}: ${describeReadError(error)}`;
    throw new PhinetsError("run.checkpoint", `${problem}, or ${remedy}`, path);
  }
  const { weights, metadata } = decoded;
  const refuse = (problem: string): never => {
    throw new PhinetsError(
      "run.checkpoint",
      `${path}: not a checkpoint of a training run: ${problem}; ${remedy}`,
      path,
    );
  };
  if (metadata.format !== "phinets-checkpoint-1") refuse(`format is ${showValue(metadata.format)}`);
  const text = (name: string): string => metadata[name] ?? refuse(`${name} is missing`);
  const number = (name: string, whole: boolean): number => {
    const value = text(name).trim() === "" ? Number.NaN : Number(text(name));
    const valid = whole ? Number.isSafeInteger(value) && value >= 0 : !Number.isNaN(value);
    return valid ? value : refuse(`${name} is ${showValue(text(name))}, a number is needed`);
  };
  return {
    epoch: number("epoch", true),
    step: number("step", true),
    best: number("best", false),
    bestEpoch: number("bestEpoch", true),
    bestSha256: metadata.bestSha256,
    startLoss: metadata.startLoss === undefined ? undefined : number("startLoss", false),
    key: text("key"),
    dataKey: text("dataKey"),
    state: weights,
  };
}

/** Writes the deployed weights and removes the integer network of earlier weights; returns the SHA-256 of the file. */
export function saveBest(folder: string, weights: FloatWeights): string {
  const bytes = encodeSafetensors(weights);
  for (const file of ["quantized.json", "weights/qat.safetensors", "weights/qat-last.safetensors"])
    rmSync(join(folder, file), { force: true });
  writeFileAtomic(bestPath(folder), bytes);
  return sha256(bytes);
}
