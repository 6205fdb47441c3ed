/** Affine transformations of pictures that already have their final size, and of their boxes. */
import { cos } from "../tensor/index.js";
import type { BoxLabel, Picture, PictureSize } from "./types.js";

/** Maps pixel coordinates before to after: x' = xx x + xy y + x0, y' = yx x + yy y + y0. */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

export const identity: Affine = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };

/** The map that applies `a`, then `b`. */
export function compose(a: Affine, b: Affine): Affine {
  return {
    xx: b.xx * a.xx + b.xy * a.yx,
    xy: b.xx * a.xy + b.xy * a.yy,
    x0: b.xx * a.x0 + b.xy * a.y0 + b.x0,
    yx: b.yx * a.xx + b.yy * a.yx,
    yy: b.yx * a.xy + b.yy * a.yy,
    y0: b.yx * a.x0 + b.yy * a.y0 + b.y0,
  };
}

/** A linear map about the centre of a picture. */
export function aboutMiddle(
  { width, height }: PictureSize,
  { xx, xy, yx, yy }: Pick<Affine, "xx" | "xy" | "yx" | "yy">,
): Affine {
  const x = width / 2;
  const y = height / 2;
  return { xx, xy, x0: x - xx * x - xy * y, yx, yy, y0: y - yx * x - yy * y };
}

/** A rotation about the centre, clockwise as seen, -180..180 degrees. */
export function rotation(degrees: number, size: PictureSize): Affine {
  if (degrees === 0) return identity;
  const angle = (degrees * Math.PI) / 180;
  const c = cos(angle);
  const s = angle > 0 ? cos(angle - Math.PI / 2) : -cos(-angle - Math.PI / 2);
  return aboutMiddle(size, { xx: c, xy: -s, yx: s, yy: c });
}

export function isIdentity(map: Affine): boolean {
  return map.xx === 1 && map.xy === 0 && map.x0 === 0 && map.yx === 0 && map.yy === 1 && map.y0 === 0;
}

function inverse({ xx, xy, x0, yx, yy, y0 }: Affine): Affine {
  const d = xx * yy - xy * yx;
  const [a, b, c, e] = [yy / d, -xy / d, -yx / d, xx / d];
  return { xx: a, xy: b, x0: -(a * x0 + b * y0), yx: c, yy: e, y0: -(c * x0 + e * y0) };
}

/**
 * The picture transformed by `map` with bilinear interpolation; pixels from outside are `fill`. Positions are in
 * 65536ths of a pixel, weights in 256ths. Returns the same object if the map is the identity. For maps that keep the
 * scale (shrinking would alias) and pictures of up to 8192 pixels a side.
 */
export function warp(picture: Picture, map: Affine, fill: number): Picture {
  if (isIdentity(map)) return picture;
  const { width, height, channels, data } = picture;
  const out = new Uint8Array(data.length);
  const { xx, xy, x0, yx, yy, y0 } = inverse(map);
  const acrossX = Math.round(xx * 65536);
  const acrossY = Math.round(yx * 65536);
  const row = width * channels;
  for (let y = 0, o = 0; y < height; y++) {
    let sourceX = Math.round((xx * 0.5 + xy * (y + 0.5) + x0 - 0.5) * 65536);
    let sourceY = Math.round((yx * 0.5 + yy * (y + 0.5) + y0 - 0.5) * 65536);
    for (let x = 0; x < width; x++, o += channels) {
      const left = sourceX >> 16;
      const top = sourceY >> 16;
      const right256 = (sourceX >> 8) & 255;
      const below256 = (sourceY >> 8) & 255;
      sourceX = (sourceX + acrossX) | 0;
      sourceY = (sourceY + acrossY) | 0;
      const at = top * row + left * channels;
      if (left >= 0 && top >= 0 && left + 1 < width && top + 1 < height) {
        const w11 = right256 * below256;
        const w01 = (right256 << 8) - w11;
        const w10 = (below256 << 8) - w11;
        const w00 = 65536 - w11 - w01 - w10;
        for (let i = at, end = at + channels, to = o; i < end; i++, to++) {
          const above = w00 * data[i] + w01 * data[i + channels];
          out[to] = (above + w10 * data[i + row] + w11 * data[i + row + channels] + 32768) >> 16;
        }
      } else if (left < -1 || top < -1 || left >= width || top >= height) {
        for (let c = 0; c < channels; c++) out[o + c] = fill;
      } else {
        const from = (dx: number, dy: number, c: number): number => {
          const inside = left + dx >= 0 && left + dx < width && top + dy >= 0 && top + dy < height;
          return inside ? data[at + dy * row + dx * channels + c] : fill;
        };
        for (let c = 0; c < channels; c++) {
          const above = from(0, 0, c) * (256 - right256) + from(1, 0, c) * right256;
          const below = from(0, 1, c) * (256 - right256) + from(1, 1, c) * right256;
          out[o + c] = (above * (256 - below256) + below * below256 + 32768) >> 16;
        }
      }
    }
  }
  return { width, height, channels, data: out };
}

/**
 * The upright rectangles around the transformed corners of boxes (in fractions of the picture), clipped, and dropped if
 * too little remains.
 */
export function warpBoxes(
  labels: BoxLabel[],
  { width, height }: PictureSize,
  map: Affine,
  minSidePixels = 0,
  minVisible = 0,
): BoxLabel[] {
  if (isIdentity(map)) return labels;
  const moved: BoxLabel[] = [];
  for (const label of labels) {
    const x = label.x * width;
    const y = label.y * height;
    const centreX = map.xx * x + map.xy * y + map.x0;
    const centreY = map.yx * x + map.yy * y + map.y0;
    const halfWidth = (Math.abs(map.xx) * label.width * width + Math.abs(map.xy) * label.height * height) / 2;
    const halfHeight = (Math.abs(map.yx) * label.width * width + Math.abs(map.yy) * label.height * height) / 2;
    const left = Math.max(0, centreX - halfWidth);
    const right = Math.min(width, centreX + halfWidth);
    const top = Math.max(0, centreY - halfHeight);
    const bottom = Math.min(height, centreY + halfHeight);
    if (!(right > left && bottom > top)) continue;
    if (right - left < minSidePixels || bottom - top < minSidePixels) continue;
    if ((right - left) * (bottom - top) < minVisible * 4 * halfWidth * halfHeight) continue;
    moved.push({
      ...label,
      x: (left + right) / 2 / width,
      y: (top + bottom) / 2 / height,
      width: (right - left) / width,
      height: (bottom - top) / height,
    });
  }
  return moved;
}
