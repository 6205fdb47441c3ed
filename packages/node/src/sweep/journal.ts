/** The journal of a sweep: a line of JSON for each rung of a trial that is done, on the disk before it counts. */
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

/** A line of the journal. */
export const journalEntry = z.object({
  trial: z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"),
  /** Trained in all. */
  epochs: z.int().positive(),
  /** Of the best epoch so far, as results.csv has it; absent where the training failed. */
  figures: figures.optional(),
  /** The figures are the int8 network's. */
  int8: z.literal(true).optional(),
  /** Of the weights that are deployed; of a trial that trained all its epochs. */
  weightsSha256: z.string().optional(),
  /** Why it failed: the training diverged. */
  failed: z.string().optional(),
});

export type JournalEntry = z.infer<typeof journalEntry>;

const nameOf = ({ trial, epochs, int8 }: Pick<JournalEntry, "trial" | "epochs" | "int8">): string =>
  `${trial}:${epochs}${int8 === true ? ":int8" : ""}`;

const journalPath = (folder: string): string => join(folder, "journal.jsonl");

/**
 * Makes the folder of a sweep, with an empty journal by which it is known as one.
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
  /** Will be written next. */
  readonly #waiting = new Map<string, JournalEntry>();
  /** All that was given so far. */
  #writing = Promise.resolve();

  /**
   * Reads what is there; a last line that a kill cut short is cut off.
   * @throws PhinetsError `sweep.journal` for a line that is none of a journal's
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

  /** Of a trial that was trained so far, or of its int8 network; undefined where it was not. */
  find(wanted: Pick<JournalEntry, "trial" | "epochs" | "int8">): JournalEntry | undefined {
    return this.#done.get(nameOf(wanted));
  }

  /**
   * Adds what is done; resolves when it is on the disk. What comes while the disk is busy is written together. The same
   * again (of a second process) is left out.
   */
  add(done: JournalEntry): Promise<void> {
    const name = nameOf(done);
    if (this.#done.has(name)) return Promise.resolve();
    if (this.#waiting.size === 0) {
      const before = this.#writing;
      // Behind half a line, which a write that failed may leave, none is written.
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
