/** Interface of a sweep's observers, which are called as things happen. */
import type { Setting } from "@phinets/core/sweep";

export interface WatchedSetting {
  readonly setting: Setting;
  /** The board's name. */
  readonly target?: string;
}

export interface WatchedRung extends WatchedSetting {
  readonly seed: number;
  /** Epochs done, and the number of epochs when the rung ends. */
  readonly done: number;
  readonly epochs: number;
}

export interface SweepObserver {
  /**
   * All seeds of a setting are trained up to `epochs`: the mean score, -Infinity where one failed. Results of earlier
   * runs come first.
   */
  scored?(result: WatchedSetting & { readonly epochs: number; readonly score: number }): void;
  /** The rung that a slot trains, from its start on; undefined: the slot is idle. */
  working?(slot: number, rung: WatchedRung | undefined): void;
}
