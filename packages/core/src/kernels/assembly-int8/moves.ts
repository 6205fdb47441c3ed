// Kernels that move bytes from one map to another.
import { address, word } from "./words";

// A block of pixels and channels: pixels are counted in planes, rows and columns in pixels.
// words: 0 x, 1 y, 2 rows, 3 columns, 4 channels, 5 first pixel of x, 6 pixels from a row of x to the next, 7 from a column,
// 8 first channel of x, 9 from a channel to the next, 10 bytes of a plane of x, 11 first pixel of y, 12 pixels from a row of y
// to the next, 13 first channel of y, 14 bytes of a plane of y
// Where channels lie in both as in planes, whole planes are written: what follows in the last is to be written after.
export function move(i: usize): void {
  const channels = word(i, 4),
    from = word(i, 8),
    step = word(i, 9),
    to = word(i, 13);
  const x = address(i, 0) + (<usize>word(i, 5) << 3),
    y = address(i, 1) + (<usize>word(i, 11) << 3);
  const whole = step == 1 && ((from | to) & 7) == 0;
  for (let c = 0; c < channels; c += whole ? 8 : 1) {
    const own = from + c * step,
      other = to + c;
    const a = x + <usize>(own >> 3) * <usize>word(i, 10) + <usize>(own & 7),
      b = y + <usize>(other >> 3) * <usize>word(i, 14) + <usize>(other & 7);
    if (whole) movePlane(i, a, b);
    else moveChannel(i, a, b);
  }
}

function movePlane(i: usize, x: usize, y: usize): void {
  const columns = word(i, 3),
    across = <usize>word(i, 7) << 3;
  for (let rows = word(i, 2); rows > 0; rows--) {
    let a = x,
      b = y;
    for (let column = 0; column < columns; column++) {
      store<u64>(b, load<u64>(a));
      a += across;
      b += 8;
    }
    x += <usize>word(i, 6) << 3;
    y += <usize>word(i, 12) << 3;
  }
}

function moveChannel(i: usize, x: usize, y: usize): void {
  const columns = word(i, 3),
    across = <usize>word(i, 7) << 3;
  for (let rows = word(i, 2); rows > 0; rows--) {
    let a = x,
      b = y;
    for (let column = 0; column < columns; column++) {
      store<u8>(b, load<u8>(a));
      a += across;
      b += 8;
    }
    x += <usize>word(i, 6) << 3;
    y += <usize>word(i, 12) << 3;
  }
}
