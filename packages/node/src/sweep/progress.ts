/**
 * Counts the epochs of all rungs of a sweep, done and in total, and the epochs that were trained speculatively in vain.
 */
import type { StepContext } from "../steps/context.js";
import type { Journal } from "./journal.js";
import { epochsOf, lengthOf } from "./plan.js";
import type { Bracket } from "./schedule.js";
import type { Trial } from "./trial.js";

interface TrialEpochs {
  /** Trained in total. */
  done: number;
  /** Epochs of the rungs that it is certain to take part in. */
  asked: number;
}

interface Sums {
  /** Epochs of rungs that are certain. */
  readonly counted: number;
  /** Epochs beyond those. */
  readonly ahead: number;
}

export class EpochProgress {
  #bar: ReturnType<StepContext["progress"]> | undefined;
  readonly #trials = new Map<string, TrialEpochs>();
  #before: Sums = { counted: 0, ahead: 0 };
  #counted = 0;
  #ahead = 0;

  /** Starts from the rungs that the journal has. */
  constructor(
    readonly brackets: readonly Bracket[],
    journal: Journal,
  ) {
    for (const { settings, rungs } of brackets)
      for (const { epochs } of rungs)
        for (const { trials } of settings)
          for (const trial of trials) {
            const length = lengthOf(trial, epochs);
            if (journal.find({ trial: trial.hash, epochs: length }) !== undefined) this.update(trial, length);
          }
  }

  /** Shows a progress bar from now on. */
  start({ progress }: Pick<StepContext, "progress">): void {
    this.#before = { counted: this.#counted, ahead: this.#ahead };
    const total = epochsOf(this.brackets);
    this.#bar = progress({ label: "sweep", total, from: this.#counted, unit: "epochs", lineEvery: 0.02 });
    this.#bar.update(this.#counted);
  }

  /** A trial is certain to be trained for `epochs` epochs in total. */
  ask(trial: Trial, epochs: number): void {
    this.#set(trial, { asked: epochs, done: 0 });
  }

  /** A trial has been trained for `epochs` epochs in total. */
  update(trial: Trial, epochs: number): void {
    this.#set(trial, { asked: 0, done: epochs });
  }

  /** Epochs trained since `start`, in rungs that count. */
  get trained(): number {
    return this.#counted - this.#before.counted;
  }

  /** Epochs trained since `start` for settings that did not go on. */
  get speculated(): number {
    return Math.max(0, this.#ahead - this.#before.ahead);
  }

  stop(): void {
    this.#bar?.stop();
  }

  /** Both numbers only grow. */
  #set({ hash }: Trial, { asked, done }: TrialEpochs): void {
    const trial = this.#trials.get(hash) ?? { asked: 0, done: 0 };
    this.#trials.set(hash, trial);
    this.#add(trial, -1);
    trial.asked = Math.max(trial.asked, asked);
    trial.done = Math.max(trial.done, done);
    this.#add(trial, 1);
    this.#bar?.update(this.#counted);
  }

  #add({ asked, done }: TrialEpochs, times: 1 | -1): void {
    const counted = Math.min(asked, done);
    this.#counted += times * counted;
    this.#ahead += times * (done - counted);
  }
}
