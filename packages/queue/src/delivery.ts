/** Brings what a trial's run folder holds into the store, epoch by epoch, and takes it out again elsewhere. */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { loadCheckpoint } from "@phinets/node/steps";
import { placeOf, type RecordFile, type Records, type TrialRecord } from "./records.js";
import { digestFile, type Store } from "./store/store.js";

/** Takes files of a record into a run folder. */
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
  /** The run folder. */
  readonly run: string;
  /** The trial's name among the records. */
  readonly name: string;
  readonly store: Store;
  readonly records: Records;
  /** Of the longest rung that was done before. */
  readonly rung: number;
  readonly signal: AbortSignal;
}

export class Delivery {
  #moving: Promise<void> = Promise.resolve();
  #waiting = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(readonly options: DeliveryOptions) {}

  /**
   * After an epoch: its checkpoint is brought while the training goes on. Of those that are done while one is on its way,
   * the last is brought.
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

  /** When the rung is done: its last checkpoint, or why there is none. */
  async rungDone(end: Pick<TrialRecord, "rung" | "failed">): Promise<void> {
    await this.#moving;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#bring(end);
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    await this.#moving;
  }

  async #bring(end: Pick<TrialRecord, "rung" | "failed">): Promise<void> {
    const { run, name, store, records, signal } = this.options;
    // The training goes on in the folder: what is brought is what it was at one moment.
    const copy = join(run, ".delivery");
    try {
      const epoch = snapshot(run, copy);
      if (!(await hasOwnBest(copy))) {
        // The next epoch has changed the best weights already: it is brought in its turn.
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

/** Copies the checkpoint first, then what it speaks of; returns its epoch, undefined where there is none. */
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
