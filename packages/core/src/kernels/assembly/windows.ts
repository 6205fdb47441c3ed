// Pooling: the maximum or mean of each window's pixels on the map, of which there is at least one (graph/ops.ts).
import { AveragePoolGradient, Geometry, MaxPoolGradient, PoolForward } from "./instructions.generated";
import { address, arena, arg, geometryAt, images } from "./program";
import { addTo } from "./simd";

// The current window's part on the map (globals, private to each thread): first row and column, and their numbers.
let row: i32 = 0;
let column: i32 = 0;
let rows: i32 = 0;
let columns: i32 = 0;

function placeWindow(g: Geometry, y: i32, x: i32): void {
  const top = y * g.down - g.top,
    left = x * g.across - g.left;
  row = max(0, top);
  column = max(0, left);
  rows = min(g.height, top + g.kernelHeight) - row;
  columns = min(g.width, left + g.kernelWidth) - column;
}

export function poolForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, PoolForward.bytes);
  const g = geometryAt(i, PoolForward.geometry);
  const mean = arg(i, PoolForward.mean) != 0;
  const count = images(program, shard);
  const line = <usize>g.width * bytes;
  let x = base + address(i, PoolForward.x),
    out = base + address(i, PoolForward.out);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < g.outHeight; y++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        placeWindow(g, y, ox);
        const corner = x + <usize>(row * g.width + column) * bytes;
        const inverse = f32x4.splat(1 / <f32>(rows * columns));
        for (let c: usize = 0; c < bytes; c += 16) {
          if (mean) {
            let sum = f32x4.splat(0);
            for (let k = 0; k < rows; k++) {
              let at = corner + <usize>k * line + c;
              for (let j = 0; j < columns; j++) {
                sum = f32x4.add(sum, v128.load(at));
                at += bytes;
              }
            }
            v128.store(out + c, f32x4.mul(sum, inverse));
          } else {
            let peak = v128.load(corner + c);
            for (let k = 0; k < rows; k++) {
              let at = corner + <usize>k * line + c;
              for (let j = 0; j < columns; j++) {
                peak = f32x4.max(peak, v128.load(at));
                at += bytes;
              }
            }
            v128.store(out + c, peak);
          }
        }
        out += bytes;
      }
    }
    x += <usize>g.height * line;
  }
}

export function maxPoolGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, MaxPoolGradient.bytes);
  const g = geometryAt(i, MaxPoolGradient.geometry);
  const count = images(program, shard);
  const line = <usize>g.width * bytes;
  const mapBytes = <usize>g.height * line;
  let x = base + address(i, MaxPoolGradient.x),
    dx = base + address(i, MaxPoolGradient.out),
    peaks = base + address(i, MaxPoolGradient.y),
    dy = base + address(i, MaxPoolGradient.dy);
  memory.fill(dx, 0, <usize>count * mapBytes);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < g.outHeight; y++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        placeWindow(g, y, ox);
        const corner = <usize>(row * g.width + column) * bytes;
        for (let c: usize = 0; c < bytes; c += 16) {
          const peak = v128.load(peaks + c);
          let left = v128.load(dy + c); // not yet assigned to a pixel
          for (let k = 0; k < rows; k++) {
            let at = corner + <usize>k * line + c;
            for (let j = 0; j < columns; j++) {
              const hit = f32x4.eq(v128.load(x + at), peak);
              addTo(dx + at, v128.and(left, hit));
              left = v128.andnot(left, hit);
              at += bytes;
            }
          }
        }
        peaks += bytes;
        dy += bytes;
      }
    }
    x += mapBytes;
    dx += mapBytes;
  }
}

export function averagePoolGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, AveragePoolGradient.bytes);
  const g = geometryAt(i, AveragePoolGradient.geometry);
  const count = images(program, shard);
  const line = <usize>g.width * bytes;
  const mapBytes = <usize>g.height * line;
  let dx = base + address(i, AveragePoolGradient.out),
    dy = base + address(i, AveragePoolGradient.dy);
  memory.fill(dx, 0, <usize>count * mapBytes);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < g.outHeight; y++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        placeWindow(g, y, ox);
        const corner = dx + <usize>(row * g.width + column) * bytes;
        const inverse = f32x4.splat(1 / <f32>(rows * columns));
        for (let c: usize = 0; c < bytes; c += 16) {
          const share = f32x4.mul(v128.load(dy + c), inverse);
          for (let k = 0; k < rows; k++) {
            let at = corner + <usize>k * line + c;
            for (let j = 0; j < columns; j++) {
              addTo(at, share);
              at += bytes;
            }
          }
        }
        dy += bytes;
      }
    }
    dx += mapBytes;
  }
}
