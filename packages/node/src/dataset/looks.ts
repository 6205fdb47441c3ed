/**
 * The "look" of pictures, for making splits and for the doctor: a digest of the content and 9 x 8 grey cells. Pictures
 * are shrunk during decoding, which takes a fifth of the time of decoding them fully. Looks are stored in the cache
 * folder under path, size and times, as digests are.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { greyCells, type Picture, type PictureLook, type PictureSize } from "@phinets/core/data";
import { readStored } from "../files/archives.js";
import { forEachConcurrently } from "../host/concurrency.js";
import type { PixelRange } from "../picture/bands.js";
import { decodePicture, withDecoder } from "../picture/decode.js";
import { fileOnDisk, isIdxReference, readIdxPicture } from "../picture/idx-files.js";
import { mostPictureBytes } from "../picture/limits.js";
import { loadSharp } from "../picture/sharp.js";
import { readKept, writeKept } from "./kept.js";

export interface LookOptions {
  /** Folder in which looks are stored, `PROJECT/.cache/phinets`; absent: they are not stored. */
  readonly folder?: string;
  /** Pixel values that map to black and white. */
  readonly pixelRange?: PixelRange;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const fileName = "looks-2.json";

/**
 * Looks by file. A file that cannot be read has no look, one that cannot be decoded has only a digest; the decoder
 * reports what is wrong.
 */
export async function lookAtPictures(
  files: readonly string[],
  { folder, pixelRange, onProgress, signal }: LookOptions = {},
): Promise<ReadonlyMap<string, PictureLook>> {
  const path = folder === undefined ? undefined : join(folder, fileName);
  const kept = path === undefined ? new Map<string, readonly string[]>() : readKept(path, 3);
  const looks = new Map<string, PictureLook>();
  const stamps = new Map<string, Promise<string>>();
  const stampOf = (disk: string): Promise<string> => {
    let stamp = stamps.get(disk);
    if (stamp === undefined) {
      stamp = stat(disk, { bigint: true }).then(({ size, mtimeNs, ctimeNs }) => `${size} ${mtimeNs} ${ctimeNs}`);
      stamps.set(disk, stamp);
    }
    return stamp;
  };
  let changed = false;
  const look = async (file: string): Promise<PictureLook> => {
    if (isIdxReference(file)) return lookOf(await readIdxPicture(file));
    const stamp = `${await stampOf(fileOnDisk(file))}${pixelRange ? ` ${pixelRange.low}..${pixelRange.high}` : ""}`;
    const key = resolve(file);
    const [old, digest, cells] = kept.get(key) ?? [];
    if (old === stamp) return { digest, ...(cells !== "" && { cells: new Uint8Array(Buffer.from(cells, "base64")) }) };
    const fresh = await lookAt(file, await readStored(file, { most: mostPictureBytes }), pixelRange);
    kept.set(key, [stamp, fresh.digest as string, fresh.cells ? Buffer.from(fresh.cells).toString("base64") : ""]);
    changed = true;
    return fresh;
  };
  let done = 0;
  await forEachConcurrently(
    files.length,
    4,
    async (n) => {
      try {
        looks.set(files[n], await look(files[n]));
      } catch {}
      onProgress?.(++done, files.length);
    },
    signal,
  );
  if (path !== undefined && changed) {
    const wanted = new Set(files.map((file) => resolve(file)));
    writeKept(path, kept, (key) => wanted.has(key));
  }
  return looks;
}

/** The look of a decoded picture: a digest of its pixels, and its grey cells. */
export function lookOf(picture: Picture): PictureLook {
  const digest = createHash("sha256")
    .update(`${picture.width} ${picture.channels} `)
    .update(picture.data)
    .digest("hex");
  return { digest, cells: greyCells(picture) };
}

/** The digest of a file's content. */
export function contentDigest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function lookAt(file: string, bytes: Uint8Array, pixelRange: PixelRange | undefined): Promise<PictureLook> {
  const digest = contentDigest(bytes);
  try {
    const { picture, size } = await shrunk(file, bytes, pixelRange);
    return { digest, cells: greyCells(picture, size) };
  } catch {
    return { digest };
  }
}

/** Eight times as many pixels as cells in each direction, so that libvips' filter hardly matters. */
const shrunkTo = { width: 72, height: 64, fit: "fill" } as const;

const notSharps: ReadonlySet<string> = new Set(["bmp", "netpbm", "jpeg2000", "tga"]);

async function shrunk(
  file: string,
  bytes: Uint8Array,
  pixelRange: PixelRange | undefined,
): Promise<{ picture: Picture; size: PictureSize }> {
  const whole = async () => {
    const picture = await decodePicture(file, { bytes, pixelRange });
    return { picture, size: picture };
  };
  // A pixel range is applied at the picture's full depth, which shrinking while decoding does not keep.
  if (pixelRange !== undefined) return whole();
  const open = await loadSharp();
  try {
    return await withDecoder(file, bytes, async (kind) => {
      if (notSharps.has(kind)) throw new Error("is read by another decoder");
      const { autoOrient } = await open(bytes).metadata();
      const { data, info } = await open(bytes)
        .autoOrient()
        .flatten({ background: "#727272" })
        .resize(shrunkTo)
        .greyscale()
        .raw({ depth: "uchar" })
        .toBuffer({ resolveWithObject: true });
      return { picture: { ...info, channels: info.channels, data: new Uint8Array(data) }, size: autoOrient };
    });
  } catch {
    return whole();
  }
}
