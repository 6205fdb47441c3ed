/** Decodes the text files of label tools. */
import { utf8Decode } from "../../tensor/index.js";

/** Decodes UTF-8 (with or without a byte order mark), UTF-16 with a byte order mark, or otherwise Latin-1. */
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

/**
 * A loop here and `apply` below are several times as fast as the alternatives, which matters for thousands of label
 * files.
 */
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

/** @param high 1 for big-endian, where the first byte of a pair is the high one; 0 for little-endian */
function utf16(bytes: Uint8Array, high: 0 | 1): string {
  let text = "";
  for (let i = 2; i + 1 < bytes.length; i += 2) {
    text += String.fromCharCode(high === 1 ? (bytes[i] << 8) | bytes[i + 1] : (bytes[i + 1] << 8) | bytes[i]);
  }
  return text;
}

/** Lines without their ends (LF, CR LF or CR); an empty last line is dropped. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
