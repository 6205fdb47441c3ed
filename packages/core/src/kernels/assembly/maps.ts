// Kernels without weights: storing an operand, activations' gradients, pooling, padding, reshaping, softmax.
import { exp, sigmoid4 } from "./math";
import { addMoments, addRows, finishRows, plainActivationGradient, startEpilogue, startSums } from "./norm";
import { copyRows, loadRows } from "./operand";
import { address, arena, arg, chunkOf, firstImage, images } from "./program";
import { HARDSWISH, madd, NONE, RELU6 } from "./simd";

// words: 0-7 operand, 8 out, 9 addend or -1, 10 bytes a row, 11 pixels
export function materialise(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const addend = arg(i, 9),
    pixels = arg(i, 11);
  const bytes = address(i, 10);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, 8) + <usize>row * bytes;
    copyRows(i + 8, base, row, rows, bytes, pixels, out);
    if (addend != -1) addRows(out, base + <usize>(<u32>addend) + <usize>row * bytes, <usize>rows * bytes);
  }
}

// words: 0 u, 1 block, 2 bytes, 3 pixels
export function moments(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 2),
    block = address(i, 1);
  const total = images(program, shard) * arg(i, 3);
  const chunk = chunkOf(bytes);
  startSums(block, bytes, shard);
  for (let row = 0; row < total; row += chunk)
    addMoments(base + address(i, 0) + <usize>row * bytes, min(chunk, total - row), block, bytes, shard, row == 0);
}

// words: 0-7 dy, 8-13 epilogue, 14 out, 15 bytes, 16 pixels
export function normGradientRows(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 15);
  const pixels = arg(i, 16);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const epilogue = i + 8 + 8 * 4;
  startEpilogue(epilogue, bytes, shard);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, 14) + <usize>row * bytes;
    copyRows(i + 8, base, row, rows, bytes, pixels, out);
    finishRows(epilogue, base, out, row, rows, bytes, pixels, shard);
  }
}

// words: 0-7 dy, 8-15 z, 16 out, 17 activation, 18 bytes, 19 pixels; out = dy * act'(z)
export function activationGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, 18);
  const act = arg(i, 17),
    pixels = arg(i, 19);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, 16) + <usize>row * bytes;
    copyRows(i + 8, base, row, rows, bytes, pixels, out);
    const z = loadRows(i + 8 + 8 * 4, base, row, rows, bytes, pixels, scratch);
    const size = <usize>rows * bytes;
    if (act == HARDSWISH) plainActivationGradient(out, z, out, size, HARDSWISH);
    else if (act == RELU6) plainActivationGradient(out, z, out, size, RELU6);
    else plainActivationGradient(out, z, out, size, NONE);
  }
}

// words: 0-7 x, 8 out, 9 bytes, 10 pixels
export function globalAveragePool(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, 9);
  const pixels = arg(i, 10),
    count = images(program, shard);
  const chunk = chunkOf(bytes);
  const inverse = f32x4.splat(<f32>(1.0 / <f64>pixels));
  for (let image = 0; image < count; image++) {
    const out = base + address(i, 8) + <usize>image * bytes;
    memory.fill(out, 0, bytes);
    for (let row = 0; row < pixels; row += chunk) {
      const rows = min(chunk, pixels - row);
      const x = loadRows(i + 8, base, image * pixels + row, rows, bytes, pixels, scratch);
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        let p = x + c;
        for (let r = 0; r < rows; r++) {
          sum = f32x4.add(sum, v128.load(p));
          p += bytes;
        }
        v128.store(out + c, f32x4.add(v128.load(out + c), sum));
      }
    }
    for (let c: usize = 0; c < bytes; c += 16) v128.store(out + c, f32x4.mul(v128.load(out + c), inverse));
  }
}

// words: 0-7 x, 8 dy, 9 out, 10 bytes, 11 pixels; out[n, c] = sum over the map of x * dy
export function channelDot(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, 10);
  const pixels = arg(i, 11),
    count = images(program, shard);
  const chunk = chunkOf(bytes);
  for (let image = 0; image < count; image++) {
    const out = base + address(i, 9) + <usize>image * bytes;
    memory.fill(out, 0, bytes);
    for (let row = 0; row < pixels; row += chunk) {
      const rows = min(chunk, pixels - row);
      const at = image * pixels + row;
      const x = loadRows(i + 8, base, at, rows, bytes, pixels, scratch);
      const dy = base + address(i, 8) + <usize>at * bytes;
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        let p = c;
        for (let r = 0; r < rows; r++) {
          sum = madd(v128.load(x + p), v128.load(dy + p), sum);
          p += bytes;
        }
        v128.store(out + c, f32x4.add(v128.load(out + c), sum));
      }
    }
  }
}

