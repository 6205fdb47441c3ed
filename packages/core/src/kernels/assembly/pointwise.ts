// 1x1 convolution and dense layer: matrix products over chunks of rows that stay in cache, so that reading an operand,
// the product and batch norm's sums access memory once.
import { columnSums, gemm, gemmTransposed, packPanels, packTransposedPanels } from "./gemm";
import { PointwiseBackward, PointwiseForward } from "./instructions.generated";
import { addMoments, finishRows, startEpilogue, startSums } from "./norm";
import { loadRows } from "./operand";
import { address, arena, arg, images, partials, wordsAt } from "./program";

export function pointwiseForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const inputs = arg(i, PointwiseForward.inputs),
    outputs = arg(i, PointwiseForward.outputs),
    pixels = arg(i, PointwiseForward.pixels),
    chunk = arg(i, PointwiseForward.chunk);
  const bias = address(i, PointwiseForward.bias),
    block = address(i, PointwiseForward.block);
  const inputBytes = (<usize>inputs) << 2,
    outputBytes = (<usize>outputs) << 2;
  const total = images(program, shard) * pixels;
  const weight = address(i, PointwiseForward.weight);
  const packed = arg(i, PointwiseForward.packed) != 0;
  if (!packed) packPanels(weight, inputs, outputs, scratch);
  const panels = packed ? weight : scratch;
  const rowsAt = packed ? scratch : scratch + <usize>outputs * inputBytes;
  const finish = wordsAt(i, PointwiseForward.finish);
  let out = base + address(i, PointwiseForward.out);
  if (block) startSums(block, outputBytes, shard);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const a = loadRows(wordsAt(i, PointwiseForward.x), base, row, rows, inputBytes, pixels, rowsAt);
    gemm(a, inputs, panels, out, outputs, rows, inputs, outputs, bias, finish);
    if (block) addMoments(out, rows, block, outputBytes, shard, row == 0);
    out += <usize>rows * outputBytes;
  }
}

export function pointwiseBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const inputs = arg(i, PointwiseBackward.inputs),
    outputs = arg(i, PointwiseBackward.outputs),
    pixels = arg(i, PointwiseBackward.pixels),
    chunk = arg(i, PointwiseBackward.chunk);
  const dx = arg(i, PointwiseBackward.dx),
    dweight = arg(i, PointwiseBackward.dweight),
    dbias = arg(i, PointwiseBackward.dbias);
  const inputBytes = (<usize>inputs) << 2,
    outputBytes = (<usize>outputs) << 2;
  const total = images(program, shard) * pixels;
  const xAt = scratch + <usize>outputs * inputBytes;
  const dyAt = xAt + <usize>chunk * inputBytes;
  const epilogue = wordsAt(i, PointwiseBackward.epilogue);
  let out = base + <usize>(<u32>dx);
  if (dx != -1) {
    packTransposedPanels(address(i, PointwiseBackward.weight), inputs, outputs, scratch);
    startEpilogue(epilogue, inputBytes, shard);
  }
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const dy = loadRows(wordsAt(i, PointwiseBackward.dy), base, row, rows, outputBytes, pixels, dyAt);
    if (dweight != -1) {
      const x = loadRows(wordsAt(i, PointwiseBackward.x), base, row, rows, inputBytes, pixels, xAt);
      gemmTransposed(x, inputs, dy, outputs, gradients + <usize>(<u32>dweight), rows, inputs, outputs, row == 0);
    }
    if (dbias != -1) columnSums(dy, rows, outputBytes, gradients + <usize>(<u32>dbias), row == 0);
    if (dx != -1) {
      gemm(dy, outputs, scratch, out, inputs, rows, outputs, inputs, 0, 0);
      finishRows(epilogue, base, out, row, rows, inputBytes, pixels, shard);
      out += <usize>rows * inputBytes;
    }
  }
}
