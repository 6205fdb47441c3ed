// Depthwise convolution, any kernel, stride and padding. Input rows are read into a ring of kernel-height rows with zeros
// left and right, so no pixel is special; rows above and below the map are left out. The gradient with respect to the
// input is gathered (not scattered): pixels of one residue modulo the stride read the same taps.
import { columnSums } from "./gemm";
import { addMoments, finishRows, startEpilogue, startMoments } from "./norm";
import { copyRows } from "./operand";
import { addBias } from "./pointwise";
import { address, arena, arg, images, partials } from "./program";
import { madd } from "./simd";

/** Pixels after which a group of finished rows gets its sums or epilogue, while it is in cache. */
// @ts-ignore: decorator
@inline
const GROUP: i32 = 64;

/** out[x] = 3 x 3 taps: rows r0..r2 with weights w0..w2, 3 pixels each. */
function taps3x3(r0: usize, r1: usize, r2: usize, w0: usize, w1: usize, w2: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p0 = r0 + c, p1 = r1 + c, p2 = r2 + c, o = out + c;
    let w = w0 + c;
    const k0 = v128.load(w), k1 = v128.load(w + bytes), k2 = v128.load(w + 2 * bytes);
    w = w1 + c;
    const k3 = v128.load(w), k4 = v128.load(w + bytes), k5 = v128.load(w + 2 * bytes);
    w = w2 + c;
    const k6 = v128.load(w), k7 = v128.load(w + bytes), k8 = v128.load(w + 2 * bytes);
    for (let x = 0; x < n; x++) {
      let a = f32x4.mul(v128.load(p0), k0);
      a = madd(v128.load(p0 + bytes), k1, a);
      a = madd(v128.load(p0 + 2 * bytes), k2, a);
      let b = f32x4.mul(v128.load(p1), k3);
      b = madd(v128.load(p1 + bytes), k4, b);
      b = madd(v128.load(p1 + 2 * bytes), k5, b);
      a = madd(v128.load(p2), k6, a);
      b = madd(v128.load(p2 + bytes), k7, b);
      a = madd(v128.load(p2 + 2 * bytes), k8, a);
      v128.store(o, f32x4.add(a, b));
      p0 += sourceStep;
      p1 += sourceStep;
      p2 += sourceStep;
      o += outStep;
    }
  }
}

/** out[x] (+)= `taps` taps of one row. */
function tapsRow(source: usize, w: usize, taps: i32, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  while (taps > 0) {
    let used = 1;
    if (taps >= 5) {
      taps5(source, w, out, n, sourceStep, outStep, bytes, first);
      used = 5;
    } else if (taps >= 3) {
      taps3(source, w, out, n, sourceStep, outStep, bytes, first);
      used = 3;
    } else if (taps == 2) {
      taps2(source, w, out, n, sourceStep, outStep, bytes, first);
      used = 2;
    } else taps1(source, w, out, n, sourceStep, outStep, bytes, first);
    first = false;
    taps -= used;
    source += <usize>used * bytes;
    w += <usize>used * bytes;
  }
}

function taps5(source: usize, w: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const k = w + c;
    const k0 = v128.load(k), k1 = v128.load(k + bytes), k2 = v128.load(k + 2 * bytes), k3 = v128.load(k + 3 * bytes), k4 = v128.load(k + 4 * bytes);
    let p = source + c, o = out + c;
    for (let x = 0; x < n; x++) {
      let a = f32x4.mul(v128.load(p), k0);
      let b = f32x4.mul(v128.load(p + bytes), k1);
      a = madd(v128.load(p + 2 * bytes), k2, a);
      b = madd(v128.load(p + 3 * bytes), k3, b);
      a = madd(v128.load(p + 4 * bytes), k4, a);
      a = f32x4.add(a, b);
      v128.store(o, first ? a : f32x4.add(a, v128.load(o)));
      p += sourceStep;
      o += outStep;
    }
  }
}

function taps3(source: usize, w: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const k = w + c;
    const k0 = v128.load(k), k1 = v128.load(k + bytes), k2 = v128.load(k + 2 * bytes);
    let p = source + c, o = out + c;
    for (let x = 0; x < n; x++) {
      let a = f32x4.mul(v128.load(p), k0);
      a = madd(v128.load(p + bytes), k1, a);
      a = madd(v128.load(p + 2 * bytes), k2, a);
      v128.store(o, first ? a : f32x4.add(a, v128.load(o)));
      p += sourceStep;
      o += outStep;
    }
  }
}

