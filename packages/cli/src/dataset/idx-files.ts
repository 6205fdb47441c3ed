/**
 * idx files on disk, plain or gzipped. A picture of one is named `PATH#n`.
 */
import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type IdxImages, idxPicture, type Picture, parseIdxImages, parseIdxLabels } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

function readMaybeGzipped(file: string): Uint8Array {
  const bytes = readFileSync(file);
  // Views, as the rest of the project knows no Buffer.
  const view = (buffer: Buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (bytes.length < 2 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return view(bytes);
  try {
    return view(gunzipSync(bytes));
  } catch (error) {
    throw new PhinetsError(
      "data.idx",
      `${file}: cannot be gunzipped (${(error as Error).message}); get the file again`,
      file,
    );
  }
}

const opened = new Map<string, { modifiedMs: number; images: IdxImages }>();

/** The pictures of an idx3 file; kept, as it is asked for picture by picture. */
export function readIdxImages(file: string): IdxImages {
  const modifiedMs = statSync(file).mtimeMs;
  const known = opened.get(file);
  if (known !== undefined && known.modifiedMs === modifiedMs) return known.images;
  const images = parseIdxImages(readMaybeGzipped(file), file);
  opened.set(file, { modifiedMs, images });
  return images;
}

export function readIdxLabels(file: string): Uint8Array {
  return parseIdxLabels(readMaybeGzipped(file), file);
}

const reference = /^(.*idx3-ubyte(?:\.gz)?)#(\d+)$/s;

/** Whether `file` names a picture inside an idx file. */
export function isIdxReference(file: string): boolean {
  return reference.test(file);
}

/** The file that holds a picture: the idx file of `PATH#n`, else `file` itself. */
export function fileOnDisk(file: string): string {
  return reference.exec(file)?.[1] ?? file;
}

/** Picture `PATH#n`, grey; a view of the file's bytes. */
export function readIdxPicture(file: string): Picture {
  const match = reference.exec(file);
  const images = match === null ? undefined : readIdxImages(match[1]);
  const n = Number(match?.[2]);
  if (images === undefined || n >= images.count) {
    throw new PhinetsError("data.idx", `${file}: there is no such picture; the file holds ${images?.count ?? 0}`, file);
  }
  return idxPicture(images, n);
}
