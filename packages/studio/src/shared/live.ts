/** What a board sees, live: what the server has for it. */

/** A run whose detector can be emulated, and compared with. */
export interface LiveRun {
  /** Name of its place. */
  readonly id: string;
  readonly classes: readonly string[];
  readonly board: string;
}

export interface LiveList {
  readonly runs: readonly LiveRun[];
  /** Videos and folders of frames. */
  readonly clips: readonly string[];
}

/** How the run's firmware reads its output. */
export interface LiveRunDetail {
  /** Least score of a box, 0..1, of the run's firmware; the usual one where it has none yet. */
  readonly scoreThreshold: number;
}

/** Files of a run that a page reads its int8 network from. */
export const liveFiles = ["network.json", "quantized.json", "quantized.safetensors"] as const;
