/** What is said while a data set is opened: problems, what was left out or not read, and how it was understood. */
import { PhinetsError } from "../../tensor/index.js";
import type { Problem } from "./format.js";

/** Things of one kind, counted; the first few are named. */
export interface Counted {
  /** Plural, as `equal rows are left out`; follows the count (`countedLine` makes a singular of it). */
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
  /** Rows of labels that were looked at, good or bad: the M of "N of M rows". */
  rows = 0;

  /** A file or row that cannot be used: an error, or left out with `--skip-bad`. */
  problem(leavesOut: Problem["leavesOut"], code: string, message: string, path: string): void {
    this.problems.push({ leavesOut, error: new PhinetsError(code, message, path) });
  }

  /** How something was understood; said once. A full sentence without its stop. */
  note(sentence: string): void {
    this.#notes.add(sentence);
  }

  /**
   * Something that was put right or left out without loss, counted by kind.
   * @param what follows the count: `rows equal to one before are left out`
   */
  changed(what: string, where: string): void {
    this.#changes.add(what, where);
  }

  /** A file that was used, as labels or lists: it is not among those not read. Pictures of samples need no call. */
  read(file: string): void {
    this.#read.add(file);
  }

  /** Something that was there and was not used, by kind: `label files without a picture`. */
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
