/** The kind of a picture file, detected from its first bytes, whatever its name. */

export type PictureKind =
  | "jpeg"
  | "png"
  | "gif"
  | "webp"
  | "tiff"
  | "avif"
  | "heic"
  | "bmp"
  | "netpbm"
  | "jpeg2000"
  | "tga"
  /** A known kind that is not supported, with its name for the error. */
  | { readonly unread: string };

/** The kind; undefined where the bytes are not a known kind of picture. */
export function pictureKind(bytes: Uint8Array): PictureKind | undefined {
  const text = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  const head = text(0, 16);
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (/^GIF8[79]a/.test(head)) return "gif";
  if (head.startsWith("RIFF") && text(8, 12) === "WEBP") return "webp";
  if (/^(?:II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  if (text(4, 8) === "ftyp") {
    const brand = text(8, 12);
    if (/^avi[fs]$/.test(brand)) return "avif";
    return /^(?:hei[cxms]|hev[cx]|mif1|msf1)$/.test(brand) ? "heic" : undefined;
  }
  if (head.startsWith("BM") && [12, 16, 40, 52, 56, 64, 108, 124].includes(bytes[14]) && bytes[15] === 0) return "bmp";
  if (/^P[1-7][\s#]/.test(head)) return "netpbm";
  if (head.startsWith("\0\0\0\x0cjP  ") || head.startsWith("\xff\x4f\xff\x51")) return "jpeg2000";
  if (head.startsWith("\0\0\0\x0cJXL ") || head.startsWith("\xff\x0a")) return { unread: "JPEG XL" };
  if (head.startsWith("8BPS")) return { unread: "a Photoshop document" };
  if (head.startsWith("%PDF-")) return { unread: "a PDF document" };
  if (head.startsWith("\x76\x2f\x31\x01")) return { unread: "OpenEXR" };
  if (/^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i.test(text(0, 1000)))
    return { unread: "an SVG drawing" };
  return isTga(bytes) ? "tga" : undefined;
}

/** TGA has no signature: it is recognised by a header whose fields are all valid. */
function isTga(bytes: Uint8Array): boolean {
  if (bytes.length < 19) return false;
  const [, hasMap, type] = bytes;
  const [width, height] = [bytes[12] | (bytes[13] << 8), bytes[14] | (bytes[15] << 8)];
  const mapped = type === 1 || type === 9;
  if (!(mapped || [2, 3, 10, 11].includes(type)) || hasMap !== Number(mapped) || width === 0 || height === 0)
    return false;
  if (!mapped && bytes.subarray(3, 8).some((value) => value !== 0)) return false;
  const depths = type === 3 || type === 11 ? [8, 16] : mapped ? [8] : [15, 16, 24, 32];
  return depths.includes(bytes[16]) && (bytes[17] & 0xc0) === 0;
}
