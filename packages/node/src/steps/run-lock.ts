/**
 * run.lock: everything that a run's weights depend on and, once it has ended, their SHA-256. With the file and the same
 * pictures anybody can reproduce the weights: `phinets train --from-lock run.lock --data ...`.
 */

import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { evaluationSplit } from "@phinets/core/data";
import { kernelsSha256 } from "@phinets/core/kernels";
import { type Network, parseNetwork } from "@phinets/core/networks";
import { PhinetsError, showValue } from "@phinets/core/tensor";
import { parseRecipe, type Recipe } from "@phinets/core/training";
import { z } from "zod";
import { writeFileAtomic } from "../host/atomic.js";
import { problemOf, readJson } from "../host/document.js";
import { fileOnDisk } from "../picture/idx-files.js";
import { trainingFields } from "../run/arguments.js";
import type { StepContext } from "./context.js";
import type { OpenedData } from "./data.js";
import { ownVersion } from "./version.js";

const format = "phinets-lock-1";
const { paths, fraction, valEvery, weights } = trainingFields;

const runLock = z.object({
  format: z.literal(format),
  /** Versions of PhiNets and Node. The weights do not depend on them as long as the kernels are the same. */
  phinets: z.string(),
  node: z.string(),
  /** SHA-256 of the WebAssembly module of the reference kernels, also where the recipe says `fast`. */
  kernelsSha256: z.string(),
  /**
   * Paths of the pictures, the classes where not all were used, the fraction of pictures, and the SHA-256 of files and
   * labels by split.
   */
  data: z.object(
    { paths, only: z.array(z.string()).optional(), fraction, sha256: z.string() },
    "an object with paths, fraction and sha256",
  ),
  /** Checked by `parseNetwork` and `parseRecipe`. The seed is in the recipe. */
  network: z.unknown().optional(),
  recipe: z.unknown().optional(),
  /** Epochs between validations, 0 for none. Validations choose the best epoch. */
  valEvery,
  /** The file of weights that the run started from, if any. */
  start: weights.optional(),
  /** Hash of weights/best.safetensors; absent until the run has ended. */
  weightsSha256: z.string().optional(),
});

export type RunLock = Omit<z.infer<typeof runLock>, "network" | "recipe"> & {
  readonly network: Network;
  readonly recipe: Recipe;
};

/** Hashes of data sets that were already computed: the trainings of a sweep share one data set. */
const hashes = new WeakMap<OpenedData, string>();

/**
 * SHA-256 of everything that training sees: pictures' bytes, labels and classes, by split. Names and paths do not
 * count.
 */
export async function hashData(data: OpenedData, signal: AbortSignal): Promise<string> {
  const known = hashes.get(data);
  if (known !== undefined) return known;
  const { index, digests } = data;
  const whole = createHash("sha256").update(JSON.stringify([index.task, index.classes]));
  const { train, val } = index.splits;
  for (const samples of [train, val.length > 0 ? val : index.splits[evaluationSplit(index)]]) {
    whole.update(`${samples.length}`);
    for (const { file, labels, class: label } of samples) {
      signal.throwIfAborted();
      const path = fileOnDisk(file);
      whole.update(JSON.stringify([digests.get(path), file.slice(path.length), labels, label]));
    }
  }
  const sha256 = whole.digest("hex");
  hashes.set(data, sha256);
  return sha256;
}

const pathOf = (folder: string): string => join(folder, "run.lock");

export const hasLock = (folder: string): boolean => existsSync(pathOf(folder));

export interface Locked {
  readonly data: OpenedData;
  readonly paths: readonly string[];
  readonly fraction?: number;
  readonly network: Network;
  readonly recipe: Recipe;
  /** Default 1. */
  readonly valEvery?: number;
  readonly start?: RunLock["start"];
}

/** Writes run.lock when a run begins. */
export async function writeRunLock(
  folder: string,
  locked: Locked,
  context: Pick<StepContext, "signal">,
): Promise<void> {
  const { data, paths, fraction = 1, network, recipe, valEvery = 1, start } = locked;
  const sha256 = await hashData(data, context.signal);
  const { only } = data.loading;
  const versions = { phinets: ownVersion(), node: process.version, kernelsSha256 };
  write(folder, {
    format,
    ...versions,
    data: { paths: paths.map((path) => resolve(path)), ...(only && { only: [...only] }), fraction, sha256 },
    network,
    recipe,
    valEvery,
    start,
  });
}

/**
 * Adds the hash of the weights to the run.lock of a run, if it has one; a run that stopped before its last epoch has no
 * hash yet. If the validation interval has changed, the lock is removed: it no longer describes the run.
 */
export function finishLock(
  folder: string,
  { weightsSha256, valEvery }: Pick<RunLock, "weightsSha256" | "valEvery">,
): void {
  if (!hasLock(folder)) return;
  const lock = readLock(pathOf(folder));
  if (lock.valEvery !== valEvery) rmSync(pathOf(folder));
  else if (weightsSha256 !== undefined) write(folder, { ...lock, weightsSha256 });
}

function write(folder: string, lock: RunLock): void {
  writeFileAtomic(pathOf(folder), `${JSON.stringify(lock, undefined, 1)}\n`);
}

const lockDocument = { code: "run.lock", remedy: "name the run.lock of a run that phinets trained" };

/** Reads a run.lock. Throws PhinetsError when the file is missing or not a run.lock. */
export function readLock(file: string): RunLock {
  const fail = (problem: string): never => {
    throw new PhinetsError(lockDocument.code, `${file}: ${problem}; ${lockDocument.remedy}`, file);
  };
  const document = readJson(file, lockDocument);
  const found = (document as { format?: unknown } | null)?.format;
  if (found !== format) return fail(`format is ${showValue(found)}, not "${format}"`);
  const problem = problemOf(runLock, document);
  if (problem !== undefined) return fail(problem);
  const lock = runLock.parse(document);
  try {
    const network = parseNetwork(lock.network);
    const recipe = parseRecipe(network.head.kind === "yolov2" ? "detect" : "classify", lock.recipe);
    return { ...lock, network, recipe };
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return fail(error.message);
  }
}

/**
 * Throws PhinetsError unless the lock's run has ended and was trained on this data. Notes what may make the bits
 * differ.
 */
export async function requireRepeatable(
  file: string,
  lock: RunLock,
  data: OpenedData,
  context: StepContext,
): Promise<void> {
  if (lock.weightsSha256 === undefined) {
    const remedy = "go on with it (train --resume) and take the file it leaves";
    throw new PhinetsError("run.lock", `${file}: the run that wrote it has not ended; ${remedy}`, file);
  }
  const sha256 = await hashData(data, context.signal);
  if (sha256 !== lock.data.sha256) {
    throw new PhinetsError(
      "run.lock",
      `${file}: the pictures or labels are not those of the run (SHA-256 ${sha256.slice(0, 12)}, not ${lock.data.sha256.slice(0, 12)}); name its data set with --data`,
      file,
    );
  }
  if (lock.kernelsSha256 !== kernelsSha256)
    context.note(
      `note: the run was trained with the kernels of phinets ${lock.phinets}, which differ from those of this version (${ownVersion()})`,
    );
  if ((lock.recipe.device ?? "cpu") !== "cpu")
    context.note(
      `note: the run was trained with --device ${lock.recipe.device}, and results of ONNX Runtime do not repeat bit for bit`,
    );
  if (lock.recipe.fast === true)
    context.note(
      "note: the run was trained with --fast: on another type of processor the results may differ in a few bits",
    );
}
