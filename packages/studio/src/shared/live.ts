/** Types of the room Live: what the server offers for watching a board. */

/** A run whose detector can be emulated, and compared with a board's. */
export interface LiveRun {
  /** Id of its place. */
  readonly id: string;
  readonly classes: readonly string[];
  readonly board: string;
}

export interface LiveList {
  readonly runs: readonly LiveRun[];
  /** Videos and folders of frames. */
  readonly clips: readonly string[];
}

/** Settings with which a run's firmware interprets its outputs. */
export interface LiveRunDetail {
  /** Minimum score of a box, 0..1, in the run's firmware; the default where there is no firmware yet. */
  readonly scoreThreshold: number;
}

/** Files of a run that a page loads its int8 network from. */
export const liveFiles = ["network.json", "quantized.json", "quantized.safetensors"] as const;
