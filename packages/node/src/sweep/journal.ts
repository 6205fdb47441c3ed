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
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { z } from "zod";
import { describeWriteError } from "../host/atomic.js";
import { describeReadError, problemOf } from "../host/document.js";

const figures = z.record(z.string(), z.number());

const entry = z.object({
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

export type JournalEntry = z.infer<typeof entry>;

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

  /** Adds what is done. The same again (of a second process) is left out. */
  add(done: JournalEntry): void {
    if (this.#done.has(nameOf(done))) return;
    const bytes = Buffer.from(`${JSON.stringify(done)}\n`);
    let descriptor: number | undefined;
    try {
      descriptor = openSync(this.path, "a");
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      fsyncSync(descriptor);
    } catch (error) {
      throw describeWriteError(error, this.path, bytes.length);
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
    this.#done.set(nameOf(done), done);
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
      problem = problemOf(entry, document);
    } catch {
      problem = "is not JSON";
    }
    if (problem !== undefined)
      throw new PhinetsError(
        "sweep.journal",
        `${this.path}:${number}: ${problem}; remove the line, and what it tells of is trained again`,
        this.path,
      );
    const done = entry.parse(document);
    this.#done.set(nameOf(done), done);
  }
}
