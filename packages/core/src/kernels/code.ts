/**
 * WebAssembly modules as texts, a character a byte: printable ones of ASCII, then of Latin Extended. gzip makes a twentieth
 * less of it than of hexadecimal digits, and a quarter less than of base64.
 */
export function decodeModule(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code - (code < 127 ? 39 : 73);
  }
  return bytes;
}
