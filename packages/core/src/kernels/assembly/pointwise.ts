// 1x1 convolution and dense layer: matrix products over chunks of rows that stay in cache, so that reading an operand,
// the product, bias, and batch norm sums touch memory once.
import { columnSums, gemm, gemmTransposed, packPanels, packTransposedPanels } from "./gemm";
import { addMoments, finishRows, startEpilogue, startSums } from "./norm";
import { loadRows } from "./operand";
import { address, arena, arg, images, partials } from "./program";

export function addBias(target: usize, bias: usize, rows: i32, bytes: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16)
      v128.store(target + c, f32x4.add(v128.load(target + c), v128.load(bias + c)));
    target += bytes;
  }
}

// words: 0-7 x, 8 out, 9 weight [inputs][outputs], 10 bias or 0, 11 inputs, 12 outputs, 13 pixels, 14 chunk, 15 block or 0
export function pointwiseForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const inputs = arg(i, 11),
    outputs = arg(i, 12),
    pixels = arg(i, 13),
    chunk = arg(i, 14);
  const bias = address(i, 10),
    block = address(i, 15);
  const inputBytes = (<usize>inputs) << 2,
    outputBytes = (<usize>outputs) << 2;
  const total = images(program, shard) * pixels;
  packPanels(address(i, 9), inputs, outputs, scratch);
  const rowsAt = scratch + <usize>outputs * inputBytes;
  let out = base + address(i, 8);
  if (block) startSums(block, outputBytes, shard);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const a = loadRows(i + 8, base, row, rows, inputBytes, pixels, rowsAt);
    gemm(a, inputs, scratch, out, outputs, rows, inputs, outputs);
    if (bias) addBias(out, bias, rows, outputBytes);
    if (block) addMoments(out, rows, block, outputBytes, shard, row == 0);
    out += <usize>rows * outputBytes;
  }
}

// words: 0-7 x, 8-15 dy, 16-21 epilogue, 22 dx or -1, 23 weight, 24 weight gradient or -1, 25 bias gradient or -1,
// 26 inputs, 27 outputs, 28 pixels, 29 chunk
export function pointwiseBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const inputs = arg(i, 26),
    outputs = arg(i, 27),
    pixels = arg(i, 28),
    chunk = arg(i, 29);
  const dx = arg(i, 22),
    dweight = arg(i, 24),
    dbias = arg(i, 25);
  const inputBytes = (<usize>inputs) << 2,
    outputBytes = (<usize>outputs) << 2;
  const total = images(program, shard) * pixels;
  const xAt = scratch + <usize>outputs * inputBytes;
  const dyAt = xAt + <usize>chunk * inputBytes;
  const epilogue = i + 8 + 16 * 4;
  let out = base + <usize>(<u32>dx);
  if (dx != -1) {
    packTransposedPanels(address(i, 23), inputs, outputs, scratch);
    startEpilogue(epilogue, inputBytes, shard);
  }
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const dy = loadRows(i + 8 + 8 * 4, base, row, rows, outputBytes, pixels, dyAt);
    if (dweight != -1) {
      const x = loadRows(i + 8, base, row, rows, inputBytes, pixels, xAt);
      gemmTransposed(x, inputs, dy, outputs, gradients + <usize>(<u32>dweight), rows, inputs, outputs, row == 0);
    }
    if (dbias != -1) columnSums(dy, rows, outputBytes, gradients + <usize>(<u32>dbias), row == 0);
    if (dx != -1) {
      gemm(dy, outputs, scratch, out, inputs, rows, outputs, inputs);
      finishRows(epilogue, base, out, row, rows, inputBytes, pixels, shard);
      out += <usize>rows * inputBytes;
    }
  }
}
