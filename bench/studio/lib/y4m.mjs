/** Writes a clip as YUV4MPEG2, which Chromium accepts as a camera. */

/**
 * @param {readonly import("@phinets/core/data").Picture[]} frames RGB, of one size with even sides; written as 4:2:0, BT.601
 *   in video's range
 * @param {number} framesPerSecond
 * @returns {Buffer}
 */
export function encodeY4m(frames, framesPerSecond) {
  const [{ width, height }] = frames;
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${framesPerSecond}:1 Ip A1:1 C420mpeg2\n`)];
  for (const { data } of frames) {
    const planes = Buffer.alloc((width * height * 3) / 2);
    const [u, v] = [width * height, (width * height * 5) / 4];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const from = 3 * (y * width + x);
        const [r, g, b] = [data[from], data[from + 1], data[from + 2]];
        planes[y * width + x] = Math.round(16 + 0.257 * r + 0.504 * g + 0.098 * b);
        if (x % 2 === 1 || y % 2 === 1) continue;
        const at = ((y / 2) * width) / 2 + x / 2;
        planes[u + at] = Math.round(128 - 0.148 * r - 0.291 * g + 0.439 * b);
        planes[v + at] = Math.round(128 + 0.439 * r - 0.368 * g - 0.071 * b);
      }
    parts.push(Buffer.from("FRAME\n"), planes);
  }
  return Buffer.concat(parts);
}
