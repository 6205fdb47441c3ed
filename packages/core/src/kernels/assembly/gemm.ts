// Matrix products in tiles of 4 rows x 8 columns, with accumulators in registers. All row lengths are multiples of 4
// floats. The right-hand side is first packed into panels of 8 columns (the last may have 4), so that a tile reads it
// sequentially.

import { codeOf, finished, finishSums, four, fourAddends, scaleOf, shiftOf, UNFINISHED } from "./finish";
import { Activations } from "./instructions.generated";
import { madd } from "./simd";

/** Packs W [k][n] into panels of W. */
export function packPanels(w: usize, k: i32, n: i32, target: usize): void {
  const bytes = <usize>n << 2;
  let c: usize = 0;
  for (; c + 32 <= bytes; c += 32) {
    let source = w + c;
    for (let i = 0; i < k; i++) {
      v128.store(target, v128.load(source));
      v128.store(target, v128.load(source, 16), 16);
      source += bytes;
      target += 32;
    }
  }
  if (c < bytes) {
    let source = w + c;
    for (let i = 0; i < k; i++) {
      v128.store(target, v128.load(source));
      source += bytes;
      target += 16;
    }
  }
}

/** Packs W [k][n] into panels of its transpose [n][k]. */
export function packTransposedPanels(w: usize, k: i32, n: i32, target: usize): void {
  const stride = <usize>n << 2;
  for (let column = 0; column < k; column += 8) {
    const width = min(8, k - column);
    for (let i = 0; i < n; i++) {
      let source = w + <usize>column * stride + (<usize>i << 2);
      for (let j = 0; j < width; j++) {
        store<f32>(target, load<f32>(source));
        source += stride;
        target += 4;
      }
    }
  }
}

/**
 * C [rows][n] = A [rows][k] * B, finished (finish.ts), with B in panels; `strideA` and `strideC` are in floats per row.
 * `bias` and `finish` may be 0.
 */
export function gemm(a: usize, strideA: i32, panels: usize, c: usize, strideC: i32, rows: i32, k: i32, n: i32, bias: usize, finish: usize): void {
  const sa = <usize>strideA << 2;
  const sc = <usize>strideC << 2;
  const bytes = <usize>n << 2;
  const code = codeOf(finish, bias), scale = scaleOf(finish), shift = shiftOf(finish, bias, bytes);
  const whole = bytes & ~31; // bytes of a row covered by tiles of 8 columns
  const panel = <usize>k << 5;
  const rest = panels + <usize>k * whole;
  // A function call would spill the sums from registers.
  const calls = code == Activations.swish;
  const inTile = calls ? UNFINISHED : code;
  const tiled = rows & ~3;
  if (tiled > 0) {
    let b = panels;
    for (let column: usize = 0; column < whole; column += 32) {
      tiles4x8(a, sa, b, c + column, sc, tiled, k, column, scale, shift, inTile);
      b += panel;
    }
    if (whole < bytes) {
      for (let r = 0; r < tiled; r += 4) tile4x4(a + <usize>r * sa, sa, rest, c + <usize>r * sc + whole, sc, k);
      finishSums(c + whole, tiled, sc, 16, whole, scale, shift, inTile);
    }
    if (calls) finishSums(c, tiled, sc, bytes, 0, scale, shift, code);
    a += <usize>tiled * sa;
    c += <usize>tiled * sc;
  }
  for (let r = tiled; r < rows; r++) {
    tiles1(a, panels, c, k, bytes);
    finishSums(c, 1, sc, bytes, 0, scale, shift, code);
    a += sa;
    c += sc;
  }
}

/**
 * Eight columns, four rows at a time: the panel stays in cache. `column`: offset in bytes of the columns in a row of C.
 */
