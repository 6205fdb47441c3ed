/**
 * A text file that grows line by line and gets its final name when it is complete, so that results of long runs need no
 * memory.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { describeWriteError, temporaryPath } from "../host/atomic.js";

export class LineFile {
  readonly #temporary: string;
  #descriptor: number | undefined;

  /** Throws PhinetsError when it cannot be created. Always call `close` or `abort`. */
  constructor(readonly path: string) {
    this.#temporary = temporaryPath(path);
    this.#tell(() => {
      mkdirSync(dirname(path), { recursive: true });
      this.#descriptor = openSync(this.#temporary, "wx");
    });
  }

  write(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    this.#tell(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor!, bytes, at);
    });
  }

  /** Gives the file its final name. */
  close(): void {
    this.#tell(() => {
      fsyncSync(this.#descriptor!);
      closeSync(this.#descriptor!);
      this.#descriptor = undefined;
      renameSync(this.#temporary, this.path);
    });
  }

  abort(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#temporary, { force: true });
  }

  #tell(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.abort();
      throw describeWriteError(error, this.path);
    }
  }
}
