// Kernels without weights: storing an operand, gradients of activations, means over a map, reshaping, softmax.
import {
  ActivationGradient,
  Activations,
  ChannelDot,
  GlobalAveragePool,
  Materialise,
  Moments,
  MultiplyMaps,
  NormGradientRows,
  Places,
  Repack,
  SigmoidForward,
  SigmoidGradient,
  SoftmaxForward,
  SoftmaxGradient,
} from "./instructions.generated";
import { exp, sigmoid4 } from "./math";
import { addMoments, addRows, finishRows, plainActivationGradient, startEpilogue, startSums } from "./norm";
import { copyRows, loadRows } from "./operand";
import { address, arena, arg, chunkOf, firstImage, images, wordsAt } from "./program";
import { madd } from "./simd";

export function materialise(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const addend = arg(i, Materialise.addend),
    pixels = arg(i, Materialise.pixels);
  const bytes = address(i, Materialise.bytes);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, Materialise.out) + <usize>row * bytes;
    copyRows(wordsAt(i, Materialise.x), base, row, rows, bytes, pixels, out);
    if (addend != -1) addRows(out, base + <usize>(<u32>addend) + <usize>row * bytes, <usize>rows * bytes);
  }
}

export function moments(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, Moments.bytes),
    block = address(i, Moments.block);
  const total = images(program, shard) * arg(i, Moments.pixels);
  const chunk = chunkOf(bytes);
  startSums(block, bytes, shard);
  for (let row = 0; row < total; row += chunk)
    addMoments(base + address(i, Moments.u) + <usize>row * bytes, min(chunk, total - row), block, bytes, shard, row == 0);
}

export function normGradientRows(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, NormGradientRows.bytes);
  const pixels = arg(i, NormGradientRows.pixels);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const epilogue = wordsAt(i, NormGradientRows.epilogue);
  startEpilogue(epilogue, bytes, shard);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, NormGradientRows.out) + <usize>row * bytes;
    copyRows(wordsAt(i, NormGradientRows.dy), base, row, rows, bytes, pixels, out);
    finishRows(epilogue, base, out, row, rows, bytes, pixels, shard);
  }
}

export function activationGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, ActivationGradient.bytes);
  const act = arg(i, ActivationGradient.activation),
    pixels = arg(i, ActivationGradient.pixels);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const out = base + address(i, ActivationGradient.out) + <usize>row * bytes;
    copyRows(wordsAt(i, ActivationGradient.dy), base, row, rows, bytes, pixels, out);
    const z = loadRows(wordsAt(i, ActivationGradient.z), base, row, rows, bytes, pixels, scratch);
    const size = <usize>rows * bytes;
    if (act == Activations.hardswish) plainActivationGradient(out, z, out, size, Activations.hardswish);
    else if (act == Activations.relu6) plainActivationGradient(out, z, out, size, Activations.relu6);
    else if (act == Activations.relu) plainActivationGradient(out, z, out, size, Activations.relu);
    else plainActivationGradient(out, z, out, size, Activations.none);
  }
}

export function globalAveragePool(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, GlobalAveragePool.bytes);
  const pixels = arg(i, GlobalAveragePool.pixels),
    count = images(program, shard);
  const chunk = chunkOf(bytes);
  const inverse = f32x4.splat(<f32>(1.0 / <f64>pixels));
  for (let image = 0; image < count; image++) {
    const out = base + address(i, GlobalAveragePool.out) + <usize>image * bytes;
    memory.fill(out, 0, bytes);
    for (let row = 0; row < pixels; row += chunk) {
      const rows = min(chunk, pixels - row);
      const x = loadRows(wordsAt(i, GlobalAveragePool.x), base, image * pixels + row, rows, bytes, pixels, scratch);
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        let p = x + c;
        for (let r = 0; r < rows; r++) {
          sum = f32x4.add(sum, v128.load(p));
          p += bytes;
        }
        v128.store(out + c, f32x4.add(v128.load(out + c), sum));
      }
    }
    for (let c: usize = 0; c < bytes; c += 16) v128.store(out + c, f32x4.mul(v128.load(out + c), inverse));
  }
}

export function channelDot(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const bytes = address(i, ChannelDot.bytes);
  const pixels = arg(i, ChannelDot.pixels),
    count = images(program, shard);
  const chunk = chunkOf(bytes);
  for (let image = 0; image < count; image++) {
    const out = base + address(i, ChannelDot.out) + <usize>image * bytes;
    memory.fill(out, 0, bytes);
    for (let row = 0; row < pixels; row += chunk) {
      const rows = min(chunk, pixels - row);
      const at = image * pixels + row;
      const x = loadRows(wordsAt(i, ChannelDot.x), base, at, rows, bytes, pixels, scratch);
      const dy = base + address(i, ChannelDot.dy) + <usize>at * bytes;
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        let p = c;
        for (let r = 0; r < rows; r++) {
          sum = madd(v128.load(x + p), v128.load(dy + p), sum);
          p += bytes;
        }
        v128.store(out + c, f32x4.add(v128.load(out + c), sum));
      }
    }
  }
}

