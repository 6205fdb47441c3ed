/** Remembers what each step of a chain was made from, so that a second run redoes only what changed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../run/atomic.js";
import type { Context } from "../terminal/context.js";

interface StepRecord {
  readonly key: string;
  readonly result: unknown;
  readonly seconds: number;
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
    this.#path = join(folder, "steps.json");
    this.#records = readRecords(this.#path);
  }

  /**
   * The step's result: from the log when `key` (what the step is made from) is the same as last time and its files are
   * still there, else by doing the work. `outputs` are paths in the run folder.
   */
  async run<T>(name: string, key: string, outputs: readonly string[], work: () => Promise<T>): Promise<T> {
    const record = this.#records[name];
    if (record?.key === key && outputs.every((output) => existsSync(join(this.folder, output)))) {
      this.seconds[name] = record.seconds;
      this.context.note(`${name}: unchanged, kept`);
      return record.result as T;
    }
    this.context.signal.throwIfAborted();
    const start = performance.now();
    const result = await work();
    const seconds = (performance.now() - start) / 1000;
    this.seconds[name] = seconds;
    this.#records[name] = { key, result, seconds };
    writeFileAtomic(this.#path, `${JSON.stringify(this.#records, undefined, 1)}\n`);
    return result;
  }

  /** True when the step would be kept. */
  has(name: string, key: string): boolean {
    return this.#records[name]?.key === key;
  }
}

/** A damaged log costs time, not results: every step is then done again. */
function readRecords(path: string): Record<string, StepRecord> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}
