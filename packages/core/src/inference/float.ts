/**
 * The float interpreter: every op of the graph in inference mode, in plain loops. It is the reference for training,
 * calibration and the integer network. Sums are in double precision, values are stored as float32.
 */
import {
  type Graph,
  inputsOf,
  isDepthwise,
  type Node,
  type NodeOf,
  type OpName,
  realResizeTaps,
  unaryFunctions,
  withBatch,
} from "../graph/index.js";
import {
  exp,
  type FloatWeights,
  formatShape,
  PhinetsError,
  repeatInto,
  type Shape,
  sameShape,
  sigmoid,
  sizeOf,
  type Tensor,
  tensor,
} from "../tensor/index.js";

type FloatTensor = Tensor<"float32">;

/**
 * Runs a graph on float inputs and returns every value by name, including the inputs.
 *
 * @param graph any graph, before or after `deployGraph`; the inputs' batch replaces its own
 * @param weights parameters by name
 * @param inputs input tensors `[batch, ...]` by input name, all with the same batch
 * Throws PhinetsError when an input or a parameter is missing or has another shape.
 */
export function runFloat(
  graph: Graph,
  weights: FloatWeights,
  inputs: Readonly<Record<string, FloatTensor>>,
): Record<string, FloatTensor> {
  const inputNodes = inputsOf(graph);
  const batch = inputs[inputNodes[0]?.name]?.shape[0];
  const sized =
    batch === undefined || inputNodes.every((node) => node.attributes.shape[0] === batch)
      ? graph
      : withBatch(graph, batch);
  const values: Record<string, FloatTensor> = {};
  for (const node of sized.nodes) {
    const shape = sized.shapes[node.name];
    if (node.op === "input") {
      const given = inputs[node.name];
      if (given === undefined || !sameShape(given.shape, shape))
        throw new PhinetsError(
          "inference.input",
          `input "${node.name}" is ${given === undefined ? "missing" : formatShape(given.shape)}; graph "${graph.name}" needs ${formatShape(shape)}`,
        );
      values[node.name] = given;
      continue;
    }
    const parameters: Record<string, Float32Array> = {};
    for (const [role, name] of Object.entries(node.parameters)) {
      const needed = sized.parameters[name].shape;
      const weight = weights[name];
      if (weight === undefined || !sameShape(weight.shape, needed))
        throw new PhinetsError(
          "inference.weight",
          `${node.op} "${node.name}": parameter "${name}" is ${weight === undefined ? "missing" : formatShape(weight.shape)}; ${formatShape(needed)} is needed`,
        );
      parameters[role] = weight.data;
    }
    const y = tensor("float32", shape);
    const read = node.inputs.map((input) => values[input]);
    kernels[node.op](node as never, y, read[0], read[1], parameters, read);
    values[node.name] = y;
  }
  return values;
}

type Parameters = Readonly<Record<string, Float32Array>>;

const kernels: {
  readonly [O in Exclude<OpName, "input">]: (
    node: NodeOf<O>,
    y: FloatTensor,
    a: FloatTensor,
    b: FloatTensor,
    parameters: Parameters,
    inputs: readonly FloatTensor[],
  ) => void;
} = {
  conv2d: (node, y, x, _, parameters) =>
    isDepthwise(node, x.shape) ? depthwise(node, x, parameters, y) : convolution(node, x, parameters, y),
  dense: (node, y, x, _, parameters) => dense(node, x, parameters, y),
  batchNorm: ({ attributes }, { data: y }, { data: x }, _, { gamma, beta, mean, variance }) => {
    const channels = gamma.length;
    const deviation = Float64Array.from(variance, (v) => Math.sqrt(v + attributes.epsilon));
    for (let i = 0; i < x.length; i++) {
      const c = i % channels;
      y[i] = (gamma[c] * (x[i] - mean[c])) / deviation[c] + beta[c];
    }
  },
  relu: each((x) => Math.max(x, 0)),
  relu6: each(relu6),
  hardswish: each((x) => (x * relu6(x + 3)) / 6),
  sigmoid: each(sigmoid),
  unary: ({ attributes }, { data: y }, { data: x }) => {
    const { value } = unaryFunctions[attributes.function];
    for (let i = 0; i < x.length; i++) y[i] = value(x[i], attributes.alpha);
  },
  softmax: (_, y, x) => softmax(x.data, x.shape.at(-1)!, y.data),
  add: both((a, b) => a + b),
  multiply: both((a, b) => a * b),
  subtract: both((a, b) => a - b),
  maximum: both((a, b) => Math.max(a, b)),
  minimum: both((a, b) => Math.min(a, b)),
  constant: (_, { data: y }, __, ___, { value }) => y.set(value),
  globalAveragePool: (_, y, x) => globalAveragePool(x, y.data),
  averagePool: (node, y, x) => pool(node, x, y, mean),
  maxWindow: (node, y, x) => pool(node, x, y, largest),
  maxPool: (node, y, x) => maxPool(node, x, y),
  pad: ({ attributes }, y, { shape: [batch, height, width, channels], data: x }) => {
    const { top, left } = attributes.padding;
    for (let n = 0; n < batch; n++)
      for (let row = 0; row < height; row++) {
        const from = (n * height + row) * width * channels;
        const to = ((n * y.shape[1] + row + top) * y.shape[2] + left) * channels;
        y.data.set(x.subarray(from, from + width * channels), to);
      }
  },
  resize: (node, y, x) => resize(node, x, y),
  slice: ({ attributes: { begin, step } }, y, { shape, data }) => {
    const [batch, outHeight, outWidth, outChannels] = y.shape;
    const [, height, width, channels]: Shape = shape;
    let to = 0;
    for (let n = 0; n < batch; n++)
      for (let row = 0; row < outHeight; row++)
        for (let column = 0; column < outWidth; column++, to += outChannels) {
          const line = n * height + begin[0] + row * step[0];
          const from = (line * width + begin[1] + column * step[1]) * channels + begin[2];
          y.data.set(data.subarray(from, from + outChannels), to);
        }
  },
  concat: ({ attributes: { axis } }, y, _, __, ___, inputs) => {
    const rows = sizeOf(y.shape.slice(0, axis));
    let to = 0;
    for (let row = 0; row < rows; row++)
      for (const { shape, data } of inputs) {
        const length = sizeOf(shape.slice(axis));
        y.data.set(data.subarray(row * length, (row + 1) * length), to);
        to += length;
      }
  },
  dropout: copy,
  flatten: copy,
  reshape: copy,
};

