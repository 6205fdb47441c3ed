// Depthwise convolution for any kernel, stride and padding. Input rows are read into a ring of kernel-height rows with
// zeros left and right, so no pixel is special; rows above and below the map are skipped. In inference a row may
// instead be computed by the preceding 1x1 convolution, whose map, the network's largest, is then never stored. The
// gradient with respect to the input is gathered (not scattered): pixels with the same residue modulo the stride read
// the same taps.
import { codeOf, finishSums, scaleOf, shiftOf } from "./finish";
import { columnSums, gemm } from "./gemm";
import { DepthwiseBackward, DepthwiseForward, Expansion, Geometry } from "./instructions.generated";
import { addMoments, finishRows, startEpilogue, startSums } from "./norm";
import { copyRows, loadRows } from "./operand";
import { address, arena, arg, geometryAt, images, partials, wordsAt } from "./program";
import { taps3x3, tapsPair, tapsRow, weights3x3, weightsRow, zeroPixels } from "./taps";

/** Number of pixels after which a group of finished rows gets its sums or epilogue, while it is in cache. */
// @ts-ignore: decorator
@inline
const GROUP: i32 = 64;

export function depthwiseForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = <usize>arg(i, DepthwiseForward.inputs) << 2;
  const weight = address(i, DepthwiseForward.weight), bias = address(i, DepthwiseForward.bias), block = address(i, DepthwiseForward.block);
  const geometry = geometryAt(i, DepthwiseForward.geometry);
  const height = geometry.height, width = geometry.width, outHeight = geometry.outHeight, outWidth = geometry.outWidth;
  const kh = geometry.kernelHeight, kw = geometry.kernelWidth;
  const down = geometry.down, across = geometry.across, top = geometry.top, left = geometry.left;
  const ringBytes = <usize>max(left + width, (outWidth - 1) * across + kw) * bytes;
  const edge = <usize>left * bytes;
  const weightRow = <usize>kw * bytes, step = <usize>across * bytes;
  const count = images(program, shard);
  const rowsAt = scratch + <usize>kh * ringBytes;
  memory.fill(scratch, 0, <usize>kh * ringBytes);
  let out = base + address(i, DepthwiseForward.out);
  if (block) startSums(block, bytes, shard);
  const finish = wordsAt(i, DepthwiseForward.finish);
  const code = codeOf(finish, bias), scale = scaleOf(finish), shift = shiftOf(finish, bias, bytes);
  let pending = out, pendingRows = 0, first = true;
  for (let image = 0; image < count; image++) {
    let have = 0;
    for (let y = 0; y < outHeight; y++) {
      const start = y * down - top;
      const low = max(start, 0), high = min(start + kh, height);
      have = max(have, low);
      for (; have < high; have++)
        makeRow(i, base, (image * height + have) * width, geometry, bytes, scratch + <usize>(have % kh) * ringBytes + edge, rowsAt);
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
      finishSums(out, outWidth, bytes, bytes, 0, scale, shift, code);
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

/**
 * Puts a row of the map, starting at pixel `row`, into the ring. `rowsAt`: scratch for the rows that it is computed
 * from.
 */
function makeRow(i: usize, base: usize, row: i32, geometry: Geometry, bytes: usize, target: usize, rowsAt: usize): void {
  const width = geometry.width, pixels = geometry.height * width;
  const x = wordsAt(i, DepthwiseForward.x);
  const inputs = arg(i, DepthwiseForward.expansion + Expansion.inputs);
  if (inputs == 0) {
    copyRows(x, base, row, width, bytes, pixels, target);
    return;
  }
  const a = loadRows(x, base, row, width, <usize>inputs << 2, pixels, rowsAt);
  const channels = <i32>(bytes >> 2);
  const weight = address(i, DepthwiseForward.expansion + Expansion.weight), bias = address(i, DepthwiseForward.expansion + Expansion.bias);
  gemm(a, inputs, weight, target, channels, width, inputs, channels, bias, wordsAt(i, DepthwiseForward.expansion + Expansion.finish));
}

export function depthwiseBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = <usize>arg(i, DepthwiseBackward.inputs) << 2;
  const weight = address(i, DepthwiseBackward.weight);
  const dx = arg(i, DepthwiseBackward.dx), dweight = arg(i, DepthwiseBackward.dweight), dbias = arg(i, DepthwiseBackward.dbias);
  const geometry = geometryAt(i, DepthwiseBackward.geometry);
  const height = geometry.height, width = geometry.width, outHeight = geometry.outHeight, outWidth = geometry.outWidth;
  const kh = geometry.kernelHeight, kw = geometry.kernelWidth;
  const down = geometry.down, across = geometry.across, top = geometry.top, left = geometry.left;
  const ringBytes = <usize>max(left + width, (outWidth - 1) * across + kw) * bytes;
  const edge = <usize>left * bytes;
  const dyEdge = <usize>(kw - 1) * bytes;
  const dyRingBytes = dyEdge + <usize>max(outWidth, (width - 1 + left) / across + 1) * bytes;
  const weightRow = <usize>kw * bytes, step = <usize>across * bytes;
  const ring = scratch;
  const dyRing = ring + <usize>kh * ringBytes;
  const taps = dyRing + <usize>kh * dyRingBytes;
  const count = images(program, shard);
  const epilogue = wordsAt(i, DepthwiseBackward.epilogue);
  const g = gradients + <usize>(<u32>dweight), gb = gradients + <usize>(<u32>dbias);
  memory.fill(ring, 0, <usize>kh * (ringBytes + dyRingBytes));
  if (dweight != -1) memory.fill(g, 0, <usize>kh * weightRow);
  if (dbias != -1) memory.fill(gb, 0, bytes);
  let out = base + <usize>(<u32>dx);
  if (dx != -1) {
    gatherOrder(weight, kh, kw, across, bytes, taps);
    startEpilogue(epilogue, bytes, shard);
  }
  let pending = 0, pendingRows = 0; // pixels of dx whose epilogue is pending
  let pendingAt = out;
  for (let image = 0; image < count; image++) {
    let have = 0, emitted = 0;
    for (let y = 0; y < outHeight; y++) {
      const dy = dyRing + <usize>(y % kh) * dyRingBytes + dyEdge;
      copyRows(wordsAt(i, DepthwiseBackward.dy), base, (image * outHeight + y) * outWidth, outWidth, bytes, outHeight * outWidth, dy);
      if (dweight != -1) {
        const start = y * down - top;
        const low = max(start, 0), high = min(start + kh, height);
        have = max(have, low);
        for (; have < high; have++)
          copyRows(wordsAt(i, DepthwiseBackward.x), base, (image * height + have) * width, width, bytes, height * width, ring + <usize>(have % kh) * ringBytes + edge);
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
      // Rows of dx that no later row of dy affects.
      const limit = y == outHeight - 1 ? height : min(height, (y + 1) * down - top);
      for (; emitted < limit; emitted++) {
        gatherRow(emitted, out, dyRing, dyRingBytes, taps, geometry, bytes);
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

/**
 * Arranges weights in the order in which the gather reads them: per kernel row and residue, columns from last to first.
 */
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

function gatherRow(row: i32, out: usize, dyRing: usize, dyRingBytes: usize, weights: usize, geometry: Geometry, bytes: usize): void {
  const width = geometry.width, outHeight = geometry.outHeight, kh = geometry.kernelHeight, kw = geometry.kernelWidth;
  const down = geometry.down, across = geometry.across, top = geometry.top, left = geometry.left;
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
        const source = dyRing + <usize>(y % kh) * dyRingBytes + <usize>column * bytes;
        const w = weights + <usize>k * weightRow + offset;
        if (first && taps <= 2 && y > 0 && k + down < kh) {
          // The next kernel row meets the row of dy above.
          const above = dyRing + <usize>((y - 1) % kh) * dyRingBytes + <usize>column * bytes;
          tapsPair(source, w, above, w + <usize>down * weightRow, taps, target, n, bytes, <usize>across * bytes, bytes);
          k += down;
        } else tapsRow(source, w, taps, target, n, bytes, <usize>across * bytes, bytes, first);
        first = false;
      }
      offset += <usize>taps * bytes;
    }
    if (first) zeroPixels(target, n, <usize>across * bytes, bytes);
  }
}
