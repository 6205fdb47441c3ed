/** The command line as a child process that ends with this one. */
import { spawn } from "node:child_process";
export interface ChildOptions {
  /** Program and arguments that are the command `phinets`. */
  readonly phinets: readonly string[];
  readonly words: readonly string[];
  readonly signal: AbortSignal;
  /** Each line of stdout. */
  readonly onLine?: (line: string) => void;
}

/** The last lines of stderr are kept, for errors. */
const keptCharacters = 4000;

/**
 * Runs `phinets` with words. The child ends when this process ends, however that is: it notices that the channel between
 * them is closed. Aborted, it is asked to stop at its next safe point.
 * @returns the exit code, or the name of the signal that ended it, and the end of stderr
 */
export function runChild({
  phinets,
  words,
  signal,
  onLine,
}: ChildOptions): Promise<{ end: number | string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const [program, ...first] = phinets;
    const child = spawn(program, [...first, ...words], { stdio: ["ignore", "pipe", "pipe", "ipc"], windowsHide: true });
    let [line, stderr] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (line + text).split("\n");
      line = lines.pop()!;
      for (const each of lines) onLine?.(each);
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-keptCharacters);
    });
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    child.on("error", reject);
    child.on("close", (code, by) => {
      signal.removeEventListener("abort", stop);
      resolve({ end: code ?? by ?? "unknown", stderr });
    });
  });
}
