/** How a step reports its progress, and how it is asked to stop. */

/** Events that a step sends to its listener. */
export type StepEvent =
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "progress";
      /** What is being done: "training", "resnet.bin". */
      readonly label: string;
      readonly done: number;
      /** 0 or negative when unknown. */
      readonly total: number;
      /** Name of what is counted, plural: "pictures", "epochs"; may be empty. */
      readonly unit: string;
      readonly detail: string;
    };

export interface ListenOptions {
  /** Receives every event as it happens. Default: none. */
  readonly onEvent?: (event: StepEvent) => void;
  /** When aborted, the step stops at its next safe point and keeps what is done. */
  readonly signal?: AbortSignal;
}

/**
 * The context that a step runs in. A terminal draws it (the command line's `Context` is one); `listen` wraps a
 * callback.
 */
export interface StepContext {
  readonly signal: AbortSignal;
  progress(options: ProgressOptions): Progress;
  /** Reports one line. */
  note(line: string): void;
}

export interface Progress {
  /** Sets how much is done, and a detail to show behind it. */
  update(done: number, detail?: string): void;
  /** Reports a line while the progress is shown. */
  log(line: string): void;
  /** Ends the progress. */
  stop(): void;
}

export interface ProgressOptions {
  /** What is being done: "training", "resnet.bin". */
  readonly label: string;
  /** How much there is to do; 0 or less when unknown (a plain counter). */
  readonly total: number;
  /** Amount that was done earlier: the remaining time is estimated from the rest. Default 0. */
  readonly from?: number;
  /** Name of what is counted, plural: "pictures", "epochs". Default "". */
  readonly unit?: string;
  /**
   * Without a terminal: print a line each time this fraction of the total is done. Default 0.1; 0: a line at every
   * update.
   */
  readonly lineEvery?: number;
}

/** A context that passes everything to a callback. */
export function listen({ onEvent = () => {}, signal = new AbortController().signal }: ListenOptions = {}): StepContext {
  const note = (text: string): void => onEvent({ kind: "note", text });
  return {
    signal,
    note,
    progress: ({ label, total, unit = "" }) => ({
      update: (done, detail = "") => onEvent({ kind: "progress", label, done, total, unit, detail }),
      log: note,
      stop: () => {},
    }),
  };
}
