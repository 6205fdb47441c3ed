/** Converts between grey and RGB, and from pixels to network input. */
import { PhinetsError } from "../tensor/index.js";
import type { Picture } from "./types.js";

/**
 * Defines a network's input: pixel p (0..255) becomes p / 128 - 1, in -1..0.9921875. With input scale 1/128 and zero
 * point 0 its int8 form is exactly p - 128, so firmware feeds raw pixels minus 128.
 */
export function pixelToInput(pixel: number): number {
  return pixel / 128 - 1;
}

/** Scale and zero point of a quantised network's input, matching `pixelToInput`. */
export const inputQuantization = { scale: 1 / 128, zeroPoint: 0 } as const;

/** Writes a picture's pixels as network input (`pixelToInput`) into `input`, starting at `offset`. */
export function writeInput(pixels: Uint8Array, input: Float32Array, offset = 0): void {
  for (let i = 0; i < pixels.length; i++) input[offset + i] = pixels[i] * 0.0078125 - 1;
}

/** Writes a picture's pixels as int8 network input, p - 128. */
export function writeInputInt8(pixels: Uint8Array, input: Int8Array, offset = 0): void {
  for (let i = 0; i < pixels.length; i++) input[offset + i] = pixels[i] - 128;
}

/**
 * The picture with 1 (grey) or 3 (RGB) channels; the same object if it already has them. Grey is the BT.601 luma in
 * integers, (77 R + 150 G + 29 B + 128) >> 8, so that firmware can compute the same value.
 */
export function withChannels(picture: Picture, channels: number): Picture {
  if (picture.channels === channels) return picture;
  const { width, height, data } = picture;
  const count = width * height;
  if (picture.channels === 3 && channels === 1) {
    const grey = new Uint8Array(count);
    for (let i = 0, j = 0; i < count; i++, j += 3)
      grey[i] = (77 * data[j] + 150 * data[j + 1] + 29 * data[j + 2] + 128) >> 8;
    return { width, height, channels, data: grey };
  }
  if (picture.channels === 1 && channels === 3) {
    const rgb = new Uint8Array(count * 3);
    for (let i = 0, j = 0; i < count; i++, j += 3) rgb[j] = rgb[j + 1] = rgb[j + 2] = data[i];
    return { width, height, channels, data: rgb };
  }
  throw new PhinetsError(
    "data.channels",
    `picture: cannot turn ${picture.channels} channels into ${channels}; pictures have 1 (grey) or 3 (RGB)`,
  );
}
