/**
 * Delivers a trial's checkpoint and results from its run folder to the store after each epoch, and fetches them into a
 * run folder elsewhere.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { loadCheckpoint } from "@phinets/node/steps";
import { placeOf, type RecordFile, type Records, type TrialRecord } from "./records.js";
import { digestFile, type Store } from "./store/store.js";

/** Fetches files of a record into a run folder. */
export async function fetchFiles(
  { files }: TrialRecord,
  names: readonly RecordFile[],
  run: string,
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<void> {
  for (const name of names) {
    const file = files[name];
    if (file === undefined) continue;
    const path = join(run, placeOf[name]);
    mkdirSync(dirname(path), { recursive: true });
    await store.get(file, path, { signal });
  }
}

export interface DeliveryOptions {
  readonly run: string;
  /** The trial's name among the records. */
  readonly name: string;
  readonly store: Store;
  readonly records: Records;
  /** Epochs of the longest rung that was done before. */
  readonly rung: number;
  readonly signal: AbortSignal;
}

export class Delivery {
  #moving: Promise<void> = Promise.resolve();
  #waiting = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(readonly options: DeliveryOptions) {}

  /**
   * Delivers an epoch's checkpoint while the training continues. If further epochs end during a delivery, only the last
   * one is delivered next.
   */
  epochDone(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#moving = this.#moving
      .then(() => {
        this.#waiting = false;
        return this.#bring({ rung: this.options.rung });
      })
      .catch((error) => {
        this.#failure ??= { error };
      });
  }

  /** Delivers the last checkpoint of a finished rung, or the reason of its failure. */
  async rungDone(end: Pick<TrialRecord, "rung" | "failed">): Promise<void> {
    await this.#moving;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#bring(end);
  }

  /** Resolves when no delivery is in progress. */
  async settled(): Promise<void> {
    await this.#moving;
  }

  async #bring(end: Pick<TrialRecord, "rung" | "failed">): Promise<void> {
    const { run, name, store, records, signal } = this.options;
    // The training continues in the folder, so a snapshot of it is delivered.
    const copy = join(run, ".delivery");
    try {
      const epoch = snapshot(run, copy);
      if (!(await hasOwnBest(copy))) {
        // The next epoch has already replaced the best weights; that epoch's delivery follows.
        if (end.rung === this.options.rung) return;
        throw new PhinetsError("queue.delivery", `${run}: its best weights are not those of its checkpoint`, run);
      }
      const files: { -readonly [N in RecordFile]?: TrialRecord["files"][N] } = {};
      for (const each of ["best", "results", "last"] as const)
        if (existsSync(join(copy, placeOf[each]))) files[each] = await store.put(join(copy, placeOf[each]), { signal });
      await records.save(name, { epoch: epoch ?? 0, ...end, files });
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }
}

/** Copies the checkpoint first, then the files that it refers to; returns its epoch, undefined where there is none. */
function snapshot(run: string, copy: string): number | undefined {
  for (const name of ["last", "best", "results"] as const) {
    const [from, to] = [join(run, placeOf[name]), join(copy, placeOf[name])];
    mkdirSync(dirname(to), { recursive: true });
    if (existsSync(from)) copyFileSync(from, to);
  }
  return loadCheckpoint(copy)?.epoch;
}

async function hasOwnBest(folder: string): Promise<boolean> {
  const best = join(folder, placeOf.best);
  const wanted = loadCheckpoint(folder)?.bestSha256;
  if (wanted === undefined) return true;
  return existsSync(best) && (await digestFile(best)).sha256 === wanted;
}