// words: 0 a, 1 b, 2 out, 3 bytes an image; out = a * b
export function multiplyMaps(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, 3);
  const a = base + address(i, 0),
    b = base + address(i, 1),
    out = base + address(i, 2);
  for (let p: usize = 0; p < size; p += 16) v128.store(out + p, f32x4.mul(v128.load(a + p), v128.load(b + p)));
}

// words: 0 x, 1 out, 2 channels, 3 bytes a row, 4 pixels
export function sigmoidForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const channels = (<usize>arg(i, 2)) << 2,
    bytes = address(i, 3);
  const rows = images(program, shard) * arg(i, 4);
  let x = base + address(i, 0),
    out = base + address(i, 1);
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(out + c, sigmoid4(v128.load(x + c)));
    for (let c = channels; c < bytes; c += 4) store<f32>(out + c, 0);
    x += bytes;
    out += bytes;
  }
}

// words: 0 y, 1 dy, 2 out, 3 bytes an image; out = dy * y * (1 - y)
export function sigmoidGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, 3);
  const y = base + address(i, 0),
    dy = base + address(i, 1),
    out = base + address(i, 2);
  for (let p: usize = 0; p < size; p += 16) {
    const v = v128.load(y + p);
    v128.store(out + p, f32x4.mul(v128.load(dy + p), f32x4.mul(v, f32x4.sub(f32x4.splat(1), v))));
  }
}

// words as sigmoidForward's
export function softmaxForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const channels = (<usize>arg(i, 2)) << 2,
    bytes = address(i, 3);
  const rows = images(program, shard) * arg(i, 4);
  let x = base + address(i, 0),
    out = base + address(i, 1);
  for (let r = 0; r < rows; r++) {
    let peak = load<f32>(x);
    for (let c: usize = 4; c < channels; c += 4) peak = max(peak, load<f32>(x + c));
    let sum: f64 = 0;
    for (let c: usize = 0; c < channels; c += 4) sum += exp(<f64>load<f32>(x + c) - <f64>peak);
    for (let c: usize = 0; c < bytes; c += 4)
      store<f32>(out + c, c < channels ? <f32>(exp(<f64>load<f32>(x + c) - <f64>peak) / sum) : 0);
    x += bytes;
    out += bytes;
  }
}

// words: 0 y, 1 dy, 2 out, 3 bytes a row, 4 pixels; out = y * (dy - sum of y * dy)
export function softmaxGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 3);
  const rows = images(program, shard) * arg(i, 4);
  let y = base + address(i, 0),
    dy = base + address(i, 1),
    out = base + address(i, 2);
  for (let r = 0; r < rows; r++) {
    let dot: f64 = 0;
    for (let c: usize = 0; c < bytes; c += 4) dot += <f64>load<f32>(y + c) * <f64>load<f32>(dy + c);
    for (let c: usize = 0; c < bytes; c += 4)
      store<f32>(out + c, <f32>(<f64>load<f32>(y + c) * (<f64>load<f32>(dy + c) - dot)));
    y += bytes;
    dy += bytes;
    out += bytes;
  }
}

// words: 0 x, 1 out, 2 bytes a pixel, 3 height, 4 width, 5 out height, 6 out width, 7 size, 8 stride
export function maxPoolForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 2);
  const height = arg(i, 3),
    width = arg(i, 4),
    outHeight = arg(i, 5),
    outWidth = arg(i, 6),
    size = arg(i, 7),
    stride = arg(i, 8);
  const count = images(program, shard);
  let out = base + address(i, 1);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 0) + <usize>(image * height * width) * bytes;
    for (let y = 0; y < outHeight; y++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = x + <usize>(y * stride * width + ox * stride) * bytes;
        for (let c: usize = 0; c < bytes; c += 16) {
          let peak = v128.load(corner + c);
          for (let k = 0; k < size; k++)
            for (let j = 0; j < size; j++)
              peak = f32x4.max(peak, v128.load(corner + <usize>(k * width + j) * bytes + c));
          v128.store(out + c, peak);
        }
        out += bytes;
      }
    }
  }
}

