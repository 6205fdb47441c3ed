/**
 * Every operator in its edge cases: paddings, strides, kernels, maps of one pixel, odd widths, channel counts around
 * vector sizes, with and without bias and activation. Cases of new operators are added here.
 */
import {
  type Conv2dOptions,
  type Graph,
  GraphBuilder,
  makeGraph,
  type Node,
  type Padding,
  type UnaryFunction,
  unaryFunctions,
} from "@phinets/core/graph";

/** An operator on a map; gradient tests give it another input. */
export interface OperatorCase {
  readonly name: string;
  readonly input: readonly [height: number, width: number, channels: number];
  /** Adds the operator to a graph; returns its value's name. */
  build(g: GraphBuilder, x: string): string;
  /** For a convolution: kernel and stride of "y", where they are not square as the builder's. */
  readonly window?: { readonly kernel: readonly [number, number]; readonly stride: readonly [number, number] };
}

type Input = OperatorCase["input"];
type Window = Omit<Conv2dOptions, "filters" | "groups">;

/**
 * A graph with the operator as value "y".
 * @param source adds the value that it reads, with its input's shape; default: the graph's input "x"
 */
export function operatorGraph(operator: OperatorCase, source?: (g: GraphBuilder) => string): Graph {
  const { name, input, build, window } = operator;
  const g = new GraphBuilder(name);
  const graph = g.build([build(g, source?.(g) ?? g.input("x", [1, ...input]))]);
  if (window === undefined) return graph;
  const nodes = graph.nodes.map(
    (node): Node =>
      node.name === "y" && node.op === "conv2d" ? { ...node, attributes: { ...node.attributes, ...window } } : node,
  );
  return makeGraph(name, nodes, graph.outputs);
}

const sides = (top: number, bottom: number, left: number, right: number): Padding => ({ top, bottom, left, right });
const sizeText = (input: Input): string => input.join("x");

function windowText({ kernel = 1, stride = 1, padding = 0, bias, activation }: Window): string {
  const around = typeof padding === "number" ? padding : Object.values(padding).join();
  return [
    `${kernel}x${kernel}`,
    ...(stride > 1 ? [`stride ${stride}`] : []),
    ...(around !== 0 ? [`padding ${around}`] : []),
    ...(bias ? ["bias"] : []),
    ...(activation ? [activation] : []),
  ].join(" ");
}

const convolution = (input: Input, options: Conv2dOptions): OperatorCase => ({
  name: `convolution ${windowText(options)} of ${sizeText(input)} to ${options.filters}${options.groups ? ` in ${options.groups} groups` : ""}`,
  input,
  build: (g, x) => g.conv2d("y", x, options),
});

const depthwise = (input: Input, options: Window): OperatorCase => ({
  name: `depthwise ${windowText(options)} of ${sizeText(input)}`,
  input,
  build: (g, x) => g.depthwise("y", x, options),
});

/** An operator without options, on each of several inputs. */
const plain = (name: string, inputs: readonly Input[], build: OperatorCase["build"]): OperatorCase[] =>
  inputs.map((input) => ({ name: `${name} of ${sizeText(input)}`, input, build }));

