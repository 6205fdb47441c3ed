/**
 * The reference of int8 networks for tests, computed from scales and zero points: TensorFlow Lite Micro's rules in
 * exact integers, pixel by pixel. It uses nothing of `lowerToInteger` and its tables except the sigmoid's, whose bytes
 * quantization/lookup-tables.test.ts compares with those of TensorFlow Lite Micro's own kernel.
 */
import type { Node, NodeOf } from "@phinets/core/graph";
import { type QuantizationParameters, type QuantizedNetwork, sigmoidTable } from "@phinets/core/quantization";
import { sizeOf } from "@phinets/core/tensor";
import { indexOf, placeOf, repeatedPlace } from "./float.js";

/** A real factor as multiplier * 2^(shift - 31). */
interface Multiplier {
  readonly multiplier: bigint;
  readonly shift: number;
}

/** QuantizeMultiplier: 31 bits of the factor, ties away from zero; 0 below 2^-32. */
export function quantizeMultiplier(factor: number): Multiplier {
  if (factor === 0) return { multiplier: 0n, shift: 0 };
  let [fraction, shift] = [factor, 0];
  for (; fraction >= 1; shift++) fraction /= 2;
  for (; fraction < 0.5; shift--) fraction *= 2;
  const multiplier = BigInt(Math.floor(fraction * 2 ** 31 + 0.5)); // a double's 53 bits are enough
  if (multiplier === 1n << 31n) return { multiplier: 1n << 30n, shift: shift + 1 };
  return shift < -31 ? { multiplier: 0n, shift: 0 } : { multiplier, shift };
}

/** SaturatingRoundingDoublingHighMul for `bits` bits: x * y / 2^(bits - 1), to the nearest, ties upwards. */
function doublingHigh(x: bigint, y: bigint, bits: bigint): bigint {
  const product = x * y;
  const half = 1n << (bits - 2n);
  // gemmlowp truncates towards zero, as C does, after adding a nudge that is one less for negatives.
  return (product + (product >= 0n ? half : 1n - half)) / (1n << (bits - 1n));
}

/** RoundingDivideByPOT: x / 2^exponent, to the nearest, ties away from zero. */
function divideByPower(x: bigint, exponent: number): bigint {
  if (exponent === 0) return x;
  const magnitude = ((x < 0n ? -x : x) + (1n << BigInt(exponent - 1))) >> BigInt(exponent);
  return x < 0n ? -magnitude : magnitude;
}

/** MultiplyByQuantizedMultiplier, double rounding, on an int32. */
export function rescale(x: bigint, { multiplier, shift }: Multiplier): bigint {
  const shifted = BigInt.asIntN(32, x << BigInt(Math.max(0, shift)));
  return divideByPower(doublingHigh(shifted, multiplier, 32n), Math.max(0, -shift));
}

const clamp = (x: number, low = -128, high = 127): number => Math.max(low, Math.min(high, x));

/** Every value of a network for an input, by name. */
export function runInteger(network: QuantizedNetwork, input: Int8Array): Map<string, Int8Array> {
  const values = new Map<string, Int8Array>();
  for (const node of network.graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name)!);
    values.set(node.name, node.op === "input" ? input : compute(network, node, inputs));
  }
  return values;
}

/** As `runInteger` for both pictures, with their values concatenated. */
export function bothPictures(
  network: QuantizedNetwork,
  inputs: readonly [Int8Array, Int8Array],
): Map<string, Int8Array> {
  const [first, second] = inputs.map((input) => runInteger(network, input));
  return new Map([...first].map(([name, bytes]) => [name, Int8Array.of(...bytes, ...second.get(name)!)]));
}

