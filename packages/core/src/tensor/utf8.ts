/**
 * UTF-8 without relying on TextEncoder and TextDecoder, which are not part of ES2023's library, the only one that the
 * pure rooms may use.
 */
import { PhinetsError } from "./errors.js";

interface Decoder {
  decode(bytes: Uint8Array): string;
}

/** Used where they exist, because they are many times faster; one instance of each serves every call. */
const { TextDecoder, TextEncoder } = globalThis as {
  TextDecoder?: new (label: string, options: object) => Decoder;
  TextEncoder?: new () => { encode(text: string): Uint8Array };
};
const decoder = TextDecoder === undefined ? undefined : new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = TextEncoder === undefined ? undefined : new TextEncoder();

/** Encodes text as UTF-8. A lone surrogate, which UTF-8 cannot represent, becomes U+FFFD, as with TextEncoder. */
export function utf8Encode(text: string): Uint8Array {
  if (encoder !== undefined) return encoder.encode(text);
  return Uint8Array.from(escapedOf(text), (character) => character.charCodeAt(0));
}

export function utf8Length(text: string): number {
  return encoder === undefined ? escapedOf(text).length : encoder.encode(text).length;
}

/** UTF-8 as a string with one character per byte. */
function escapedOf(text: string): string {
  return unescape(encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")));
}

/** Decodes UTF-8. Throws PhinetsError `tensor.utf8`; the caller prefixes the file's name to its message. */
export function utf8Decode(bytes: Uint8Array): string {
  try {
    if (decoder !== undefined) return decoder.decode(bytes);
  } catch {
    // Some runtimes refuse shared memory here; the code below decodes it, and refuses invalid UTF-8.
  }
  let escaped = "";
  for (let i = 0; i < bytes.length; i += 8192) escaped += String.fromCharCode(...bytes.subarray(i, i + 8192));
  try {
    return decodeURIComponent(escape(escaped));
  } catch {
    throw new PhinetsError("tensor.utf8", "not a text in UTF-8");
  }
}
