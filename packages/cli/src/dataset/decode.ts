/**
 * Picture files to pixels. sharp decodes, orients by EXIF and converts colour; resampling is done by @phinets/core/data.
 */
import { readFile } from "node:fs/promises";
import { letterboxGrey, type Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import type { Sharp } from "sharp";
import { isIdxReference, readIdxPicture } from "./idx-files.js";

let loading: Promise<(input: Uint8Array) => Sharp> | undefined;

function loadSharp(): Promise<(input: Uint8Array) => Sharp> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    // Several pictures are decoded at once; one thread for each is the fastest split of the cores.
    sharp.concurrency(1);
    sharp.cache(false);
    return (input) => sharp(input);
  });
  return loading;
}

/**
 * Decodes a picture to 8-bit RGB, upright. CMYK, palette, grey and 16-bit pictures become RGB; what is transparent is
 * laid over grey (114). Pictures of idx files (`PATH#n`) stay grey. A file that is missing, truncated or no picture is a
 * PhinetsError naming it.
 * @param bytes the file's content, where the caller has it
 */
export async function decodePicture(file: string, bytes?: Uint8Array): Promise<Picture> {
  if (isIdxReference(file)) return readIdxPicture(file);
  const content = bytes ?? (await readBytes(file));
  if (content.length === 0) throw problem(file, "is empty (0 bytes)");
  const open = await loadSharp();
  try {
    const { data, info } = await open(content)
      .autoOrient()
      .flatten({ background: { r: letterboxGrey, g: letterboxGrey, b: letterboxGrey } })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { width: info.width, height: info.height, channels: info.channels, data: pixels };
  } catch (error) {
    throw problem(file, explain((error as Error).message));
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw problem(file, code === "ENOENT" ? "does not exist" : `cannot be read (${code})`);
  }
}

function problem(file: string, reason: string): PhinetsError {
  return new PhinetsError(
    "data.picture",
    `${file}: ${reason}; replace the picture or remove it from the data set`,
    file,
  );
}

/** libvips' words in ours. */
function explain(message: string): string {
  const first = message.split("\n")[0].replace(/^.*: /, "");
  if (/unsupported image format/.test(first)) return "is not a picture (known: JPEG, PNG, WebP, TIFF, GIF, AVIF)";
  // "failOn" is what is left when another picture, decoded at the same time, took libvips' own words.
  if (/premature end|truncat|unexpected end|not enough data|read error|failOn/i.test(message))
    return "is truncated or damaged";
  return `cannot be decoded (${first})`;
}
