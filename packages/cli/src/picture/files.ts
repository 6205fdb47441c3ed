/** Pictures from and to files, through sharp: it decodes and orients; resampling and drawing are ours. */
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../run/atomic.js";

export const pictureExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".tif",
  ".tiff",
  ".gif",
  ".avif",
];

export function isPictureFile(path: string): boolean {
  return pictureExtensions.includes(extname(path).toLowerCase());
}

/** Decodes a picture file to RGB, upright, transparent parts on white. Throws PhinetsError naming the file. */
export async function readPicture(file: string): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(file)
      .autoOrient()
      .toColourspace("srgb")
      .flatten({ background: "#fff" })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (info.channels === 3) return { width: info.width, height: info.height, channels: 3, data: pixels };
    // Grey files stay grey in some versions of libvips.
    const rgb = new Uint8Array(info.width * info.height * 3);
    for (let i = 0; i < info.width * info.height; i++) rgb.fill(pixels[i * info.channels], 3 * i, 3 * i + 3);
    return { width: info.width, height: info.height, channels: 3, data: rgb };
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0].replace(/^Input file (is missing|contains)/, "the file $1");
    throw new PhinetsError(
      "picture.read",
      `${file}: cannot read the picture: ${reason}; remove the file or replace it`,
      file,
    );
  }
}

/** JPEG bytes of an RGB picture. `quality` 1..100, default 88. */
export async function encodeJpeg(picture: Picture, quality = 88): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(picture.data, { raw: rawOf(picture) })
    .jpeg({ quality, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

/** PNG bytes of a picture. */
export async function encodePng(picture: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(picture.data, { raw: rawOf(picture) })
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** Writes a picture as its extension says, .png or else JPEG, whole or not at all. */
export async function savePicture(file: string, picture: Picture, quality?: number): Promise<void> {
  writeFileAtomic(
    file,
    extname(file).toLowerCase() === ".png" ? await encodePng(picture) : await encodeJpeg(picture, quality),
  );
}

/** Picture files of a folder in natural order (frame2 before frame10), not of folders in it. */
export function listPictures(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => isPictureFile(name) && !name.startsWith("."));
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  names.sort((a, b) => order.compare(a, b) || (a < b ? -1 : 1));
  return names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
}

function rawOf(picture: Picture) {
  return { width: picture.width, height: picture.height, channels: picture.channels as 1 | 3 };
}
