/** What a command is given: where to write, how to say how far it is, and when to stop. */
import { type Colours } from "./colours.js";
import { type Progress, type ProgressOptions } from "./progress.js";
/** A stream, or a test's stand-in. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}
export interface Context {
  /** `--json` was given: stdout takes one JSON document, through `result`, and nothing else. */
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by Ctrl-C: stop at the next safe point, keep what is done. */
  readonly signal: AbortSignal;
  /** For text on stdout. */
  readonly colours: Colours;
  /** What the process ends with when the command ends without an error: 0, or 1 where the answer itself is bad news. */
  exitCode: number;
  /** A progress display on stderr; call `stop` when done. */
  progress(options: ProgressOptions): Progress;
  /** One line on stderr. */
  note(line: string): void;
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
export declare function makeContext(options: {
  readonly json: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
}): ContextWithResult;
//# sourceMappingURL=context.d.ts.map
