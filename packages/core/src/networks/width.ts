/** Widths of MobileNetV2 and EfficientNet: multiples of 8. */

/** The nearest multiple of 8, at least 8, never below 90 % of `width`. */
export function multipleOf8(width: number): number {
  const rounded = Math.max(8, Math.floor(Math.trunc(width + 4) / 8) * 8);
  return rounded < 0.9 * width ? rounded + 8 : rounded;
}