function compute(network: QuantizedNetwork, node: Node, inputs: readonly Int8Array[]): Int8Array {
  const [a, b] = inputs;
  const { graph, values } = network;
  const y = new Int8Array(sizeOf(graph.shapes[node.name]));
  const output = values[node.name];
  const [p, q] = node.inputs.map((name) => values[name]);
  const shape = graph.shapes[node.name];
  const [, height = 1, width = 1, channels = 1] = graph.shapes[node.inputs[0]] ?? shape;
  /** The two bytes for element i, of inputs whose dimensions of 1 are broadcast. */
  const operands = (i: number): [number, number] => [
    a[repeatedPlace(i, shape, graph.shapes[node.inputs[0]])],
    b[repeatedPlace(i, shape, graph.shapes[node.inputs[1]])],
  ];
  const [, outHeight, outWidth, outChannels] = graph.shapes[node.name];
  const finish = (sum: bigint, by: Multiplier): number => clamp(Number(rescale(sum, by)) + output.zeroPoint);
  /** Fills y with the value at each position. */
  const each = (valueAt: (row: number, column: number, c: number) => number): void => {
    let i = 0;
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++)
        for (let c = 0; c < outChannels; c++) y[i++] = valueAt(row, column, c);
  };
  switch (node.op) {
    case "conv2d": {
      const { kernel, stride, padding, groups } = node.attributes;
      const { weights, ...layer } = layerOf(network, node, false);
      const perGroup = channels / groups;
      each((oy, ox, f) => {
        let sum = layer.biases[f];
        for (let ky = 0; ky < kernel[0]; ky++)
          for (let kx = 0; kx < kernel[1]; kx++) {
            const row = oy * stride[0] - padding.top + ky;
            const column = ox * stride[1] - padding.left + kx;
            if (row < 0 || column < 0 || row >= height || column >= width) continue;
            for (let c = 0; c < perGroup; c++) {
              const channel = Math.floor(f / (outChannels / groups)) * perGroup + c;
              const x = a[(row * width + column) * channels + channel] - p.zeroPoint;
              sum += x * weights[((f * kernel[0] + ky) * kernel[1] + kx) * perGroup + c];
            }
          }
        return layer.finish(sum, f);
      });
      return y;
    }
    case "dense": {
      const { weights, ...layer } = layerOf(network, node, true);
      for (let u = 0; u < y.length; u++) {
        let sum = layer.biases[u];
        for (let i = 0; i < a.length; i++) sum += (a[i] - p.zeroPoint) * weights[u * a.length + i];
        y[u] = layer.finish(sum, u);
      }
      return y;
    }
    case "constant":
      return Int8Array.from(network.weights[node.parameters.value].data);
    case "maximum":
    case "minimum": {
      const choose = node.op === "maximum" ? Math.max : Math.min;
      return y.map((_, i) => choose(...operands(i)));
    }
    case "add":
    case "subtract": {
      // Both relative to twice the larger scale, with 20 more bits.
      const twice = 2 * Math.max(p.scale, q.scale);
      const term = (x: number, { scale, zeroPoint }: QuantizationParameters): bigint =>
        rescale(BigInt(x - zeroPoint) << 20n, quantizeMultiplier(scale / twice));
      const by = quantizeMultiplier(twice / (2 ** 20 * output.scale));
      return y.map((_, i) => {
        const [first, second] = operands(i);
        const other = term(second, q);
        return finish(term(first, p) + (node.op === "add" ? other : -other), by);
      });
    }
    case "multiply": {
      const by = quantizeMultiplier((p.scale * q.scale) / output.scale);
      return y.map((_, i) => {
        const [first, second] = operands(i);
        return finish(BigInt((first - p.zeroPoint) * (second - q.zeroPoint)), by);
      });
    }
    case "globalAveragePool": {
      // 1 / count is part of the multiplier, which gets as many additional bits as count has.
      const { multiplier, shift } = quantizeMultiplier(p.scale / output.scale);
      const count = height * width;
      const bits = Math.min(Math.floor(Math.log2(count)), 31 + shift);
      const by = { multiplier: (multiplier << BigInt(bits)) / BigInt(count), shift: shift - bits };
      return y.map((_, c) => {
        let sum = 0;
        for (let i = c; i < a.length; i += channels) sum += a[i] - p.zeroPoint;
        return finish(BigInt(sum), by);
      });
    }
    case "maxPool": {
      const { size, stride } = node.attributes;
      each((oy, ox, c) => {
        const window: number[] = [];
        for (let ky = 0; ky < size; ky++)
          for (let kx = 0; kx < size; kx++)
            window.push(a[((oy * stride + ky) * width + ox * stride + kx) * channels + c]);
        return Math.max(...window);
      });
      return y;
    }
    case "maxWindow":
    case "averagePool": {
      const { kernel, stride, padding } = node.attributes;
      each((oy, ox, c) => {
        const inside: number[] = [];
        for (let ky = 0; ky < kernel[0]; ky++)
          for (let kx = 0; kx < kernel[1]; kx++) {
            const [row, column] = [oy * stride[0] - padding.top + ky, ox * stride[1] - padding.left + kx];
            if (row >= 0 && column >= 0 && row < height && column < width)
              inside.push(a[(row * width + column) * channels + c]);
          }
        if (node.op === "maxWindow") return Math.max(...inside);
        const mean = inside.reduce((sum, x) => sum + x) / inside.length;
        return Math.sign(mean) * Math.floor(Math.abs(mean) + 0.5);
      });
      return y;
    }
    case "softmax": {
      const length = graph.shapes[node.name].at(-1)!;
      for (let i = 0; i < y.length; i += length) y.set(softmax(a.subarray(i, i + length), p.scale), i);
      return y;
    }
    case "pad": {
      const { top, left } = node.attributes.padding;
      each((oy, ox, c) => {
        const [row, column] = [oy - top, ox - left];
        const inside = row >= 0 && column >= 0 && row < height && column < width;
        return inside ? a[(row * width + column) * channels + c] : output.zeroPoint;
      });
      return y;
    }
    case "slice": {
      const { begin, step } = node.attributes;
      return y.map((_, i) => {
        const [n, row, column, c] = placeOf(i, graph.shapes[node.name]);
        const from = [n, begin[0] + row * step[0], begin[1] + column * step[1], begin[2] + c];
        return a[indexOf(from, graph.shapes[node.inputs[0]])];
      });
    }
    case "resize": {
      const { mode, alignCorners: align, halfPixelCenters: half } = node.attributes;
      const [from, shape] = [graph.shapes[node.inputs[0]], graph.shapes[node.name]];
      const nearest = (i: number, axis: number): number => {
        const [size, to] = [from[axis], shape[axis]];
        const scale = Math.fround(align && to > 1 ? (size - 1) / (to - 1) : size / to);
        const position = Math.fround((i + (half ? 0.5 : 0)) * scale);
        return Math.min(Math.floor(align ? position + 0.5 : position), size - 1);
      };
      /** Positions in 1/1024, with C's division. */
      const bilinear = (i: number, axis: number): [position: number, low: number, high: number] => {
        const [size, to] = [from[axis], shape[axis]].map(BigInt);
        const scale =
          align && to > 1n ? (1024n * (size - 1n) + (to - 1n) / 2n) / (to - 1n) : (1024n * size + to / 2n) / to;
        const position = half ? BigInt(i) * scale + scale / 2n - 512n : BigInt(i) * scale;
        const low = position / 1024n > 0n ? position / 1024n : 0n;
        const high = (position + 1023n) / 1024n < size - 1n ? (position + 1023n) / 1024n : size - 1n;
        return [Number(position), Number(low), Number(high)];
      };
      return y.map((_, i) => {
        const [n, row, column, c] = placeOf(i, shape);
        if (mode === "nearest") return a[indexOf([n, nearest(row, 1), nearest(column, 2), c], from)];
        const [py, y0, y1] = bilinear(row, 1);
        const [px, x0, x1] = bilinear(column, 2);
        const [dy, dx] = [py - 1024 * y0, px - 1024 * x0];
        const at = (r: number, q: number): number => a[indexOf([n, r, q, c], from)];
        const sum =
          at(y0, x0) * (1024 - dy) * (1024 - dx) +
          at(y1, x0) * dy * (1024 - dx) +
          at(y0, x1) * (1024 - dy) * dx +
          at(y1, x1) * dy * dx;
        return Math.trunc((sum + (sum > 0 ? 2 ** 19 : -(2 ** 19))) / 2 ** 20);
      });
    }
    case "concat": {
      const { axis } = node.attributes;
      const shapes = node.inputs.map((name) => graph.shapes[name]);
      return y.map((_, i) => {
        const place = placeOf(i, graph.shapes[node.name]);
        let n = 0;
        for (; place[axis] >= shapes[n][axis]; n++) place[axis] -= shapes[n][axis];
        return inputs[n][indexOf(place, shapes[n])];
      });
    }
    case "relu":
      return a.map((x) => clamped(x, p, output, [0, Number.POSITIVE_INFINITY]));
    case "relu6":
      return a.map((x) => clamped(x, p, output, [0, 6]));
    case "unary":
      return a.map((x) => unary(node.attributes, x, p, output));
    case "hardswish":
      return a.map((x) => hardswish(x, p, output));
    case "sigmoid": {
      const table = sigmoidTable(p, output);
      return a.map((x) => table[x + 128]);
    }
    case "flatten":
    case "reshape":
      return a;
    default:
      throw new Error(`${node.op} "${node.name}" has no int8 arithmetic`);
  }
}

