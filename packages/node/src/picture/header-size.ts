/** Reads pictures' sizes from their headers, before decoding. */
import type { PictureSize } from "@phinets/core/data";
import { readBmpHeader } from "./bmp.js";
import { jpeg2000Size, tgaSize } from "./ffmpeg.js";
import { jpegSize } from "./jpeg-size.js";
import type { PictureKind } from "./kinds.js";
import { readNetpbmHeader } from "./netpbm.js";
import { loadSharp } from "./sharp.js";

/** Width and height as stored, before rotation. Throws Error with the reason, or with libvips' message. */
export async function storedSize(bytes: Uint8Array, kind: PictureKind): Promise<PictureSize> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (kind) {
    case "bmp":
      return readBmpHeader(bytes);
    case "netpbm":
      return readNetpbmHeader(bytes);
    case "jpeg2000":
      return jpeg2000Size(bytes);
    case "tga":
      return tgaSize(bytes);
    case "png":
      if (bytes.length >= 24) return { width: view.getUint32(16), height: view.getUint32(20) };
      break;
    case "gif":
      if (bytes.length >= 10) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
      break;
    case "jpeg": {
      const size = jpegSize(bytes, { turned: true });
      if (size !== undefined) return size;
    }
  }
  const open = await loadSharp();
  return open(bytes, { limitInputPixels: false }).metadata();
}
