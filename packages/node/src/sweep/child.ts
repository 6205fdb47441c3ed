/** A rung of a trial in a child process: the command line's own `train --resume`. */
import { spawn } from "node:child_process";
import { PhinetsError } from "@phinets/core/tensor";
import { readEvents, type TrainingEvent } from "../steps/train/events.js";

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

/**
 * Trains a run folder until so many epochs are done in all.
 * @param onEpoch after each, how many are done
 * @returns undefined, or why the training failed in a way that is the setting's own (it diverged)
 * @throws PhinetsError `sweep.trial` where the child failed otherwise
 */
export async function trainRung(
  run: string,
  {
    epochs,
    threads,
    phinets,
    signal,
    onEpoch,
  }: Pick<ChildOptions, "phinets" | "signal"> & {
    readonly epochs: number;
    readonly threads: number;
    readonly onEpoch: (done: number) => void;
  },
): Promise<string | undefined> {
  const words = [
    "train",
    "--resume",
    run,
    "--stop-after",
    String(epochs),
    "--workers",
    String(threads),
    "--json-events",
  ];
  const onLine = (line: string): void => {
    const event = JSON.parse(line) as TrainingEvent;
    if (event.event === "started" || event.event === "checkpoint") onEpoch(event.epoch);
  };
  const { end, stderr } = await runChild({ phinets, words, signal, onLine });
  signal.throwIfAborted();
  if (end === 0) return undefined;
  const last = readEvents(run).at(-1);
  if (last?.event === "stopped" && last.code === "training.diverged") return last.message;
  throw childError(run, end, stderr);
}

/** What ended a child, in a line. */
export function childError(run: string, end: number | string, stderr: string): PhinetsError {
  const said = stderr.split("\n").findLast((line) => line.startsWith("error: "));
  const how = typeof end === "string" ? `was ended by ${end} (too little memory, for one)` : `ended with ${end}`;
  return new PhinetsError(
    "sweep.trial",
    `${run}: its process ${how}${said === undefined ? "" : `: ${said.slice("error: ".length)}`}; run the sweep again: it goes on from the last epoch`,
    run,
  );
}
