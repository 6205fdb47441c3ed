/**
 * Reads idx files on disk or in an archive, plain or gzipped. Picture n of a file is named `PATH#n`.
 */
import { statSync } from "node:fs";
import {
  type IdxImages,
  idxPicture,
  type Picture,
  parseIdxImages,
  readIdxBytes,
  splitArchivePath,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { gunzip, readStored } from "../files/archives.js";
import { checkPictureSize } from "./limits.js";

const opened = new Map<string, { modifiedMs: number; images: Promise<IdxImages> }>();

/** The pictures of an idx3 file; cached, because they are requested one by one. */
export function readIdxImages(file: string): Promise<IdxImages> {
  const modifiedMs = statSync(fileOnDisk(file), { throwIfNoEntry: false })?.mtimeMs ?? 0; // a missing file is reported when it is read
  const known = opened.get(file);
  if (known !== undefined && known.modifiedMs === modifiedMs) return known.images;
  const images = readStored(file)
    .then((bytes) => readIdxBytes(bytes, file, { gunzip }))
    .then((bytes) => parseIdxImages(bytes, file));
  opened.set(file, { modifiedMs, images });
  return images;
}

const reference = /^(.*idx3[-.]?ubyte(?:\.gz)?)#(\d+)$/is;

/** Whether `file` names a picture inside an idx file. */
export function isIdxReference(file: string): boolean {
  return reference.test(file);
}

/**
 * The file on disk that holds a picture: the archive of `ARCHIVE.zip!/PATH`, the idx file of `PATH#n`, else `file`
 * itself.
 */
export function fileOnDisk(file: string): string {
  return splitArchivePath(file)?.archive ?? reference.exec(file)?.[1] ?? file;
}

/** Picture `PATH#n`, grey; a view of the file's bytes. */
export async function readIdxPicture(file: string): Promise<Picture> {
  const match = reference.exec(file);
  const images = match === null ? undefined : await readIdxImages(match[1]);
  const n = Number(match?.[2]);
  if (images === undefined || n >= images.count) {
    throw new PhinetsError("data.idx", `${file}: there is no such picture; the file holds ${images?.count ?? 0}`, file);
  }
  try {
    checkPictureSize(images.width, images.height);
  } catch (error) {
    throw new PhinetsError("data.idx", `${file}: ${(error as Error).message}`, file);
  }
  return idxPicture(images, n);
}
