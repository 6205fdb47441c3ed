/** Bytes of hexadecimal digits, two a byte. Modules are kept so: gzip makes a fifth less of it than of base64. */
export function decodeHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
