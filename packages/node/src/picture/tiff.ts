/**
 * The ExtraSamples of a TIFF's first picture (TIFF 6.0, tag 338): 0 unspecified, 1 and 2 alpha. Undefined where it has
 * none.
 */
export function tiffExtraSamples(bytes: Uint8Array): readonly number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  // BigTIFF has 8-byte offsets and counts.
  const big = view.getUint16(2, little) === 43;
  const entrySize = big ? 20 : 12;
  const at = (position: number) =>
    big ? Number(view.getBigUint64(position, little)) : view.getUint32(position, little);
  try {
    const directory = at(big ? 8 : 4);
    const count = big ? at(directory) : view.getUint16(directory, little);
    for (let n = 0; n < Math.min(count, 1000); n++) {
      const entry = directory + (big ? 8 : 2) + n * entrySize;
      if (view.getUint16(entry, little) !== 338) continue;
      const values = at(entry + 4);
      const inline = entry + (big ? 12 : 8);
      const start = values * 2 <= (big ? 8 : 4) ? inline : at(inline);
      return Array.from({ length: Math.min(values, 64) }, (_, i) => view.getUint16(start + 2 * i, little));
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // an offset beyond the file: the decoder reports what is wrong
  }
  return undefined;
}