/** Weights of a layer, and the final steps after its sums. */
function layerOf(network: QuantizedNetwork, node: NodeOf<"conv2d"> | NodeOf<"dense">, isDense: boolean) {
  const { weight, bias } = node.parameters;
  const input = network.values[node.inputs[0]];
  const output = network.values[node.name];
  const scales = network.weightScales[weight];
  const multipliers = scales.map((scale) => {
    const product = input.scale * scale;
    // A dense layer with a single scale: TensorFlow Lite then multiplies in float32.
    return quantizeMultiplier((isDense && scales.length === 1 ? Math.fround(product) : product) / output.scale);
  });
  const relu6 = node.attributes.activation === "relu6";
  const low = relu6 ? output.zeroPoint : -128;
  const high = relu6 ? output.zeroPoint + Math.round(Math.fround(6 / output.scale)) : 127;
  return {
    weights: network.weights[weight].data as Int8Array,
    biases: bias === undefined ? scales.map(() => 0) : network.weights[bias].data,
    /** @param sum exact, as a double: it stays below 2^53 */
    finish: (sum: number, f: number): number => {
      const y = Number(rescale(BigInt.asIntN(32, BigInt(sum)), multipliers[f])) + output.zeroPoint;
      return clamp(clamp(y, low, high));
    },
  };
}

