/**
 * Does one job: trains a rung of a trial, or makes its int8 network. It continues from what other workers have
 * delivered.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { type LocalTrainer, prepareTrial, type Trial } from "@phinets/node/sweep";
import type { DataCache } from "./data-cache.js";
import { Delivery, fetchFiles } from "./delivery.js";
import type { JobDocument } from "./job.js";
import { placeOf, type RecordFile, type Records, recordName, type TrialRecord } from "./records.js";
import type { Store, Stored } from "./store/store.js";

export interface StepOptions {
  /** The worker's folder; run folders are in its `trials`. */
  readonly work: string;
  readonly cache: DataCache;
  readonly trainer: LocalTrainer;
  readonly store: Store;
  readonly records: Records;
  readonly note: (line: string) => void;
  /** When aborted, the step ends at its next safe point and rejects. */
  readonly signal: AbortSignal;
}

export const trialsFolder = (work: string): string => join(work, "trials");

/** @returns false where the job was done already */
export async function doStep(job: JobDocument, options: StepOptions): Promise<boolean> {
  const { work, cache, store, records, signal } = options;
  const name = recordName(job.trial, job.step);
  if (((await records.find(name))?.rung ?? 0) >= job.epochs) return false;
  const before = await records.find(recordName(job.trial, "train"));
  const { path, data } = await cache.open(job, { store, signal });
  const start = job.start && (await cache.start(job.start, { store, signal }));
  const { network, recipe, valEvery, loading } = job;
  const trial: Trial = {
    ...{ data, paths: [path], network, recipe, valEvery, start, hash: job.trial, seed: recipe.seed },
    more: { loading, namedNetwork: true },
  };
  const run = prepareAnew(work, trial);
  try {
    if (before !== undefined) await goOnFrom(before, { run, job, trial }, options);
    const delivery = new Delivery({ run, name, store, records, signal, rung: before?.rung ?? 0 });
    if (job.step === "train") await train(job, trial, delivery, options);
    else await quantize(job, { trial, run, name }, options);
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
  return true;
}

function prepareAnew(work: string, trial: Trial): string {
  rmSync(join(trialsFolder(work), trial.data.index.task, trial.hash), { recursive: true, force: true });
  return prepareTrial(trialsFolder(work), trial);
}

/**
 * Fetches the latest checkpoint. If a training's checkpoint is lost, the training starts again and reaches the same
 * bits.
 */
async function goOnFrom(
  before: TrialRecord,
  { run, job, trial }: { readonly run: string; readonly job: JobDocument; readonly trial: Trial },
  { work, store, signal, note }: StepOptions,
): Promise<void> {
  try {
    await fetchFiles(before, ["results", "best", "last"], run, { store, signal });
  } catch (error) {
    const isGone = error instanceof PhinetsError && ["store.missing", "store.corrupt"].includes(error.code);
    if (!isGone || job.step !== "train") throw error;
    note(`${trial.hash}: its checkpoint is missing (${error.message}); it starts again from the first epoch`);
    prepareAnew(work, trial);
  }
}

async function train(
  { epochs }: JobDocument,
  trial: Trial,
  delivery: Delivery,
  { trainer, signal }: StepOptions,
): Promise<void> {
  try {
    const outcome = await trainer.train(
      { trial, epochs },
      {
        signal,
        onEpoch: (done) => {
          // The last epoch is delivered with the end of the rung.
          if (done > 0 && done < epochs) delivery.epochDone();
        },
      },
    );
    await delivery.rungDone({ rung: epochs, ...("failed" in outcome && { failed: outcome.failed.slice(0, 2000) }) });
  } finally {
    await delivery.settled();
  }
}

async function quantize(
  { epochs }: JobDocument,
  { trial, run, name }: { readonly trial: Trial; readonly run: string; readonly name: string },
  { trainer, store, records, signal }: StepOptions,
): Promise<void> {
  const figures = await trainer.quantize(trial, { signal });
  const put = (file: RecordFile): Promise<Stored> => store.put(join(run, placeOf[file]), { signal });
  const files = {
    quantized: await put("quantized"),
    quantizedWeights: await put("quantizedWeights"),
    report: await put("report"),
  };
  await records.save(name, { epoch: epochs, rung: epochs, figures, files });
}
