/**
 * Records the inputs of each step of a chain, so that a second run redoes only what changed. The log has digests of
 * results and files: whatever was modified, log or file, is made again and reported.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseJson } from "@phinets/core/tensor";
import { z } from "zod";
import { writeFileAtomic } from "../host/atomic.js";
import type { StepContext } from "./context.js";
import { keyOf, sha256 } from "./hash.js";

const stepRecord = z.object({
  key: z.string(),
  result: z.unknown().optional(),
  seconds: z.number().nonnegative(),
  /** SHA-256 of each output as the step wrote it; "" for one that it did not write. */
  outputs: z.record(z.string(), z.string()),
  /** Digest of all of the above. */
  sha256: z.string(),
});
type StepRecord = z.infer<typeof stepRecord>;

type Outputs<T> = readonly string[] | ((result: T) => readonly string[]);

export interface Step<T> {
  readonly name: string;
  /** Digest of the step's inputs: equal keys give equal results. */
  readonly key: string;
  /** Files that it writes, relative to the run folder; a function where they depend on the result. */
  readonly outputs: Outputs<T>;
  readonly run: (context: StepContext) => T | Promise<T>;
  /** Whether a result is complete; one that is not, because a tool was missing, is made again. Default: all are. */
  readonly complete?: (result: T) => boolean;
}

export class StepLog {
  readonly #path: string;
  readonly #records = new Map<string, StepRecord>();
  /** Seconds each step took when it was last done. */
  readonly seconds: Record<string, number> = {};

  constructor(
    readonly folder: string,
    readonly context: StepContext,
    /** Called when a step begins, is done, or is skipped because its result is kept. */
    readonly onStep: (name: string, state: "kept" | "running" | "done") => void = () => {},
  ) {
    this.#path = join(folder, logName);
    if (existsSync(this.#path)) this.#read();
    else this.#save();
  }

  /**
   * The step's result: from the log where its key is the same as last time and its files are unchanged, else by running
   * it.
   */
  async run<T>({ name, key, outputs, run, complete = () => true }: Step<T>): Promise<T> {
    const record = this.#records.get(name);
    const changed = record && this.#whatChanged(record, key, outputs);
    if (record !== undefined && changed === undefined && complete(record.result as T)) {
      this.seconds[name] = record.seconds;
      this.context.note(`${name}: unchanged, kept`);
      this.onStep(name, "kept");
      return record.result as T;
    }
    if (changed !== undefined) this.context.note(`${name}: ${changed}; made again`);
    this.context.signal.throwIfAborted();
    this.onStep(name, "running");
    const start = performance.now();
    const result = await run(this.context);
    const seconds = (performance.now() - start) / 1000;
    this.seconds[name] = seconds;
    const digests = Object.fromEntries(filesOf(outputs, result).map((output) => [output, this.#digest(output)]));
    const made = { key, result, seconds, outputs: digests };
    this.#records.set(name, { ...made, sha256: digestOf(name, made) });
    this.#save();
    this.onStep(name, "done");
    return result;
  }

  #whatChanged<T>(record: StepRecord, key: string, outputs: Outputs<T>): string | undefined {
    if (record.key !== key) return "its inputs have changed";
    const file = filesOf(outputs, record.result as T).find((path) => this.#digest(path) !== record.outputs[path]);
    if (file === undefined) return undefined;
    return `${file} ${this.#digest(file) === "" ? "is missing" : "has changed since it was made"}`;
  }

  /** A damaged log costs time, not results: the steps are done again. */
  #read(): void {
    let log: unknown;
    try {
      log = parseJson(readFileSync(this.#path, "utf8"));
    } catch {}
    if (typeof log !== "object" || log === null || Array.isArray(log)) {
      this.context.note(`${logName} is damaged; all steps are made again`);
      return;
    }
    for (const [name, value] of Object.entries(log)) {
      const record = stepRecord.safeParse(value).data;
      if (record !== undefined && record.sha256 === digestOf(name, record)) this.#records.set(name, record);
      else this.context.note(`${name}: its record in ${logName} was not written by this version; made again`);
    }
  }

  #save(): void {
    writeFileAtomic(this.#path, `${JSON.stringify(Object.fromEntries(this.#records), undefined, 1)}\n`);
  }

  /** Digest of a file; "" where it does not exist. */
  #digest(output: string): string {
    const path = join(this.folder, output);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? sha256(readFileSync(path)) : "";
  }
}

function digestOf(name: string, { key, result, seconds, outputs }: Omit<StepRecord, "sha256">): string {
  return keyOf(name, key, result, seconds, outputs);
}

function filesOf<T>(outputs: Outputs<T>, result: T): readonly string[] {
  return typeof outputs === "function" ? outputs(result) : outputs;
}

export const logName = "steps.json";

/** Whether a folder belongs to a chain, which may continue in it. */
export function hasStepLog(folder: string): boolean {
  return existsSync(join(folder, logName));
}

/** Seconds that each step of a chain took when it was last done, by name. Damaged entries are left out. */
export function readStepSeconds(folder: string): Record<string, number> {
  try {
    const log = z.record(z.string(), z.unknown()).parse(parseJson(readFileSync(join(folder, logName), "utf8")));
    return Object.fromEntries(
      Object.entries(log).flatMap(([name, value]) => {
        const record = stepRecord.safeParse(value).data;
        return record === undefined ? [] : [[name, record.seconds]];
      }),
    );
  } catch {
    return {};
  }
}