/** softmax.h: differences in Q5.26, exponentials in Q0.31, their sum in Q12.19, its reciprocal by three Newton steps. */
function softmax(row: Int8Array, scale: number): Int8Array {
  const { multiplier, shift } = quantizeMultiplier(Math.min(scale * 2 ** 26, 2 ** 31 - 1));
  const furthest = Math.floor((31 * 2 ** 26) / 2 ** shift);
  const largest = Math.max(...row);
  const exponentials = Array.from(row, (x) =>
    largest - x > furthest ? undefined : exponential(rescale(BigInt(x - largest), { multiplier, shift })),
  );
  const sum = exponentials.reduce((total: bigint, e) => total + divideByPower(e ?? 0n, 12), 0n);
  // sum / 2^19 = (1 + rest) * 2^n
  const bits = sum.toString(2).length;
  const rest = (sum << BigInt(32 - bits)) - 2n ** 31n;
  const reciprocal = oneOverOnePlus(rest);
  return Int8Array.from(exponentials, (e) =>
    e === undefined ? -128 : clamp(Number(divideByPower(doublingHigh(reciprocal, e, 32n), bits - 20 + 31 - 8)) - 128),
  );
}

/** e^x for x <= 0 in Q5.26, Q0.31. */
function exponential(x: bigint): bigint {
  const most = 2n ** 31n - 1n;
  if (x === 0n) return most;
  const quarter = 2n ** 24n;
  // x = last - multiple of 1/4, -1/4 <= last < 0
  const last = (((x % quarter) + quarter) % quarter) - quarter;
  const around = (last << 5n) + 2n ** 28n; // last + 1/8 in Q0.31
  const squared = doublingHigh(around, around, 32n);
  const cubed = doublingHigh(squared, around, 32n);
  const fourth = doublingHigh(squared, squared, 32n);
  const third = 715827883n;
  const tail = divideByPower(doublingHigh(divideByPower(fourth, 2) + cubed, third, 32n) + squared, 1);
  const eighth = 1895147668n; // e^-1/8
  let result = eighth + doublingHigh(eighth, around + tail, 32n);
  for (const [i, power] of [0.25, 0.5, 1, 2, 4, 8, 16].entries())
    if ((((last - x) / quarter) >> BigInt(i)) % 2n === 1n)
      result = doublingHigh(result, BigInt(Math.round(Math.exp(-power) * 2 ** 31)), 32n);
  return result;
}

/** A byte requantised and clamped to real values, as RELU, RELU_N1_TO_1 and RELU6 in activations.cc. */
function clamped(
  x: number,
  input: QuantizationParameters,
  output: QuantizationParameters,
  [low, high]: readonly [number, number],
): number {
  // C's roundf: ties away from zero.
  const byteOf = (real: number) =>
    output.zeroPoint + Math.sign(real) * Math.round(Math.fround(Math.abs(real) / output.scale));
  const y = Number(rescale(BigInt(x - input.zeroPoint), quantizeMultiplier(input.scale / output.scale)));
  return clamp(clamp(y + output.zeroPoint, byteOf(low), byteOf(high)));
}

