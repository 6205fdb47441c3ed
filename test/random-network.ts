/** Random integer networks for tests: any numbers that the arithmetic allows, not results of training. */
import { type Graph, GraphBuilder, makeGraph, type Node } from "@phinets/core/graph";
import type { QuantizationParameters, QuantizedNetwork } from "@phinets/core/quantization";
import { Random, sizeOf, tensor, type Weights } from "@phinets/core/tensor";

/** Random weights, scales and zero points, scaled so that outputs spread over int8. `graph` has batch 1. */
export function randomlyQuantized(graph: Graph, seed: number): QuantizedNetwork {
  const random = new Random(seed, 77);
  const values: Record<string, QuantizationParameters> = {};
  const weightScales: Record<string, number[]> = {};
  const weights: Weights = {};
  const zeroPoint = (): number => (random.uniform() < 0.2 ? -128 : random.integer(256) - 128);
  const jitter = (): number => random.uniform(0.5, 2);
  const first = firstAlike(graph);
  for (const node of graph.nodes) {
    const [a, b] = node.inputs.map((input) => values[input]);
    const make = (scale: number): QuantizationParameters => ({ scale: Math.fround(scale), zeroPoint: zeroPoint() });
    switch (node.op) {
      case "input":
        values[node.name] = { scale: 1 / 128, zeroPoint: 0 };
        break;
      case "conv2d":
      case "dense": {
        const { weight, bias } = node.parameters;
        const shape = graph.parameters[weight].shape;
        const outputs = shape[0];
        const perOutput = sizeOf(shape) / outputs;
        const data = new Int8Array(sizeOf(shape)).map(() => random.integer(255) - 127);
        weights[weight] = tensor("int8", shape, data);
        // 75 and 73 are the standard deviations of a uniform byte and weight. Scales stay similar from layer to layer,
        // so that both operands of a sum matter.
        const deviation = 75 * 73 * Math.sqrt(perOutput);
        weightScales[weight] = Array.from({ length: outputs }, () => Math.fround((60 / deviation) * jitter()));
        const range = Math.round(deviation);
        if (bias !== undefined)
          weights[bias] = tensor(
            "int32",
            [outputs],
            new Int32Array(outputs).map(() => random.integer(2 * range) - range),
          );
        const scale = a.scale * jitter();
        values[node.name] =
          node.attributes.activation === "relu6"
            ? { scale: Math.fround(scale), zeroPoint: random.uniform() < 0.7 ? -128 : random.integer(100) - 100 }
            : make(scale);
        break;
      }
      case "add":
        values[node.name] = make(Math.max(a.scale, b.scale) * jitter());
        break;
      case "subtract":
        values[node.name] = make(Math.max(a.scale, b.scale) * jitter());
        break;
      case "constant": {
        const { value } = node.parameters;
        const shape = node.attributes.shape;
        weights[value] = tensor(
          "int8",
          shape,
          new Int8Array(sizeOf(shape)).map(() => random.integer(256) - 128),
        );
        // Operators that read it may keep their input's quantisation.
        values[node.name] = values[graph.nodes[0].name] ?? make(1 / 100);
        break;
      }
      case "multiply":
        values[node.name] = make(a.scale * b.scale * 100 * jitter());
        break;
      case "globalAveragePool":
        values[node.name] = make(
          (a.scale / Math.sqrt(sizeOf(graph.shapes[node.inputs[0]].slice(1, 3)))) * 2 * jitter(),
        );
        break;
      case "hardswish":
        values[node.name] = make(a.scale * jitter());
        break;
      case "unary":
        values[node.name] =
          node.attributes.function === "tanh" ? { scale: 1 / 128, zeroPoint: 0 } : make(a.scale * jitter());
        break;
      case "sigmoid":
      case "softmax":
        values[node.name] = { scale: 1 / 256, zeroPoint: -128 };
        break;
      default: // concat, pad, pools of windows, flatten, reshape, resize, slice, relu6 keep their input's
        values[node.name] = a;
    }
    values[node.name] = values[first.get(node.name) ?? node.name];
  }
  return { graph, values, weightScales, weights };
}

/**
 * Groups of values that must have one scale, because they are concatenated, by the first of each group. At most one of
 * their producers may have a fixed scale.
 */
function firstAlike({ nodes }: Graph): ReadonlyMap<string, string> {
  const made = new Map(nodes.map((node) => [node.name, node]));
  const keeps = new Set([
    "averagePool",
    "concat",
    "flatten",
    "maxPool",
    "maxWindow",
    "pad",
    "relu6",
    "reshape",
    "resize",
    "slice",
  ]);
  const maker = (name: string): string => {
    const { op, inputs } = made.get(name)!;
    return keeps.has(op) ? maker(inputs[0]) : name;
  };
  const first = new Map<string, string>();
  const root = (name: string): string => (first.has(name) ? root(first.get(name)!) : name);
  const order = new Map(nodes.map(({ name }, i) => [name, i]));
  for (const { op, inputs } of nodes) {
    if (op !== "concat") continue;
    const roots = [...new Set(inputs.map((input) => root(maker(input))))].sort((a, b) => order.get(a)! - order.get(b)!);
    for (const other of roots.slice(1)) first.set(other, roots[0]);
  }
  for (const name of first.keys()) first.set(name, root(name));
  return first;
}

export function randomInput(q: QuantizedNetwork, seed: number): Int8Array {
  const random = new Random(seed, 5);
  const input = q.graph.nodes.find((node) => node.op === "input")!;
  return new Int8Array(sizeOf(q.graph.shapes[input.name])).map(() => random.integer(256) - 128);
}

