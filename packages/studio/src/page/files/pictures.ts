/** Decodes picture files and reads bitmaps' pixels. */
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

/** Decodes a picture file, upright. Throws PhinetsError naming it where the browser cannot decode it. */
export async function bitmapOf(bytes: Uint8Array, file: string, options?: ImageBitmapOptions): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(new Blob([new Uint8Array(bytes)]), options);
  } catch {
    throw new PhinetsError(
      "data.picture",
      `${file}: is no picture that this browser reads; save it as PNG or JPEG`,
      file,
    );
  }
}

/** RGB pixels of a picture file, without rotation. Throws PhinetsError naming it. */
export async function pixelsOf(bytes: Uint8Array, file: string): Promise<Picture> {
  const bitmap = await bitmapOf(bytes, file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const picture = pictureOf(bitmap);
  bitmap.close();
  return picture;
}

let canvas: OffscreenCanvas | undefined;

/** RGB pixels of a bitmap, which is not closed. */
export function pictureOf(bitmap: ImageBitmap): Picture {
  const { width, height } = bitmap;
  canvas ??= new OffscreenCanvas(width, height);
  // Setting the size clears the canvas and is slow, so only set a new one.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.clearRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    data[to++] = rgba[from];
    data[to++] = rgba[from + 1];
    data[to++] = rgba[from + 2];
  }
  return { width, height, channels: 3, data };
}
