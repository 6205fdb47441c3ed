/** Limits on the memory that pictures may use, checked from their headers before decoding. */

/** Most pixels of a picture: 100 megapixels, 300 MB as RGB. */
export const mostPixels = 100_000_000;
/** Largest size of a picture file in bytes. */
export const mostPictureBytes = 2 ** 30;
/** Total pixels of the pictures that are decoded at a time; a larger picture is decoded alone. */
const pixelsAtOnce = 64_000_000;

/** Throws Error with the reason for a size that is invalid or too large. */
export function checkPictureSize(width: number, height: number): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new Error(`has a damaged header (size ${width}x${height})`);
  if (width * height > mostPixels)
    throw new Error(`is ${width}x${height}, more than the ${mostPixels} pixels that are decoded; make it smaller`);
}

let decoding = 0;
const waiting: { readonly pixels: number; readonly go: () => void }[] = [];

const fits = (pixels: number) => decoding === 0 || decoding + pixels <= pixelsAtOnce;

/** Runs `work`, which decodes `pixels` pixels, when the pictures in work leave room for them. */
export async function withPixels<T>(pixels: number, work: () => Promise<T>): Promise<T> {
  if (waiting.length > 0 || !fits(pixels)) await new Promise<void>((go) => waiting.push({ pixels, go }));
  else decoding += pixels;
  try {
    return await work();
  } finally {
    decoding -= pixels;
    while (waiting.length > 0 && fits(waiting[0].pixels)) {
      const [next] = waiting.splice(0, 1);
      decoding += next.pixels; // counted here, so that no other caller gets ahead
      next.go();
    }
  }
}
