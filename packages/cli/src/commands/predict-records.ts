/** What `phinets predict` has found, in its file as it comes: of very many pictures nothing is kept in memory. */
import { join } from "node:path";
import type { NamedDetection, NamedScore } from "@phinets/core/model";
import { LineFile } from "@phinets/node/video";

/** One picture or frame, as `--json` prints it and predictions.json keeps it. */
export interface PredictRecord {
  readonly file: string;
  /** Video frames only, from 1. */
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

/** predictions.json: a list, a record after the other. Call `close` in every case. */
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

  /** Gives the file its name, also where not everything was seen; without a record there is none then. */
  close(whole: boolean): void {
    if (this.#count === 0 && !whole) this.#file.abort();
    else {
      this.#file.write(this.#count === 0 ? "[]\n" : "\n]\n");
      this.#file.close();
    }
  }
}
