/** The reference operators of the tests, in double precision: plain loops, pixel by pixel, each by its definition. */
import type { Graph, Node, UnaryFunction } from "@phinets/core/graph";
import { sizeOf } from "@phinets/core/tensor";

interface Values {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export function referenceRun(run: {
  graph: Graph;
  weights: Record<string, Values>;
  inputs: Record<string, ArrayLike<number>>;
  masks: Record<string, ArrayLike<number>>;
  training: boolean;
}): Record<string, Float64Array> {
  const { graph } = run;
  const values: Record<string, Float64Array> = {};
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => ({ shape: graph.shapes[name], data: values[name] }));
    const weight = (role: string): Values => run.weights[node.parameters[role]];
    values[node.name] = compute(node, graph.shapes[node.name], inputs, weight, run);
  }
  return values;
}

export function compute(
  node: Node,
  shape: readonly number[],
  inputs: { shape: readonly number[]; data: Float64Array }[],
  weight: (role: string) => Values,
  run: { inputs: Record<string, ArrayLike<number>>; masks: Record<string, ArrayLike<number>>; training: boolean },
): Float64Array {
  const [x, y] = inputs;
  const out = new Float64Array(sizeOf(shape));
  const channels = shape[shape.length - 1];
  switch (node.op) {
    case "input":
      return Float64Array.from(run.inputs[node.name]);
    case "conv2d": {
      const { kernel, stride, padding, groups, filters, bias, activation } = node.attributes;
      const [n, h, w, c] = x.shape;
      const cg = c / groups;
      const weights = weight("weight").data;
      for (let b = 0, i = 0; b < n; b++)
        for (let oy = 0; oy < shape[1]; oy++)
          for (let ox = 0; ox < shape[2]; ox++)
            for (let o = 0; o < filters; o++, i++) {
              let sum = bias ? weight("bias").data[o] : 0;
              const base = Math.floor(o / (filters / groups)) * cg;
              for (let ky = 0; ky < kernel[0]; ky++)
                for (let kx = 0; kx < kernel[1]; kx++) {
                  const iy = oy * stride[0] - padding.top + ky;
                  const ix = ox * stride[1] - padding.left + kx;
                  if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue;
                  for (let k = 0; k < cg; k++)
                    sum +=
                      x.data[((b * h + iy) * w + ix) * c + base + k] *
                      weights[((o * kernel[0] + ky) * kernel[1] + kx) * cg + k];
                }
              out[i] = activation === "relu6" ? Math.min(Math.max(sum, 0), 6) : sum;
            }
      return out;
    }
    case "dense": {
      const [n, features] = x.shape;
      for (let b = 0; b < n; b++)
        for (let o = 0; o < channels; o++) {
          let sum = node.attributes.bias ? weight("bias").data[o] : 0;
          for (let k = 0; k < features; k++) sum += x.data[b * features + k] * weight("weight").data[o * features + k];
          out[b * channels + o] = node.attributes.activation === "relu6" ? Math.min(Math.max(sum, 0), 6) : sum;
        }
      return out;
    }
    case "batchNorm": {
      const rows = x.data.length / channels;
      for (let c = 0; c < channels; c++) {
        let mean = weight("mean").data[c];
        let variance = weight("variance").data[c];
        if (run.training) {
          mean = 0;
          variance = 0;
          for (let r = 0; r < rows; r++) mean += x.data[r * channels + c] / rows;
          for (let r = 0; r < rows; r++) variance += (x.data[r * channels + c] - mean) ** 2 / rows;
        }
        const scale = weight("gamma").data[c] / Math.sqrt(variance + node.attributes.epsilon);
        for (let r = 0; r < rows; r++)
          out[r * channels + c] = (x.data[r * channels + c] - mean) * scale + weight("beta").data[c];
      }
      return out;
    }
    case "relu":
      return x.data.map((v) => Math.max(v, 0));
    case "relu6":
      return x.data.map((v) => Math.min(Math.max(v, 0), 6));
    case "hardswish":
      return x.data.map((v) => (v * Math.min(Math.max(v + 3, 0), 6)) / 6);
    case "sigmoid":
      return x.data.map((v) => 1 / (1 + Math.exp(-v)));
    case "unary": {
      const { function: of, alpha } = node.attributes;
      return x.data.map((v) => unary(of, v, alpha));
    }
    case "softmax":
      for (let r = 0; r < out.length; r += channels) {
        let sum = 0;
        for (let c = 0; c < channels; c++) sum += Math.exp(x.data[r + c]);
        for (let c = 0; c < channels; c++) out[r + c] = Math.exp(x.data[r + c]) / sum;
      }
      return out;
    case "add":
    case "subtract":
    case "multiply":
    case "maximum":
    case "minimum": {
      const f = { add, subtract, multiply, maximum: Math.max, minimum: Math.min }[node.op];
      return out.map((_, i) => f(x.data[repeatedPlace(i, shape, x.shape)], y.data[repeatedPlace(i, shape, y.shape)]));
    }
    case "constant":
      return Float64Array.from(weight("value").data);
    case "dropout": {
      if (!run.training) return x.data.slice();
      const data = Float64Array.from(run.masks[`${node.name}:mask`]);
      const spatial = node.attributes.spatial && x.shape.length === 4;
      const mask = { shape: spatial ? [x.shape[0], 1, 1, x.shape[3]] : x.shape, data };
      return x.data.map((v, i) => v * factor(x.shape, mask, i));
    }
    case "globalAveragePool": {
      const pixels = x.shape[1] * x.shape[2];
      for (let i = 0; i < x.data.length; i++)
        out[Math.floor(i / (pixels * channels)) * channels + (i % channels)] += x.data[i] / pixels;
      return out;
    }
    case "maxWindow":
    case "averagePool": {
      const { kernel, stride, padding } = node.attributes;
      const [n, h, w, c] = x.shape;
      for (let b = 0, i = 0; b < n; b++)
        for (let oy = 0; oy < shape[1]; oy++)
          for (let ox = 0; ox < shape[2]; ox++)
            for (let k = 0; k < c; k++, i++) {
              const inside: number[] = [];
              for (let dy = 0; dy < kernel[0]; dy++)
                for (let dx = 0; dx < kernel[1]; dx++) {
                  const [row, column] = [oy * stride[0] + dy - padding.top, ox * stride[1] + dx - padding.left];
                  if (row >= 0 && column >= 0 && row < h && column < w)
                    inside.push(x.data[((b * h + row) * w + column) * c + k]);
                }
              out[i] =
                node.op === "maxWindow" ? Math.max(...inside) : inside.reduce((sum, v) => sum + v) / inside.length;
            }
      return out;
    }
    case "maxPool": {
      const [n, h, w, c] = x.shape;
      const { size, stride } = node.attributes;
      for (let b = 0, i = 0; b < n; b++)
        for (let oy = 0; oy < shape[1]; oy++)
          for (let ox = 0; ox < shape[2]; ox++)
            for (let k = 0; k < c; k++, i++) {
              let peak = Number.NEGATIVE_INFINITY;
              for (let dy = 0; dy < size; dy++)
                for (let dx = 0; dx < size; dx++)
                  peak = Math.max(peak, x.data[((b * h + oy * stride + dy) * w + ox * stride + dx) * c + k]);
              out[i] = peak;
            }
      return out;
    }
    case "pad": {
      const { top, left } = node.attributes.padding;
      const [n, h, w, c] = x.shape;
      for (let b = 0; b < n; b++)
        for (let r = 0; r < h; r++)
          for (let q = 0; q < w; q++)
            for (let k = 0; k < c; k++)
              out[((b * shape[1] + r + top) * shape[2] + q + left) * c + k] = x.data[((b * h + r) * w + q) * c + k];
      return out;
    }
    case "slice": {
      const { begin, step } = node.attributes;
      return out.map((_, i) => {
        const [n, row, column, c] = placeOf(i, shape);
        return x.data[indexOf([n, begin[0] + row * step[0], begin[1] + column * step[1], begin[2] + c], x.shape)];
      });
    }
    case "resize": {
      const { mode, alignCorners, halfPixelCenters } = node.attributes;
      const near = mode === "nearest";
      /** Position of a pixel along an axis of the input, clamped to its first and last pixel. */
      const positionOf = (i: number, axis: number): number => {
        const [from, to] = [x.shape[axis], shape[axis]];
        let position = (i * from) / to;
        if (alignCorners) position = to > 1 ? (i * (from - 1)) / (to - 1) : 0;
        else if (halfPixelCenters) position = ((i + 0.5) * from) / to - (near ? 0 : 0.5);
        const whole = near ? Math.floor(position + (alignCorners ? 0.5 : 0)) : position;
        return Math.min(Math.max(whole, 0), from - 1);
      };
      return out.map((_, i) => {
        const [n, row, column, c] = placeOf(i, shape);
        const [py, px] = [positionOf(row, 1), positionOf(column, 2)];
        let sum = 0;
        for (const r of new Set([Math.floor(py), Math.ceil(py)]))
          for (const q of new Set([Math.floor(px), Math.ceil(px)]))
            sum += (1 - Math.abs(py - r)) * (1 - Math.abs(px - q)) * x.data[indexOf([n, r, q, c], x.shape)];
        return sum;
      });
    }
    case "concat": {
      const { axis } = node.attributes;
      return out.map((_, i) => {
        const place = placeOf(i, shape);
        const of = inputs.find((input) => {
          if (place[axis] < input.shape[axis]) return true;
          place[axis] -= input.shape[axis];
          return false;
        })!;
        return of.data[indexOf(place, of.shape)];
      });
    }
    case "flatten":
    case "reshape":
      return x.data.slice();
  }
}

