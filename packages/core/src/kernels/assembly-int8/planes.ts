// Values are stored in planes of eight channels: [channels / 8][pixels][8]. The last plane is padded with meaningless
// channels and each plane with meaningless pixels to a multiple of four, so that kernels have no tails.
import { address, word } from "./words";

// words: 0 x [pixels, channels], 1 y, 2 pixels, 3 channels, 4 bytes of a plane
export function toPlanes(i: usize): void {
  const pixels = word(i, 2),
    channels = word(i, 3);
  let x = address(i, 0),
    plane = address(i, 1);
  for (let c = 0; c < channels; c += 8) {
    let from = x + <usize>c;
    // Writing bytes of the next pixels into the padding does no harm.
    const step = <usize>channels;
    for (let y = plane, end = plane + (<usize>pixels << 3); y < end; y += 32) {
      let v = v128.load64_zero(from);
      v = v128.load64_lane(from + step, v, 1);
      v128.store(y, v);
      from += step << 1;
      v = v128.load64_zero(from);
      v = v128.load64_lane(from + step, v, 1);
      v128.store(y, v, 16);
      from += step << 1;
    }
    plane += <usize>word(i, 4);
  }
}

// words: as toPlanes
export function fromPlanes(i: usize): void {
  const pixels = word(i, 2),
    channels = word(i, 3),
    planeBytes = <usize>word(i, 4);
  const x = address(i, 0);
  let y = address(i, 1);
  for (let n: usize = 0; n < <usize>pixels; n++)
    for (let c = 0; c < channels; c++) store<u8>(y++, load<u8>(x + <usize>(c >> 3) * planeBytes + (n << 3) + <usize>(c & 7)));
}

/** Copies a plane with a border around it. */
export function padPlane(
  x: usize,
  y: usize,
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  top: i32,
  left: i32,
  value: i32,
): void {
  const border = i8x16.splat(<i8>value);
  const rowBytes = <usize>outWidth << 3;
  const from = <usize>left << 3,
    bytes = <usize>width << 3;
  for (let row = 0; row < outHeight; row++) {
    const inner = row - top;
    const end = y + rowBytes;
    if (inner < 0 || inner >= height) fill(y, end, border);
    else {
      fill(y, y + from, border);
      let to = y + from;
      const stop = to + bytes;
      for (; to < stop; to += 16) {
        v128.store(to, v128.load(x));
        x += 16;
      }
      x -= to - stop;
      fill(stop, end, border);
    }
    y = end;
  }
}

/** May write up to fifteen bytes too many. */
// @ts-ignore: decorator
@inline
export function fill(from: usize, end: usize, value: v128): void {
  for (; from < end; from += 16) v128.store(from, value);
}

// words: 0 x, 1 y, 2 height, 3 width, 4 output height, 5 output width, 6 top, 7 left, 8 value, 9 planes, 10 bytes of an
// input's plane, 11 of an output's
export function padMap(i: usize): void {
  let x = address(i, 0),
    y = address(i, 1);
  for (let p = 0; p < word(i, 9); p++) {
    padPlane(x, y, word(i, 2), word(i, 3), word(i, 4), word(i, 5), word(i, 6), word(i, 7), word(i, 8));
    x += <usize>word(i, 10);
    y += <usize>word(i, 11);
  }
}

// Repeats a map. words: 0 x, 1 y, 2 planes of y, 3 bytes of a plane of x (0: one channel for all), 4 of y, 5 height, 6
// width, 7 bytes from a row of x to the next, 8 from a pixel (0: it is repeated), 9 1 if x has one channel for all
export function repeat(i: usize): void {
  const height = word(i, 5),
    width = word(i, 6);
  const pixelBytes = <usize>word(i, 8);
  const one = word(i, 9) != 0;
  let plane = address(i, 0),
    outPlane = address(i, 1);
  for (let p = 0; p < word(i, 2); p++) {
    let y = outPlane,
      row = plane;
    for (let oy = 0; oy < height; oy++) {
      let x = row;
      for (let ox = 0; ox < width; ox++) {
        v128.store64_lane(y, one ? v128.load8_splat(x) : v128.load64_zero(x), 0);
        x += pixelBytes;
        y += 8;
      }
      row += <usize>word(i, 7);
    }
    plane += <usize>word(i, 3);
    outPlane += <usize>word(i, 4);
  }
}
