/** Small versions of pictures for grids. */
import { letterboxGrey } from "@phinets/core/data";
import { readStored } from "../files/archives.js";
import { decodePicture, withDecoder } from "./decode.js";
import { isIdxReference } from "./idx-files.js";
import { mostPictureBytes } from "./limits.js";
import { loadSharp } from "./sharp.js";

/** Kinds whose decoders can shrink while decoding, or are fast anyway. */
const quick: ReadonlySet<string> = new Set(["jpeg", "webp"]);

export interface ThumbnailOptions {
  /** Longest side in pixels; smaller pictures keep their size. Default 192. */
  readonly side?: number;
  /** The file's content, where the caller has it already. */
  readonly bytes?: Uint8Array;
}

/** JPEG bytes of a small upright copy of a picture file. Throws PhinetsError naming the file, as `decodePicture` does. */
export async function thumbnail(file: string, { side = 192, bytes }: ThumbnailOptions = {}): Promise<Uint8Array> {
  const open = await loadSharp();
  const small = { width: side, height: side, fit: "inside", withoutEnlargement: true } as const;
  if (!isIdxReference(file)) {
    const content = bytes ?? (await readStored(file, { most: mostPictureBytes }));
    const shrunk = await withDecoder(file, content, async (kind) => {
      if (!quick.has(kind)) return undefined;
      const upright = open(content).autoOrient().resize(small);
      return upright.flatten({ background: greyOf }).toColourspace("srgb").jpeg({ quality: 80 }).toBuffer();
    });
    if (shrunk !== undefined) return shrunk;
    bytes = content;
  }
  const { data, width, height, channels } = await decodePicture(file, { bytes });
  const raw = { width, height, channels: channels as 1 | 3 };
  return open(data, { raw }).resize(small).jpeg({ quality: 80 }).toBuffer();
}

const greyOf = { r: letterboxGrey, g: letterboxGrey, b: letterboxGrey };
