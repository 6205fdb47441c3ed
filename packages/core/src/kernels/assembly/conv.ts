// Dense k x k convolution: the patches of each output row are unrolled into a matrix and multiplied.
import { columnSums, gemm, gemmTransposed, packPanels, packTransposedPanels } from "./gemm";
import { ConvBackward, ConvForward, Geometry, Operand } from "./instructions.generated";
import { addMoments, startSums } from "./norm";
import { loadRows } from "./operand";
import { address, arena, arg, geometryAt, images, partials, wordsAt } from "./program";

// A patch's row is only a few vectors, for which a loop is faster than calling memory.copy.
// @ts-ignore: decorator
@inline
function copyVectors(target: usize, source: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(target + i, v128.load(source + i));
}

// @ts-ignore: decorator
@inline
function clearVectors(target: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(target + i, f32x4.splat(0));
}

/** Patches of output row y as [outWidth][kernel height * width * channels]; zeros outside the map. */
function unroll(x: usize, y: i32, geometry: Geometry, bytes: usize, target: usize): void {
  const width = geometry.width,
    kw = geometry.kernelWidth;
  const span = <usize>kw * bytes;
  for (let ox = 0; ox < geometry.outWidth; ox++) {
    const column = ox * geometry.across - geometry.left;
    for (let k = 0; k < geometry.kernelHeight; k++) {
      const row = y * geometry.down - geometry.top + k;
      if (row < 0 || row >= geometry.height) clearVectors(target, span);
      else {
        const low = min(max(-column, 0), kw),
          high = max(min(width - column, kw), low);
        clearVectors(target, <usize>low * bytes);
        const from = x + <usize>(row * width + column + low) * bytes;
        copyVectors(target + <usize>low * bytes, from, <usize>(high - low) * bytes);
        clearVectors(target + <usize>high * bytes, <usize>(kw - high) * bytes);
      }
      target += span;
    }
  }
}

/** Adds the patches' gradients of output row y back into the map. */
function roll(patches: usize, dx: usize, y: i32, geometry: Geometry, bytes: usize): void {
  const width = geometry.width,
    kw = geometry.kernelWidth;
  for (let ox = 0; ox < geometry.outWidth; ox++) {
    const column = ox * geometry.across - geometry.left;
    for (let k = 0; k < geometry.kernelHeight; k++) {
      const row = y * geometry.down - geometry.top + k;
      if (row >= 0 && row < geometry.height) {
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

export function convForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = (<usize>arg(i, ConvForward.inputs)) << 2;
  const bias = address(i, ConvForward.bias),
    block = address(i, ConvForward.block);
  const geometry = geometryAt(i, ConvForward.geometry);
  const outHeight = geometry.outHeight,
    outWidth = geometry.outWidth;
  const outputs = arg(i, ConvForward.outputs);
  const outBytes = (<usize>outputs) << 2;
  const k = geometry.kernelHeight * geometry.kernelWidth * arg(i, ConvForward.inputs);
  const count = images(program, shard);
  const weight = address(i, ConvForward.weight);
  const packed = arg(i, ConvForward.packed) != 0;
  if (!packed) packPanels(weight, k, outputs, scratch);
  const panels = packed ? weight : scratch;
  const patches = packed ? scratch : scratch + <usize>k * outBytes;
  const finish = wordsAt(i, ConvForward.finish);
  let out = base + address(i, ConvForward.out);
  if (block) startSums(block, outBytes, shard);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, ConvForward.x + Operand.x) + <usize>(image * geometry.height * geometry.width) * bytes;
    for (let y = 0; y < outHeight; y++) {
      unroll(x, y, geometry, bytes, patches);
      gemm(patches, k, panels, out, outputs, outWidth, k, outputs, bias, finish);
      if (block) addMoments(out, outWidth, block, outBytes, shard, image == 0 && y == 0);
      out += <usize>outWidth * outBytes;
    }
  }
}

export function convBackward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = (<usize>arg(i, ConvBackward.inputs)) << 2;
  const dx = arg(i, ConvBackward.dx),
    dweight = arg(i, ConvBackward.dweight),
    dbias = arg(i, ConvBackward.dbias);
  const geometry = geometryAt(i, ConvBackward.geometry);
  const outHeight = geometry.outHeight,
    outWidth = geometry.outWidth;
  const outputs = arg(i, ConvBackward.outputs);
  const outBytes = (<usize>outputs) << 2;
  const k = geometry.kernelHeight * geometry.kernelWidth * arg(i, ConvBackward.inputs);
  const count = images(program, shard);
  const patches = scratch + <usize>k * outBytes;
  const dyAt = patches + ((<usize>k) << 2) * <usize>outWidth;
  const mapBytes = <usize>(geometry.height * geometry.width) * bytes;
  if (dx != -1) {
    packTransposedPanels(address(i, ConvBackward.weight), k, outputs, scratch);
    memory.fill(base + <usize>(<u32>dx), 0, <usize>count * mapBytes);
  }
  for (let image = 0; image < count; image++) {
    const x = base + address(i, ConvBackward.x + Operand.x) + <usize>image * mapBytes;
    for (let y = 0; y < outHeight; y++) {
      const first = image == 0 && y == 0;
      const dy = loadRows(
        wordsAt(i, ConvBackward.dy),
        base,
        (image * outHeight + y) * outWidth,
        outWidth,
        outBytes,
        outHeight * outWidth,
        dyAt,
      );
      if (dweight != -1) {
        unroll(x, y, geometry, bytes, patches);
        gemmTransposed(patches, k, dy, outputs, gradients + <usize>(<u32>dweight), outWidth, k, outputs, first);
      }
      if (dbias != -1) columnSums(dy, outWidth, outBytes, gradients + <usize>(<u32>dbias), first);
      if (dx != -1) {
        gemm(dy, outputs, scratch, patches, k, outWidth, outputs, k, 0, 0);
        roll(patches, base + <usize>(<u32>dx) + <usize>image * mapBytes, y, geometry, bytes);
      }
    }
  }
}