function taps2(source: usize, w: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const k0 = v128.load(w + c), k1 = v128.load(w + c + bytes);
    let p = source + c, o = out + c;
    for (let x = 0; x < n; x++) {
      const a = madd(v128.load(p + bytes), k1, f32x4.mul(v128.load(p), k0));
      v128.store(o, first ? a : f32x4.add(a, v128.load(o)));
      p += sourceStep;
      o += outStep;
    }
  }
}

function taps1(source: usize, w: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const k0 = v128.load(w + c);
    let p = source + c, o = out + c;
    for (let x = 0; x < n; x++) {
      const a = f32x4.mul(v128.load(p), k0);
      v128.store(o, first ? a : f32x4.add(a, v128.load(o)));
      p += sourceStep;
      o += outStep;
    }
  }
}

/** Zeros n pixels, `step` bytes apart. */
function zeroPixels(out: usize, n: i32, step: usize, bytes: usize): void {
  for (let x = 0; x < n; x++) {
    memory.fill(out, 0, bytes);
    out += step;
  }
}

/** g[0..8] += sum over x of 3 x 3 input pixels times dy[x]. */
function weights3x3(r0: usize, r1: usize, r2: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p0 = r0 + c, p1 = r1 + c, p2 = r2 + c, d = dy + c;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0;
    for (let x = 0; x < n; x++) {
      const v = v128.load(d);
      a0 = madd(v128.load(p0), v, a0);
      a1 = madd(v128.load(p0 + bytes), v, a1);
      a2 = madd(v128.load(p0 + 2 * bytes), v, a2);
      a3 = madd(v128.load(p1), v, a3);
      a4 = madd(v128.load(p1 + bytes), v, a4);
      a5 = madd(v128.load(p1 + 2 * bytes), v, a5);
      a6 = madd(v128.load(p2), v, a6);
      a7 = madd(v128.load(p2 + bytes), v, a7);
      a8 = madd(v128.load(p2 + 2 * bytes), v, a8);
      d += bytes;
      p0 += step;
      p1 += step;
      p2 += step;
    }
    let h = g + c;
    v128.store(h, f32x4.add(v128.load(h), a0));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a1));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a2));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a3));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a4));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a5));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a6));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a7));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a8));
  }
}

/** g[0..taps) += sum over x of a row's pixels times dy[x]. */
function weightsRow(source: usize, dy: usize, g: usize, taps: i32, n: i32, step: usize, bytes: usize): void {
  let t = 0;
  for (; t + 5 <= taps; t += 5) weights5(source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
  for (; t + 3 <= taps; t += 3) weights3(source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
  for (; t < taps; t++) weights1(source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
}

function weights5(source: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p = source + c, d = dy + c;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0;
    for (let x = 0; x < n; x++) {
      const v = v128.load(d);
      a0 = madd(v128.load(p), v, a0);
      a1 = madd(v128.load(p + bytes), v, a1);
      a2 = madd(v128.load(p + 2 * bytes), v, a2);
      a3 = madd(v128.load(p + 3 * bytes), v, a3);
      a4 = madd(v128.load(p + 4 * bytes), v, a4);
      d += bytes;
      p += step;
    }
    let h = g + c;
    v128.store(h, f32x4.add(v128.load(h), a0));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a1));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a2));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a3));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a4));
  }
}

function weights3(source: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p = source + c, d = dy + c;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0;
    for (let x = 0; x < n; x++) {
      const v = v128.load(d);
      a0 = madd(v128.load(p), v, a0);
      a1 = madd(v128.load(p + bytes), v, a1);
      a2 = madd(v128.load(p + 2 * bytes), v, a2);
      d += bytes;
      p += step;
    }
    let h = g + c;
    v128.store(h, f32x4.add(v128.load(h), a0));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a1));
    h += bytes;
    v128.store(h, f32x4.add(v128.load(h), a2));
  }
}

function weights1(source: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p = source + c, d = dy + c;
    let a = f32x4.splat(0);
    for (let x = 0; x < n; x++) {
      a = madd(v128.load(p), v128.load(d), a);
      d += bytes;
      p += step;
    }
    v128.store(g + c, f32x4.add(v128.load(g + c), a));
  }
}

