// Dense k x k convolution: each output row's patches are unrolled into a matrix, then multiplied; and grouped
// convolution, pixel by pixel (rare: correct, not fast).
import { columnSums, gemm, gemmTransposed, packPanels, packTransposedPanels } from "./gemm";
import { addMoments, startMoments } from "./norm";
import { loadRows } from "./operand";
import { addBias } from "./pointwise";
import { address, arena, arg, images, partials } from "./program";

/** Patches of output row y as [outWidth][kernel height * width * channels]; zeros outside the map. */
function unroll(
  x: usize,
  y: i32,
  height: i32,
  width: i32,
  outWidth: i32,
  kh: i32,
  kw: i32,
  down: i32,
  across: i32,
  top: i32,
  left: i32,
  bytes: usize,
  target: usize,
): void {
  const span = <usize>kw * bytes;
  for (let ox = 0; ox < outWidth; ox++) {
    const column = ox * across - left;
    for (let k = 0; k < kh; k++) {
      const row = y * down - top + k;
      if (row < 0 || row >= height) memory.fill(target, 0, span);
      else {
        const low = min(max(-column, 0), kw),
          high = max(min(width - column, kw), low);
        if (low > 0) memory.fill(target, 0, <usize>low * bytes);
        if (high > low)
          memory.copy(
            target + <usize>low * bytes,
            x + <usize>(row * width + column + low) * bytes,
            <usize>(high - low) * bytes,
          );
        if (high < kw) memory.fill(target + <usize>high * bytes, 0, <usize>(kw - high) * bytes);
      }
      target += span;
    }
  }
}

/** Adds the patches' gradients of output row y back into the map. */
function roll(
  patches: usize,
  dx: usize,
  y: i32,
  height: i32,
  width: i32,
  outWidth: i32,
  kh: i32,
  kw: i32,
  down: i32,
  across: i32,
  top: i32,
  left: i32,
  bytes: usize,
): void {
  for (let ox = 0; ox < outWidth; ox++) {
    const column = ox * across - left;
    for (let k = 0; k < kh; k++) {
      const row = y * down - top + k;
      if (row >= 0 && row < height) {
        const low = min(max(-column, 0), kw),
          high = max(min(width - column, kw), low);
        let target = dx + <usize>(row * width + column + low) * bytes;
        let p = patches + <usize>low * bytes;
        const end = patches + <usize>high * bytes;
        for (; p < end; p += 16) {
          v128.store(target, f32x4.add(v128.load(target), v128.load(p)));
          target += 16;
        }
      }
      patches += <usize>kw * bytes;
    }
  }
}

// words: 0-7 x (stored), 8 out, 9 weight [kernel height * width * inputs][outputs], 10 bias or 0, 11 inputs, 12-21 as
// depthwise, 22 block or 0, 23 outputs
export function convForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = (<usize>arg(i, 11)) << 2;
  const bias = address(i, 10),
    block = address(i, 22);
  const height = arg(i, 12),
    width = arg(i, 13),
    outHeight = arg(i, 14),
    outWidth = arg(i, 15);
  const kh = arg(i, 16),
    kw = arg(i, 17),
    down = arg(i, 18),
    across = arg(i, 19),
    top = arg(i, 20),
    left = arg(i, 21);
  const outputs = arg(i, 23);
  const outBytes = (<usize>outputs) << 2;
  const k = kh * kw * arg(i, 11);
  const count = images(program, shard);
  packPanels(address(i, 9), k, outputs, scratch);
  const patches = scratch + <usize>k * outBytes;
  let out = base + address(i, 8);
  if (block) startMoments(block, outBytes, shard);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 1) + <usize>(image * height * width) * bytes;
    for (let y = 0; y < outHeight; y++) {
      unroll(x, y, height, width, outWidth, kh, kw, down, across, top, left, bytes, patches);
      gemm(patches, k, scratch, out, outputs, outWidth, k, outputs);
      if (bias) addBias(out, bias, outWidth, outBytes);
      if (block) addMoments(out, outWidth, block, outBytes, shard, image == 0 && y == 0);
      out += <usize>outWidth * outBytes;
    }
  }
}

// words: 0-7 x (stored), 8-15 dy, 16-21 unused, 22 dx or -1, 23 weight, 24 weight gradient or -1, 25 bias gradient or -1,
// 26 inputs, 27-36 as 12-21 above, 37 outputs
export function convBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = (<usize>arg(i, 26)) << 2;
  const dx = arg(i, 22),
    dweight = arg(i, 24),
    dbias = arg(i, 25);
  const height = arg(i, 27),
    width = arg(i, 28),
    outHeight = arg(i, 29),
    outWidth = arg(i, 30);
  const kh = arg(i, 31),
    kw = arg(i, 32),
    down = arg(i, 33),
    across = arg(i, 34),
    top = arg(i, 35),
    left = arg(i, 36);
  const outputs = arg(i, 37);
  const outBytes = (<usize>outputs) << 2;
  const k = kh * kw * arg(i, 26);
  const count = images(program, shard);
  const patches = scratch + <usize>k * outBytes;
  const dyAt = patches + ((<usize>k) << 2) * <usize>outWidth;
  const mapBytes = <usize>(height * width) * bytes;
  if (dx != -1) {
    packTransposedPanels(address(i, 23), k, outputs, scratch);
    memory.fill(base + <usize>(<u32>dx), 0, <usize>count * mapBytes);
  }
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 1) + <usize>image * mapBytes;
    for (let y = 0; y < outHeight; y++) {
      const first = image == 0 && y == 0;
      const dy = loadRows(
        i + 8 + 8 * 4,
        base,
        (image * outHeight + y) * outWidth,
        outWidth,
        outBytes,
        outHeight * outWidth,
        dyAt,
      );
      if (dweight != -1) {
        unroll(x, y, height, width, outWidth, kh, kw, down, across, top, left, bytes, patches);
        gemmTransposed(patches, k, dy, outputs, gradients + <usize>(<u32>dweight), outWidth, k, outputs, first);
      }
      if (dbias != -1) columnSums(dy, outWidth, outBytes, gradients + <usize>(<u32>dbias), first);
      if (dx != -1) {
        gemm(dy, outputs, scratch, patches, k, outWidth, outputs, k);
        roll(
          patches,
          base + <usize>(<u32>dx) + <usize>image * mapBytes,
          y,
          height,
          width,
          outWidth,
          kh,
          kw,
          down,
          across,
          top,
          left,
          bytes,
        );
      }
    }
  }
}

