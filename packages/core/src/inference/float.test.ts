import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Graph, GraphBuilder, type Padding } from "../graph/index.js";
import { type FloatWeights, Random, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import { runFloat } from "./index.js";

const random = new Random(11);

function randomTensor(shape: readonly number[]): Tensor<"float32"> {
  return tensor(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * 2),
  );
}

function randomWeights(graph: Graph): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }]) => {
      const values = randomTensor(shape);
      return [name, kind === "runningVariance" ? tensor("float32", shape, values.data.map(Math.abs)) : values];
    }),
  );
}

/** Value at [n, y, x, c]; 0 outside the map. */
function read(
  { shape: [, height, width, channels], data }: Tensor<"float32">,
  n: number,
  y: number,
  x: number,
  c: number,
) {
  return y < 0 || x < 0 || y >= height || x >= width ? 0 : data[((n * height + y) * width + x) * channels + c];
}

function fill(shape: readonly number[], f: (n: number, y: number, x: number, c: number) => number): Float32Array {
  const [batch, height, width, channels] = shape;
  const out = new Float32Array(sizeOf(shape));
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = 0; c < channels; c++) out[((n * height + y) * width + x) * channels + c] = f(n, y, x, c);
  return out;
}

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((a, i) => {
    if (!(Math.abs(a - expected[i]) <= 1e-5 * Math.max(1, Math.abs(expected[i]))))
      expect([i, a]).toEqual([i, expected[i]]);
  });
}

/** Builds a graph around one op and runs it on a batch of two. */
function runOne(shape: readonly number[], add: (b: GraphBuilder, x: string) => string) {
  const builder = new GraphBuilder("one");
  const name = add(builder, builder.input("x", [1, ...shape.slice(1)]));
  const graph = builder.build([name]);
  const weights = randomWeights(graph);
  const x = randomTensor(shape);
  return { x, weights, y: runFloat(graph, weights, { x })[name] };
}

const relu6 = (x: number) => Math.min(6, Math.max(0, x));

