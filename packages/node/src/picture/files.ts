/** Reads pictures from files and writes them. */
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { isPictureFile, type Picture, pictureExtensions, withChannels } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { type DecodeOptions, decodePicture } from "./decode.js";

export { isPictureFile, pictureExtensions };

/** Decodes a picture file to upright RGB, as for data sets. Throws PhinetsError naming the file. */
export async function readPicture(file: string, options?: DecodeOptions): Promise<Picture> {
  return withChannels(await decodePicture(file, options), 3);
}

/** JPEG bytes of an RGB picture. `quality` 1..100, default 88. */
export async function encodeJpeg(picture: Picture, quality = 88): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(picture.data, { raw: rawOf(picture) })
    .jpeg({ quality, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

export async function encodePng(picture: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(picture.data, { raw: rawOf(picture) })
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** Writes a picture atomically, as PNG where the file ends in .png, else as JPEG. */
export async function savePicture(file: string, picture: Picture, quality?: number): Promise<void> {
  writeFileAtomic(
    file,
    extname(file).toLowerCase() === ".png" ? await encodePng(picture) : await encodeJpeg(picture, quality),
  );
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Sorts frame2 before frame10; names that the collator considers equal, by code units. */
export function byNaturalOrder(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** Picture files of a folder in natural order (frame2 before frame10), without subfolders. */
export function listPictures(folder: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PhinetsError("data.file", `${folder}: cannot be listed (${code}); allow reading it`, folder);
  }
  const names = entries.filter((name) => isPictureFile(name) && !name.startsWith("."));
  return names
    .sort(byNaturalOrder)
    .map((name) => join(folder, name))
    .filter(mayBeFile);
}

/**
 * Whether a path is neither a folder nor a special file. A missing one (a broken link) passes: reading it reports the
 * problem.
 */
function mayBeFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  } catch {
    return true;
  }
}

function rawOf(picture: Picture) {
  return { width: picture.width, height: picture.height, channels: picture.channels as 1 | 3 };
}