function unary(
  { function: of, alpha }: NodeOf<"unary">["attributes"],
  x: number,
  input: QuantizationParameters,
  output: QuantizationParameters,
): number {
  const { fround } = Math;
  const difference = x - input.zeroPoint;
  const scaled = (by: number, factor: number) =>
    clamp(Number(rescale(BigInt(by), quantizeMultiplier(factor))) + output.zeroPoint);
  switch (of) {
    case "abs":
      return scaled(Math.abs(difference), input.scale / output.scale);
    case "identity":
      return clamped(x, input, output, [-Infinity, Infinity]);
    case "reluN1To1":
      return clamped(x, input, output, [-1, 1]);
    case "leakyRelu": {
      const factor = difference < 0 ? fround(input.scale * fround(alpha)) : input.scale;
      return scaled(difference, fround(factor / output.scale));
    }
    case "elu": {
      const real = fround(input.scale * difference);
      const y = real < 0 ? fround(fround(Math.exp(real)) - 1) : real;
      const steps = fround(y * fround(1 / output.scale));
      return clamp(Math.sign(steps) * Math.round(Math.abs(steps)) + output.zeroPoint);
    }
    case "tanh": {
      const factor = quantizeMultiplier(input.scale * 2 ** 27); // to Q4.27, which twice as large is Q5.26
      if (Math.abs(difference) >= Math.floor((15 * 2 ** 27) / 2 ** factor.shift)) return difference < 0 ? -128 : 127;
      const raw = rescale(BigInt(difference), factor);
      if (raw === 0n) return 0;
      const most = 2n ** 31n - 1n;
      const quotient = (twiceOverOnePlus(exponential(raw < 0n ? raw : -raw)) - 2n ** 29n) << 2n;
      const y = quotient > most ? most : quotient;
      return clamp(Number(divideByPower(raw < 0n ? -y : y, 24)));
    }
  }
}

/** 1 / (1 + x) for x in Q0.31, at least 0. */
function oneOverOnePlus(x: bigint): bigint {
  const doubled = twiceOverOnePlus(x) << 1n;
  return doubled > 2n ** 31n - 1n ? 2n ** 31n - 1n : doubled;
}

/** 2 / (1 + x), Q2.29. */
function twiceOverOnePlus(x: bigint): bigint {
  const half = (x + 2n ** 31n) / 2n;
  let y = 1515870810n + doublingHigh(half, -1010580540n, 32n);
  for (let i = 0; i < 3; i++) y += doublingHigh(y, 2n ** 29n - doublingHigh(half, y, 32n), 32n) << 2n;
  return y;
}

/** x * relu6(x + 3) / 6 in 16 bits: hard_swish.h. */
function hardswish(q: number, input: QuantizationParameters, output: QuantizationParameters): number {
  const fine = Math.fround(input.scale / 128); // the scale of x with 7 more bits
  const toOutput = quantizeMultiplier(Math.fround(fine / output.scale));
  const toThird = quantizeMultiplier(Math.fround(fine / (3 / 32768)));
  const to16 = ({ multiplier }: Multiplier): bigint => {
    const high = (multiplier + (1n << 15n)) >> 16n;
    return high > 32767n ? 32767n : high;
  };
  const saturate = (x: bigint): bigint => (x > 32767n ? 32767n : x < -32768n ? -32768n : x);
  const x = BigInt(q - input.zeroPoint) << 7n;
  const scaled = doublingHigh(x, to16(toOutput), 16n);
  let third = x; // becomes x / 3 in Q15, between -1 and 1
  if (toThird.shift > 0) third = saturate(third << BigInt(toThird.shift - 1));
  third = doublingHigh(third, to16(toThird), 16n);
  if (toThird.shift > 0) third = saturate(third << 1n);
  if (toThird.shift < 0) third = divideByPower(third, -toThird.shift);
  const gate = (third + (1n << 15n)) >> 1n; // between 0 and 1
  const product = (gate * scaled) / (1n << 15n); // this one is truncated
  return clamp(Number(divideByPower(product, -toOutput.shift)) + output.zeroPoint);
}
