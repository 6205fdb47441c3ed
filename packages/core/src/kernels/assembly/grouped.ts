// Grouped convolution, one pixel at a time: rare, so simple rather than fast.
import { finishSums } from "./finish";
import { columnSums } from "./gemm";
import { Activations, GroupedBackward, GroupedForward, Operand } from "./instructions.generated";
import { addMoments, startSums } from "./norm";
import { address, arena, arg, geometryAt, images, partials } from "./program";

export function groupedForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = (<usize>arg(i, GroupedForward.inputs)) << 2;
  const weight = address(i, GroupedForward.weight),
    bias = address(i, GroupedForward.bias),
    block = address(i, GroupedForward.block);
  const geometry = geometryAt(i, GroupedForward.geometry);
  const height = geometry.height,
    width = geometry.width,
    kh = geometry.kernelHeight,
    kw = geometry.kernelWidth;
  const outBytes = (<usize>arg(i, GroupedForward.outputs)) << 2;
  const groups = arg(i, GroupedForward.groups),
    filters = arg(i, GroupedForward.filters);
  const groupInputs = arg(i, GroupedForward.channels) / groups,
    groupOutputs = filters / groups;
  const count = images(program, shard);
  let out = base + address(i, GroupedForward.out);
  if (block) startSums(block, outBytes, shard);
  for (let image = 0; image < count; image++) {
    const x = base + address(i, GroupedForward.x + Operand.x) + <usize>(image * height * width) * bytes;
    for (let y = 0; y < geometry.outHeight; y++) {
      const rowAt = out;
      for (let ox = 0; ox < geometry.outWidth; ox++) {
        memory.fill(out, 0, outBytes);
        for (let o = 0; o < filters; o++) {
          let sum: f32 = 0;
          for (let k = 0; k < kh; k++) {
            const row = y * geometry.down - geometry.top + k;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = ox * geometry.across - geometry.left + j;
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
      if (bias) finishSums(rowAt, geometry.outWidth, outBytes, outBytes, 0, 0, bias, Activations.none);
      if (block) addMoments(rowAt, geometry.outWidth, block, outBytes, shard, image == 0 && y == 0);
    }
  }
}

export function groupedBackward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const gradients = partials(program, shard);
  const bytes = (<usize>arg(i, GroupedBackward.inputs)) << 2;
  const weight = address(i, GroupedBackward.weight);
  const dx = arg(i, GroupedBackward.dx),
    dweight = arg(i, GroupedBackward.dweight),
    dbias = arg(i, GroupedBackward.dbias);
  const geometry = geometryAt(i, GroupedBackward.geometry);
  const height = geometry.height,
    width = geometry.width,
    kh = geometry.kernelHeight,
    kw = geometry.kernelWidth;
  const outBytes = (<usize>arg(i, GroupedBackward.outputs)) << 2;
  const groups = arg(i, GroupedBackward.groups),
    filters = arg(i, GroupedBackward.filters);
  const groupInputs = arg(i, GroupedBackward.channels) / groups,
    groupOutputs = filters / groups;
  const count = images(program, shard);
  const mapBytes = <usize>(height * width) * bytes;
  const g = gradients + <usize>(<u32>dweight);
  let dy = base + address(i, GroupedBackward.dy + Operand.x);
  if (dx != -1) memory.fill(base + <usize>(<u32>dx), 0, <usize>count * mapBytes);
  if (dweight != -1) memory.fill(g, 0, <usize>arg(i, GroupedBackward.bytes));
  for (let image = 0; image < count; image++) {
    const x = base + address(i, GroupedBackward.x + Operand.x) + <usize>image * mapBytes;
    const d = base + <usize>(<u32>dx) + <usize>image * mapBytes;
    for (let y = 0; y < geometry.outHeight; y++) {
      if (dbias != -1) columnSums(dy, geometry.outWidth, outBytes, gradients + <usize>(<u32>dbias), image == 0 && y == 0);
      for (let ox = 0; ox < geometry.outWidth; ox++) {
        for (let o = 0; o < filters; o++) {
          const value = load<f32>(dy + ((<usize>o) << 2));
          for (let k = 0; k < kh; k++) {
            const row = y * geometry.down - geometry.top + k;
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kw; j++) {
              const column = ox * geometry.across - geometry.left + j;
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