function tiles4x8(a: usize, sa: usize, panel: usize, c: usize, sc: usize, rows: i32, k: i32, column: usize, scale: usize, shift: usize, code: i32): void {
  const end = <usize>k << 2;
  const f0 = four(scale, column), f1 = four(scale, column + 16);
  const s0 = fourAddends(shift, column), s1 = fourAddends(shift, column + 16);
  for (let r = 0; r < rows; r += 4) {
    let x00 = f32x4.splat(0), x01 = x00, x10 = x00, x11 = x00, x20 = x00, x21 = x00, x30 = x00, x31 = x00;
    const a1 = a + sa, a2 = a1 + sa, a3 = a2 + sa;
    let b = panel;
    for (let i: usize = 0; i < end; i += 4) {
      const b0 = v128.load(b), b1 = v128.load(b, 16);
      let s = v128.load32_splat(a + i);
      x00 = madd(s, b0, x00);
      x01 = madd(s, b1, x01);
      s = v128.load32_splat(a1 + i);
      x10 = madd(s, b0, x10);
      x11 = madd(s, b1, x11);
      s = v128.load32_splat(a2 + i);
      x20 = madd(s, b0, x20);
      x21 = madd(s, b1, x21);
      s = v128.load32_splat(a3 + i);
      x30 = madd(s, b0, x30);
      x31 = madd(s, b1, x31);
      b += 32;
    }
    if (code == UNFINISHED) store4x8(c, sc, x00, x01, x10, x11, x20, x21, x30, x31, f0, f1, s0, s1, UNFINISHED);
    else if (code == Activations.none) store4x8(c, sc, x00, x01, x10, x11, x20, x21, x30, x31, f0, f1, s0, s1, Activations.none);
    else if (code == Activations.relu6) store4x8(c, sc, x00, x01, x10, x11, x20, x21, x30, x31, f0, f1, s0, s1, Activations.relu6);
    else if (code == Activations.hardswish) store4x8(c, sc, x00, x01, x10, x11, x20, x21, x30, x31, f0, f1, s0, s1, Activations.hardswish);
    else store4x8(c, sc, x00, x01, x10, x11, x20, x21, x30, x31, f0, f1, s0, s1, Activations.relu);
    a = a3 + sa;
    c += sc << 2;
  }
}

/** Factors f and addends s of the channels of both column vectors; `code` is a constant. */
// @ts-ignore: decorator
@inline
function store4x8(c: usize, sc: usize, x00: v128, x01: v128, x10: v128, x11: v128, x20: v128, x21: v128, x30: v128, x31: v128, f0: v128, f1: v128, s0: v128, s1: v128, code: i32): void {
  v128.store(c, finished(x00, f0, s0, code));
  v128.store(c, finished(x01, f1, s1, code), 16);
  c += sc;
  v128.store(c, finished(x10, f0, s0, code));
  v128.store(c, finished(x11, f1, s1, code), 16);
  c += sc;
  v128.store(c, finished(x20, f0, s0, code));
  v128.store(c, finished(x21, f1, s1, code), 16);
  c += sc;
  v128.store(c, finished(x30, f0, s0, code));
  v128.store(c, finished(x31, f1, s1, code), 16);
}

function tile4x4(a: usize, sa: usize, b: usize, c: usize, sc: usize, k: i32): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  const a1 = a + sa, a2 = a1 + sa, a3 = a2 + sa;
  const end = <usize>k << 2;
  for (let i: usize = 0; i < end; i += 4) {
    const b0 = v128.load(b);
    x0 = madd(v128.load32_splat(a + i), b0, x0);
    x1 = madd(v128.load32_splat(a1 + i), b0, x1);
    x2 = madd(v128.load32_splat(a2 + i), b0, x2);
    x3 = madd(v128.load32_splat(a3 + i), b0, x3);
    b += 16;
  }
  v128.store(c, x0);
  c += sc;
  v128.store(c, x1);
  c += sc;
  v128.store(c, x2);
  c += sc;
  v128.store(c, x3);
}

/** One row. */
function tiles1(a: usize, b: usize, c: usize, k: i32, bytes: usize): void {
  const panel = <usize>k << 5;
  let column: usize = 0;
  for (; column + 128 <= bytes; column += 128) {
    tile1x32(a, b, panel, c + column, k);
    b += panel << 2;
  }
  for (; column + 32 <= bytes; column += 32) {
    tile1x8(a, b, c + column, k);
    b += panel;
  }
  if (column < bytes) tile1x4(a, b, c + column, k);
}

/** One row and four adjacent panels: a single chain of sums would stall on its own latency. */
function tile1x32(a: usize, b: usize, panel: usize, c: usize, k: i32): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0, x4 = x0, x5 = x0, x6 = x0, x7 = x0;
  let b1 = b + panel, b2 = b1 + panel, b3 = b2 + panel;
  for (let i = 0; i < k; i++) {
    const s = v128.load32_splat(a);
    x0 = madd(s, v128.load(b), x0);
    x1 = madd(s, v128.load(b, 16), x1);
    x2 = madd(s, v128.load(b1), x2);
    x3 = madd(s, v128.load(b1, 16), x3);
    x4 = madd(s, v128.load(b2), x4);
    x5 = madd(s, v128.load(b2, 16), x5);
    x6 = madd(s, v128.load(b3), x6);
    x7 = madd(s, v128.load(b3, 16), x7);
    a += 4;
    b += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
  }
  v128.store(c, x0);
  v128.store(c, x1, 16);
  v128.store(c, x2, 32);
  v128.store(c, x3, 48);
  v128.store(c, x4, 64);
  v128.store(c, x5, 80);
  v128.store(c, x6, 96);
  v128.store(c, x7, 112);
}

