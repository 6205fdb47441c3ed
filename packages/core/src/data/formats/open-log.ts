/**
 * Messages collected while a data set is opened: problems, what was left out or not read, and how files were
 * interpreted.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Problem } from "./format.js";

/** Occurrences of one kind, counted, with the first few as examples. */
export interface Counted {
  /** Plural, such as `equal rows are left out`; follows the count (`countedLine` derives the singular). */
  readonly what: string;
  readonly count: number;
  /** Paths, or `FILE:LINE`. */
  readonly examples: readonly string[];
}

const mostExamples = 3;

class Counter {
  readonly #kinds = new Map<string, { count: number; examples: string[] }>();

  add(what: string, where: string): void {
    const kind = this.#kinds.get(what);
    if (kind === undefined) this.#kinds.set(what, { count: 1, examples: [where] });
    else {
      kind.count++;
      if (kind.examples.length < mostExamples) kind.examples.push(where);
    }
  }

  all(): Counted[] {
    return [...this.#kinds].map(([what, kind]) => ({ what, ...kind }));
  }
}

export class OpenLog {
  readonly problems: Problem[] = [];
  readonly #notes = new Set<string>();
  readonly #changes = new Counter();
  readonly #notRead = new Counter();
  readonly #read = new Set<string>();
  /** Number of label rows read, good or bad: the M of "N of M rows". */
  rows = 0;

  /** Reports an unusable file or row: an error, or left out with `--skip-bad`. */
  problem(leavesOut: Problem["leavesOut"], code: string, message: string, path: string): void {
    this.problems.push({ leavesOut, error: new PhinetsError(code, message, path) });
  }

  /** Reports, once, how something was interpreted. A full sentence without a full stop. */
  note(sentence: string): void {
    this.#notes.add(sentence);
  }

  /**
   * Counts, by kind, a correction or omission without loss.
   * @param what follows the count: `rows equal to one before are left out`
   */
  changed(what: string, where: string): void {
    this.#changes.add(what, where);
  }

  /** Marks a file as used, for labels or lists. Pictures of samples need no call. */
  read(file: string): void {
    this.#read.add(file);
  }

  /** Counts, by kind, something that was present but not used: `label files without a picture`. */
  notRead(what: string, where: string): void {
    this.#notRead.add(what, where);
    this.#read.add(where);
  }

  wasRead(file: string): boolean {
    return this.#read.has(file);
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  get changes(): readonly Counted[] {
    return this.#changes.all();
  }

  get unread(): readonly Counted[] {
    return this.#notRead.all();
  }
}
