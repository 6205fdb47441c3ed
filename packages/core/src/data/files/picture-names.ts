/** Recognises pictures by their file names. */

import { extensionOf } from "./tree.js";

/** File extensions of pictures, in lower case. The actual format is detected from a file's content. */
export const pictureExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".tif",
  ".tiff",
  ".gif",
  ".avif",
  ".bmp",
  ".ppm",
  ".pgm",
  ".pbm",
  ".pnm",
  ".heic",
  ".heif",
  ".jp2",
  ".tga",
];

export function isPictureFile(path: string): boolean {
  return pictureExtensions.includes(extensionOf(path));
}