// words: 0-7 x, 8 out, 9 weight [kernel height * width][channels], 10 bias or 0, 11 channels, 12 height, 13 width,
// 14 out height, 15 out width, 16 kernel height, 17 kernel width, 18 stride down, 19 stride across, 20 top, 21 left,
// 22 block or 0
export function depthwiseForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = <usize>arg(i, 11) << 2;
  const weight = address(i, 9), bias = address(i, 10), block = address(i, 22);
  const height = arg(i, 12), width = arg(i, 13), outHeight = arg(i, 14), outWidth = arg(i, 15);
  const kh = arg(i, 16), kw = arg(i, 17), down = arg(i, 18), across = arg(i, 19), top = arg(i, 20), left = arg(i, 21);
  const ringBytes = <usize>max(left + width, (outWidth - 1) * across + kw) * bytes;
  const edge = <usize>left * bytes;
  const weightRow = <usize>kw * bytes, step = <usize>across * bytes;
  const count = images(program, shard);
  memory.fill(scratch, 0, <usize>kh * ringBytes);
  let out = base + address(i, 8);
  if (block) startMoments(block, bytes, shard);
  let pending = out, pendingRows = 0, first = true;
  for (let image = 0; image < count; image++) {
    let have = 0;
    for (let y = 0; y < outHeight; y++) {
      const start = y * down - top;
      const low = max(start, 0), high = min(start + kh, height);
      have = max(have, low);
      for (; have < high; have++)
        copyRows(i + 8, base, (image * height + have) * width, width, bytes, height * width, scratch + <usize>(have % kh) * ringBytes + edge);
      if (kh == 3 && kw == 3 && high - low == 3) {
        taps3x3(
          scratch + <usize>(low % 3) * ringBytes,
          scratch + <usize>((low + 1) % 3) * ringBytes,
          scratch + <usize>((low + 2) % 3) * ringBytes,
          weight, weight + weightRow, weight + 2 * weightRow, out, outWidth, step, bytes, bytes,
        );
      } else {
        for (let row = low; row < high; row++)
          tapsRow(scratch + <usize>(row % kh) * ringBytes, weight + <usize>(row - start) * weightRow, kw, out, outWidth, step, bytes, bytes, row == low);
        if (high <= low) memory.fill(out, 0, <usize>outWidth * bytes);
      }
      if (bias) addBias(out, bias, outWidth, bytes);
      out += <usize>outWidth * bytes;
      pendingRows += outWidth;
      if (block && (pendingRows >= GROUP || (image == count - 1 && y == outHeight - 1))) {
        addMoments(pending, pendingRows, block, bytes, shard, first);
        first = false;
        pending = out;
        pendingRows = 0;
      }
    }
  }
}

// words: 0-7 x, 8-15 dy, 16-21 epilogue, 22 dx or -1, 23 weight, 24 weight gradient or -1, 25 bias gradient or -1,
// 26 channels, 27-36 as 12-21 above
export function depthwiseBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = <usize>arg(i, 26) << 2;
  const weight = address(i, 23);
  const dx = arg(i, 22), dweight = arg(i, 24), dbias = arg(i, 25);
  const height = arg(i, 27), width = arg(i, 28), outHeight = arg(i, 29), outWidth = arg(i, 30);
  const kh = arg(i, 31), kw = arg(i, 32), down = arg(i, 33), across = arg(i, 34), top = arg(i, 35), left = arg(i, 36);
  const ringBytes = <usize>max(left + width, (outWidth - 1) * across + kw) * bytes;
  const edge = <usize>left * bytes;
  const dyEdge = <usize>(kw - 1) * bytes;
  const dyRingBytes = dyEdge + <usize>max(outWidth, (width - 1 + left) / across + 1) * bytes;
  const weightRow = <usize>kw * bytes, step = <usize>across * bytes;
  const ring = scratch;
  const dyRing = ring + <usize>kh * ringBytes;
  const taps = dyRing + <usize>kh * dyRingBytes;
  const count = images(program, shard);
  const epilogue = i + 8 + 16 * 4;
  const g = gradients + <usize>(<u32>dweight), gb = gradients + <usize>(<u32>dbias);
  memory.fill(ring, 0, <usize>kh * (ringBytes + dyRingBytes));
  if (dweight != -1) memory.fill(g, 0, <usize>kh * weightRow);
  if (dbias != -1) memory.fill(gb, 0, bytes);
  let out = base + <usize>(<u32>dx);
  if (dx != -1) {
    gatherOrder(weight, kh, kw, across, bytes, taps);
    startEpilogue(epilogue, bytes, shard);
  }
  let pending = 0, pendingRows = 0; // pixels of dx whose epilogue is due
  let pendingAt = out;
  for (let image = 0; image < count; image++) {
    let have = 0, emitted = 0;
    for (let y = 0; y < outHeight; y++) {
      const dy = dyRing + <usize>(y % kh) * dyRingBytes + dyEdge;
      copyRows(i + 8 + 8 * 4, base, (image * outHeight + y) * outWidth, outWidth, bytes, outHeight * outWidth, dy);
      if (dweight != -1) {
        const start = y * down - top;
        const low = max(start, 0), high = min(start + kh, height);
        have = max(have, low);
        for (; have < high; have++)
          copyRows(i + 8, base, (image * height + have) * width, width, bytes, height * width, ring + <usize>(have % kh) * ringBytes + edge);
        if (kh == 3 && kw == 3 && high - low == 3) {
          weights3x3(
            ring + <usize>(low % 3) * ringBytes,
            ring + <usize>((low + 1) % 3) * ringBytes,
            ring + <usize>((low + 2) % 3) * ringBytes,
            dy, g, outWidth, step, bytes,
          );
        } else {
          for (let row = low; row < high; row++)
            weightsRow(ring + <usize>(row % kh) * ringBytes, dy, g + <usize>(row - start) * weightRow, kw, outWidth, step, bytes);
        }
      }
      if (dbias != -1) columnSums(dy, outWidth, bytes, gb, false);
      if (dx == -1) continue;
      // Rows of dx that no later row of dy reaches.
      const limit = y == outHeight - 1 ? height : min(height, (y + 1) * down - top);
      for (; emitted < limit; emitted++) {
        gatherRow(emitted, out, dyRing, dyRingBytes, taps, width, outHeight, kh, kw, down, across, top, left, bytes);
        out += <usize>width * bytes;
        pendingRows += width;
        if (pendingRows >= GROUP || (image == count - 1 && emitted == height - 1)) {
          finishRows(epilogue, base, pendingAt, pending, pendingRows, bytes, height * width, shard);
          pending += pendingRows;
          pendingRows = 0;
          pendingAt = out;
        }
      }
    }
  }
}