// Grouped; weights as [filters][kernel height][kernel width][inputs / groups], unpadded. Words as convForward's, then
// 24 groups, 25 true inputs, 26 true outputs.
export function groupedForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = (<usize>arg(i, 11)) << 2;
  const weight = address(i, 9),
    bias = address(i, 10),
    block = address(i, 22);
  const height = arg(i, 12),
    width = arg(i, 13),
    outHeight = arg(i, 14),
    outWidth = arg(i, 15);
  const kh = arg(i, 16),
    kw = arg(i, 17),
    down = arg(i, 18),
    across = arg(i, 19),
    top = arg(i, 20),
    left = arg(i, 21);
  const outBytes = (<usize>arg(i, 23)) << 2;
  const groups = arg(i, 24),
    filters = arg(i, 26);
  const groupInputs = arg(i, 25) / groups,
    groupOutputs = filters / groups;
  const count = images(program, shard);
  let out = base + address(i, 8);
  if (block) startMoments(block, outBytes, shard);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 1) + <usize>(image * height * width) * bytes;
    for (let y = 0; y < outHeight; y++) {
      const rowAt = out;
      for (let ox = 0; ox < outWidth; ox++) {
        memory.fill(out, 0, outBytes);
        for (let o = 0; o < filters; o++) {
          let sum: f32 = 0;
          for (let k = 0; k < kh; k++) {
            const row = y * down - top + k;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = ox * across - left + j;
              if (column < 0 || column >= width) continue;
              const source =
                x + <usize>(row * width + column) * bytes + ((<usize>((o / groupOutputs) * groupInputs)) << 2);
              const w = weight + ((<usize>(((o * kh + k) * kw + j) * groupInputs)) << 2);
              for (let c: usize = 0; c < (<usize>groupInputs) << 2; c += 4)
                sum += load<f32>(source + c) * load<f32>(w + c);
            }
          }
          store<f32>(out + ((<usize>o) << 2), sum);
        }
        out += outBytes;
      }
      if (bias) addBias(rowAt, bias, outWidth, outBytes);
      if (block) addMoments(rowAt, outWidth, block, outBytes, shard, image == 0 && y == 0);
    }
  }
}

// words as convBackward's, dy stored, then 38 groups, 39 true inputs, 40 true outputs, 41 weight gradient's bytes
export function groupedBackward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = (<usize>arg(i, 26)) << 2;
  const weight = address(i, 23);
  const dx = arg(i, 22),
    dweight = arg(i, 24),
    dbias = arg(i, 25);
  const height = arg(i, 27),
    width = arg(i, 28),
    outHeight = arg(i, 29),
    outWidth = arg(i, 30);
  const kh = arg(i, 31),
    kw = arg(i, 32),
    down = arg(i, 33),
    across = arg(i, 34),
    top = arg(i, 35),
    left = arg(i, 36);
  const outBytes = (<usize>arg(i, 37)) << 2;
  const groups = arg(i, 38),
    filters = arg(i, 40);
  const groupInputs = arg(i, 39) / groups,
    groupOutputs = filters / groups;
  const count = images(program, shard);
  const mapBytes = <usize>(height * width) * bytes;
  const g = gradients + <usize>(<u32>dweight);
  let dy = base + <usize>load<u32>(i + 8 + 9 * 4);
  if (dx != -1) memory.fill(base + <usize>(<u32>dx), 0, <usize>count * mapBytes);
  if (dweight != -1) memory.fill(g, 0, <usize>arg(i, 41));
  for (let image = 0; image < count; image++) {
    const x = base + address(i, 1) + <usize>image * mapBytes;
    const d = base + <usize>(<u32>dx) + <usize>image * mapBytes;
    for (let y = 0; y < outHeight; y++) {
      if (dbias != -1) columnSums(dy, outWidth, outBytes, gradients + <usize>(<u32>dbias), image == 0 && y == 0);
      for (let ox = 0; ox < outWidth; ox++) {
        for (let o = 0; o < filters; o++) {
          const value = load<f32>(dy + ((<usize>o) << 2));
          for (let k = 0; k < kh; k++) {
            const row = y * down - top + k;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = ox * across - left + j;
              if (column < 0 || column >= width) continue;
              const at = <usize>(row * width + column) * bytes + ((<usize>((o / groupOutputs) * groupInputs)) << 2);
              const w = (<usize>(((o * kh + k) * kw + j) * groupInputs)) << 2;
              for (let c: usize = 0; c < (<usize>groupInputs) << 2; c += 4) {
                if (dweight != -1) store<f32>(g + w + c, load<f32>(g + w + c) + load<f32>(x + at + c) * value);
                if (dx != -1) store<f32>(d + at + c, load<f32>(d + at + c) + load<f32>(weight + w + c) * value);
              }
            }
          }
        }
        dy += outBytes;
      }
    }
  }
}
