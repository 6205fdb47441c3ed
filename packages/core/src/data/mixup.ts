/** Mixup (Zhang et al., ICLR 2018): blends two pictures and their targets. */
import { exp, log, type Random } from "../tensor/index.js";
import type { Picture } from "./types.js";

/** Share of the first picture in 256ths, 0..256, drawn from Beta(alpha, alpha); alpha > 0. */
export function drawShare256(alpha: number, random: Random): number {
  const a = gamma(alpha, random);
  const b = gamma(alpha, random);
  // Both vanish if alpha is tiny; the result is then all of one picture.
  const share = a + b > 0 ? a / (a + b) : random.uniform() < 0.5 ? 1 : 0;
  return Math.round(share * 256);
}

/** A draw from Gamma(shape, 1) (Marsaglia & Tsang, ACM TOMS 2000; for shape < 1 with their power of a uniform). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) {
    const u = (random.uint32() + 1) / 4294967297;
    return gamma(shape + 1, random) * exp(log(u) / shape);
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    const u = (random.uint32() + 1) / 4294967297;
    if (log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
  }
}

/** Blends `other` into `picture` in place; `share256` 256ths of `picture` remain. Both have the same shape. */
export function blendPictures(picture: Picture, other: Picture, share256: number): void {
  const { data } = picture;
  for (let i = 0; i < data.length; i++) {
    data[i] = (data[i] * share256 + other.data[i] * (256 - share256) + 128) >> 8;
  }
}
