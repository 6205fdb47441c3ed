import { extensionOf } from "./tree.js";

/** Extensions of files that are taken for pictures, in small letters. What a file holds is told by its content. */
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
