/**
 * Cache of decoded pictures in memory and on disk. A picture is decoded once, shrunk to what the network can use, and
 * kept in shared memory (so that worker threads need no copy) and in shards of up to 512 pictures in a cache folder,
 * from which later starts read it. A shard's name is a digest of its pictures' paths, sizes and modification times and
 * of the options, so an outdated shard is never read. A damaged shard (shard-file.ts) is made again, and shards not
 * used for 30 days are removed.
 */
import { createHash } from "node:crypto";
import * as nodeFs from "node:fs";
import { type BigIntStats, readdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Fit,
  type PackedPictures,
  PackedSource,
  type Picture,
  type PictureSize,
  pixelReader,
  type Sample,
  shrinkForUse,
  trainingGrowth,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { forEachConcurrently } from "../host/concurrency.js";
import type { PixelRange } from "../picture/bands.js";
import { decodePicture } from "../picture/decode.js";
import { fileOnDisk } from "../picture/idx-files.js";
import { type DecodedShard, readShard, type Shard, writeShard } from "./shard-file.js";

export type CacheMode = "ram" | "disk";

export interface LoadOptions extends PictureSize {
  /** 1 (grey) or 3 (RGB). Default 3. */
  readonly channels?: number;
  /** Default "stretch". */
  readonly fit?: Fit;
  /**
   * "training": pictures at up to 1.5 times the input's size, for jittered crops. "evaluation": finished pictures at
   * the input's size, bit-identical to `fitPicture` of the decoded file, with boxes transformed accordingly.
   */
  readonly use: "training" | "evaluation";
  /** Folder of the shards, `PROJECT/.cache/phinets`; absent: memory only. */
  readonly folder?: string;
  /**
   * Where the pixels are kept during use. "ram": in shared memory. "disk": in the shards' files, read when needed;
   * requires `folder`. Default "ram".
   */
  readonly cache?: CacheMode;
  /** Pixel values that map to 0 and 255. Default: the full range of a picture's depth. */
  readonly pixelRange?: PixelRange;
  /** Called once if pictures use little of their depth, with their number and the message about the first. */
  readonly onHint?: (count: number, first: string) => void;
  /** Called for each picture that cannot be decoded, which is then left out. Absent: the first one is an error. */
  readonly onBad?: (error: PhinetsError) => void;
  /** Number of pictures decoded at a time. Default 4. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /** Called with warnings: the cache could not be written, or was damaged. */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

const columns = 6;
const shardPictures = 512;
const version = 2;

/** Loaded pictures with their labels, from which batches are assembled. */
export class CachedPictures extends PackedSource<Sample> {
  /** @param skipped errors of the pictures that could not be decoded */
  constructor(
    packed: PackedPictures,
    samples: readonly Sample[],
    readonly skipped: readonly PhinetsError[] = [],
  ) {
    super(packed, samples, pixelReader(nodeFs));
  }
}

/**
 * Loads the samples' pictures, from the cache folder where it has them. Throws PhinetsError naming the first file that
 * cannot be decoded, unless `onBad` is given.
 */
export async function loadPictures(samples: readonly Sample[], options: LoadOptions): Promise<CachedPictures> {
  const { channels = 3, fit = "stretch", use, width, height, cache = "ram", pixelRange } = options;
  const { onProgress, onWarning, onBad } = options;
  let folder = options.folder;
  if (cache === "disk" && folder === undefined) throw new Error("loadPictures: cache disk needs a folder");
  const kept: Sample[] = [];
  const rows: (readonly number[])[] = [];
  const skipped: PhinetsError[] = [];
  const shards: PackedPictures["shards"][number][] = [];
  const describe = JSON.stringify([version, channels, fit, use, width, height, trainingGrowth, pixelRange]);
  const hints: string[] = [];
  let hinted = 0;
  for (let first = 0; first < samples.length; first += shardPictures) {
    options.signal?.throwIfAborted();
    const part = samples.slice(first, first + shardPictures);
    const path =
      folder === undefined ? undefined : join(folder, `${digestOf(part, describe, onBad !== undefined)}.pictures`);
    const found = path === undefined ? undefined : readShard(path, { pictures: part.length, channels, cache });
    if (found === "damaged") onWarning?.(`${path}: the picture cache is damaged; these pictures are decoded again`);
    let shard: Shard | undefined = found === "damaged" ? undefined : found;
    // A shard that lacks some pictures is useless to a caller that needs all: decoding again reports what is wrong.
    if (onBad === undefined && shard?.rows.some((row) => typeof row === "string")) shard = undefined;
    if (shard === undefined) {
      const done = (n: number) => onProgress?.(first + n, samples.length);
      const decoded = await decodeShard(part, { ...options, channels, fit }, done);
      shard = decoded;
      if (path !== undefined) {
        try {
          const written = writeShard(path, decoded);
          if (cache === "disk") shard = { ...decoded, pixels: written };
        } catch (error) {
          if (cache === "disk") throw error;
          onWarning?.(`the picture cache is not kept: ${(error as Error).message}`);
          folder = undefined;
        }
      }
    }
    if (shard.hinted !== undefined) {
      hinted += shard.hinted.count;
      hints.push(shard.hinted.first);
    }
    for (const [n, row] of shard.rows.entries()) {
      if (typeof row === "string") {
        const error = new PhinetsError("data.picture", row, part[n].file);
        skipped.push(error);
        onBad?.(error);
        continue;
      }
      rows.push([shards.length, ...row]);
      kept.push(part[n]);
    }
    shards.push(shard.pixels);
    onProgress?.(first + part.length, samples.length);
  }
  if (hinted > 0) options.onHint?.(hinted, hints[0]);
  if (folder !== undefined) removeUnused(folder);
  const table = new Float64Array(new SharedArrayBuffer(rows.length * columns * 8));
  for (const [n, row] of rows.entries()) table.set(row, n * columns);
  return new CachedPictures({ channels, use, input: { width, height }, fit, shards, table }, kept, skipped);
}

async function decodeShard(
  part: readonly Sample[],
  options: LoadOptions,
  done: (n: number) => void,
): Promise<DecodedShard> {
  const pictures: (Picture | string)[] = new Array(part.length);
  const sources: PictureSize[] = new Array(part.length);
  const hints = new Map<number, string>();
  let count = 0;
  await forEachConcurrently(
    part.length,
    options.concurrency ?? 4,
    async (n) => {
      try {
        const decoded = await decodePicture(part[n].file, {
          pixelRange: options.pixelRange,
          onHint: (hint) => hints.set(n, hint),
        });
        sources[n] = decoded;
        pictures[n] = shrinkForUse(decoded, options);
      } catch (error) {
        if (options.onBad === undefined || !(error instanceof PhinetsError)) throw error;
        pictures[n] = error.message;
      }
      done(++count);
    },
    options.signal,
  );
  const size = pictures.reduce((sum, picture) => sum + (typeof picture === "string" ? 0 : picture.data.length), 0);
  const pixels = new SharedArrayBuffer(size);
  const bytes = new Uint8Array(pixels);
  let offset = 0;
  const rows = pictures.map((picture, n) => {
    if (typeof picture === "string") return picture;
    bytes.set(picture.data, offset);
    const row = [offset, picture.width, picture.height, sources[n].width, sources[n].height];
    offset += picture.data.length;
    return row;
  });
  const [first] = [...hints].sort((a, b) => a[0] - b[0]);
  return { rows, pixels, ...(first && { hinted: { count: hints.size, first: first[1] } }) };
}

function digestOf(part: readonly Sample[], describe: string, mayLack: boolean): string {
  const hash = createHash("sha256").update(describe);
  const known = new Map<string, BigIntStats | undefined>();
  for (const { file } of part) {
    const path = fileOnDisk(file);
    let stats = known.get(path);
    if (stats === undefined && !known.has(path)) {
      stats = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined && !mayLack) {
        throw new PhinetsError("data.picture", `${path}: does not exist any more; open the data set again`, path);
      }
      known.set(path, stats);
    }
    hash.update(`\n${resolve(file)}\t${stats?.size}\t${stats?.mtimeNs}`);
  }
  return hash.digest("hex").slice(0, 40);
}

const hourMs = 3600_000;
const keepMs = 30 * 24 * hourMs;

/**
 * Removes shards that were not used for a month, and temporary files after an hour, by whatever process: writing takes
 * seconds.
 */
function removeUnused(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const most = name.startsWith(".") ? hourMs : keepMs;
      if (name.endsWith(".pictures") && Date.now() - statSync(path).mtimeMs > most) rmSync(path, { force: true });
    }
  } catch {} // another process may be removing it, or the folder is gone: harmless
}
