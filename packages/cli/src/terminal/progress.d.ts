export interface Progress {
  /** Sets how much is done, and what to say behind the bar. */
  update(done: number, detail?: string): void;
  /** Prints a line above the bar. */
  log(line: string): void;
  /** Ends the bar, leaving its last state on the screen. */
  stop(): void;
}
export interface ProgressOptions {
  /** What is being done: "training", "resnet.bin". */
  readonly label: string;
  /** How much there is to do; 0 or less when unknown (a plain counter). */
  readonly total: number;
  /** How much of it was done before: the time that is left is told from the rest. Default 0. */
  readonly from?: number;
  /** Name of one step, plural: "pictures", "epochs". Default "". */
  readonly unit?: string;
  /** Off a terminal: a line each time this fraction of the total is done. Default 0.1; 0: a line at every update. */
  readonly lineEvery?: number;
}
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}
/** A progress display on `stream`; cli-progress is loaded on first use and only for a terminal. */
export declare function makeProgress(stream: ProgressStream, options: ProgressOptions): Progress;
//# sourceMappingURL=progress.d.ts.map
