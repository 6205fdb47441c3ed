/** Pictures as cameras and telephones make them, as plain JPEGs of a data set. */
import { letterboxGrey } from "@phinets/core/data";
import { withDecoder } from "./decode.js";
import { loadSharp } from "./sharp.js";

/** Kinds that cameras, telephones and browsers make. */
const taken: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "heic", "avif"]);
/** Of sharp: differences that only a measurement finds. */
const quality = 92;

/**
 * JPEG bytes of a picture, decoded and encoded anew: upright, sRGB, what is transparent over grey (114), and nothing but its
 * pixels. Where and when it was taken, by whom and with what (EXIF, XMP, IPTC, comments, what follows the picture) is gone.
 * @param name what errors call it
 * @throws PhinetsError `data.picture` where it is no JPEG, PNG, WebP or AVIF, is damaged or too large
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
