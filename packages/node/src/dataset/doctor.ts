/**
 * `phinets doctor`: reads every picture and label of a data set and reports its contents and problems.
 */
import {
  type BadFile,
  type DatasetIndex,
  type DoctorReport,
  diagnose,
  doctorDefaults,
  type Fit,
  formatDoctorReport,
  greyCells,
  type PictureFinding,
  splitNames,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readStored } from "../files/archives.js";
import { requireWithin } from "../files/within.js";
import { forEachConcurrently } from "../host/concurrency.js";
import type { BandsOptions, PixelRange } from "../picture/bands.js";
import { decodePicture } from "../picture/decode.js";
import { fileOnDisk, isIdxReference } from "../picture/idx-files.js";
import { mostPictureBytes } from "../picture/limits.js";
import { contentDigest, lookOf } from "./looks.js";
import { openDataset } from "./open.js";

export interface DoctorCommandOptions {
  /** Data sets, as for `openDataset`. */
  readonly data: readonly string[];
  /** Id of the data format. Default: detected. */
  readonly format?: string;
  /** Size of the network input for which boxes are judged. Default 128 x 128. */
  readonly height?: number;
  readonly width?: number;
  /** Default "stretch". */
  readonly fit?: Fit;
  /** Width and height of a grid cell in pixels. Default 16. */
  readonly gridStride?: number;
  /** Boxes below this many input pixels count as lost. Default 4. */
  readonly minBoxPixels?: number;
  readonly seed?: number;
  /** Pixel values that map to 0 and 255. Default: the full range of a picture's depth. */
  readonly pixelRange?: PixelRange;
  readonly concurrency?: number;
  /** Called with the number of pictures read; the total grows where a split has to be made. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Receives the data set with its splits. */
  readonly onOpened?: (index: DatasetIndex) => void;
  /** As for `openDataset`. */
  readonly within?: string;
  readonly signal?: AbortSignal;
}

type Seen = Pick<PictureFinding, "size" | "digest" | "cells">;

/**
 * Collects the report. Throws only where a data set cannot be opened at all (no such path, no classes); problems of
 * single files are in `badFiles`, problems of label rows in `badRows`.
 */
export async function doctorCommand(options: DoctorCommandOptions): Promise<DoctorReport> {
  const { data, format, seed, pixelRange, within, signal } = options;
  const badFiles: BadFile[] = [];
  const badRows: BadFile[] = [];
  const seen = new Map<string, Seen>();
  const hints = new Map<string, string>();
  const note = (error: unknown, file: string, to: BadFile[]) => {
    if (!(error instanceof PhinetsError)) throw error;
    to.push({ file: error.path ?? file, reason: error.message });
  };
  /** Decodes each picture that has not been decoded yet, once. */
  const see = async (files: readonly string[]) => {
    const wanted = [...new Set(files)].filter((file) => !seen.has(file));
    const before = seen.size;
    await forEachConcurrently(
      wanted.length,
      options.concurrency ?? 4,
      async (n) => {
        const file = wanted[n];
        let found: Seen = {};
        try {
          requireWithin(within, fileOnDisk(file));
          found = await seePicture(file, { pixelRange, onHint: (hint) => hints.set(file, hint) });
        } catch (error) {
          note(error, file, badFiles);
        }
        seen.set(file, found);
        options.onProgress?.(seen.size, before + wanted.length);
      },
      signal,
    );
    return seen;
  };
  const { sets, ...index } = await openDataset(data, {
    seed,
    format,
    bad: "leave out",
    look: see,
    pixelRange,
    within,
    signal,
  });
  options.onOpened?.(index);
  for (const { error, leavesOut } of sets.flatMap(({ problems }) => problems)) {
    note(error, data.join(", "), leavesOut === "row" ? badRows : badFiles);
  }
  const all = splitNames.flatMap((split) => index.splits[split].map(({ file }) => ({ split, file })));
  await see(all.map(({ file }) => file));
  for (const list of [badFiles, badRows]) list.sort((a, b) => (a.reason < b.reason ? -1 : 1));
  const hint = describeHints(hints, seen.size);
  const { height = doctorDefaults.height, width = doctorDefaults.width, fit, gridStride, minBoxPixels } = options;
  return diagnose(
    {
      index,
      sets: sets.map(({ path, format, recognised, notes, changes, notRead, rows }, n) => ({
        ...{ path, format, recognised, changes, notRead, rows },
        notes: n === 0 && hint !== undefined ? [...notes, hint] : notes,
      })),
      findings: all.map((each) => ({ ...each, ...seen.get(each.file) })),
      badFiles,
      badRows,
    },
    { height, width, fit, gridStride, minBoxPixels },
  );
}

/** Size, digest and grey cells of a picture, from one decoding. */
async function seePicture(file: string, options: BandsOptions): Promise<Seen> {
  if (isIdxReference(file)) {
    const picture = await decodePicture(file, options);
    return { size: sizeOf(picture), ...lookOf(picture) };
  }
  // The decoder reports why a file cannot be read.
  const bytes = await readStored(file, { most: mostPictureBytes }).catch(() => undefined);
  const picture = await decodePicture(file, { ...options, bytes });
  return { size: sizeOf(picture), digest: bytes && contentDigest(bytes), cells: greyCells(picture) };
}

/** One line for all pictures that use little of their depth. */
function describeHints(hints: ReadonlyMap<string, string>, pictures: number): string | undefined {
  const [first] = [...hints.keys()].sort();
  if (first === undefined) return undefined;
  return `${hints.size} of ${pictures} pictures use only a small part of their value range: ${hints.get(first)}`;
}

const sizeOf = ({ width, height }: { readonly width: number; readonly height: number }) => ({ width, height });

/** Formats the report as text for a terminal. */
export { formatDoctorReport };
