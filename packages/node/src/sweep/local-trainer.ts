/** Trains the rungs of a sweep on this machine, in one process per slot; the processes are reused from rung to rung. */
import { outcomeOf } from "./outcome.js";
import { SlotProcess } from "./slot-process.js";
import type { Outcome, Trainer, TrainingJob } from "./trainer.js";
import { prepareTrial, type Trial, trialFolder } from "./trial.js";

export interface LocalTrainerOptions {
  readonly folder: string;
  /** Folder of all runs: its cache keeps decoded pictures. */
  readonly project: string;
  /** Number of trainings side by side. */
  readonly slots: number;
  /** Threads of all slots together. */
  readonly threads: number;
}

type Hear = Parameters<Trainer["train"]>[1];

export class LocalTrainer implements Trainer {
  /**
   * One more than there are processes: while they train, the extra job prepares its run folder or stores its result.
   */
  readonly slots: number;
  /** All slots are equally fast, and the next rung's pictures are already in memory. */
  readonly inPieces = false;
  /** Threads per slot. */
  readonly #threads: number;
  readonly #all: readonly SlotProcess[];
  /** The most recently used process is last, because it has the pictures in memory. */
  readonly #free: SlotProcess[];
  /** Callbacks of jobs that wait for a free slot. */
  readonly #waiting: ((slot: SlotProcess) => void)[] = [];

  constructor(readonly options: LocalTrainerOptions) {
    const { folder, slots, threads } = options;
    this.slots = slots + 1;
    this.#threads = Math.max(1, Math.floor(threads / slots));
    this.#all = Array.from({ length: slots }, () => new SlotProcess(folder));
    this.#free = [...this.#all];
  }

  async train(job: TrainingJob, { signal, onEpoch }: Hear): Promise<Outcome> {
    const run = prepareTrial(this.options.folder, job.trial);
    const work = { kind: "train", ...this.#workOf(job.trial, run), epochs: job.epochs } as const;
    const answer = await this.#inSlot((slot) => slot.do(work, { signal, onEpoch }));
    if (answer.kind === "trained" && answer.failed !== undefined) return { failed: answer.failed };
    return outcomeOf(run, job);
  }

  async quantize(trial: Trial, { signal }: Pick<Hear, "signal">): Promise<Readonly<Record<string, number>>> {
    const work = { kind: "quantize", ...this.#workOf(trial, trialFolder(this.options.folder, trial)) } as const;
    const answer = await this.#inSlot((slot) => slot.do(work, { signal }));
    return answer.kind === "quantized" ? answer.figures : {};
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((slot) => slot.end()));
  }

  #workOf({ data }: Trial, run: string) {
    return { run, dataKey: data.key, project: this.options.project, threads: this.#threads };
  }

  async #inSlot<T>(work: (slot: SlotProcess) => Promise<T>): Promise<T> {
    const slot = this.#free.pop() ?? (await new Promise<SlotProcess>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(slot);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(slot);
      else next(slot);
    }
  }
}