function each(f: (x: number) => number) {
  return (_: Node, { data: y }: FloatTensor, { data: x }: FloatTensor): void => {
    for (let i = 0; i < x.length; i++) y[i] = f(x[i]);
  };
}

/** Applies a function to two values element by element, each repeated to the output's shape. */
function both(f: (a: number, b: number) => number) {
  const repeated = ({ shape, data }: FloatTensor, as: Shape): Float32Array => {
    if (sameShape(shape, as)) return data;
    const wide = new Float32Array(sizeOf(as));
    repeatInto(data, shape, wide, as);
    return wide;
  };
  return (_: Node, { shape, data: y }: FloatTensor, a: FloatTensor, b: FloatTensor): void => {
    const [first, second] = [repeated(a, shape), repeated(b, shape)];
    for (let i = 0; i < y.length; i++) y[i] = f(first[i], second[i]);
  };
}

function copy(_: Node, y: FloatTensor, x: FloatTensor): void {
  y.data.set(x.data);
}

function relu6(x: number): number {
  return Math.min(6, Math.max(0, x));
}

/** Range of kernel taps that fall on the map: the first, and one past the last. */
function taps(origin: number, kernel: number, size: number): [number, number] {
  return [Math.max(0, -origin), Math.min(kernel, size - origin)];
}

function convolution(
  node: NodeOf<"conv2d">,
  { shape, data: x }: FloatTensor,
  { weight, bias }: Parameters,
  y: FloatTensor,
): void {
  const { kernel, stride, padding, groups, activation } = node.attributes;
  const [, height, width, channels] = shape;
  const [batch, outHeight, outWidth, filters] = y.shape;
  const groupChannels = channels / groups;
  const groupFilters = filters / groups;
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride[0] - padding.top;
      const [firstY, lastY] = taps(top, kernel[0], height);
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride[1] - padding.left;
        const [firstX, lastX] = taps(left, kernel[1], width);
        for (let f = 0; f < filters; f++) {
          const firstChannel = Math.floor(f / groupFilters) * groupChannels;
          let sum = bias === undefined ? 0 : bias[f];
          for (let ky = firstY; ky < lastY; ky++)
            for (let kx = firstX; kx < lastX; kx++) {
              const xAt = ((n * height + top + ky) * width + left + kx) * channels + firstChannel;
              const wAt = ((f * kernel[0] + ky) * kernel[1] + kx) * groupChannels;
              for (let c = 0; c < groupChannels; c++) sum += x[xAt + c] * weight[wAt + c];
            }
          y.data[o++] = activation === "relu6" ? relu6(sum) : sum;
        }
      }
    }
}

/**
 * A convolution with one filter per channel. It sums the channels of a pixel side by side, which reads memory in order.
 */