describe("convolution by the definition", () => {
  const cases = fc.record({
    height: fc.integer({ min: 3, max: 7 }),
    width: fc.integer({ min: 3, max: 7 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    groups: fc.constantFrom(1, 2, 4),
    filtersPerGroup: fc.integer({ min: 1, max: 3 }),
    padding: fc.record({
      top: fc.integer({ min: 0, max: 2 }),
      bottom: fc.integer({ min: 0, max: 2 }),
      left: fc.integer({ min: 0, max: 2 }),
      right: fc.integer({ min: 0, max: 2 }),
    }),
    bias: fc.boolean(),
    activation: fc.constantFrom("none" as const, "relu6" as const),
  });
  it("holds for any kernel, stride, padding and groups, depthwise among them", () => {
    fc.assert(
      fc.property(cases, ({ height, width, groups, filtersPerGroup, ...options }) => {
        const filters = groups * filtersPerGroup;
        const { x, weights, y } = runOne([2, height, width, 4], (b, input) =>
          b.conv2d("conv", input, { ...options, filters, groups }),
        );
        const { kernel, stride, padding, bias, activation } = options;
        const w = weights["conv.weight"].data;
        const perGroup = 4 / groups;
        const expected = fill(y.shape, (n, oy, ox, f) => {
          let sum = bias ? weights["conv.bias"].data[f] : 0;
          for (let ky = 0; ky < kernel; ky++)
            for (let kx = 0; kx < kernel; kx++)
              for (let c = 0; c < perGroup; c++)
                sum +=
                  w[((f * kernel + ky) * kernel + kx) * perGroup + c] *
                  read(
                    x,
                    n,
                    oy * stride - padding.top + ky,
                    ox * stride - padding.left + kx,
                    Math.floor(f / filtersPerGroup) * perGroup + c,
                  );
          return activation === "relu6" ? relu6(sum) : sum;
        });
        expectClose(y.data, expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe("every other op by its definition", () => {
  it("dense", () => {
    const { x, weights, y } = runOne([2, 5], (b, input) => b.dense("fc", input, 3, { activation: "relu6" }));
    const { "fc.weight": w, "fc.bias": bias } = weights;
    const expected = Float32Array.from({ length: 6 }, (_, i) => {
      const [n, u] = [Math.floor(i / 3), i % 3];
      return relu6([0, 1, 2, 3, 4].reduce((sum, k) => sum + x.data[n * 5 + k] * w.data[u * 5 + k], bias.data[u]));
    });
    expectClose(y.data, expected);
  });
  it("batch norm", () => {
    const { x, weights, y } = runOne([2, 3, 2, 4], (b, input) => b.batchNorm("bn", input, 1e-3));
    const [g, s, m, v] = ["weight", "bias", "running_mean", "running_var"].map(
      (suffix) => weights[`bn.${suffix}`].data,
    );
    expectClose(
      y.data,
      x.data.map((value, i) => {
        const c = i % 4;
        return g[c] * ((value - m[c]) / Math.sqrt(v[c] + 1e-3)) + s[c];
      }),
    );
  });
  it("relu6, hardswish, sigmoid", () => {
    const shape = [2, 3, 3, 5];
    const a = runOne(shape, (b, x) => b.relu6("y", x));
    expectClose(a.y.data, a.x.data.map(relu6));
    const h = runOne(shape, (b, x) => b.hardswish("y", x));
    expectClose(
      h.y.data,
      h.x.data.map((x) => (x * relu6(x + 3)) / 6),
    );
    const s = runOne(shape, (b, x) => b.sigmoid("y", x));
    expectClose(
      s.y.data,
      s.x.data.map((x) => 1 / (1 + Math.exp(-x))),
    );
  });
  it("softmax, without overflow", () => {
    const { x, y } = runOne([2, 4], (b, input) => b.softmax("y", input));
    const powers = x.data.map(Math.exp);
    const sums = [0, 4].map((row) => powers.subarray(row, row + 4).reduce((sum, p) => sum + p, 0));
    expectClose(
      y.data,
      powers.map((p, i) => p / sums[i >> 2]),
    );
    const builder = new GraphBuilder("large");
    const graph = builder.build([builder.softmax("y", builder.input("x", [1, 2]))]);
    const large = runFloat(graph, {}, { x: tensor("float32", [1, 2], Float32Array.of(1000, 1000)) });
    expect([...large.y.data]).toEqual([0.5, 0.5]);
  });
  it("add, and multiply with and without repetition over the map", () => {
    const builder = new GraphBuilder("two");
    const a = builder.input("a", [1, 3, 2, 4]);
    const b = builder.input("b", [1, 3, 2, 4]);
    const s = builder.input("s", [1, 1, 1, 4]);
    const outputs = [builder.add("sum", a, b), builder.multiply("product", a, b), builder.multiply("scaled", a, s)];
    const inputs = { a: randomTensor([2, 3, 2, 4]), b: randomTensor([2, 3, 2, 4]), s: randomTensor([2, 1, 1, 4]) };
    const y = runFloat(builder.build(outputs), {}, inputs);
    expectClose(
      y.sum.data,
      fill([2, 3, 2, 4], (...at) => read(inputs.a, ...at) + read(inputs.b, ...at)),
    );
    expectClose(
      y.product.data,
      fill([2, 3, 2, 4], (...at) => read(inputs.a, ...at) * read(inputs.b, ...at)),
    );
    expectClose(
      y.scaled.data,
      fill([2, 3, 2, 4], (n, row, column, c) => read(inputs.a, n, row, column, c) * inputs.s.data[n * 4 + c]),
    );
  });
  it("pooling, padding, flatten and dropout", () => {
    const shape = [2, 5, 6, 3];
    const gap = runOne(shape, (b, x) => b.globalAveragePool("y", x));
    expectClose(
      gap.y.data,
      fill([2, 1, 1, 3], (n, _y, _x, c) => {
        let sum = 0;
        for (let y = 0; y < 5; y++) for (let x = 0; x < 6; x++) sum += read(gap.x, n, y, x, c);
        return sum / 30;
      }),
    );
    const max = runOne(shape, (b, x) => b.maxPool("y", x, 3, 2));
    expect(max.y.shape).toEqual([2, 2, 2, 3]);
    expectClose(
      max.y.data,
      fill([2, 2, 2, 3], (n, oy, ox, c) => {
        const window = [0, 1, 2].flatMap((ky) => [0, 1, 2].map((kx) => read(max.x, n, oy * 2 + ky, ox * 2 + kx, c)));
        return Math.max(...window);
      }),
    );
    const padding: Padding = { top: 1, bottom: 2, left: 3, right: 0 };
    const pad = runOne(shape, (b, x) => b.pad("y", x, padding));
    expectClose(
      pad.y.data,
      fill([2, 8, 9, 3], (n, y, x, c) => read(pad.x, n, y - 1, x - 3, c)),
    );
    for (const same of [runOne(shape, (b, x) => b.flatten("y", x)), runOne(shape, (b, x) => b.dropout("y", x, 0.5))])
      expect(same.y.data).toEqual(same.x.data);
  });
});

describe("arguments", () => {
  const builder = new GraphBuilder("net");
  const graph = builder.build([builder.conv2d("c", builder.input("x", [1, 2, 2, 1]), { filters: 1 })]);
  it("names what is missing or has another shape", () => {
    const x = randomTensor([1, 2, 2, 1]);
    expect(() => runFloat(graph, randomWeights(graph), {})).toThrow(/input "x" is missing; .* needs \[1,2,2,1\]/);
    expect(() => runFloat(graph, randomWeights(graph), { x: randomTensor([3, 2, 1, 1]) })).toThrow(
      /input "x" is \[3,2,1,1\]/,
    );
    expect(() => runFloat(graph, {}, { x })).toThrow(/conv2d "c": parameter "c.weight" is missing/);
  });
});
