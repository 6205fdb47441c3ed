// Depthwise convolution along one row: kernel taps times pixels, one channel vector at a time. Steps are in bytes.
import { addTo, madd } from "./simd";

/** out[x] = 3 x 3 taps: rows r0..r2 with weights w0..w2, 3 pixels each. */
export function taps3x3(r0: usize, r1: usize, r2: usize, w0: usize, w1: usize, w2: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize): void {
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
export function tapsRow(source: usize, w: usize, taps: i32, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  while (taps > 0) {
    let used = 1;
    if (taps >= 5) {
      tapsOf(5, source, w, out, n, sourceStep, outStep, bytes, first);
      used = 5;
    } else if (taps >= 3) {
      tapsOf(3, source, w, out, n, sourceStep, outStep, bytes, first);
      used = 3;
    } else if (taps == 2) {
      tapsOf(2, source, w, out, n, sourceStep, outStep, bytes, first);
      used = 2;
    } else tapsOf(1, source, w, out, n, sourceStep, outStep, bytes, first);
    first = false;
    taps -= used;
    source += <usize>used * bytes;
    w += <usize>used * bytes;
  }
}

/** out[x] = one or two taps of each of two rows. */
export function tapsPair(r0: usize, w0: usize, r1: usize, w1: usize, taps: i32, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize): void {
  if (taps == 2) tapsPairOf(2, r0, w0, r1, w1, out, n, sourceStep, outStep, bytes);
  else tapsPairOf(1, r0, w0, r1, w1, out, n, sourceStep, outStep, bytes);
}

/** `count` is a constant, 1 or 2, so branches on it fold away. */
// @ts-ignore: decorator
@inline
function tapsPairOf(count: i32, r0: usize, w0: usize, r1: usize, w1: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p0 = r0 + c, p1 = r1 + c, o = out + c;
    const k0 = v128.load(w0 + c), k2 = v128.load(w1 + c);
    const k1 = count > 1 ? v128.load(w0 + c + bytes) : k0, k3 = count > 1 ? v128.load(w1 + c + bytes) : k2;
    for (let x = 0; x < n; x++) {
      let a = f32x4.mul(v128.load(p0), k0), b = f32x4.mul(v128.load(p1), k2);
      if (count > 1) {
        a = madd(v128.load(p0 + bytes), k1, a);
        b = madd(v128.load(p1 + bytes), k3, b);
      }
      v128.store(o, f32x4.add(a, b));
      p0 += sourceStep;
      p1 += sourceStep;
      o += outStep;
    }
  }
}

/** `count` is a constant, 1, 2, 3 or 5, so branches on it fold away. */
// @ts-ignore: decorator
@inline
function tapsOf(count: i32, source: usize, w: usize, out: usize, n: i32, sourceStep: usize, outStep: usize, bytes: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    const k = w + c;
    const k0 = v128.load(k);
    const k1 = count > 1 ? v128.load(k + bytes) : k0, k2 = count > 2 ? v128.load(k + 2 * bytes) : k0;
    const k3 = count > 3 ? v128.load(k + 3 * bytes) : k0, k4 = count > 3 ? v128.load(k + 4 * bytes) : k0;
    let p = source + c, o = out + c;
    for (let x = 0; x < n; x++) {
      let a = f32x4.mul(v128.load(p), k0);
      if (count == 5) {
        let b = f32x4.mul(v128.load(p + bytes), k1);
        a = madd(v128.load(p + 2 * bytes), k2, a);
        b = madd(v128.load(p + 3 * bytes), k3, b);
        a = madd(v128.load(p + 4 * bytes), k4, a);
        a = f32x4.add(a, b);
      } else {
        if (count > 1) a = madd(v128.load(p + bytes), k1, a);
        if (count > 2) a = madd(v128.load(p + 2 * bytes), k2, a);
      }
      v128.store(o, first ? a : f32x4.add(a, v128.load(o)));
      p += sourceStep;
      o += outStep;
    }
  }
}

/** Zeros n pixels, `step` bytes apart. */
export function zeroPixels(out: usize, n: i32, step: usize, bytes: usize): void {
  for (let x = 0; x < n; x++) {
    memory.fill(out, 0, bytes);
    out += step;
  }
}

/** g[0..8] += sum over x of 3 x 3 input pixels times dy[x]. */
export function weights3x3(r0: usize, r1: usize, r2: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
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
    const h = g + c;
    addTo(h, a0);
    addTo(h + bytes, a1);
    addTo(h + 2 * bytes, a2);
    addTo(h + 3 * bytes, a3);
    addTo(h + 4 * bytes, a4);
    addTo(h + 5 * bytes, a5);
    addTo(h + 6 * bytes, a6);
    addTo(h + 7 * bytes, a7);
    addTo(h + 8 * bytes, a8);
  }
}

/** g[0..taps) += sum over x of a row's pixels times dy[x]. */
export function weightsRow(source: usize, dy: usize, g: usize, taps: i32, n: i32, step: usize, bytes: usize): void {
  let t = 0;
  for (; t + 5 <= taps; t += 5) weightsOf(5, source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
  for (; t + 3 <= taps; t += 3) weightsOf(3, source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
  for (; t < taps; t++) weightsOf(1, source + <usize>t * bytes, dy, g + <usize>t * bytes, n, step, bytes);
}

/** `count` is a constant, 1, 3 or 5. */
// @ts-ignore: decorator
@inline
function weightsOf(count: i32, source: usize, dy: usize, g: usize, n: i32, step: usize, bytes: usize): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p = source + c, d = dy + c;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0;
    for (let x = 0; x < n; x++) {
      const v = v128.load(d);
      a0 = madd(v128.load(p), v, a0);
      if (count > 1) {
        a1 = madd(v128.load(p + bytes), v, a1);
        a2 = madd(v128.load(p + 2 * bytes), v, a2);
      }
      if (count > 3) {
        a3 = madd(v128.load(p + 3 * bytes), v, a3);
        a4 = madd(v128.load(p + 4 * bytes), v, a4);
      }
      d += bytes;
      p += step;
    }
    const h = g + c;
    addTo(h, a0);
    if (count > 1) {
      addTo(h + bytes, a1);
      addTo(h + 2 * bytes, a2);
    }
    if (count > 3) {
      addTo(h + 3 * bytes, a3);
      addTo(h + 4 * bytes, a4);
    }
  }
}
