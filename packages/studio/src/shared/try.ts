/** Types of the room Try's requests to the server. */

/** The outputs for one picture of a run's firmware on an emulated core. */
export interface FirmwareOutput {
  /** Dequantised values of the network's output, as the emulated core computed them. */
  readonly output: readonly number[];
  /** The emulated machine, as a title. */
  readonly machine: string;
  readonly instructions: number;
  /** Those instructions in milliseconds on the run's board; absent where another core was emulated. */
  readonly latencyMs?: readonly [low: number, high: number];
}

/** A frame that was saved into a data set. */
export interface SavedFrame {
  /** Path of the data set within the opened folder. */
  readonly set: string;
  /** Path of the picture within the data set. */
  readonly file: string;
}
