/** Noise and trigonometry from basic arithmetic only, so that rendered pictures have the same bits on every machine. */
import { Random } from "../../tensor/index.js";

const side = 256;
let texture: Float32Array | undefined;

/** Smooth noise of four octaves, 0..1 with a mean of about a half, repeating every 256 in x and y; created once. */
function noiseTexture(): Float32Array {
  if (texture !== undefined) return texture;
  const out = new Float32Array(side * side);
  let amplitude = 0.5;
  for (let cell = 32; cell >= 4; cell /= 2) {
    const lattice = side / cell;
    const random = new Random(0x6e6f6973, cell);
    const values = Float32Array.from({ length: lattice * lattice }, () => random.uniform());
    for (let y = 0; y < side; y++) {
      const gy = Math.floor(y / cell);
      const ty = smooth((y % cell) / cell);
      const row0 = gy * lattice;
      const row1 = ((gy + 1) % lattice) * lattice;
      for (let x = 0; x < side; x++) {
        const gx = Math.floor(x / cell);
        const gx1 = (gx + 1) % lattice;
        const tx = smooth((x % cell) / cell);
        const above = values[row0 + gx] + (values[row0 + gx1] - values[row0 + gx]) * tx;
        const below = values[row1 + gx] + (values[row1 + gx1] - values[row1 + gx]) * tx;
        out[y * side + x] += amplitude * (above + (below - above) * ty);
      }
    }
    amplitude /= 2;
  }
  for (let i = 0; i < out.length; i++) out[i] /= 0.9375;
  texture = out;
  return out;
}

/** Smooth noise at a point, 0..1; features are 4 to 32 wide, the pattern repeats every 256. */
export function noiseAt(x: number, y: number): number {
  const t = texture ?? noiseTexture();
  const fx = Math.floor(x);
  const fy = Math.floor(y);
  const tx = x - fx;
  const ty = y - fy;
  const x0 = fx & 255;
  const x1 = (fx + 1) & 255;
  const row0 = (fy & 255) << 8;
  const row1 = ((fy + 1) & 255) << 8;
  const above = t[row0 + x0] + (t[row0 + x1] - t[row0 + x0]) * tx;
  const below = t[row1 + x0] + (t[row1 + x1] - t[row1 + x0]) * tx;
  return above + (below - above) * ty;
}

/** 3t^2 - 2t^3 on 0..1. */
export function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

/** 0 below `from`, 1 above `to`, smooth between; `from` may be above `to`. */
export function smoothstep(from: number, to: number, x: number): number {
  const t = (x - from) / (to - from);
  return t <= 0 ? 0 : t >= 1 ? 1 : smooth(t);
}

/** A smooth wave of period 1 between -1 and 1, 0 at integer t: two parabolas per period. */
export function wave(t: number): number {
  const f = 2 * (t - Math.floor(t)) - 1; // -1..1
  return -4 * f * (1 - Math.abs(f));
}

/** Cosine and sine of `turns` full turns, by Taylor series on an eighth of a turn; error below 1e-9. */
export function cosSin(turns: number): [number, number] {
  const quarter = Math.round(turns * 4);
  const r = (turns - quarter / 4) * 6.283185307179586; // |r| <= pi/4
  const z = r * r;
  const sin = r * (1 - (z / 6) * (1 - (z / 20) * (1 - (z / 42) * (1 - z / 72))));
  const cos = 1 - (z / 2) * (1 - (z / 12) * (1 - (z / 30) * (1 - (z / 56) * (1 - z / 90))));
  switch (quarter & 3) {
    case 0:
      return [cos, sin];
    case 1:
      return [-sin, cos];
    case 2:
      return [-cos, -sin];
    default:
      return [sin, -cos];
  }
}
