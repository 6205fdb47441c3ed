/** Where the rungs of a sweep's trials are trained: a sweep decides which, and knows no processes and no machines. */
import type { Trial } from "./trial.js";

/** What the journal keeps of a rung. */
export type Outcome =
  | {
      /** Why the training failed in a way that is the setting's own: it diverged. */
      readonly failed: string;
    }
  | {
      /** Of the best of the epochs that are done. */
      readonly figures: Readonly<Record<string, number>>;
      /** Of the weights that are deployed; only of a trial that was trained to its end. */
      readonly weightsSha256?: string;
    };

/** A rung of a trial, or a piece of one. */
export interface TrainingJob {
  readonly trial: Trial;
  /** Trained in all when it is done; at most the recipe's. */
  readonly epochs: number;
}

/** Why a training is ended that nothing depends on any more: an abort signal's reason. */
export class NotNeeded extends Error {
  override readonly name = "AbortError";
  constructor() {
    super("all is decided without it");
  }
}

/** This machine's slots, or a queue's workers. */
export interface Trainer {
  /** Jobs that it takes at a time, those that wait for others to be done among them; it may change. */
  readonly slots: number;

  /** Takes what is to be called when there are more slots; absent where there never are. */
  readonly onSlots?: (listener: () => void) => void;

  /**
   * Whether a rung is better given out in pieces: trainings that have the longest way to go are then always in work, and
   * one that a slow machine has may go on on another.
   */
  readonly inPieces: boolean;

  /**
   * Trains a trial until so many epochs are done in all; what an earlier rung or a killed one trained is not trained
   * again. Then the trial's run folder (`trialFolder`) in the sweep's has results.csv and, after the last epoch, the
   * weights.
   * @param hear.signal aborted, the training stops at its next safe point and the promise rejects; with `NotNeeded`, it
   *   is taken back where nobody has begun it
   * @param hear.onEpoch when the training begins and after each epoch, how many are done in all
   * @throws PhinetsError `sweep.trial` where what trains it fails; the rung can be asked for again
   */
  train(
    job: TrainingJob,
    hear: { readonly signal: AbortSignal; readonly onEpoch: (done: number) => void },
  ): Promise<Outcome>;

  /**
   * The int8 network's figures of a trial that was trained to its end.
   * @throws PhinetsError as `train` does
   */
  quantize(trial: Trial, hear: { readonly signal: AbortSignal }): Promise<Readonly<Record<string, number>>>;

  /** Ends what it keeps running. */
  close(): Promise<void>;
}
