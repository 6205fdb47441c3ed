import type { Picture } from "@phinets/core/data";
import { Random } from "@phinets/core/tensor";

/** Makes RGB pictures of noise, a different one with each call; equal seeds give equal sequences. */
export function noisePictures(seed: number): (width: number, height: number) => Picture {
  const random = new Random(seed);
  return (width, height) => ({
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)),
  });
}
