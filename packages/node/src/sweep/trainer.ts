/**
 * Interface of whatever trains the rungs of a sweep's trials. The sweep decides what to train and does not know about
 * processes or machines.
 */
import type { Trial } from "./trial.js";

/** What the journal stores of a rung. */
export type Outcome =
  | {
      /** Why the training failed because of its setting: it diverged. */
      readonly failed: string;
    }
  | {
      /** Figures of the best epoch so far. */
      readonly figures: Readonly<Record<string, number>>;
      /** SHA-256 of the deployed weights; only for a trial that was trained to its end. */
      readonly weightsSha256?: string;
    };

/** A rung of a trial, or a piece of one. */
export interface TrainingJob {
  readonly trial: Trial;
  /** Total epochs trained when it is done; at most the recipe's. */
  readonly epochs: number;
}

/** Abort reason for a training whose result no decision depends on any more. */
export class NotNeeded extends Error {
  override readonly name = "AbortError";
  constructor() {
    super("all is decided without it");
  }
}

/** This machine's slots, or a queue's workers. */
export interface Trainer {
  /** Number of jobs that it accepts at a time, including some that wait for a worker; may change. */
  readonly slots: number;

  /** Registers a listener to call when there are more slots; absent where the number is fixed. */
  readonly onSlots?: (listener: () => void) => void;

  /**
   * Whether rungs should be split into pieces: the trainings with the most work remaining are then always running, and
   * one that started on a slow machine can continue on another.
   */
  readonly inPieces: boolean;

  /**
   * Trains a trial until `epochs` epochs are done in total, continuing from what earlier rungs or a killed process have
   * trained. Afterwards the trial's run folder (`trialFolder`) in the sweep's folder has results.csv and, after the
   * last epoch, the weights.
   * @param hear.signal when aborted, the training stops at its next safe point and the promise rejects; with
   * `NotNeeded`, a job that has not started is withdrawn
   * @param hear.onEpoch called when the training begins and after each epoch, with the total number of epochs done
   * @throws PhinetsError `sweep.trial` where the trainer fails; the rung can be requested again
   */
  train(
    job: TrainingJob,
    hear: { readonly signal: AbortSignal; readonly onEpoch: (done: number) => void },
  ): Promise<Outcome>;

  /**
   * The int8 figures of a trial that was trained to its end.
   * @throws PhinetsError as `train` does
   */
  quantize(trial: Trial, hear: { readonly signal: AbortSignal }): Promise<Readonly<Record<string, number>>>;

  /** Ends its processes and connections. */
  close(): Promise<void>;
}
