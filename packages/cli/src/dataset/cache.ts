/**
 * Decoded pictures in memory and on disk. A picture is decoded once, shrunk to what the network can use, and kept: in
 * shared memory (so that worker threads need no copy) and in shards of up to 512 pictures in a cache folder, from which
 * the next start reads it. A shard's name is a digest of its pictures' paths, sizes and times of change and of the
 * options, so a stale one is never read; those not used for 30 days are removed.
 */
import { createHash } from "node:crypto";
import * as nodeFs from "node:fs";
import {
  type BigIntStats,
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join, resolve } from "node:path";
import {
  type Fit,
  fitPicture,
  type PackedPictures,
  PackedSource,
  type Picture,
  type PictureSize,
  type PixelFile,
  pixelReader,
  resize,
  type Sample,
  withChannels,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../run/atomic.js";
import { decodePicture } from "./decode.js";
import { fileOnDisk } from "./idx-files.js";
import { forEachConcurrently } from "./pool.js";

export type CacheMode = "ram" | "disk";

export interface LoadOptions extends PictureSize {
  /** 1 (grey) or 3 (RGB). Default 3. */
  readonly channels?: number;
  /** Default "stretch". */
  readonly fit?: Fit;
  /**
   * "training": pictures at up to 1.5 times the input's size, for jittered crops. "evaluation": finished pictures at the
   * input's size, bit for bit what `fitPicture` makes of the decoded file, with boxes moved likewise.
   */
  readonly use: "training" | "evaluation";
  /** Folder of the shards, `PROJECT/.cache/phinets`; absent: memory only. */
  readonly folder?: string;
  /**
   * Where the pixels are while they are used. "ram": in shared memory. "disk": in the shards' files, read as they are
   * needed; `folder` is needed then. Default "ram".
   */
  readonly cache?: CacheMode;
  /** Told of each picture that cannot be decoded; it is left out. Absent: the first one is an error. */
  readonly onBad?: (error: PhinetsError) => void;
  /** Pictures decoded at a time. Default 4. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /** A warning that does not stop: the cache could not be written. */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

const columns = 6;
const shardPictures = 512;
const version = 1;
const growth = 1.5;

/** Loaded pictures with their labels: what batches are assembled from. */
export class CachedPictures extends PackedSource<Sample> {
  /** @param skipped pictures that were left out, as they could not be decoded */
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
 * cannot be decoded.
 */
export async function loadPictures(samples: readonly Sample[], options: LoadOptions): Promise<CachedPictures> {
  const { channels = 3, fit = "stretch", use, width, height, cache = "ram", onProgress, onWarning, onBad } = options;
  let folder = options.folder;
  if (cache === "disk" && folder === undefined) throw new Error("loadPictures: cache disk needs a folder");
  const kept: Sample[] = [];
  const rows: (readonly number[])[] = [];
  const skipped: PhinetsError[] = [];
  const shards: PackedPictures["shards"][number][] = [];
  const describe = JSON.stringify([version, channels, fit, use, width, height, growth]);
  for (let first = 0; first < samples.length; first += shardPictures) {
    options.signal?.throwIfAborted();
    const part = samples.slice(first, first + shardPictures);
    const path =
      folder === undefined ? undefined : join(folder, `${digestOf(part, describe, onBad !== undefined)}.pictures`);
    let shard = path === undefined ? undefined : readShard(path, part.length, cache);
    // A shard without some of its pictures is of no use to who wants all: decoding says what is wrong with them.
    if (onBad === undefined && shard?.rows.some((row) => typeof row === "string")) shard = undefined;
    if (shard === undefined) {
      const done = (n: number) => onProgress?.(first + n, samples.length);
      const decoded = await decodeShard(part, { ...options, channels, fit }, done);
      shard = decoded;
      if (path !== undefined) {
        const written = writeShard(path, decoded, cache === "ram" ? (onWarning ?? (() => {})) : undefined);
        if (written === undefined) folder = undefined;
        else if (cache === "disk") shard = { rows: decoded.rows, pixels: written };
      }
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
  if (folder !== undefined) removeUnused(folder);
  const table = new Float64Array(new SharedArrayBuffer(rows.length * columns * 8));
  for (const [n, row] of rows.entries()) table.set(row, n * columns);
  return new CachedPictures({ channels, use, input: { width, height }, fit, shards, table }, kept, skipped);
}

interface Shard {
  /** Of each picture: offset, width, height, width and height of the file's picture; or why it could not be decoded. */
  readonly rows: readonly (readonly number[] | string)[];
  readonly pixels: SharedArrayBuffer | PixelFile;
}

interface DecodedShard extends Shard {
  readonly pixels: SharedArrayBuffer;
}

/** The part of a picture that training or evaluation at this input size can use. */
export function shrinkForUse(picture: Picture, options: LoadOptions): Picture {
  const { width, height, fit = "stretch", channels = 3 } = options;
  const coloured = withChannels(picture, channels);
  if (options.use === "evaluation") return fitPicture(coloured, { width, height }, fit);
  let across = Math.min(1, (growth * width) / picture.width);
  let down = Math.min(1, (growth * height) / picture.height);
  if (fit === "letterbox") across = down = Math.min(across, down);
  return resize(coloured, {
    width: Math.max(1, Math.round(picture.width * across)),
    height: Math.max(1, Math.round(picture.height * down)),
  });
}

async function decodeShard(
  part: readonly Sample[],
  options: LoadOptions,
  done: (n: number) => void,
): Promise<DecodedShard> {
  const pictures: (Picture | string)[] = new Array(part.length);
  const sources: PictureSize[] = new Array(part.length);
  let count = 0;
  await forEachConcurrently(
    part.length,
    options.concurrency ?? 4,
    async (n) => {
      try {
        const decoded = await decodePicture(part[n].file);
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
  return { rows, pixels };
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

// A shard file: 8 bytes of magic, the header's length (uint32, little-endian), the rows as JSON, the pixels.
const magic = "PHINPICS";

function readShard(path: string, pictures: number, cache: CacheMode): Shard | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const start = Buffer.alloc(12);
    if (readSync(descriptor, start, 0, 12, 0) !== 12 || start.toString("latin1", 0, 8) !== magic) return undefined;
    const header = Buffer.alloc(start.readUInt32LE(8));
    if (readSync(descriptor, header, 0, header.length, 12) !== header.length) return undefined;
    const { rows, size } = JSON.parse(header.toString("utf8")) as Pick<Shard, "rows"> & { size: number };
    if (rows.length !== pictures) return undefined;
    const begin = 12 + header.length;
    let pixels: Shard["pixels"] = { path, start: begin };
    if (fstatSync(descriptor).size !== begin + size) return undefined; // cut off: decode again
    if (cache === "ram") {
      pixels = new SharedArrayBuffer(size);
      const bytes = new Uint8Array(pixels);
      for (let at = 0; at < size; ) {
        const count = readSync(descriptor, bytes, at, size - at, begin + at);
        if (count === 0) return undefined;
        at += count;
      }
    }
    const now = new Date();
    utimesSync(path, now, now); // used: not to be removed yet
    return { rows, pixels };
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** Where its pixels lie in the file; undefined where it cannot be written, which `onWarning` is told (absent: an error). */
function writeShard(path: string, shard: DecodedShard, onWarning: LoadOptions["onWarning"]): PixelFile | undefined {
  const header = Buffer.from(JSON.stringify({ rows: shard.rows, size: shard.pixels.byteLength }));
  const start = Buffer.alloc(12);
  start.write(magic, "latin1");
  start.writeUInt32LE(header.length, 8);
  try {
    writeFileAtomic(path, Buffer.concat([start, header, new Uint8Array(shard.pixels)]));
    return { path, start: 12 + header.length };
  } catch (error) {
    if (onWarning === undefined) throw error;
    onWarning(`the picture cache is not kept: ${(error as Error).message}`);
    return undefined;
  }
}

const keepMs = 30 * 24 * 3600 * 1000;

function removeUnused(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (name.endsWith(".pictures") && Date.now() - statSync(path).mtimeMs > keepMs) rmSync(path, { force: true });
    }
  } catch {} // another process may be at it, or the folder is gone: nothing is lost
}