function tile1x8(a: usize, b: usize, c: usize, k: i32): void {
  let x0 = f32x4.splat(0), x1 = x0;
  for (let i = 0; i < k; i++) {
    const s = v128.load32_splat(a);
    x0 = madd(s, v128.load(b), x0);
    x1 = madd(s, v128.load(b, 16), x1);
    a += 4;
    b += 32;
  }
  v128.store(c, x0);
  v128.store(c, x1, 16);
}

function tile1x4(a: usize, b: usize, c: usize, k: i32): void {
  let x = f32x4.splat(0);
  for (let i = 0; i < k; i++) {
    x = madd(v128.load32_splat(a), v128.load(b), x);
    a += 4;
    b += 16;
  }
  v128.store(c, x);
}

/**
 * G [k][n] (+)= transpose of A [rows][k] * B [rows][n]; overwrites G when `first`. k a multiple of 4.
 */
export function gemmTransposed(a: usize, strideA: i32, b: usize, strideB: i32, g: usize, rows: i32, k: i32, n: i32, first: bool): void {
  const sg = <usize>n << 2;
  const sa = <usize>strideA << 2;
  const sb = <usize>strideB << 2;
  for (let i = 0; i < k; i += 4) {
    let column: usize = 0;
    for (; column + 32 <= sg; column += 32) outer4x8(a, sa, b + column, sb, g + column, sg, rows, first);
    if (column < sg) outer4x4(a, sa, b + column, sb, g + column, sg, rows, first);
    a += 16;
    g += sg << 2;
  }
}

function outer4x8(a: usize, sa: usize, b: usize, sb: usize, g: usize, sg: usize, rows: i32, first: bool): void {
  let x00 = f32x4.splat(0), x01 = x00, x10 = x00, x11 = x00, x20 = x00, x21 = x00, x30 = x00, x31 = x00;
  for (let r = 0; r < rows; r++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    x00 = madd(s, b0, x00);
    x01 = madd(s, b1, x01);
    s = v128.load32_splat(a, 4);
    x10 = madd(s, b0, x10);
    x11 = madd(s, b1, x11);
    s = v128.load32_splat(a, 8);
    x20 = madd(s, b0, x20);
    x21 = madd(s, b1, x21);
    s = v128.load32_splat(a, 12);
    x30 = madd(s, b0, x30);
    x31 = madd(s, b1, x31);
    a += sa;
    b += sb;
  }
  if (!first) {
    let h = g;
    x00 = f32x4.add(x00, v128.load(h));
    x01 = f32x4.add(x01, v128.load(h, 16));
    h += sg;
    x10 = f32x4.add(x10, v128.load(h));
    x11 = f32x4.add(x11, v128.load(h, 16));
    h += sg;
    x20 = f32x4.add(x20, v128.load(h));
    x21 = f32x4.add(x21, v128.load(h, 16));
    h += sg;
    x30 = f32x4.add(x30, v128.load(h));
    x31 = f32x4.add(x31, v128.load(h, 16));
  }
  v128.store(g, x00);
  v128.store(g, x01, 16);
  g += sg;
  v128.store(g, x10);
  v128.store(g, x11, 16);
  g += sg;
  v128.store(g, x20);
  v128.store(g, x21, 16);
  g += sg;
  v128.store(g, x30);
  v128.store(g, x31, 16);
}

function outer4x4(a: usize, sa: usize, b: usize, sb: usize, g: usize, sg: usize, rows: i32, first: bool): void {
  let x0 = f32x4.splat(0), x1 = x0, x2 = x0, x3 = x0;
  for (let r = 0; r < rows; r++) {
    const b0 = v128.load(b);
    x0 = madd(v128.load32_splat(a), b0, x0);
    x1 = madd(v128.load32_splat(a, 4), b0, x1);
    x2 = madd(v128.load32_splat(a, 8), b0, x2);
    x3 = madd(v128.load32_splat(a, 12), b0, x3);
    a += sa;
    b += sb;
  }
  if (!first) {
    let h = g;
    x0 = f32x4.add(x0, v128.load(h));
    h += sg;
    x1 = f32x4.add(x1, v128.load(h));
    h += sg;
    x2 = f32x4.add(x2, v128.load(h));
    h += sg;
    x3 = f32x4.add(x3, v128.load(h));
  }
  v128.store(g, x0);
  g += sg;
  v128.store(g, x1);
  g += sg;
  v128.store(g, x2);
  g += sg;
  v128.store(g, x3);
}

/** b[c] (+)= sum over rows of x[r][c]; overwrites when `first`. */
export function columnSums(x: usize, rows: i32, bytes: usize, target: usize, first: bool): void {
  for (let c: usize = 0; c < bytes; c += 16) {
    let p = x + c;
    let s = f32x4.splat(0);
    for (let r = 0; r < rows; r++) {
      s = f32x4.add(s, v128.load(p));
      p += bytes;
    }
    if (!first) s = f32x4.add(s, v128.load(target + c));
    v128.store(target + c, s);
  }
}
