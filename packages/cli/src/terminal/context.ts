/** What a command is given: where to write, how to say how far it is (on stderr), and when to stop (Ctrl-C). */
import type { StepContext } from "@phinets/node/steps";
import { visible } from "@phinets/node/text";
import { type Colours, makeColours, wantsColours } from "./colours.js";
import { makeProgress } from "./progress.js";

/** A stream, or a test's stand-in. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Context extends StepContext {
  /** `--json` was given: stdout takes one JSON document, through `result`, and nothing else. */
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  /** For text on stdout. */
  readonly colours: Colours;
  /** What the process ends with when the command ends without an error: 0, or 1 where the answer itself is bad news. */
  exitCode: number;
  /**
   * The command's answer, once. With --json `document` is printed when the command has ended without an error; else
   * `text()` is printed at once.
   */
  result(document: unknown, text: () => string): void;
}

export interface ContextWithResult extends Context {
  /** What `result` was given; undefined before. */
  document: unknown;
}

export function makeContext(options: {
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
}): ContextWithResult {
  const { json, stdout, stderr, signal } = options;
  const context: ContextWithResult = {
    json,
    stdout,
    stderr,
    signal,
    colours: makeColours(wantsColours(stdout)),
    document: undefined,
    exitCode: 0,
    progress: (progressOptions) => makeProgress(stderr, progressOptions),
    note: (line) => {
      stderr.write(`${visible(line)}\n`);
    },
    result: (document, text) => {
      if (context.document !== undefined) throw new Error("a command gives one result");
      context.document = document;
      if (!json) {
        const lines = text();
        stdout.write(lines.endsWith("\n") ? lines : `${lines}\n`);
      }
    },
  };
  return context;
}
