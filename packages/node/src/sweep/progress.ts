/** Epochs of all rungs that a sweep trains, done and in all. */
import type { StepContext } from "../steps/context.js";
import type { Journal } from "./journal.js";
import { epochsOf, lengthOf } from "./plan.js";
import type { Bracket } from "./schedule.js";
import type { Trial } from "./trial.js";

export class EpochProgress {
  readonly #bar: ReturnType<StepContext["progress"]>;
  readonly #done = new Map<string, number>();
  readonly #before: number;
  #sum = 0;

  constructor(brackets: readonly Bracket[], journal: Journal, context: StepContext) {
    for (const { settings, rungs } of brackets)
      for (const { epochs } of rungs)
        for (const { trials } of settings)
          for (const trial of trials) {
            const length = lengthOf(trial, epochs);
            if (journal.find({ trial: trial.hash, epochs: length }) !== undefined) this.#set(trial, length);
          }
    this.#before = this.#sum;
    const total = epochsOf(brackets);
    this.#bar = context.progress({ label: "sweep", total, from: this.#before, unit: "epochs", lineEvery: 0.02 });
    this.#bar.update(this.#before);
  }

  /** So many epochs of a trial are done in all. */
  update(trial: Trial, epochs: number): void {
    this.#set(trial, epochs);
    this.#bar.update(this.#sum);
  }

  /** Epochs that were trained since this began. */
  get trained(): number {
    return this.#sum - this.#before;
  }

  stop(): void {
    this.#bar.stop();
  }

  #set({ hash }: Trial, epochs: number): void {
    const before = this.#done.get(hash) ?? 0;
    if (epochs <= before) return;
    this.#done.set(hash, epochs);
    this.#sum += epochs - before;
  }
}
