/** Where data sets come from: the server's folder, or files that the user gave to the page. The room knows this only. */
import type { DoctorReport } from "@phinets/core/data";
import type { Catalogue, DatasetEntry } from "../../shared/data.js";
import type { LabelRequests } from "./labels.js";

/** Work on every picture. */
export interface PictureWork {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface DataSource {
  /** Undefined where nothing can be saved. */
  readonly labels: LabelRequests | undefined;
  /** Path of a data set as commands name it; undefined where no command can reach it. */
  commandPath(set: string): string | undefined;
  list(): Promise<readonly DatasetEntry[]>;
  open(set: string): Promise<Catalogue>;
  /** Reads everything again when it is next asked for. */
  reload(): Promise<void>;
  /** An address for `img` of a small copy of picture `n`. Addresses may be asked for again and again. */
  thumbnail(set: string, n: number): Promise<string>;
  /** The same of the whole picture. */
  picture(set: string, n: number): Promise<string>;
  /** Reads every picture and says what is wrong. */
  examine(set: string, work: PictureWork): Promise<DoctorReport>;
  /** Reads every picture; numbers of those that are near copies of each other, see core's `nearCopyGroups`. */
  nearCopies(set: string, work: PictureWork): Promise<readonly (readonly number[])[]>;
}
