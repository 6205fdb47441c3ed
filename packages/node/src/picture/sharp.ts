/** Decodes JPEG, PNG, WebP, TIFF, GIF and AVIF by sharp (libvips). */
import { letterboxGrey, type Picture } from "@phinets/core/data";
import type { Metadata, Sharp, SharpOptions } from "sharp";
import { type BandsOptions, bandsToPicture, stretchPicture } from "./bands.js";
import type { PictureKind } from "./kinds.js";
import { mostPixels } from "./limits.js";
import { tiffExtraSamples } from "./tiff.js";

let loading: Promise<(input: Uint8Array, options?: SharpOptions) => Sharp> | undefined;

export function loadSharp(): Promise<(input: Uint8Array, options?: SharpOptions) => Sharp> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    // Several pictures are decoded concurrently; one thread for each is the fastest use of the cores.
    sharp.concurrency(1);
    sharp.cache(false);
    return (input, options) => sharp(input, { limitInputPixels: mostPixels, ...options });
  });
  return loading;
}

/**
 * Decodes to upright 8-bit RGB; transparent pixels are composited over grey (114). Throws Error with libvips' message.
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  kind: PictureKind,
  file: string,
  options: BandsOptions,
): Promise<Picture> {
  const open = await loadSharp();
  // Byte 24 of a PNG is its bit depth.
  if (kind === "tiff" || (kind === "png" && bytes[24] === 16)) {
    const metadata = await open(bytes).metadata();
    const deep = deepLayout(metadata, kind, bytes);
    if (deep) return decodeDeep(open(bytes), metadata, deep, file, options);
  }
  const [page] = await decodePages(open(bytes));
  return stretchPicture(page, file, options.pixelRange);
}

/** Pages of an 8-bit picture, upright, as RGB composited over grey. */
export async function decodePages(image: Sharp): Promise<Picture[]> {
  const { data, info } = await image
    .autoOrient()
    .flatten({ background: { r: letterboxGrey, g: letterboxGrey, b: letterboxGrey } })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, channels } = info;
  const height = info.pageHeight ?? info.height;
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = width * height * channels;
  return Array.from({ length: info.height / height }, (_, n) => ({
    width,
    height,
    channels,
    data: pixels.subarray(n * size, (n + 1) * size),
  }));
}

interface DeepLayout {
  readonly colours: 1 | 3;
  readonly alpha: boolean;
}

/** Layout of a picture with more than 8 bits, or with bands other than colours and alpha; undefined for all others. */
function deepLayout(metadata: Metadata, kind: PictureKind, bytes: Uint8Array): DeepLayout | undefined {
  const { space, channels, depth } = metadata;
  const grey = space === "b-w" || space === "grey16";
  if (space === "multiband" || (grey && channels > 2)) {
    throw new Error(
      `has ${channels} bands and does not say which of them are red, green and blue; save three of them, or one, as a picture`,
    );
  }
  if (!grey && !["srgb", "rgb", "rgb16", "scrgb"].includes(space)) return undefined;
  const bits = metadata.bitsPerSample ?? 8;
  if (depth === "char" || depth === "short" || (depth === "float" && bits !== 32)) {
    const what = depth === "float" ? `${bits}-bit floats` : `signed ${bits}-bit values`;
    throw new Error(`has ${what}, which cannot be read exactly; save it with unsigned 16-bit values or 32-bit floats`);
  }
  const colours = grey ? 1 : 3;
  const extra = channels - colours;
  // A TIFF states whether the band after the colours is alpha (1, 2) or anything else, such as near infrared.
  const alpha = extra > 0 && (kind !== "tiff" || [1, 2].includes(tiffExtraSamples(bytes)?.[0] ?? 0));
  if (depth === "uchar" && (extra === 0 || (extra === 1 && alpha))) return undefined;
  return { colours, alpha };
}

const valueTypes = {
  uchar: [Uint8Array, 255],
  ushort: [Uint16Array, 65535],
  uint: [Uint32Array, 4294967295],
  int: [Int32Array, 2147483647],
  float: [Float32Array, 1],
} as const;

async function decodeDeep(
  image: Sharp,
  { space, depth }: Metadata,
  { colours, alpha }: DeepLayout,
  file: string,
  options: BandsOptions,
): Promise<Picture> {
  const [Values, white] = valueTypes[depth as keyof typeof valueTypes] ?? [];
  if (!Values) throw new Error(`has ${depth} values, which are not read; save it with 8 or 16 bits`);
  // Keep its colour space: a conversion would clip values.
  const { data, info } = await image
    .autoOrient()
    .toColourspace(space)
    .raw({ depth: depth as keyof typeof valueTypes })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  // Copied, because typed arrays of larger values need an aligned offset.
  const values = new Values(new Uint8Array(data).buffer);
  const bands = { width, height, channels, colours, alpha: alpha && channels > colours, white, data: values };
  return bandsToPicture(bands, file, options);
}
