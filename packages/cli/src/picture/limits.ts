/** Pixels of the largest picture that is decoded, as sharp's: a header of a few bytes must not ask for all memory. */
export const mostPixels = 0x3fff * 0x3fff;

/** Throws Error with the reason for a size that is none or too large. */
export function checkPictureSize(width: number, height: number): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new Error(`has a damaged header (size ${width}x${height})`);
  if (width * height > mostPixels)
    throw new Error(`is ${width}x${height}, more than the ${mostPixels} pixels that fit`);
}
