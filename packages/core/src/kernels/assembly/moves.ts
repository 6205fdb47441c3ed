// Kernels that move pixels: copying boxes between maps (concat, slice, pad, crop), and resizing.
import { CopyBox, ResizeForward, ResizeGradient } from "./instructions.generated";
import { address, arena, arg, images, wordsAt } from "./program";
import { addTo, madd } from "./simd";

export function copyBox(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const rows = arg(i, CopyBox.rows);
  let columns = arg(i, CopyBox.columns);
  let channels = address(i, CopyBox.channels);
  const sourcePixel = address(i, CopyBox.sourcePixel),
    sourceRow = address(i, CopyBox.sourceRow),
    sourceImage = address(i, CopyBox.sourceImage),
    targetPixel = address(i, CopyBox.targetPixel),
    targetRow = address(i, CopyBox.targetRow),
    targetImage = address(i, CopyBox.targetImage),
    cleared = address(i, CopyBox.cleared);
  const count = images(program, shard);
  if (sourcePixel == channels && targetPixel == channels) {
    // Whole pixels are contiguous, so a row is one piece.
    channels *= <usize>columns;
    columns = 1;
  }
  let source = base + address(i, CopyBox.x),
    target = base + address(i, CopyBox.out);
  const sourceAt = address(i, CopyBox.sourceAt),
    targetAt = address(i, CopyBox.targetAt);
  for (let image = 0; image < count; image++) {
    if (cleared) memory.fill(target, 0, cleared);
    for (let y = 0; y < rows; y++) {
      let s = source + sourceAt + <usize>y * sourceRow,
        t = target + targetAt + <usize>y * targetRow;
      for (let x = 0; x < columns; x++) {
        copyFloats(s, t, channels);
        s += sourcePixel;
        t += targetPixel;
      }
    }
    source += sourceImage;
    target += targetImage;
  }
}

/** Copies `bytes` of whole floats, which need not be aligned. */
// @ts-ignore: decorator
@inline
function copyFloats(source: usize, target: usize, bytes: usize): void {
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) v128.store(target + c, v128.load(source + c));
  for (; c < bytes; c += 4) store<f32>(target + c, load<f32>(source + c));
}

/** Bytes of a tap: two positions and a weight. */
// @ts-ignore: decorator
@inline
const TAP: usize = 12;

export function resizeForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, ResizeForward.bytes);
  const outHeight = arg(i, ResizeForward.outHeight),
    outWidth = arg(i, ResizeForward.outWidth);
  const line = <usize>arg(i, ResizeForward.width) * bytes;
  const mapBytes = <usize>arg(i, ResizeForward.height) * line;
  const rowTaps = wordsAt(i, ResizeForward.taps),
    columnTaps = rowTaps + <usize>outHeight * TAP;
  const count = images(program, shard);
  let x = base + address(i, ResizeForward.x),
    out = base + address(i, ResizeForward.out);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < outHeight; y++) {
      const rowTap = rowTaps + <usize>y * TAP;
      const upper = x + <usize>load<i32>(rowTap) * line,
        lower = x + <usize>load<i32>(rowTap, 4) * line;
      const down = load<f32>(rowTap, 8);
      for (let ox = 0; ox < outWidth; ox++) {
        const tap = columnTaps + <usize>ox * TAP;
        const left = <usize>load<i32>(tap) * bytes,
          right = <usize>load<i32>(tap, 4) * bytes;
        const across = load<f32>(tap, 8);
        if (down == 0 && across == 0) {
          for (let c: usize = 0; c < bytes; c += 16) v128.store(out + c, v128.load(upper + left + c));
        } else {
          const a = f32x4.splat((1 - down) * (1 - across)),
            b = f32x4.splat((1 - down) * across),
            d = f32x4.splat(down * (1 - across)),
            e = f32x4.splat(down * across);
          for (let c: usize = 0; c < bytes; c += 16) {
            const above = madd(v128.load(upper + right + c), b, f32x4.mul(v128.load(upper + left + c), a));
            const below = madd(v128.load(lower + right + c), e, f32x4.mul(v128.load(lower + left + c), d));
            v128.store(out + c, f32x4.add(above, below));
          }
        }
        out += bytes;
      }
    }
    x += mapBytes;
  }
}

export function resizeGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, ResizeGradient.bytes);
  const outHeight = arg(i, ResizeGradient.outHeight),
    outWidth = arg(i, ResizeGradient.outWidth);
  const line = <usize>arg(i, ResizeGradient.width) * bytes;
  const mapBytes = <usize>arg(i, ResizeGradient.height) * line;
  const rowTaps = wordsAt(i, ResizeGradient.taps),
    columnTaps = rowTaps + <usize>outHeight * TAP;
  const count = images(program, shard);
  let dx = base + address(i, ResizeGradient.out),
    dy = base + address(i, ResizeGradient.dy);
  memory.fill(dx, 0, <usize>count * mapBytes);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < outHeight; y++) {
      const rowTap = rowTaps + <usize>y * TAP;
      const upper = dx + <usize>load<i32>(rowTap) * line,
        lower = dx + <usize>load<i32>(rowTap, 4) * line;
      const down = load<f32>(rowTap, 8);
      for (let ox = 0; ox < outWidth; ox++) {
        const tap = columnTaps + <usize>ox * TAP;
        const left = <usize>load<i32>(tap) * bytes,
          right = <usize>load<i32>(tap, 4) * bytes;
        const across = load<f32>(tap, 8);
        spread(dy, upper + left, bytes, (1 - down) * (1 - across));
        if (across != 0) spread(dy, upper + right, bytes, (1 - down) * across);
        if (down != 0) {
          spread(dy, lower + left, bytes, down * (1 - across));
          if (across != 0) spread(dy, lower + right, bytes, down * across);
        }
        dy += bytes;
      }
    }
    dx += mapBytes;
  }
}

function spread(dy: usize, target: usize, bytes: usize, weight: f32): void {
  const w = f32x4.splat(weight);
  for (let c: usize = 0; c < bytes; c += 16) addTo(target + c, f32x4.mul(v128.load(dy + c), w));
}
