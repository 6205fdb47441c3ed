/** Converts pictures from cameras and phones to plain JPEGs for a data set. */
import { letterboxGrey } from "@phinets/core/data";
import { withDecoder } from "./decode.js";
import { loadSharp } from "./sharp.js";

/** Kinds that cameras, phones and browsers make. */
const taken: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "heic", "avif"]);
/** sharp's quality: differences are measurable but not visible. */
const quality = 92;

/**
 * Decodes a picture and encodes it as JPEG: upright, sRGB, transparent pixels composited over grey (114), pixels only.
 * All metadata on place, time, author and device (EXIF, XMP, IPTC, comments, trailing bytes) is removed.
 * @param name the picture's name in errors
 * @throws PhinetsError `data.picture` where it is not a JPEG, PNG, WebP or AVIF, is damaged or too large
 */
export async function uprightJpeg(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const open = await loadSharp();
  return withDecoder(name, bytes, async (kind) => {
    if (!taken.has(kind)) throw new Error(`is ${kind.toUpperCase()}; save it as JPEG, PNG or WebP`);
    return open(bytes)
      .autoOrient()
      .flatten({ background: { r: letterboxGrey, g: letterboxGrey, b: letterboxGrey } })
      .toColourspace("srgb")
      .jpeg({ quality, chromaSubsampling: "4:4:4" })
      .toBuffer();
  });
}
