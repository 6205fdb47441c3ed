/** Who watches a sweep: told what happens, as it happens. */
import type { Setting } from "@phinets/core/sweep";

export interface WatchedSetting {
  readonly setting: Setting;
  /** The board's name. */
  readonly target?: string;
}

/** A rung that is trained. */
export interface WatchedRung extends WatchedSetting {
  readonly seed: number;
  /** Epochs done, of those that will be when the rung ends. */
  readonly done: number;
  readonly epochs: number;
}

export interface SweepObserver {
  /** All seeds of a setting are trained so far: their mean, -Infinity where one failed. Results of earlier runs come first. */
  scored?(result: WatchedSetting & { readonly epochs: number; readonly score: number }): void;
  /** What a slot trains, from its beginning on; undefined: it waits. */
  working?(slot: number, rung: WatchedRung | undefined): void;
}
