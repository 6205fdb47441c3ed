/** Text as label tools write it. */
import { utf8Decode } from "../../tensor/index.js";

/**
 * Text of UTF-8 (with or without a byte order mark), of UTF-16 with one, or, where it is not UTF-8, of Latin-1.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return utf16(bytes, 0);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return utf16(bytes, 1);
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const content = bytes.subarray(start);
  if (isAscii(content)) return latin1(content);
  try {
    return utf8Decode(content);
  } catch {
    return latin1(content);
  }
}

/** A loop, and `apply` below: thousands of label files are read so, and these are several times as fast. */
function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] >= 0x80) return false;
  return true;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192) as unknown as number[]);
  }
  return text;
}

/** @param high which of a pair's bytes is the high one, if the first: 1, else 0 */
function utf16(bytes: Uint8Array, high: 0 | 1): string {
  let text = "";
  for (let i = 2; i + 1 < bytes.length; i += 2) {
    text += String.fromCharCode(high === 1 ? (bytes[i] << 8) | bytes[i + 1] : (bytes[i + 1] << 8) | bytes[i]);
  }
  return text;
}

/** Lines without their ends (LF, CR LF or CR); a last empty one is not counted. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
