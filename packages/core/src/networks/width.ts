/** Channel counts of MobileNetV2 and EfficientNet: multiples of a divisor, which is 8 in their papers. */

/** The nearest multiple of `divisor`, at least `divisor`, never below 90 % of `width`. */
export function multipleOf(divisor: number, width: number): number {
  const rounded = Math.max(divisor, Math.floor(Math.trunc(width + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * width ? rounded + divisor : rounded;
}
