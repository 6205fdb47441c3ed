/**
 * Width and height of a JPEG from its frame header (ITU-T T.81, B.2.2), without a decoder: labels in pixels need the
 * size of every picture of a data set. Undefined where the file has EXIF, which may rotate it, or an unusual structure:
 * a decoder is then needed.
 * @param turned also accept a file with EXIF, and return its size before rotation
 */
export function jpegSize(bytes: Uint8Array, { turned = false } = {}): { width: number; height: number } | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++; // padding
      continue;
    }
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    if ((marker === 0xe1 && !turned) || length < 2) return undefined;
    // Start of frame of any coding process; C4, C8 and CC in that range have other meanings.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const height = (bytes[at + 5] << 8) | bytes[at + 6];
      const width = (bytes[at + 7] << 8) | bytes[at + 8];
      return width > 0 && height > 0 ? { width, height } : undefined;
    }
    if (marker < 0xc0 || marker === 0xda) return undefined;
    at += 2 + length;
  }
  return undefined;
}