/** Coordinates of element i of a tensor, and back. */
export function placeOf(i: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (const size of shape.toReversed()) {
    place.unshift(i % size);
    i = Math.floor(i / size);
  }
  return place;
}
export const indexOf = (place: readonly number[], shape: readonly number[]): number =>
  place.reduce((i, at, axis) => i * shape[axis] + at, 0);
const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;
const multiply = (a: number, b: number): number => a * b;

/** Index, in a value of shape `own` that is broadcast to `shape`, of element i. */
export function repeatedPlace(i: number, shape: readonly number[], own: readonly number[]): number {
  let [place, step, rest] = [0, 1, i];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (own[axis] > 1) place += (rest % shape[axis]) * step;
    rest = Math.floor(rest / shape[axis]);
    step *= own[axis];
  }
  return place;
}

function unary(of: UnaryFunction, x: number, alpha: number): number {
  if (of === "abs") return Math.abs(x);
  if (of === "elu") return x < 0 ? Math.expm1(x) : x;
  if (of === "identity") return x;
  if (of === "leakyRelu") return x < 0 ? alpha * x : x;
  return of === "tanh" ? Math.tanh(x) : Math.min(Math.max(x, -1), 1);
}

/** Element of the second factor for element i of the first; per channel when it is broadcast. */
function factor(shape: readonly number[], y: { shape: readonly number[]; data: Float64Array }, i: number): number {
  if (y.shape.join() === shape.join()) return y.data[i];
  const channels = shape[3];
  return y.data[Math.floor(i / (shape[1] * shape[2] * channels)) * channels + (i % channels)];
}