// words: 0 x, 1 y, 2 dy, 3 out, 4 bytes, 5 height, 6 width, 7 out height, 8 out width, 9 size, 10 stride.
// The gradient goes to the first largest pixel of each window, in row order.
export function maxPoolGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 4);
  const height = arg(i, 5),
    width = arg(i, 6),
    outHeight = arg(i, 7),
    outWidth = arg(i, 8),
    size = arg(i, 9),
    stride = arg(i, 10);
  const count = images(program, shard);
  const mapBytes = <usize>(height * width) * bytes;
  let peaks = base + address(i, 1),
    dy = base + address(i, 2);
  memory.fill(base + address(i, 3), 0, <usize>count * mapBytes);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 0) + <usize>image * mapBytes;
    const dx = base + address(i, 3) + <usize>image * mapBytes;
    for (let y = 0; y < outHeight; y++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = <usize>(y * stride * width + ox * stride) * bytes;
        for (let c: usize = 0; c < bytes; c += 16) {
          const peak = v128.load(peaks + c);
          let left = v128.load(dy + c); // not yet given away
          for (let k = 0; k < size; k++) {
            for (let j = 0; j < size; j++) {
              const at = corner + <usize>(k * width + j) * bytes + c;
              const hit = f32x4.eq(v128.load(x + at), peak);
              v128.store(dx + at, f32x4.add(v128.load(dx + at), v128.and(left, hit)));
              left = v128.andnot(left, hit);
            }
          }
        }
        peaks += bytes;
        dy += bytes;
      }
    }
  }
}

// words: 0 x, 1 out, 2 bytes, 3 height, 4 width (of the smaller map), 5 top, 6 left, 7 padded height, 8 padded width,
// 9 crop. Pads, or with crop = 1 takes the smaller map out of the padded one.
export function padMaps(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, 2);
  const height = arg(i, 3),
    width = arg(i, 4),
    top = arg(i, 5),
    left = arg(i, 6);
  const outHeight = arg(i, 7),
    outWidth = arg(i, 8);
  const crop = arg(i, 9) != 0;
  const count = images(program, shard);
  const row = <usize>width * bytes,
    paddedRow = <usize>outWidth * bytes;
  if (!crop) memory.fill(base + address(i, 1), 0, <usize>(count * outHeight) * paddedRow);
  let small = base + (crop ? address(i, 1) : address(i, 0));
  for (let image = 0; image < count; image++) {
    let padded =
      base +
      (crop ? address(i, 0) : address(i, 1)) +
      <usize>(image * outHeight + top) * paddedRow +
      <usize>left * bytes;
    for (let y = 0; y < height; y++) {
      if (crop) memory.copy(small, padded, row);
      else memory.copy(padded, small, row);
      small += row;
      padded += paddedRow;
    }
  }
}

// words: 0 source, 1 target, 2 pixels, 3 channels, 4 source pixel bytes, 5 source image bytes, 6 target pixel bytes,
// 7 target image bytes, 8 place: 0 within the arena, 1 source outside (whole batch), 2 target outside.
// Copies `channels` floats of each pixel; the rest of each target image is zeroed.
export function repack(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const pixels = arg(i, 2),
    place = arg(i, 8);
  const channels = (<usize>arg(i, 3)) << 2;
  const sourcePixel = address(i, 4),
    sourceImage = address(i, 5),
    targetPixel = address(i, 6),
    targetImage = address(i, 7);
  const first = <usize>firstImage(program, shard);
  const count = images(program, shard);
  let source = place == 1 ? address(i, 0) + first * sourceImage : base + address(i, 0);
  let target = place == 2 ? address(i, 1) + first * targetImage : base + address(i, 1);
  for (let image = 0; image < count; image++) {
    if (sourcePixel == channels && targetPixel == channels) {
      memory.copy(target, source, <usize>pixels * channels);
      if (targetImage > <usize>pixels * channels)
        memory.fill(target + <usize>pixels * channels, 0, targetImage - <usize>pixels * channels);
    } else {
      memory.fill(target, 0, targetImage);
      let s = source,
        t = target,
        p = 0;
      if (channels == 12 && sourcePixel == 12 && targetPixel == 16) {
        // Colour pictures: a vector a pixel, but for the last, beyond which there may be nothing.
        const three = i32x4(-1, -1, -1, 0);
        for (; p < pixels - 1; p++) {
          v128.store(t, v128.and(v128.load(s), three));
          s += 12;
          t += 16;
        }
      }
      for (; p < pixels; p++) {
        for (let c: usize = 0; c < channels; c += 4) store<f32>(t + c, load<f32>(s + c));
        s += sourcePixel;
        t += targetPixel;
      }
    }
    source += sourceImage;
    target += targetImage;
  }
}