const convolutions = [
  convolution([1, 1, 1], { filters: 1, bias: true }),
  convolution([5, 4, 3], { filters: 13, bias: true }),
  convolution([1, 1, 33], { filters: 17, bias: true, activation: "relu6" }),
  convolution([3, 5, 8], { filters: 8, activation: "relu6" }),
  convolution([2, 7, 16], { filters: 9, bias: true }),
  convolution([9, 1, 5], { filters: 4 }),
  convolution([3, 3, 130], { filters: 33, bias: true }),
  convolution([7, 5, 6], { filters: 10, stride: 2 }),
  convolution([5, 6, 4], { filters: 6, stride: 3, bias: true }),
  convolution([4, 3, 5], { filters: 7, padding: 1, bias: true }),
  convolution([6, 5, 3], { filters: 6, kernel: 3, padding: 1 }),
  convolution([7, 6, 3], { filters: 6, kernel: 3, stride: 2, padding: sides(0, 1, 1, 0), bias: true }),
  convolution([8, 8, 4], { filters: 8, kernel: 3, stride: 2, padding: sides(0, 1, 0, 1), activation: "relu6" }),
  convolution([8, 8, 4], { filters: 6, kernel: 3, stride: 2, padding: 1, bias: true }),
  convolution([9, 8, 4], { filters: 6, kernel: 3, stride: 2, padding: 1, bias: true }),
  convolution([9, 9, 1], { filters: 5, kernel: 3, stride: 2, padding: 1, bias: true }),
  convolution([9, 8, 3], { filters: 4, kernel: 3, stride: 3, padding: 1 }),
  convolution([10, 10, 2], { filters: 3, kernel: 3, stride: 3, padding: sides(1, 2, 1, 2) }),
  convolution([8, 9, 4], { filters: 6, kernel: 3, stride: 2 }),
  convolution([3, 3, 7], { filters: 5, kernel: 3, bias: true, activation: "relu6" }),
  convolution([1, 1, 9], { filters: 5, kernel: 3, padding: 1, bias: true }),
  convolution([2, 1, 3], { filters: 3, kernel: 3, padding: 2 }),
  convolution([3, 2, 40], { filters: 24, kernel: 3, padding: 1, bias: true, activation: "relu6" }),
  convolution([6, 7, 5], { filters: 3, kernel: 2, stride: 2 }),
  convolution([3, 3, 4], { filters: 4, kernel: 2, padding: sides(1, 0, 1, 0), bias: true }),
  convolution([7, 8, 3], { filters: 3, kernel: 2, stride: 3, bias: true }),
  convolution([9, 9, 3], { filters: 3, kernel: 2, stride: 3, bias: true }),
  convolution([7, 9, 2], { filters: 3, kernel: 5, padding: 2, bias: true }),
  convolution([11, 10, 3], { filters: 4, kernel: 5, stride: 2, padding: 2 }),
  convolution([9, 8, 2], { filters: 3, kernel: 7, stride: 2, padding: 3, bias: true }),
  // Rows of windows that the smallest program computes in tiles.
  convolution([4, 21, 10], { filters: 6, kernel: 3, padding: 1, bias: true, activation: "relu6" }),
  convolution([7, 33, 12], { filters: 5, kernel: 5, stride: 2, padding: sides(1, 2, 1, 2), bias: true }),
  // Windows that lie entirely outside the map, as a PAD may cause.
  convolution([6, 7, 8], { filters: 4, kernel: 3, padding: sides(1, 1, 1, 9), bias: true }),
  convolution([3, 2, 5], { filters: 3, kernel: 3, stride: 2, padding: sides(7, 6, 12, 11) }),
  convolution([1, 1, 4], { filters: 3, stride: 9999, bias: true }),
  convolution([3, 3, 9], { filters: 5, kernel: 3, stride: 9999, bias: true }),
  convolution([9, 3, 3], { filters: 5, kernel: 3, stride: 6, bias: true }),
  convolution([6, 5, 6], { filters: 4, kernel: 3, padding: 1, groups: 2, bias: true }),
  convolution([5, 5, 6], { filters: 3, kernel: 3, stride: 2, groups: 3, activation: "relu6" }),
  convolution([5, 4, 3], { filters: 6, kernel: 3, padding: 1, groups: 3, bias: true }),
  {
    ...convolution([6, 7, 5], { filters: 4, padding: sides(1, 1, 0, 0), bias: true }),
    name: "convolution 3x1 stride 1x2 of 6x7x5 to 4",
    window: { kernel: [3, 1], stride: [1, 2] },
  },
  {
    ...convolution([6, 7, 5], { filters: 4, padding: sides(0, 0, 2, 2) }),
    name: "convolution 1x5 stride 2x1 of 6x7x5 to 4",
    window: { kernel: [1, 5], stride: [2, 1] },
  },
] satisfies OperatorCase[];

