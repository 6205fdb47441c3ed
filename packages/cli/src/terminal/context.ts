/** The context of a command: its output streams, progress (on stderr), and the signal to stop (Ctrl-C). */
import type { StepContext } from "@phinets/node/steps";
import { visible } from "@phinets/node/text";
import { type Colours, colourHeadings, colourLine, makeColours, wantsColours } from "./colours.js";
import { makeProgress } from "./progress.js";

/** An output stream, or a substitute in tests. */
export interface Output {
  readonly isTTY?: boolean;
  /** Width of a terminal. */
  readonly columns?: number;
  /** Height of a terminal. */
  readonly rows?: number;
  write(text: string): unknown;
}

export interface Context extends StepContext {
  /** Whether `--json` was given: stdout then gets one JSON document, through `result`, and nothing else. */
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Colours for text on stdout. */
  readonly colours: Colours;
  /** Exit code of the process when the command ends without an error: 0, or 1 where the answer reports a failure. */
  exitCode: number;
  /**
   * Gives the command's answer; called once. With --json `document` is printed when the command has ended without an
   * error; otherwise `text()` is printed at once.
   */
  result(document: unknown, text: () => string): void;
  /** From now on an interrupted command can be resumed: with these arguments, by default with its own. */
  resumeWith(words?: readonly string[]): void;
}

export interface ContextWithResult extends Context {
  /** The document passed to `result`; undefined before. */
  document: unknown;
  /** Arguments that resume the command after an interruption; undefined where it cannot be resumed. */
  resume?: readonly string[];
}

export function makeContext(options: {
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** The command's own arguments. Default: none. */
  readonly words?: readonly string[];
}): ContextWithResult {
  const { json, stdout, stderr, signal, words = [] } = options;
  const noted = makeColours(wantsColours(stderr));
  const colours = makeColours(wantsColours(stdout));
  const context: ContextWithResult = {
    json,
    stdout,
    stderr,
    signal,
    colours,
    document: undefined,
    exitCode: 0,
    progress: (progressOptions) => makeProgress(stderr, progressOptions),
    note: (line) => {
      stderr.write(`${colourLine(visible(line), noted)}\n`);
    },
    result: (document, text) => {
      if (context.document !== undefined) throw new Error("a command gives one result");
      context.document = document;
      if (!json) {
        const lines = colourHeadings(text(), colours);
        stdout.write(lines.endsWith("\n") ? lines : `${lines}\n`);
      }
    },
    resumeWith: (other = words) => {
      context.resume = other;
    },
  };
  return context;
}
