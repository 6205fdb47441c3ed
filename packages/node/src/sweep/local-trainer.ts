/** Trains the rungs of a sweep on this machine, in child processes that are the command line's own. */
import { join } from "node:path";
import { parseDocument } from "../host/document.js";
import { childError, runChild, trainRung } from "./child.js";
import { outcomeOf } from "./outcome.js";
import type { Outcome, Trainer, TrainingJob } from "./trainer.js";
import { prepareTrial, type Trial, trialFolder } from "./trial.js";

export interface LocalTrainerOptions {
  /** The sweep's. */
  readonly folder: string;
  /** Trainings side by side. */
  readonly slots: number;
  /** Of all slots together. */
  readonly threads: number;
  /** Program and arguments that are the command `phinets`. */
  readonly phinets: readonly string[];
}

type Hear = Parameters<Trainer["train"]>[1];

export class LocalTrainer implements Trainer {
  readonly slots: number;
  /** Of a slot. */
  readonly #threads: number;

  constructor(readonly options: LocalTrainerOptions) {
    const { slots, threads } = options;
    this.slots = slots;
    this.#threads = Math.max(1, Math.floor(threads / slots));
  }

  async train(job: TrainingJob, hear: Hear): Promise<Outcome> {
    const { folder, phinets } = this.options;
    const run = prepareTrial(folder, job.trial);
    const failed = await trainRung(run, { epochs: job.epochs, threads: this.#threads, phinets, ...hear });
    return failed === undefined ? outcomeOf(run, job) : { failed };
  }

  async quantize(trial: Trial, { signal }: Pick<Hear, "signal">): Promise<Readonly<Record<string, number>>> {
    const { folder, phinets } = this.options;
    const run = trialFolder(folder, trial);
    const more = ["--workers", String(this.#threads), "--json"];
    const words = ["quantize", "--model", run, "--cfg", join(run, "args.yaml"), ...more];
    let line = "";
    const { end, stderr } = await runChild({
      phinets,
      words,
      signal,
      onLine: (text) => {
        line = text;
      },
    });
    signal.throwIfAborted();
    if (end !== 0) throw childError(run, end, stderr);
    const { metric, after } = parseDocument(line, run, {
      code: "sweep.trial",
      remedy: "run the sweep again",
    }) as { readonly metric: string; readonly after: number };
    return { [metric.replace("-", "")]: after };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