/** Weights in the order the gather reads them: per kernel row and residue, columns from the last to the first. */
function gatherOrder(weight: usize, kh: i32, kw: i32, across: i32, bytes: usize, target: usize): void {
  for (let row = 0; row < kh; row++) {
    for (let residue = 0; residue < min(across, kw); residue++) {
      const taps = (kw - residue + across - 1) / across;
      for (let t = taps - 1; t >= 0; t--) {
        memory.copy(target, weight + <usize>(row * kw + residue + t * across) * bytes, bytes);
        target += bytes;
      }
    }
  }
}

function gatherRow(row: i32, out: usize, dyRing: usize, dyRingBytes: usize, weights: usize, width: i32, outHeight: i32, kh: i32, kw: i32, down: i32, across: i32, top: i32, left: i32, bytes: usize): void {
  const weightRow = <usize>kw * bytes;
  if (kh == 3 && kw == 3 && down == 1 && across == 1) {
    const last = row + top; // row of dy that meets kernel row 0
    if (last >= 2 && last < outHeight) {
      const shift = <usize>left * bytes; // column (kw - 1) + left - (kw - 1) of the padded row
      taps3x3(
        dyRing + <usize>((last - 2) % 3) * dyRingBytes + shift,
        dyRing + <usize>((last - 1) % 3) * dyRingBytes + shift,
        dyRing + <usize>(last % 3) * dyRingBytes + shift,
        weights + 2 * weightRow, weights + weightRow, weights, out, width, bytes, bytes, bytes,
      );
      return;
    }
  }
  let offset: usize = 0;
  for (let residue = 0; residue < across; residue++) {
    const x0 = (((residue - left) % across) + across) % across; // first pixel of this residue
    if (x0 >= width) {
      if (residue < kw) offset += <usize>((kw - residue + across - 1) / across) * bytes;
      continue;
    }
    const n = (width - x0 + across - 1) / across;
    const taps = residue < kw ? (kw - residue + across - 1) / across : 0;
    const target = out + <usize>x0 * bytes;
    let first = true;
    if (taps > 0) {
      const column = (x0 + left - residue) / across - (taps - 1) + kw - 1; // in the padded row
      for (let k = 0; k < kh; k++) {
        const numerator = row + top - k;
        if (numerator < 0 || numerator % down != 0) continue;
        const y = numerator / down;
        if (y >= outHeight) continue;
        tapsRow(
          dyRing + <usize>(y % kh) * dyRingBytes + <usize>column * bytes,
          weights + <usize>k * weightRow + offset,
          taps, target, n, bytes, <usize>across * bytes, bytes, first,
        );
        first = false;
      }
      offset += <usize>taps * bytes;
    }
    if (first) zeroPixels(target, n, <usize>across * bytes, bytes);
  }
}
