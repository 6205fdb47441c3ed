/** Remembers what each step of a chain was made from, so that a second run redoes only what changed. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../run/atomic.js";
import type { Context } from "../terminal/context.js";
import { sha256 } from "./hash.js";

interface StepRecord {
  readonly key: string;
  readonly result: unknown;
  readonly seconds: number;
  /** SHA-256 of each output as the step left it; "" for one that it did not write. */
  readonly outputs: Readonly<Record<string, string>>;
}

export class StepLog {
  readonly #path: string;
  readonly #records: Record<string, StepRecord>;
  /** Seconds each step took when it was last done. */
  readonly seconds: Record<string, number> = {};

  constructor(
    readonly folder: string,
    readonly context: Context,
  ) {
    this.#path = join(folder, logName);
    this.#records = readRecords(this.#path);
    if (!existsSync(this.#path)) this.#save();
  }

  /**
   * The step's result: from the log when `key` (what the step is made from) is the same as last time and its files are
   * still what it wrote, else by doing the work. `outputs` are paths in the run folder; a result that is not `complete`,
   * because a tool was missing, is made again.
   */
  async run<T>(
    name: string,
    key: string,
    outputs: readonly string[],
    work: () => Promise<T>,
    complete: (result: T) => boolean = () => true,
  ): Promise<T> {
    const record = this.#records[name];
    const intact = (output: string) => this.#digest(output) === record.outputs?.[output];
    if (record?.key === key && outputs.every(intact) && complete(record.result as T)) {
      this.seconds[name] = record.seconds;
      this.context.note(`${name}: unchanged, kept`);
      return record.result as T;
    }
    this.context.signal.throwIfAborted();
    const start = performance.now();
    const result = await work();
    const seconds = (performance.now() - start) / 1000;
    this.seconds[name] = seconds;
    const digests = Object.fromEntries(outputs.map((output) => [output, this.#digest(output)]));
    this.#records[name] = { key, result, seconds, outputs: digests };
    this.#save();
    return result;
  }

  #save(): void {
    writeFileAtomic(this.#path, `${JSON.stringify(this.#records, undefined, 1)}\n`);
  }

  /** Of a file; "" where there is none. */
  #digest(output: string): string {
    const path = join(this.folder, output);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? sha256(readFileSync(path)) : "";
  }
}

const logName = "steps.json";

/** Whether a folder is a chain's, which may go on in it. */
export function hasStepLog(folder: string): boolean {
  return existsSync(join(folder, logName));
}

/** A damaged log costs time, not results: every step is then done again. */
function readRecords(path: string): Record<string, StepRecord> {
  if (!existsSync(path)) return {};
  try {
    const records: unknown = JSON.parse(readFileSync(path, "utf8"));
    const valid = typeof records === "object" && records !== null && !Array.isArray(records);
    return valid ? (records as Record<string, StepRecord>) : {};
  } catch {
    return {};
  }
}
