/** How a step says how far it is, and how it is asked to stop. */

/** What a step tells whoever listens. */
export type StepEvent =
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "progress";
      /** What is being done: "training", "resnet.bin". */
      readonly label: string;
      readonly done: number;
      /** 0 or less when unknown. */
      readonly total: number;
      /** Name of what is counted, plural: "pictures", "epochs"; may be empty. */
      readonly unit: string;
      readonly detail: string;
    };

export interface ListenOptions {
  /** Told everything, as it happens. Default: nothing is said. */
  readonly onEvent?: (event: StepEvent) => void;
  /** Aborted: the step stops at its next safe point, and keeps what is done. */
  readonly signal?: AbortSignal;
}

/** What a step is given. A terminal draws it (the command line's `Context` is one); `listen` makes one of a callback. */
export interface StepContext {
  readonly signal: AbortSignal;
  progress(options: ProgressOptions): Progress;
  /** One line. */
  note(line: string): void;
}

export interface Progress {
  /** Sets how much is done, and what to say behind it. */
  update(done: number, detail?: string): void;
  /** A line that is said meanwhile. */
  log(line: string): void;
  /** Nothing more will come. */
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

/** A context that hands everything to a callback. */
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
