/** Changes hue, saturation and exposure. */

/** Multiplies bytes in place, rounded, at most 255. */
export function scaleValues(data: Uint8Array, factor: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] * factor + 0.5;
    data[i] = Math.min(value, 255);
  }
}

/**
 * Changes hue, saturation and value of RGB pixels in place. In HSV the largest channel is V and the spread d = max -
 * min = S V; hue is measured in sextants of 60 degrees.
 * @param hueSextants rotation in units of 60 degrees, -3..3
 */
export function jitterColour(data: Uint8Array, hueSextants: number, saturation: number, exposure: number): void {
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i];
    const g = data[i + 1];
    const b = data[i + 2];
    const most = r > g ? Math.max(r, b) : Math.max(g, b);
    const least = r < g ? Math.min(r, b) : Math.min(g, b);
    const spread = most - least;
    let value = most * exposure;
    if (value > 255) value = 255;
    if (spread === 0) {
      data[i] = data[i + 1] = data[i + 2] = value + 0.5;
      continue;
    }
    let s = (spread / most) * saturation;
    if (s > 1) s = 1;
    let hue = hueSextants + (most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread);
    if (hue < 0) hue += 6;
    if (hue >= 6) hue -= 6;
    const sextant = hue | 0;
    const f = hue - sextant;
    const d = value * s;
    const high = value + 0.5; // + 0.5: stores truncate
    const low = high - d;
    const falling = high - d * f;
    const rising = low + d * f;
    switch (sextant) {
      case 0:
        data[i] = high;
        data[i + 1] = rising;
        data[i + 2] = low;
        break;
      case 1:
        data[i] = falling;
        data[i + 1] = high;
        data[i + 2] = low;
        break;
      case 2:
        data[i] = low;
        data[i + 1] = high;
        data[i + 2] = rising;
        break;
      case 3:
        data[i] = low;
        data[i + 1] = falling;
        data[i + 2] = high;
        break;
      case 4:
        data[i] = rising;
        data[i + 1] = low;
        data[i + 2] = high;
        break;
      default:
        data[i] = high;
        data[i + 1] = low;
        data[i + 2] = falling;
    }
  }
}
