/** Writes the results of `phinets predict` to its file as they come, so that any number of pictures needs no memory. */
import { join } from "node:path";
import type { NamedDetection, NamedScore } from "@phinets/core/model";
import { LineFile } from "@phinets/node/video";

/** Record of one picture or frame, as printed by `--json` and stored in predictions.json. */
export interface PredictRecord {
  readonly file: string;
  /** Number of a video's frame, from 1. */
  readonly frame?: number;
  /** pixels */
  readonly width?: number;
  readonly height?: number;
  readonly boxes?: readonly NamedDetection[];
  /** The five most probable, best first. */
  readonly classes?: readonly NamedScore[];
  /** Why there is neither. */
  readonly error?: string;
}

/** predictions.json, a list of records. Always call `close` when done. */
export class PredictionsFile {
  readonly #file: LineFile;
  #count = 0;

  constructor(folder: string) {
    this.#file = new LineFile(join(folder, "predictions.json"));
  }

  add(record: PredictRecord): void {
    const text = JSON.stringify(record, undefined, 1).replaceAll("\n", "\n ");
    this.#file.write(`${this.#count++ === 0 ? "[" : ","}\n ${text}`);
  }

  /**
   * Gives the file its final name, also for an incomplete list; with no record at all an incomplete list leaves no
   * file.
   */
  close(whole: boolean): void {
    if (this.#count === 0 && !whole) this.#file.abort();
    else {
      this.#file.write(this.#count === 0 ? "[]\n" : "\n]\n");
      this.#file.close();
    }
  }
}
