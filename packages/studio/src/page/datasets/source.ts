/**
 * Interface of the sources of data sets: the server's folder, or files that the user opened in the page. The room Data
 * knows only this interface.
 */
import type { DoctorReport } from "@phinets/core/data";
import type { Catalogue, DatasetEntry } from "../../shared/data.js";
import type { LabelRequests } from "./labels.js";

/** Options of work on every picture. */
export interface PictureWork {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface DataSource {
  /** Undefined where nothing can be saved. */
  readonly labels: LabelRequests | undefined;
  /** Path of a data set for use in commands; undefined where no command can reach it. */
  commandPath(set: string): string | undefined;
  list(): Promise<readonly DatasetEntry[]>;
  open(set: string): Promise<Catalogue>;
  /** Makes the next access read everything again. */
  reload(): Promise<void>;
  /** An address for `img` of a small copy of picture `n`. It may be requested repeatedly. */
  thumbnail(set: string, n: number): Promise<string>;
  /** An address of the whole picture `n`. */
  picture(set: string, n: number): Promise<string>;
  /** Reads every picture and reports problems. */
  examine(set: string, work: PictureWork): Promise<DoctorReport>;
  /**
   * Reads every picture; resolves with groups of near copies, by the pictures' numbers, see core's `nearCopyGroups`.
   */
  nearCopies(set: string, work: PictureWork): Promise<readonly (readonly number[])[]>;
}
