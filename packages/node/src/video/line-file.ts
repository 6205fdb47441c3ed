/** A text file that grows line by line and takes its name when it is whole, so that long runs are not kept in memory. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { describeWriteError, temporaryPath } from "../host/atomic.js";

export class LineFile {
  readonly #temporary: string;
  #descriptor: number | undefined;

  /** Throws PhinetsError when it cannot be made. Call `close` or `abort` in every case. */
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

  /** Gives the file its name. */
  close(): void {
    this.#tell(() => {
      fsyncSync(this.#descriptor!);
      closeSync(this.#descriptor!);
      this.#descriptor = undefined;
      renameSync(this.#temporary, this.path);
    });
  }

  /** Ends without a file. */
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
