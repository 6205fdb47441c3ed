/**
 * `phinets doctor`: reads every picture and label of a data set and says what is there and what is wrong.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  type BadFile,
  type DoctorReport,
  diagnose,
  type Fit,
  formatDoctorReport,
  type PictureFinding,
  splitNames,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { decodePicture } from "./decode.js";
import { isIdxReference } from "./idx-files.js";
import { openDataset } from "./open.js";
import { forEachConcurrently } from "./pool.js";

export interface DoctorCommandOptions {
  /** Data sets, as for `openDataset`. */
  readonly data: readonly string[];
  /** Network input that boxes are judged at. Default 128 x 128. */
  readonly height?: number;
  readonly width?: number;
  /** Default "stretch". */
  readonly fit?: Fit;
  /** Pixels a grid cell is wide and high. Default 16. */
  readonly gridStride?: number;
  /** Boxes below this many input pixels count as lost. Default 4. */
  readonly minBoxPixels?: number;
  readonly seed?: number;
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Collects the report. Only a data set that cannot be opened at all (no such path, no classes) is thrown; everything that
 * is wrong with single files is in `badFiles`.
 */
export async function doctorCommand(options: DoctorCommandOptions): Promise<DoctorReport> {
  const badFiles: BadFile[] = [];
  const note = (error: unknown, file: string) => {
    if (!(error instanceof PhinetsError)) throw error;
    badFiles.push({ file: error.path ?? file, reason: error.message });
  };
  const index = await openDataset(options.data, {
    seed: options.seed,
    onProblem: (error) => note(error, options.data.join(", ")),
  });
  const all = splitNames.flatMap((split) => index.splits[split].map((sample) => ({ split, file: sample.file })));
  const findings: PictureFinding[] = new Array(all.length);
  let done = 0;
  await forEachConcurrently(
    all.length,
    options.concurrency ?? 4,
    async (n) => {
      const { file, split } = all[n];
      findings[n] = { file, split };
      try {
        const bytes = isIdxReference(file) ? undefined : await readFile(file).catch(() => undefined);
        const { width, height } = await decodePicture(file, bytes);
        const digest = bytes === undefined ? undefined : createHash("sha1").update(bytes).digest("base64");
        findings[n] = { file, split, size: { width, height }, digest };
      } catch (error) {
        note(error, file);
      }
      options.onProgress?.(++done, all.length);
    },
    options.signal,
  );
  badFiles.sort((a, b) => (a.reason < b.reason ? -1 : 1));
  const { height = 128, width = 128, fit, gridStride, minBoxPixels } = options;
  return diagnose(index, findings, badFiles, { height, width, fit, gridStride, minBoxPixels });
}

/** The report as text, for a terminal. */
export { formatDoctorReport };
