/** UTF-8: TextEncoder is not part of ES2023's library, which is all that the pure rooms may count on. */
import { PhinetsError } from "./errors.js";

interface Decoder {
  decode(bytes: Uint8Array): string;
}

/** Many times faster, where they are there; one of each serves every text. */
const { TextDecoder, TextEncoder } = globalThis as {
  TextDecoder?: new (label: string, options: object) => Decoder;
  TextEncoder?: new () => { encode(text: string): Uint8Array };
};
const decoder = TextDecoder === undefined ? undefined : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = TextEncoder === undefined ? undefined : new TextEncoder();

/** A lone surrogate, which UTF-8 has no bytes for, becomes U+FFFD, as of TextEncoder. */
export function utf8Encode(text: string): Uint8Array {
  if (encoder !== undefined) return encoder.encode(text);
  return Uint8Array.from(escapedOf(text), (character) => character.charCodeAt(0));
}

export function utf8Length(text: string): number {
  return encoder === undefined ? escapedOf(text).length : encoder.encode(text).length;
}

/** A character a byte. */
function escapedOf(text: string): string {
  return unescape(encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")));
}

/** Throws PhinetsError `tensor.utf8`, whose message the caller puts after a file's name. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    if (decoder !== undefined) return decoder.decode(bytes);
  } catch {
    // Memory that is shared it does not take everywhere; what is no UTF-8 is refused below.
  }
  let escaped = "";
  for (let i = 0; i < bytes.length; i += 8192) escaped += String.fromCharCode(...bytes.subarray(i, i + 8192));
  try {
    return decodeURIComponent(escape(escaped));
  } catch {
    throw new PhinetsError("tensor.utf8", "not a text in UTF-8");
  }
}