const depthwises = [
  ...[1, 2, 3, 5].flatMap((kernel) =>
    [1, 2, 3].map((stride) =>
      depthwise([7, 8, 5], { kernel, stride, padding: kernel >> 1, ...(kernel === 3 ? { bias: true } : {}) }),
    ),
  ),
  depthwise([8, 7, 5], { kernel: 5, stride: 2, padding: 1 }),
  depthwise([5, 5, 9], { kernel: 5, stride: 9999, bias: true }),
  depthwise([6, 7, 5], { kernel: 3, padding: sides(6, 5, 1, 9), bias: true }),
  depthwise([8, 8, 5], { kernel: 3, stride: 2, padding: sides(0, 1, 0, 1), bias: true }),
  depthwise([8, 8, 4], { kernel: 3, stride: 2, padding: 1, bias: true }),
  depthwise([9, 8, 4], { kernel: 3, stride: 2, padding: 1, bias: true }),
  depthwise([6, 6, 5], { kernel: 3, activation: "relu6" }),
  depthwise([5, 5, 1], { kernel: 3, padding: 1, bias: true }),
  depthwise([4, 6, 16], { kernel: 3, padding: 1, bias: true, activation: "relu6" }),
  depthwise([6, 4, 17], { kernel: 3, stride: 2, padding: 1, bias: true }),
  depthwise([5, 4, 24], { kernel: 5, padding: 2, bias: true }),
  depthwise([3, 33, 4], { kernel: 3, padding: 1, bias: true }),
  depthwise([1, 1, 8], { kernel: 3, padding: 1, bias: true }),
  depthwise([3, 1, 12], { kernel: 5, padding: 2 }),
  depthwise([2, 2, 3], { kernel: 3, padding: 2, bias: true }),
  depthwise([9, 8, 4], { kernel: 7, padding: 3, bias: true }),
  depthwise([6, 8, 6], { kernel: 4, stride: 2, padding: sides(1, 2, 0, 1) }),
  {
    ...depthwise([6, 7, 6], { padding: sides(1, 1, 0, 0), bias: true }),
    name: "depthwise 3x1 stride 2x1 of 6x7x6",
    window: { kernel: [3, 1], stride: [2, 1] },
  },
] satisfies OperatorCase[];

const dense = (input: Input, units: number, options: { bias?: boolean; activation?: "relu6" } = {}): OperatorCase => ({
  name: `dense of ${sizeText(input)} to ${units}${options.bias === false ? " without bias" : ""}${options.activation ? ` ${options.activation}` : ""}`,
  input,
  build: (g, x) => g.dense("y", g.flatten("flat", x), units, options),
});

const maxPool = (input: Input, size: number, stride: number): OperatorCase => ({
  name: `maxPool ${size}x${size} stride ${stride} of ${sizeText(input)}`,
  input,
  build: (g, x) => g.maxPool("y", x, size, stride),
});

const averagePool = (
  input: Input,
  kernel: readonly [number, number],
  stride: readonly [number, number],
  padding = sides(0, 0, 0, 0),
): OperatorCase => ({
  name: `averagePool ${kernel.join("x")} stride ${stride.join("x")} padding ${Object.values(padding).join()} of ${sizeText(input)}`,
  input,
  build: (g, x) => g.averagePool("y", x, { kernel, stride, padding }),
});

const maxWindow = (
  input: Input,
  kernel: readonly [number, number],
  stride: readonly [number, number],
  padding = sides(0, 0, 0, 0),
): OperatorCase => ({
  name: `maxWindow ${kernel.join("x")} stride ${stride.join("x")} padding ${Object.values(padding).join()} of ${sizeText(input)}`,
  input,
  build: (g, x) => g.maxWindow("y", x, { kernel, stride, padding }),
});

