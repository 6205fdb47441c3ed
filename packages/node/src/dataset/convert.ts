/**
 * `phinets convert`: writes a data set in another format. Everything is written to a temporary folder beside the new
 * one and renamed when complete, so the new folder is never incomplete.
 */

import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { copyFile, link, mkdir, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import {
  type Counted,
  type DatasetIndex,
  type PictureSize,
  type SplitName,
  splitArchivePath,
  splitNames,
  type WrittenDataset,
  writeDataset,
  writerFor,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readStored } from "../files/archives.js";
import { describeWriteError, temporaryPath } from "../host/atomic.js";
import { forEachConcurrently } from "../host/concurrency.js";
import { pictureSizeOf } from "../picture/decode.js";
import { encodePng } from "../picture/files.js";
import { isIdxReference, readIdxPicture } from "../picture/idx-files.js";
import { type OpenedSet, type OpenOptions, openDataset } from "./open.js";

export interface ConvertOptions
  extends Pick<OpenOptions, "format" | "only" | "moves" | "background" | "bad" | "seed" | "cache" | "pixelRange"> {
  /** Folder, archive, or the file that describes a data set. */
  readonly from: string;
  /** The new data set's folder. */
  readonly into: string;
  /** Id of the format to write: coco, yolo, voc, folders. */
  readonly to: string;
  /** Replace a folder that an earlier conversion wrote. */
  readonly existOk?: boolean;
  /** Make hard links instead of copies, where the file system has them. */
  readonly link?: boolean;
  /** Make the splits that the data set lacks, as training does. Default: keep its splits as they are. */
  readonly split?: boolean;
  /** Called with how the data set was interpreted, before anything is written. */
  readonly onOpened?: (set: OpenedSet) => void;
  /** With `bad` "leave out": called for each picture that cannot be read and is left out. */
  readonly onBad?: (error: PhinetsError) => void;
  readonly onProgress?: (what: "measuring" | "writing", done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface Conversion {
  readonly from: string;
  readonly into: string;
  /** Ids of the formats that were read and written. */
  readonly was: string;
  readonly is: string;
  readonly pictures: Readonly<Record<SplitName, number>>;
  readonly boxes: number;
  readonly changes: readonly Counted[];
  readonly notes: readonly string[];
}

/** A hidden file that marks a written folder, so that it may be replaced. */
const markName = ".phinets-convert.json";

/** Throws what opening throws, and PhinetsError `data.write` for what cannot be written as requested. */
export async function convertDataset(options: ConvertOptions): Promise<Conversion> {
  const {
    from,
    into,
    to,
    format,
    only,
    moves,
    background,
    bad,
    seed,
    cache,
    pixelRange,
    signal,
    split = false,
  } = options;
  requirePlace(options);
  const opened = await openDataset([from], {
    ...{ format, only, moves, background, bad, seed, cache, pixelRange, complete: split, signal },
  });
  const [set] = opened.sets;
  options.onOpened?.(set);
  const writer = writerFor(to, opened.task);
  const files = [...new Set(splitNames.flatMap((each) => opened.splits[each].map(({ file }) => file)))];
  const sizes = writer.needsSizes ? await sizesOf(files, options) : undefined;
  const index = sizes === undefined ? opened : withSizes(opened, sizes);
  const written = writeDataset(writer, { index, sizeOf: (file) => sizes?.get(file) as PictureSize });
  const mark = { is: "a data set that phinets convert has written", from: resolve(from), format: to };
  await writeFolder(written, JSON.stringify(mark), options);
  const count = (each: SplitName) => index.splits[each].length;
  const samples = splitNames.flatMap((each) => index.splits[each]);
  return {
    ...{ from, into, was: set.format, is: to },
    pictures: { train: count("train"), val: count("val"), test: count("test") },
    boxes: samples.reduce((sum, { labels }) => sum + (labels?.length ?? 0), 0),
    ...{ changes: written.changes, notes: written.notes },
  };
}

/** Checks the destination before the data set is read. */
function requirePlace({ from, into, existOk }: ConvertOptions): void {
  const refuse = (problem: string): never => {
    throw new PhinetsError("data.write", `${into}: ${problem}`, into);
  };
  const place = realPlace(into);
  if (existsSync(from)) {
    const source = realpathSync(from);
    const root = statSync(from).isDirectory() ? source : dirname(source);
    const within = (inner: string, outer: string) =>
      `${inner}${sep}`.startsWith(`${outer.replace(/[\\/]$/, "")}${sep}`);
    if (within(source, place)) refuse(`holds ${from}, which is to be read; name another folder`);
    // The new folder may lie beside a data.yaml or an archive, but not inside a folder that is the data set.
    if (statSync(from).isDirectory() && within(place, root))
      refuse(`lies in ${from} and would be read with it; name a folder elsewhere`);
  }
  if (!existsSync(into)) return;
  if (!statSync(into).isDirectory()) refuse("is a file; name a folder that does not exist yet");
  if (readdirSync(into).length === 0) return;
  if (existOk !== true)
    refuse(
      "exists and is not empty; name another folder, or give --exist-ok to replace what an earlier conversion wrote",
    );
  if (!isOurs(into))
    refuse("holds something else than an earlier conversion, which is not replaced; name another folder");
}

function isOurs(folder: string): boolean {
  try {
    return typeof JSON.parse(readFileSync(join(folder, markName), "utf8")).format === "string";
  } catch {
    return false;
  }
}

/** The real path of a file or folder that may not exist yet. */
function realPlace(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole)) return realpathSync(whole);
  const above = dirname(whole);
  return above === whole ? whole : join(realPlace(above), basename(whole));
}

async function sizesOf(
  files: readonly string[],
  { bad, onBad, onProgress, signal }: ConvertOptions,
): Promise<Map<string, PictureSize>> {
  const sizes = new Map<string, PictureSize>();
  let done = 0;
  await forEachConcurrently(
    files.length,
    8,
    async (n) => {
      try {
        sizes.set(files[n], await pictureSizeOf(files[n]));
      } catch (error) {
        if (bad !== "leave out" || !(error instanceof PhinetsError)) throw error;
        onBad?.(error);
      }
      onProgress?.("measuring", ++done, files.length);
    },
    signal,
  );
  return sizes;
}

/** Pictures without a known size are left out. */
function withSizes(index: DatasetIndex, sizes: ReadonlyMap<string, PictureSize>): DatasetIndex {
  const of = (split: SplitName) => index.splits[split].filter(({ file }) => sizes.has(file));
  return { ...index, splits: { train: of("train"), val: of("val"), test: of("test") } };
}

async function writeFolder(written: WrittenDataset, mark: string, options: ConvertOptions): Promise<void> {
  const { into, signal, onProgress } = options;
  const target = resolve(into);
  const temporary = temporaryPath(target);
  try {
    await mkdir(temporary, { recursive: true });
    const made = new Set<string>();
    const pathOf = async (path: string): Promise<string> => {
      const full = join(temporary, path);
      const folder = dirname(full);
      if (!made.has(folder)) await mkdir(folder, { recursive: true });
      made.add(folder);
      return full;
    };
    const { pictures } = written;
    let done = 0;
    await forEachConcurrently(
      pictures.length,
      8,
      async (n) => {
        await writePicture(pictures[n].from, await pathOf(pictures[n].to), options.link === true);
        onProgress?.("writing", ++done, pictures.length);
      },
      signal,
    );
    for (const { path, text } of written.files) {
      signal?.throwIfAborted();
      await writeFile(await pathOf(path), text);
    }
    await writeFile(await pathOf(markName), `${mark}\n`);
    signal?.throwIfAborted();
    await takePlace(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw describeWriteError(error, into);
  }
}

/** Renames the finished folder to its final name; what was there before is removed afterwards. */
async function takePlace(temporary: string, target: string): Promise<void> {
  if (!existsSync(target)) return rename(temporary, target);
  const old = temporaryPath(target);
  await rename(target, old);
  try {
    await rename(temporary, target);
  } catch (error) {
    await rename(old, target);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

/** Copies the file byte for byte; a picture of an idx file is written as PNG. */
async function writePicture(from: string, to: string, linked: boolean): Promise<void> {
  if (isIdxReference(from)) return writeFile(to, await encodePng(await readIdxPicture(from)));
  if (splitArchivePath(from) !== undefined) return writeFile(to, await readStored(from));
  if (linked) {
    try {
      return await link(await realpath(from), to);
    } catch (error) {
      // Another file system, or one without hard links: copy instead.
      if (!["EXDEV", "EPERM", "ENOTSUP", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  await copyFile(from, to);
}
