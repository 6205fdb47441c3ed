/**
 * Decodes picture files to pixels, by their content, whatever their names. sharp decodes most kinds, bitmaps and Netpbm
 * are decoded here, the rest by ffmpeg; resampling is done by @phinets/core/data.
 */
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readStored } from "../files/archives.js";
import { type BandsOptions, bandsToPicture, stretchPicture } from "./bands.js";
import { readBmp, readBmpHeader } from "./bmp.js";
import { decodeWithFfmpeg, jpeg2000Size, tgaSize } from "./ffmpeg.js";
import { storedSize } from "./header-size.js";
import { isIdxReference, readIdxPicture } from "./idx-files.js";
import { type PictureKind, pictureKind } from "./kinds.js";
import { checkPictureSize, mostPictureBytes, mostPixels, withPixels } from "./limits.js";
import { readNetpbm, readNetpbmHeader } from "./netpbm.js";
import { decodeWithSharp, loadSharp } from "./sharp.js";

export interface DecodeOptions extends BandsOptions {
  /** The file's content, where the caller has it already. */
  readonly bytes?: Uint8Array;
}

/**
 * Decodes a picture to 8-bit RGB, upright. CMYK, palette and grey pictures are converted to RGB; in deeper ones white,
 * or the end of `pixelRange`, becomes 255; transparent pixels are composited over grey (114). Pictures of idx files
 * (`PATH#n`) stay grey. Throws PhinetsError naming a file that is missing, truncated, of an unsupported kind or not a
 * picture.
 */
export async function decodePicture(file: string, options: DecodeOptions = {}): Promise<Picture> {
  if (isIdxReference(file)) return stretchPicture(await readIdxPicture(file), file, options.pixelRange);
  const content = options.bytes ?? (await readBytes(file));
  return withDecoder(file, content, async (kind) => {
    switch (kind) {
      case "bmp":
        return bandsToPicture(readBmp(content), file, options);
      case "netpbm":
        return bandsToPicture(readNetpbm(content), file, options);
      case "jpeg2000":
      case "tga":
        return bandsToPicture(await decodeWithFfmpeg(content, kind), file, options);
      default:
        return await decodeWithSharp(content, kind, file, options);
    }
  });
}

/**
 * Runs `decode` when the picture's size, from its header, is acceptable and memory is free for it. Errors become
 * PhinetsErrors that name the file, as does a file that is not a picture.
 */
export async function withDecoder<T>(
  file: string,
  content: Uint8Array,
  decode: (kind: ReadKind) => Promise<T>,
): Promise<T> {
  const kind = kindOf(file, content);
  try {
    const { width, height } = await storedSize(content, kind);
    checkPictureSize(width, height);
    return await withPixels(width * height, () => decode(kind));
  } catch (error) {
    throw explain(file, kind, error as Error);
  }
}

/** Width and height in pixels of the upright picture, from its header. Throws as `decodePicture` does. */
export async function pictureSizeOf(file: string, bytes?: Uint8Array): Promise<{ width: number; height: number }> {
  if (isIdxReference(file)) {
    const { width, height } = await readIdxPicture(file);
    return { width, height };
  }
  const content = bytes ?? (await readBytes(file));
  const kind = kindOf(file, content);
  try {
    switch (kind) {
      case "bmp":
        return sizeIn(readBmpHeader(content));
      case "netpbm":
        return sizeIn(readNetpbmHeader(content));
      case "jpeg2000":
        return jpeg2000Size(content);
      case "tga":
        return tgaSize(content);
      default: {
        const open = await loadSharp();
        return sizeIn((await open(content, { limitInputPixels: false }).metadata()).autoOrient);
      }
    }
  } catch (error) {
    throw explain(file, kind, error as Error);
  }
}

const sizeIn = ({ width, height }: { width: number; height: number }) => ({ width, height });

const readKinds = "JPEG, PNG, WebP, TIFF, GIF, AVIF, BMP, PPM, PGM, PBM, JPEG 2000, TGA";

type ReadKind = Exclude<PictureKind, object>;

function kindOf(file: string, content: Uint8Array): ReadKind {
  if (content.length === 0) throw problem(file, "is empty (0 bytes)");
  const kind = pictureKind(content);
  if (kind === undefined) throw problem(file, `is not a picture (known: ${readKinds})`);
  if (typeof kind === "object") throw problem(file, `is ${kind.unread}, which is not read`, "save it as PNG or JPEG");
  return kind;
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readStored(file, { most: mostPictureBytes });
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "data.file") throw error;
    throw problem(file, error.message.slice(`${file}: `.length).split("; ")[0]);
  }
}

function problem(
  file: string,
  reason: string,
  remedy = "replace the picture or remove it from the data set",
): PhinetsError {
  return new PhinetsError("data.picture", `${file}: ${reason}; ${remedy}`, file);
}

/** Turns a decoder's error into one that names the file and the remedy. */
function explain(file: string, kind: PictureKind, error: Error): Error {
  if (error instanceof PhinetsError) return error;
  const message = error.message;
  if (kind === "heic") {
    const remedy = "save it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible)";
    return problem(file, "is HEIC, whose decoder (HEVC) is not part of this program", remedy);
  }
  const first = message.split("\n")[0].replace(/^.*: /, "");
  // Our own reasons begin with "is", "has" or "needs"; a reason that includes a remedy has a semicolon.
  if (/^(?:is|has|needs) /.test(message)) {
    const [reason, remedy] = message.split(/; (.*)/s);
    return problem(file, reason, remedy);
  }
  if (/pixel limit/i.test(first)) return problem(file, `has more than the ${mostPixels} pixels that are decoded`);
  if (/unsupported image format/.test(first))
    return problem(file, `cannot be decoded (${String(kind)} of an unknown kind)`);
  // "failOn" is what remains when another concurrent decode took libvips' own message.
  if (/premature end|truncat|corrupt header|unexpected end|not enough data|read error|failOn/i.test(message))
    return problem(file, "is truncated or damaged");
  return problem(file, `cannot be decoded (${first})`);
}