const slice = (
  input: Input,
  begin: readonly [number, number, number],
  size: readonly [number, number, number],
  step: readonly [number, number],
): OperatorCase => ({
  name: `slice from ${begin.join()}, ${size.join("x")}, step ${step.join("x")}, of ${sizeText(input)}`,
  input,
  build: (g, x) => g.slice("y", x, { begin, size, step }),
});

const resize = (
  input: Input,
  mode: "nearest" | "bilinear",
  size: readonly [number, number],
  kept: "half pixels" | "corners" | "none",
): OperatorCase => ({
  name: `resize ${mode}, ${kept}, to ${size.join("x")} of ${sizeText(input)}`,
  input,
  build: (g, x) =>
    g.resize("y", x, { mode, size, alignCorners: kept === "corners", halfPixelCenters: kept === "half pixels" }),
});

const pad = (input: Input, padding: Padding): OperatorCase => ({
  name: `pad ${Object.values(padding).join()} of ${sizeText(input)}`,
  input,
  build: (g, x) => g.pad("y", x, padding),
});

/** A second value of the input's shape. */
const branch = (g: GraphBuilder, x: string): string => g.conv2d("branch", x, { filters: g.shape(x)[3], bias: true });
/** A factor for each channel. */
const gate = (g: GraphBuilder, x: string): string =>
  g.sigmoid("gate", g.conv2d("excite", g.globalAveragePool("mean", x), { filters: g.shape(x)[3], bias: true }));

/** A value with the input's quantisation, as some operators require. */
const kept = (g: GraphBuilder, x: string): string => g.relu6("kept", x);
/** The mean of each column. */
const rowOf = (g: GraphBuilder, x: string): string => {
  const kernel = [g.shape(x)[1], 1] as const;
  return g.averagePool("row", x, { kernel, stride: [1, 1], padding: sides(0, 0, 0, 0) });
};
const binaries = ["add", "multiply", "subtract", "maximum", "minimum"] as const;
const repeatedShapes = [
  ["map", [1, 3, 4, 10]],
  ["vector of channels", [1, 1, 1, 10]],
  ["number", [1, 1, 1, 1]],
  ["column", [1, 3, 1, 10]],
  ["row of pixels", [1, 1, 4, 1]],
] as const;

/** Operators of imported networks. */
export const unaries = Object.keys(unaryFunctions) as UnaryFunction[];

const maps: readonly Input[] = [
  [4, 4, 5],
  [1, 1, 17],
  [3, 1, 16],
];

/** Operators that only imported networks have, by the names of their cases. */
export const importedOnly = /^(averagePool|concat|imported|maxWindow|reshape|resize|slice|unary|SSD|random moves)/;