function depthwise(
  node: NodeOf<"conv2d">,
  { shape, data: x }: FloatTensor,
  { weight, bias }: Parameters,
  y: FloatTensor,
): void {
  const { kernel, stride, padding, activation } = node.attributes;
  const [, height, width, channels] = shape;
  const [batch, outHeight, outWidth] = y.shape;
  const size = kernel[0] * kernel[1];
  const byTap = new Float32Array(weight.length); // [kernelHeight, kernelWidth, channels]
  for (let c = 0; c < channels; c++) for (let t = 0; t < size; t++) byTap[t * channels + c] = weight[c * size + t];
  const sums = new Float64Array(channels);
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride[0] - padding.top;
      const [firstY, lastY] = taps(top, kernel[0], height);
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride[1] - padding.left;
        const [firstX, lastX] = taps(left, kernel[1], width);
        if (bias === undefined) sums.fill(0);
        else sums.set(bias);
        for (let ky = firstY; ky < lastY; ky++)
          for (let kx = firstX; kx < lastX; kx++) {
            const xAt = ((n * height + top + ky) * width + left + kx) * channels;
            const wAt = (ky * kernel[1] + kx) * channels;
            for (let c = 0; c < channels; c++) sums[c] += x[xAt + c] * byTap[wAt + c];
          }
        for (let c = 0; c < channels; c++) y.data[o++] = activation === "relu6" ? relu6(sums[c]) : sums[c];
      }
    }
}

function dense(
  node: NodeOf<"dense">,
  { shape: [batch, features], data: x }: FloatTensor,
  { weight, bias }: Parameters,
  y: FloatTensor,
): void {
  const { units, activation } = node.attributes;
  for (let n = 0; n < batch; n++)
    for (let u = 0; u < units; u++) {
      let sum = bias === undefined ? 0 : bias[u];
      for (let i = 0; i < features; i++) sum += x[n * features + i] * weight[u * features + i];
      y.data[n * units + u] = activation === "relu6" ? relu6(sum) : sum;
    }
}

/** Softmax over rows of `length` elements, each shifted by its largest so that exp cannot overflow. */
function softmax(x: Float32Array, length: number, out: Float32Array): void {
  for (let row = 0; row < x.length; row += length) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) largest = Math.max(largest, x[row + i]);
    const powers = Float64Array.from({ length }, (_, i) => exp(x[row + i] - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (let i = 0; i < length; i++) out[row + i] = powers[i] / sum;
  }
}

function globalAveragePool({ shape, data }: FloatTensor, out: Float32Array): void {
  const [batch, height, width, channels] = shape;
  const area = height * width;
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = 0; i < area; i++) sum += data[(n * area + i) * channels + c];
      out[n * channels + c] = sum / area;
    }
}

interface Pool {
  readonly begin: number;
  join(pooled: number, value: number): number;
  end(pooled: number, count: number): number;
}

/** A pool in whose windows only the pixels on the map count. */
function pool(
  { attributes: { kernel, stride, padding } }: NodeOf<"averagePool" | "maxWindow">,
  { shape, data }: FloatTensor,
  y: FloatTensor,
  { begin, join, end }: Pool,
): void {
  const [, height, width, channels]: Shape = shape;
  const [batch, outHeight, outWidth] = y.shape;
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * stride[0] - padding.top;
      const [firstY, lastY] = taps(top, kernel[0], height);
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * stride[1] - padding.left;
        const [firstX, lastX] = taps(left, kernel[1], width);
        for (let c = 0; c < channels; c++) {
          let pooled = begin;
          for (let ky = firstY; ky < lastY; ky++)
            for (let kx = firstX; kx < lastX; kx++)
              pooled = join(pooled, data[((n * height + top + ky) * width + left + kx) * channels + c]);
          y.data[o++] = end(pooled, (lastY - firstY) * (lastX - firstX));
        }
      }
    }
}

const mean: Pool = { begin: 0, join: (a, b) => a + b, end: (sum, count) => sum / count };
const largest: Pool = { begin: Number.NEGATIVE_INFINITY, join: Math.max, end: (most) => most };

function resize(node: NodeOf<"resize">, { shape, data }: FloatTensor, y: FloatTensor): void {
  const [batch, height, width, channels]: Shape = shape;
  const { attributes } = node;
  const rows = realResizeTaps(height, attributes.size[0], attributes);
  const columns = realResizeTaps(width, attributes.size[1], attributes);
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (const row of rows)
      for (const column of columns)
        for (let c = 0; c < channels; c++) {
          const at = (line: number, pixel: number): number =>
            data[((n * height + line) * width + pixel) * channels + c];
          const across = (line: number): number =>
            at(line, column.lower) * (1 - column.weight) + at(line, column.upper) * column.weight;
          y.data[o++] = across(row.lower) * (1 - row.weight) + across(row.upper) * row.weight;
        }
}

function maxPool(node: NodeOf<"maxPool">, { shape, data }: FloatTensor, y: FloatTensor): void {
  const { size, stride } = node.attributes;
  const [, height, width, channels]: Shape = shape;
  const [batch, outHeight, outWidth] = y.shape;
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          let largest = Number.NEGATIVE_INFINITY;
          for (let ky = 0; ky < size; ky++)
            for (let kx = 0; kx < size; kx++) {
              const at = ((n * height + oy * stride + ky) * width + ox * stride + kx) * channels + c;
              if (data[at] > largest) largest = data[at];
            }
          y.data[o++] = largest;
        }
}
