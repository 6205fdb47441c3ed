/** What a command is given: where to write, how to say how far it is (on stderr), and when to stop (Ctrl-C). */
import type { StepContext } from "@phinets/node/steps";
import { visible } from "@phinets/node/text";
import { type Colours, colourHeadings, colourLine, makeColours, wantsColours } from "./colours.js";
import { makeProgress } from "./progress.js";

/** A stream, or a test's stand-in. */
export interface Output {
  readonly isTTY?: boolean;
  /** Width of a terminal. */
  readonly columns?: number;
  /** Height of a terminal. */
  readonly rows?: number;
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
  /** From now on an interrupted command can be gone on with: by these words, or where there are none by its own. */
  resumeWith(words?: readonly string[]): void;
}

export interface ContextWithResult extends Context {
  /** What `result` was given; undefined before. */
  document: unknown;
  /** Words that go on with the command once it is interrupted; undefined where nothing does. */
  resume?: readonly string[];
}

export function makeContext(options: {
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** The command's own. Default: none. */
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