export function multiplyMaps(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, MultiplyMaps.bytes);
  const a = base + address(i, MultiplyMaps.a),
    b = base + address(i, MultiplyMaps.b),
    out = base + address(i, MultiplyMaps.out);
  for (let p: usize = 0; p < size; p += 16) v128.store(out + p, f32x4.mul(v128.load(a + p), v128.load(b + p)));
}

export function sigmoidForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const channels = (<usize>arg(i, SigmoidForward.channels)) << 2,
    bytes = address(i, SigmoidForward.bytes);
  const rows = images(program, shard) * arg(i, SigmoidForward.pixels);
  let x = base + address(i, SigmoidForward.x),
    out = base + address(i, SigmoidForward.out);
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(out + c, sigmoid4(v128.load(x + c)));
    for (let c = channels; c < bytes; c += 4) store<f32>(out + c, 0);
    x += bytes;
    out += bytes;
  }
}

export function sigmoidGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, SigmoidGradient.bytes);
  const y = base + address(i, SigmoidGradient.y),
    dy = base + address(i, SigmoidGradient.dy),
    out = base + address(i, SigmoidGradient.out);
  for (let p: usize = 0; p < size; p += 16) {
    const v = v128.load(y + p);
    v128.store(out + p, f32x4.mul(v128.load(dy + p), f32x4.mul(v, f32x4.sub(f32x4.splat(1), v))));
  }
}

export function softmaxForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const channels = (<usize>arg(i, SoftmaxForward.channels)) << 2,
    bytes = address(i, SoftmaxForward.bytes);
  const rows = images(program, shard) * arg(i, SoftmaxForward.pixels);
  let x = base + address(i, SoftmaxForward.x),
    out = base + address(i, SoftmaxForward.out);
  for (let r = 0; r < rows; r++) {
    let peak = load<f32>(x);
    for (let c: usize = 4; c < channels; c += 4) peak = max(peak, load<f32>(x + c));
    let sum: f64 = 0;
    for (let c: usize = 0; c < channels; c += 4) sum += exp(<f64>load<f32>(x + c) - <f64>peak);
    for (let c: usize = 0; c < bytes; c += 4)
      store<f32>(out + c, c < channels ? <f32>(exp(<f64>load<f32>(x + c) - <f64>peak) / sum) : 0);
    x += bytes;
    out += bytes;
  }
}

export function softmaxGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const bytes = address(i, SoftmaxGradient.bytes);
  const rows = images(program, shard) * arg(i, SoftmaxGradient.pixels);
  let y = base + address(i, SoftmaxGradient.y),
    dy = base + address(i, SoftmaxGradient.dy),
    out = base + address(i, SoftmaxGradient.out);
  for (let r = 0; r < rows; r++) {
    let dot: f64 = 0;
    for (let c: usize = 0; c < bytes; c += 4) dot += <f64>load<f32>(y + c) * <f64>load<f32>(dy + c);
    for (let c: usize = 0; c < bytes; c += 4)
      store<f32>(out + c, <f32>(<f64>load<f32>(y + c) * (<f64>load<f32>(dy + c) - dot)));
    y += bytes;
    dy += bytes;
    out += bytes;
  }
}

export function repack(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const pixels = arg(i, Repack.pixels),
    place = arg(i, Repack.place);
  const channels = (<usize>arg(i, Repack.channels)) << 2;
  const sourcePixel = address(i, Repack.sourcePixel),
    sourceImage = address(i, Repack.sourceImage),
    targetPixel = address(i, Repack.targetPixel),
    targetImage = address(i, Repack.targetImage);
  const first = <usize>firstImage(program, shard);
  const count = images(program, shard);
  let source = place == Places.sourceOutside ? address(i, Repack.source) + first * sourceImage : base + address(i, Repack.source);
  let target = place == Places.targetOutside ? address(i, Repack.target) + first * targetImage : base + address(i, Repack.target);
  for (let image = 0; image < count; image++) {
    if (sourcePixel == channels && targetPixel == channels) {
      memory.copy(target, source, <usize>pixels * channels);
      if (targetImage > <usize>pixels * channels)
        memory.fill(target + <usize>pixels * channels, 0, targetImage - <usize>pixels * channels);
    } else {
      memory.fill(target, 0, targetImage);
      let s = source,
        t = target,
        p = 0;
      if (channels == 12 && sourcePixel == 12 && targetPixel == 16) {
        // Colour pictures: one vector per pixel, except for the last, after which memory may end.
        const three = i32x4(-1, -1, -1, 0);
        for (; p < pixels - 1; p++) {
          v128.store(t, v128.and(v128.load(s), three));
          s += 12;
          t += 16;
        }
      }
      for (; p < pixels; p++) {
        for (let c: usize = 0; c < channels; c += 4) store<f32>(t + c, load<f32>(s + c));
        s += sourcePixel;
        t += targetPixel;
      }
    }
    source += sourceImage;
    target += targetImage;
  }
}
