/** Runs the command line as a child process that ends with this process. */
import { spawn } from "node:child_process";
export interface ChildOptions {
  /** Program and arguments that start the command `phinets`. */
  readonly phinets: readonly string[];
  readonly words: readonly string[];
  readonly signal: AbortSignal;
  /** Called with each line of stdout. */
  readonly onLine?: (line: string) => void;
}

/** Number of last characters of stderr to keep for error messages. */
const keptCharacters = 4000;

/**
 * Runs `phinets` with arguments. The child ends whenever this process ends, because it notices that the channel between
 * them closes. On abort it is asked to stop at its next safe point.
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
