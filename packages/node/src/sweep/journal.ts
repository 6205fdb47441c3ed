/**
 * The journal of a sweep: one line of JSON per finished rung of a trial. A result counts only once its line is on disk.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { z } from "zod";
import { describeWriteError } from "../host/atomic.js";
import { describeReadError, problemOf } from "../host/document.js";

const figures = z.record(z.string(), z.number());

export const journalEntry = z.object({
  trial: z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"),
  /** Number of epochs trained in total. */
  epochs: z.int().positive(),
  /** Validation figures of the best epoch so far, as in results.csv; absent where the training failed. */
  figures: figures.optional(),
  /** Set where the figures are the int8 network's. */
  int8: z.literal(true).optional(),
  /** SHA-256 of the deployed weights; only for a trial that has trained all its epochs. */
  weightsSha256: z.string().optional(),
  /** Why it failed: the training diverged. */
  failed: z.string().optional(),
});

export type JournalEntry = z.infer<typeof journalEntry>;

const nameOf = ({ trial, epochs, int8 }: Pick<JournalEntry, "trial" | "epochs" | "int8">): string =>
  `${trial}:${epochs}${int8 === true ? ":int8" : ""}`;

const journalPath = (folder: string): string => join(folder, "journal.jsonl");

/**
 * Makes the folder of a sweep, with an empty journal that identifies it as one.
 * @throws PhinetsError `sweep.folder` where it holds something else
 */
export function openSweepFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    if (existsSync(journalPath(folder))) return;
    if (readdirSync(folder).length > 0)
      throw new PhinetsError(
        "sweep.folder",
        `${folder}: exists and is not a sweep's (it has no journal.jsonl); name another --out, or empty it`,
        folder,
      );
    closeSync(openSync(journalPath(folder), "a"));
  } catch (error) {
    throw describeWriteError(error, folder);
  }
}

export class Journal {
  readonly path: string;
  readonly #done = new Map<string, JournalEntry>();
  /** Entries for the next write. */
  readonly #waiting = new Map<string, JournalEntry>();
  /** Resolves when all entries added so far are written. */
  #writing = Promise.resolve();

  /**
   * Reads the existing entries; a last line that a kill cut short is removed.
   * @throws PhinetsError `sweep.journal` for a line that is not a journal entry
   */
  constructor(folder: string) {
    const path = journalPath(folder);
    this.path = path;
    if (!existsSync(path)) return;
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      throw new PhinetsError("sweep.journal", `${path}: ${describeReadError(error)}; move it away to begin anew`, path);
    }
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole !== text) this.#cut(Buffer.byteLength(whole));
    for (const [i, line] of whole.split("\n").entries()) if (line !== "") this.#read(line, i + 1);
  }

  /** The entry of a trial after `epochs` epochs, or of its int8 network; undefined where there is none. */
  find(wanted: Pick<JournalEntry, "trial" | "epochs" | "int8">): JournalEntry | undefined {
    return this.#done.get(nameOf(wanted));
  }

  /**
   * Adds an entry; resolves when it is on disk. Entries that arrive during a write are written together. An entry that
   * exists already (from a second process) is not added again.
   */
  add(done: JournalEntry): Promise<void> {
    const name = nameOf(done);
    if (this.#done.has(name)) return Promise.resolve();
    if (this.#waiting.size === 0) {
      const before = this.#writing;
      // A failed write may leave half a line: after it nothing more is written.
      this.#writing = before.then(() => this.#write());
    }
    if (!this.#waiting.has(name)) this.#waiting.set(name, done);
    return this.#writing;
  }

  async #write(): Promise<void> {
    const entries = [...this.#waiting];
    this.#waiting.clear();
    const text = entries.map(([, done]) => `${JSON.stringify(done)}\n`).join("");
    try {
      const file = await open(this.path, "a");
      try {
        await file.appendFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw describeWriteError(error, this.path, Buffer.byteLength(text));
    }
    for (const [name, done] of entries) this.#done.set(name, done);
  }

  #cut(bytes: number): void {
    const descriptor = openSync(this.path, "r+");
    try {
      ftruncateSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #read(line: string, number: number): void {
    let document: unknown;
    let problem: string | undefined;
    try {
      document = JSON.parse(line);
      problem = problemOf(journalEntry, document);
    } catch {
      problem = "is not JSON";
    }
    if (problem !== undefined)
      throw new PhinetsError(
        "sweep.journal",
        `${this.path}:${number}: ${problem}; remove the line, and what it tells of is trained again`,
        this.path,
      );
    const done = journalEntry.parse(document);
    this.#done.set(nameOf(done), done);
  }
}