/** A network of a single node of `q`: the values that it reads become inputs. */
export function nodeAlone(q: QuantizedNetwork, node: Node): QuantizedNetwork {
  const inputs = [...new Set(node.inputs)].map(
    (name): Node => ({ name, op: "input", inputs: [], parameters: {}, attributes: { shape: q.graph.shapes[name] } }),
  );
  return { ...q, graph: makeGraph(node.name, [...inputs, node], [node.name]) };
}

/** One layer of any kind with a random shape; `seed` chooses, and seeds 0..11 contain every kind. */
export function randomLayer(seed: number): QuantizedNetwork {
  const random = new Random(seed, 1);
  const between = (low: number, high: number): number => low + random.integer(high - low + 1);
  const builder = new GraphBuilder(`layer${seed}`);
  const channels = between(1, 19);
  const kernel = between(1, 5);
  const side = (): number => random.integer(kernel);
  const padding = random.uniform() < 0.3 ? 0 : { top: side(), bottom: side(), left: side(), right: side() };
  const x = builder.input("x", [1, between(kernel, 11), between(kernel, 11), channels]);
  const options = { kernel, padding, stride: between(1, 3), bias: random.uniform() < 0.8 };
  const activation = random.uniform() < 0.3 ? ("relu6" as const) : ("none" as const);
  let y: string;
  switch (seed % 12) {
    case 0:
      y = builder.conv2d("y", x, { ...options, filters: between(1, 11), activation });
      break;
    case 1:
    case 2:
      y = builder.conv2d("y", x, { filters: between(1, 23), bias: options.bias, activation });
      break;
    case 3:
      y = builder.depthwise("y", x, { ...options, activation });
      break;
    case 4:
      y = builder.depthwise("y", x, { kernel: 3, padding: 1, stride: between(1, 2), bias: true });
      break;
    case 5:
      y = builder.dense("y", builder.flatten("flat", x), between(1, 13), { activation });
      break;
    case 6:
      y = builder.add("y", x, builder.conv2d("other", x, { filters: channels }));
      break;
    case 7:
      y = builder.multiply(
        "y",
        x,
        builder.conv2d("other", builder.globalAveragePool("mean", x), { filters: channels }),
      );
      break;
    case 8:
      y = builder.multiply("y", x, builder.sigmoid("other", x));
      break;
    case 9:
      y = builder.globalAveragePool("y", x);
      break;
    case 10:
      y = builder.maxPool("y", x, kernel, options.stride);
      break;
    default:
      y = builder.hardswish("y", builder.pad("pad", x, { top: side(), bottom: side(), left: side(), right: side() }));
  }
  return randomlyQuantized(builder.build([y]), seed);
}

/** A small network of inverted residual blocks, as in PhiNets, with every option at random. */
export function randomNetwork(seed: number): QuantizedNetwork {
  const random = new Random(seed, 2);
  const between = (low: number, high: number): number => low + random.integer(high - low + 1);
  const builder = new GraphBuilder(`network${seed}`);
  const activate = (name: string, value: string): string =>
    random.uniform() < 0.7 ? builder.hardswish(`${name}.act`, value) : value;
  let x = builder.input("input", [1, between(12, 25), between(12, 25), between(1, 4)]);
  x = builder.conv2d("stem", x, {
    filters: between(3, 12),
    kernel: 3,
    stride: 2,
    padding: { top: 0, bottom: 1, left: 0, right: 1 },
    bias: true,
    activation: "relu6",
  });
  const blocks = between(2, 4);
  for (let i = 0; i < blocks; i++) {
    const name = `block${i}`;
    const channels = builder.shape(x)[3];
    const stride = builder.shape(x)[1] >= 6 && builder.shape(x)[2] >= 6 ? between(1, 2) : 1;
    let y = builder.conv2d(`${name}.expand`, x, { filters: channels * between(1, 6), bias: true });
    y = activate(`${name}.expand`, y);
    y = builder.depthwise(`${name}.depthwise`, y, {
      kernel: random.uniform() < 0.7 ? 3 : 5,
      padding: 2,
      stride,
      bias: true,
    });
    y = activate(`${name}.depthwise`, y);
    if (random.uniform() < 0.6) {
      let s = builder.globalAveragePool(`${name}.mean`, y);
      s = builder.conv2d(`${name}.squeeze`, s, { filters: between(1, 5), bias: true, activation: "relu6" });
      s = builder.conv2d(`${name}.excite`, s, { filters: builder.shape(y)[3], bias: true });
      y = builder.multiply(`${name}.scale`, y, builder.sigmoid(`${name}.gate`, s));
    }
    const same = String(builder.shape(y).slice(0, 3)) === String(builder.shape(x).slice(0, 3));
    const residual = same && random.uniform() < 0.7;
    y = builder.conv2d(`${name}.project`, y, { filters: residual ? channels : between(2, 15), bias: true });
    x = residual ? builder.add(`${name}.add`, x, y) : y;
  }
  const outputs: string[] = [];
  if (random.uniform() < 0.5) outputs.push(builder.conv2d("boxes", x, { filters: between(6, 18), bias: true }));
  if (outputs.length === 0 || random.uniform() < 0.5)
    outputs.push(
      builder.dense("classes", builder.flatten("flat", builder.globalAveragePool("pool", x)), between(2, 10)),
    );
  return randomlyQuantized(builder.build(outputs), seed);
}
