/** What the room Try asks the server for. */

/** A picture through a run's firmware on an emulated core. */
export interface FirmwareOutput {
  /** Real values of the network's output, as the emulated core computed them. */
  readonly output: readonly number[];
  /** Where it ran, for people. */
  readonly machine: string;
  /** An inference. */
  readonly instructions: number;
  /** Those instructions on the run's board, milliseconds; absent where another core stood in. */
  readonly latencyMs?: readonly [low: number, high: number];
}

/** A frame that was put into a data set. */
export interface SavedFrame {
  /** Path of the data set within the opened folder. */
  readonly set: string;
  /** Path of the picture within the data set. */
  readonly file: string;
}
