/**
 * Decodes WebAssembly modules stored as text, one character per byte: printable ASCII, then Latin Extended. Compressed
 * with gzip, this is a twentieth smaller than hexadecimal digits and a quarter smaller than base64.
 */
export function decodeModule(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code - (code < 127 ? 39 : 73);
  }
  return bytes;
}