export const operators: readonly OperatorCase[] = [
  ...convolutions,
  ...depthwises,
  dense([1, 1, 1], 1),
  dense([3, 3, 2], 7),
  dense([2, 5, 13], 17, { activation: "relu6" }),
  dense([5, 2, 13], 1),
  dense([1, 1, 40], 8, { bias: false }),
  ...plain("relu", maps, (g, x) => g.relu("y", x)),
  ...plain("relu6", maps, (g, x) => g.relu6("y", x)),
  ...plain("hardswish", maps, (g, x) => g.hardswish("y", x)),
  ...plain("sigmoid", maps, (g, x) => g.sigmoid("y", x)),
  ...unaries.flatMap((of) => plain(`unary ${of}`, maps, (g, x) => g.unary("y", x, of, of === "leakyRelu" ? 0.2 : 0))),
  ...unaries.map(
    (of): OperatorCase => ({
      name: `unary ${of} after a convolution`,
      input: [3, 4, 3],
      build: (g, x) => g.unary("y", g.conv2d("c", x, { filters: 7, bias: true }), of, of === "leakyRelu" ? 0.3 : 0),
    }),
  ),
  ...plain(
    "softmax",
    [
      [2, 2, 5],
      [1, 1, 12],
      [3, 1, 257],
    ],
    (g, x) => g.softmax("y", x),
  ),
  ...plain("softmax after a dense layer", [[2, 2, 3]], (g, x) => g.softmax("y", g.dense("d", g.flatten("f", x), 7))),
  ...plain("add", maps, (g, x) => g.add("y", x, branch(g, x))),
  ...plain("add to itself", [[4, 3, 5]], (g, x) => g.add("y", x, x)),
  ...plain("multiply", maps, (g, x) => g.multiply("y", x, branch(g, x))),
  ...binaries.flatMap((op) => [
    ...plain(`imported ${op}`, op === "multiply" || op === "add" ? [] : maps, (g, x) => g[op]("y", x, kept(g, x))),
    ...repeatedShapes.flatMap(([name, shape]) =>
      plain(`imported ${op} of a constant ${name}`, [[3, 4, 10]], (g, x) => g[op]("y", x, g.constant("c", shape))),
    ),
    ...plain(`imported ${op} from a constant`, [[3, 4, 10]], (g, x) => g[op]("y", g.constant("c", [1, 1, 4, 1]), x)),
    ...plain(`imported ${op} of a value a channel`, op === "multiply" ? [] : [[5, 4, 9]], (g, x) =>
      g[op]("y", x, g.maxPool("p", x, 4, 4)),
    ),
    ...plain(`imported ${op} from a row of pixels`, [[4, 5, 9]], (g, x) => g[op]("y", rowOf(g, x), x)),
    ...plain(`imported ${op} of a vector and a constant`, [[2, 3, 4]], (g, x) =>
      g[op]("y", g.flatten("f", x), g.constant("c", [1, 24])),
    ),
    ...plain(`imported ${op} of a vector and a number`, [[2, 3, 4]], (g, x) =>
      g[op]("y", g.flatten("f", x), g.constant("c", [1, 1])),
    ),
  ]),
  ...plain("multiply by itself", [[4, 3, 5]], (g, x) => g.multiply("y", x, x)),
  ...plain("multiply per channel", [...maps, [5, 3, 33]], (g, x) => g.multiply("y", x, gate(g, x))),
  ...plain("globalAveragePool", [...maps, [1, 7, 3], [13, 11, 17], [40, 40, 2]], (g, x) => g.globalAveragePool("y", x)),
  averagePool([3, 4, 5], [1, 1], [1, 1]),
  averagePool([5, 6, 3], [2, 2], [2, 2]),
  averagePool([5, 6, 17], [2, 3], [1, 2]),
  averagePool([7, 5, 8], [3, 3], [2, 2], sides(1, 1, 1, 1)),
  averagePool([6, 5, 4], [3, 3], [1, 1], sides(1, 1, 1, 1)),
  averagePool([8, 8, 3], [3, 2], [2, 2], sides(0, 1, 0, 0)),
  averagePool([13, 5, 16], [13, 5], [1, 1]),
  averagePool([25, 3, 9], [25, 3], [25, 3]),
  averagePool([3, 3, 5], [3, 3], [1, 1], sides(1, 1, 1, 1)),
  maxWindow([6, 8, 3], [3, 3], [2, 2], sides(0, 1, 0, 1)),
  maxWindow([6, 5, 17], [3, 3], [1, 1], sides(1, 1, 1, 1)),
  maxWindow([7, 9, 4], [5, 5], [1, 1], sides(2, 2, 2, 2)),
  maxWindow([9, 5, 8], [2, 4], [2, 3]),
  maxWindow([8, 1, 5], [3, 1], [2, 1], sides(0, 1, 0, 0)),
  maxWindow([4, 3, 9], [4, 3], [1, 1]),
  maxPool([3, 4, 5], 1, 1),
  maxPool([5, 6, 3], 2, 2),
  maxPool([5, 6, 17], 2, 1),
  maxPool([7, 7, 3], 3, 2),
  maxPool([7, 8, 4], 2, 3),
  maxPool([3, 3, 16], 3, 3),
  pad([4, 3, 3], sides(1, 2, 0, 3)),
  pad([1, 1, 5], sides(0, 0, 1, 0)),
  pad([3, 5, 16], sides(2, 2, 2, 2)),
  ...plain("concat", [...maps, [3, 5, 8]], (g, x) => g.concat("y", [x, branch(g, x)])),
  ...plain("concat of itself", [[4, 3, 5]], (g, x) => g.concat("y", [x, x])),
  ...plain("concat of four", [[5, 4, 3]], (g, x) => {
    const pooled = g.maxPool("pool", x, 1);
    return g.concat("y", [branch(g, x), g.conv2d("wide", x, { filters: 16, kernel: 3, padding: 1 }), x, pooled]);
  }),
  ...plain("concat below each other", [[4, 3, 5]], (g, x) =>
    g.concat("y", [branch(g, x), x, g.maxPool("p", x, 1, 1)], 1),
  ),
  ...plain("concat side by side", [[4, 3, 5]], (g, x) => g.concat("y", [x, branch(g, x), x], 2)),
  ...plain("concat of vectors", [[3, 4, 5]], (g, x) =>
    g.concat("y", [g.dense("d", g.flatten("f", x), 7), g.flatten("g", g.conv2d("c", x, { filters: 3 }))], 1),
  ),
  ...plain("concat between convolutions", [[6, 7, 3]], (g, x) => {
    const a = g.conv2d("a", x, { filters: 8, kernel: 3, padding: 1, bias: true });
    const b = g.depthwise("b", a, { kernel: 3, padding: 1 });
    const both = g.concat("ab", [a, b]);
    const all = g.concat("abc", [both, g.conv2d("c", both, { filters: 5, bias: true }), a]);
    return g.depthwise("y", g.conv2d("d", all, { filters: 6, bias: true }), { kernel: 3, padding: 1, stride: 2 });
  }),
  ...(["nearest", "bilinear"] as const).flatMap((mode) => [
    resize([3, 4, 5], mode, [6, 8], "half pixels"),
    resize([3, 4, 9], mode, [6, 8], "corners"),
    resize([3, 4, 8], mode, [6, 8], "none"),
    resize([7, 5, 3], mode, [4, 3], "half pixels"),
    resize([7, 5, 3], mode, [3, 4], "corners"),
    resize([7, 5, 17], mode, [10, 3], "none"),
    resize([5, 6, 2], mode, [5, 6], "half pixels"),
    resize([1, 1, 16], mode, [3, 2], "half pixels"),
    resize([4, 1, 3], mode, [1, 5], "corners"),
    resize([2, 3, 4], mode, [13, 17], "half pixels"),
    ...plain(`resize ${mode} after a convolution, read with its input`, [[5, 6, 3]], (g, x) => {
      const small = g.conv2d("small", x, { filters: 8, kernel: 3, stride: 2, padding: 1, bias: true });
      const size = [5, 6] as const;
      const large = g.resize("large", small, { mode, size, alignCorners: false, halfPixelCenters: true });
      return g.conv2d("y", g.concat("both", [large, g.conv2d("wide", x, { filters: 4 })]), { filters: 3, kernel: 3 });
    }),
  ]),
  slice([5, 6, 9], [0, 0, 3], [5, 6, 6], [1, 1]),
  slice([5, 6, 24], [0, 0, 8], [5, 6, 16], [1, 1]),
  slice([5, 6, 7], [2, 1, 0], [3, 5, 7], [1, 1]),
  slice([7, 9, 5], [1, 0, 2], [3, 3, 2], [2, 4]),
  slice([1, 1, 17], [0, 0, 16], [1, 1, 1], [1, 1]),
  ...plain("slice in two, put together the other way round", [[4, 6, 10]], (g, x) => {
    const wide = g.conv2d("wide", x, { filters: 10, kernel: 3, padding: 1, bias: true });
    const half = (name: string, first: number): string =>
      g.slice(name, wide, { begin: [0, 0, first], size: [4, 6, 5], step: [1, 1] });
    const [a, b] = [half("a", 0), half("b", 5)];
    return g.conv2d("y", g.concat("ba", [g.depthwise("d", b, { kernel: 3, padding: 1 }), a]), { filters: 4 });
  }),
  ...plain("slice of every other pixel", [[6, 8, 3]], (g, x) => {
    const part = (row: number, column: number): string =>
      g.slice(`p${row}${column}`, x, { begin: [row, column, 0], size: [3, 4, 3], step: [2, 2] });
    return g.conv2d("y", g.concat("focus", [part(0, 0), part(1, 0), part(0, 1), part(1, 1)]), { filters: 5 });
  }),
  ...plain("reshape to a row", [[3, 4, 6]], (g, x) => g.reshape("y", branch(g, x), [1, 24, 3])),
  ...plain("reshape of channels", [[3, 5, 8]], (g, x) => g.conv2d("y", g.reshape("r", x, [5, 6, 4]), { filters: 3 })),
  ...plain("reshape of a vector", [[2, 2, 3]], (g, x) =>
    g.conv2d("y", g.reshape("r", g.dense("d", g.flatten("f", x), 24), [2, 3, 4]), { filters: 5, kernel: 2 }),
  ),
  ...plain("pad before a convolution", [[6, 5, 3]], (g, x) =>
    g.conv2d("y", g.pad("p", x, sides(1, 0, 2, 1)), { filters: 4, kernel: 3, stride: 2, padding: sides(0, 1, 0, 0) }),
  ),
  ...plain("pad before a maxPool", [[4, 5, 3]], (g, x) => g.maxPool("y", g.pad("p", x, sides(1, 1, 1, 1)), 3, 2)),
  ...plain("flatten of a sum", [[3, 2, 5]], (g, x) => g.flatten("y", g.add("s", x, branch(g, x)))),
  ...plain("dropout", [[4, 4, 3]], (g, x) => g.conv2d("y", g.dropout("d", x, 0.3), { filters: 3, bias: true })),
  ...plain("dropout of whole channels", [[4, 4, 5]], (g, x) =>
    g.conv2d("y", g.dropout("d", x, 0.3, true), { filters: 3, bias: true }),
  ),
  ...plain("batchNorm", [[4, 4, 5]], (g, x) => g.batchNorm("y", x)),
  ...plain("batchNorm of a dense layer", [[2, 2, 3]], (g, x) => g.batchNorm("y", g.dense("d", g.flatten("f", x), 6))),
  ...plain("batchNorm after an activation", [[4, 4, 5]], (g, x) => g.batchNorm("y", g.hardswish("h", x))),
  ...plain("batchNorm, relu after a convolution", [[4, 5, 5]], (g, x) =>
    g.relu("y", g.batchNorm("n", g.conv2d("c", x, { filters: 6, kernel: 3, padding: 1, bias: true }))),
  ),
  ...plain("batchNorm, relu6 after a convolution", [[4, 5, 5]], (g, x) =>
    g.relu6("y", g.batchNorm("n", g.conv2d("c", x, { filters: 6, kernel: 3, padding: 1, bias: true }))),
  ),
  ...plain("batchNorm, hardswish, dropout", [[4, 4, 5]], (g, x) =>
    g.conv2d("y", g.dropout("d", g.hardswish("h", g.batchNorm("n", g.conv2d("c", x, { filters: 6 }))), 0.2, true), {
      filters: 3,
    }),
  ),
  ...plain("batchNorm of two readers", [[4, 4, 5]], (g, x) => {
    const n = g.batchNorm("n", g.conv2d("c", x, { filters: 5 }));
    return g.add("y", g.hardswish("h", n), g.conv2d("b", n, { filters: 5 }));
  }),
];
