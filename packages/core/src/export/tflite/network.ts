/**
 * Writes the int8 network as a .tflite: the same weights, biases, scales and zero points, in TensorFlow Lite's
 * operators. The integer interpreter matches TensorFlow Lite Micro's reference kernels bit for bit. XNNPACK-based
 * runtimes round once where these round twice, so they may differ by a step.
 */
import {
  type Int8Op,
  inputsOf,
  type LinearNode,
  type Node,
  type NodeOf,
  type Padding,
  requireInt8,
  type UnaryFunction,
} from "../../graph/index.js";
import { activations, type Operator, paddings, slots } from "../../import/tflite/schema.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { PhinetsError, type Shape, type Tensor } from "../../tensor/index.js";
import type { Field } from "./flatbuffer.js";
import { type TensorIndex, type TensorQuantization, TfliteModel } from "./model.js";

/**
 * Encodes the network.
 * @param metadata texts by name, stored as the file's metadata
 * @returns the file: input int8 `[1, height, width, channels]`, pixel - 128; outputs int8, with their scale and zero
 * point
 * Throws PhinetsError `tflite.op` for operators and paddings that TensorFlow Lite does not have in int8.
 */
export function quantizedToTflite(q: QuantizedNetwork, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const emission = new Emission(q);
  for (const node of q.graph.nodes) emission.emit(node);
  Object.assign(emission.model.metadata, metadata);
  const indices = (names: readonly string[]) => names.map((name) => emission.value(name));
  const inputs = inputsOf(q.graph).map(({ name }) => name);
  return emission.model.encode(indices(inputs), indices(q.graph.outputs));
}

class Emission {
  readonly model: TfliteModel;
  readonly #indices = new Map<string, TensorIndex>();

  constructor(readonly q: QuantizedNetwork) {
    this.model = new TfliteModel(q.graph.name);
  }

  value(name: string): TensorIndex {
    return this.#indices.get(name)!;
  }

  emit(node: Node): void {
    requireInt8(node, "tflite.op");
    const output =
      node.op === "constant" ? this.#constant(node) : this.#make(node.name, this.q.graph.shapes[node.name]);
    this.#indices.set(node.name, output);
    const inputs = node.inputs.map((input) => this.value(input));
    rules[node.op](this, node as never, inputs, output);
  }

  /** Adds a value with the quantisation of the network's value `like`. */
  #make(name: string, shape: Shape, like = name): TensorIndex {
    const { scale, zeroPoint } = this.q.values[like];
    return this.model.value(name, shape, { scales: [scale], zeroPoint });
  }

  #constant({ name, parameters, attributes }: NodeOf<"constant">): TensorIndex {
    const { scale, zeroPoint } = this.q.values[name];
    const { data } = this.q.weights[parameters.value] as Tensor<"int8">;
    return this.model.constant(name, attributes.shape, data, { scales: [scale], zeroPoint });
  }

  operator(
    operator: Operator,
    inputs: readonly TensorIndex[],
    output: TensorIndex,
    options: Record<number, Field> = {},
  ) {
    this.model.operator(operator, inputs, output, () => options);
  }

  int32s(name: string, values: readonly number[], shape: Shape = [values.length]): TensorIndex {
    return this.model.constant(name, shape, Int32Array.from(values));
  }

  reshape(name: string, input: TensorIndex, output: TensorIndex, shape: Shape): void {
    const inputs = [input, this.int32s(`${name}:shape`, shape)];
    this.model.operator("reshape", inputs, output, (writer) => ({
      [slots.reshape.newShape]: { reference: writer.int32s(shape) },
    }));
  }

  /** Pads a map with its zero point. */
  pad(name: string, input: TensorIndex, output: TensorIndex, { top, bottom, left, right }: Padding): void {
    const sides = [0, 0, top, bottom, left, right, 0, 0];
    this.operator("pad", [input, this.int32s(`${name}:sides`, sides, [4, 2])], output);
  }

  convolution(node: NodeOf<"conv2d">, input: TensorIndex, output: TensorIndex): void {
    const { name, attributes } = node;
    const { graph } = this.q;
    const { kernel, stride, padding, groups, activation } = attributes;
    const shape = graph.shapes[node.inputs[0]];
    // Depthwise layers have one or more filters per channel; other groups make a grouped convolution, with fewer
    // channels per filter.
    const depthwise = groups > 1 && groups === shape[3];
    const multiplier = attributes.filters / groups;
    const needed = reachOf(shape, graph.shapes[name], node.attributes);
    const same = isSame(shape, graph.shapes[name], kernel, stride, padding);
    if (!same && Object.values(needed).some((side) => side > 0)) {
      const [batch, height, width, channels] = shape;
      const { top, bottom, left, right } = needed;
      const padded = [batch, height + top + bottom, width + left + right, channels];
      const wider = this.#make(`${name}:padded`, padded, node.inputs[0]);
      this.pad(name, input, wider, needed);
      input = wider;
    }
    const [strideHeight, strideWidth] = stride.map((int32) => ({ int32 }));
    const at = depthwise ? slots.depthwise : slots.conv2d;
    this.operator(depthwise ? "depthwiseConv2d" : "conv2d", [input, ...this.#weights(node, depthwise)], output, {
      [at.padding]: { byte: same ? paddings.same : paddings.valid },
      ...{ [at.strideWidth]: strideWidth, [at.strideHeight]: strideHeight },
      [at.activation]: { byte: activations[activation] },
      ...{ [at.dilationWidth]: { int32: 1 }, [at.dilationHeight]: { int32: 1 } },
      ...(depthwise && { [slots.depthwise.depthMultiplier]: { int32: multiplier } }),
    });
  }

  /** A window that does not count padding is TensorFlow's SAME. */
  pool(
    { op, name, inputs: [x], attributes }: NodeOf<"averagePool"> | NodeOf<"maxWindow">,
    inputs: readonly TensorIndex[],
    output: TensorIndex,
  ) {
    const { kernel, stride, padding } = attributes;
    const { shapes } = this.q.graph;
    const none = Object.values(padding).every((side) => side === 0);
    const same = isSame(shapes[x], shapes[name], kernel, stride, padding);
    if (!none && !same)
      throw new PhinetsError(
        "tflite.op",
        `${op} "${name}": padding ${Object.values(padding)} is neither SAME's nor VALID's, which are all that TensorFlow Lite has`,
      );
    const [[strideHeight, strideWidth], [filterHeight, filterWidth]] = [stride, kernel];
    this.operator(op === "maxWindow" ? "maxPool2d" : "averagePool2d", inputs, output, {
      [slots.pool.padding]: { byte: none ? paddings.valid : paddings.same },
      ...{ [slots.pool.strideWidth]: { int32: strideWidth }, [slots.pool.strideHeight]: { int32: strideHeight } },
      ...{ [slots.pool.filterWidth]: { int32: filterWidth }, [slots.pool.filterHeight]: { int32: filterHeight } },
    });
  }

  /**
   * A layer with one scale per unit becomes a convolution of one pixel: runtimes before 2024 silently read only the
   * first scale of a fully connected layer. A layer with a single scale stays fully connected.
   */
  dense(node: NodeOf<"dense">, input: TensorIndex, output: TensorIndex): void {
    const { name } = node;
    const [units, features] = this.q.graph.parameters[node.parameters.weight].shape;
    if (this.q.weightScales[node.parameters.weight].length < units) {
      this.operator("fullyConnected", [input, ...this.#weights(node, false, [units, features])], output, {
        [slots.fullyConnected.activation]: { byte: activations[node.attributes.activation] },
      });
      return;
    }
    const pixel = this.#make(`${name}:pixel`, [1, 1, 1, features], node.inputs[0]);
    this.reshape(`${name}:pixel`, input, pixel, [1, 1, 1, features]);
    const map = this.#make(`${name}:map`, [1, 1, 1, units], name);
    const one = { int32: 1 };
    this.operator("conv2d", [pixel, ...this.#weights(node, false)], map, {
      [slots.conv2d.padding]: { byte: paddings.valid },
      ...{ [slots.conv2d.strideWidth]: one, [slots.conv2d.strideHeight]: one },
      [slots.conv2d.activation]: { byte: activations[node.attributes.activation] },
      ...{ [slots.conv2d.dilationWidth]: one, [slots.conv2d.dilationHeight]: one },
    });
    this.reshape(name, map, output, [1, units]);
  }

  /** Adds weight and bias; a layer without bias gets zeros. */
  #weights(node: LinearNode, depthwise: boolean, as?: Shape): TensorIndex[] {
    const { values, weightScales, weights } = this.q;
    const { weight, bias } = node.parameters;
    const { shape, data } = weights[weight] as Tensor<"int8">;
    const scales = weightScales[weight];
    const [filters, height, width] = shape;
    const outer = as ?? (shape.length === 2 ? [filters, 1, 1, shape[1]] : shape);
    const kernel: [Shape, Int8Array, TensorQuantization] = depthwise
      ? [[1, height, width, filters], channelsLast(data, filters), { scales, zeroPoint: 0, dimension: 3 }]
      : [outer, data, { scales, zeroPoint: 0 }];
    const sums = bias === undefined ? new Int32Array(filters) : (weights[bias] as Tensor<"int32">).data;
    const input = values[node.inputs[0]].scale;
    const biasScales = scales.map((scale) => Math.fround(input * scale));
    return [
      this.model.constant(weight, ...kernel),
      this.model.constant(bias ?? `${node.name}.bias`, [filters], sums, { scales: biasScales, zeroPoint: 0 }),
    ];
  }
}

type Rule<N> = (to: Emission, node: N, inputs: readonly TensorIndex[], output: TensorIndex) => void;

/** Writes an operator without options, or with its activation option left at the default, none. */
const plain =
  (operator: Operator): Rule<Node> =>
  (to, _, inputs, output) =>
    to.operator(operator, inputs, output);

const unaryOperators: Readonly<Record<UnaryFunction, Operator>> = {
  ...{ abs: "abs", elu: "elu", identity: "quantize", leakyRelu: "leakyRelu", reluN1To1: "reluN1To1" },
  tanh: "tanh",
};

/** How each operator is written. */
const rules: { readonly [O in Int8Op]: Rule<NodeOf<O>> } = {
  input: () => {},
  conv2d: (to, node, [x], output) => to.convolution(node, x, output),
  dense: (to, node, [x], output) => to.dense(node, x, output),
  add: plain("add"),
  multiply: plain("mul"),
  subtract: plain("sub"),
  maximum: plain("maximum"),
  minimum: plain("minimum"),
  constant: () => {},
  hardswish: plain("hardSwish"),
  sigmoid: plain("logistic"),
  relu: plain("relu"),
  relu6: plain("relu6"),
  unary: (to, { attributes: { function: of, alpha } }, inputs, output) =>
    to.operator(
      unaryOperators[of],
      inputs,
      output,
      of === "leakyRelu" ? { [slots.leakyRelu.alpha]: { float32: alpha } } : {},
    ),
  globalAveragePool: (to, { name }, [x], output) =>
    to.operator("mean", [x, to.int32s(`${name}:axes`, [1, 2])], output, { [slots.reducer.keepDims]: { byte: 1 } }),
  averagePool: (to, node, inputs, output) => to.pool(node, inputs, output),
  maxWindow: (to, node, inputs, output) => to.pool(node, inputs, output),
  softmax: (to, _, inputs, output) => to.operator("softmax", inputs, output, { [slots.softmax.beta]: { float32: 1 } }),
  maxPool: (to, { attributes: { size, stride } }, inputs, output) =>
    to.operator("maxPool2d", inputs, output, {
      [slots.pool.padding]: { byte: paddings.valid },
      ...{ [slots.pool.strideWidth]: { int32: stride }, [slots.pool.strideHeight]: { int32: stride } },
      ...{ [slots.pool.filterWidth]: { int32: size }, [slots.pool.filterHeight]: { int32: size } },
    }),
  resize: (to, { name, attributes: { mode, size, alignCorners, halfPixelCenters } }, [x], output) => {
    const operator = mode === "nearest" ? "resizeNearest" : "resizeBilinear";
    to.operator(operator, [x, to.int32s(`${name}:size`, size)], output, {
      [slots[operator].alignCorners]: { byte: Number(alignCorners) },
      [slots[operator].halfPixelCenters]: { byte: Number(halfPixelCenters) },
    });
  },
  slice: (to, { name, attributes: { begin, size, step } }, [x], output) => {
    const steps = [...step, 1];
    const ends = begin.map((first, i) => first + (size[i] - 1) * steps[i] + 1);
    const inputs = [to.int32s(`${name}:begin`, [0, ...begin]), to.int32s(`${name}:end`, [1, ...ends])];
    to.operator("stridedSlice", [x, ...inputs, to.int32s(`${name}:step`, [1, ...steps])], output);
  },
  concat: (to, { attributes: { axis } }, inputs, output) =>
    to.operator("concatenation", inputs, output, { [slots.concatenation.axis]: { int32: axis } }),
  pad: (to, { name, attributes }, [x], output) => to.pad(name, x, output, attributes.padding),
  reshape: (to, { name }, [x], output) => to.reshape(name, x, output, to.q.graph.shapes[name]),
  flatten: (to, { name }, [x], output) => to.reshape(name, x, output, to.q.graph.shapes[name]),
};

/** Transposes `[channels, taps]` to `[taps, channels]`. */
function channelsLast(data: Int8Array, channels: number): Int8Array {
  const taps = data.length / channels;
  return data.map((_, i) => data[(i % channels) * taps + Math.floor(i / channels)]);
}

/**
 * The part of a convolution's padding that its windows reach; with a stride, the last window may end before the padding
 * does.
 */
function reachOf(
  [, height, width]: Shape,
  [, outputHeight, outputWidth]: Shape,
  { kernel, stride, padding: { top, left } }: NodeOf<"conv2d">["attributes"],
): Padding {
  const after = (size: number, count: number, axis: 0 | 1, before: number): number =>
    Math.max(0, (count - 1) * stride[axis] + kernel[axis] - before - size);
  return { top, left, bottom: after(height, outputHeight, 0, top), right: after(width, outputWidth, 1, left) };
}

/**
 * Whether the padding equals TensorFlow's SAME: as small as the output's size allows, with the odd pixel at the end.
 */
function isSame(
  [, height, width]: Shape,
  [, outputHeight, outputWidth]: Shape,
  kernel: readonly [number, number],
  stride: readonly [number, number],
  { top, left }: Padding,
): boolean {
  const axis = (size: number, count: number, k: number, s: number, before: number): boolean => {
    // Negative where the last window ends before the map's end; there, the SAME of some runtimes differs.
    const total = (count - 1) * s + k - size;
    return count === Math.ceil(size / s) && total >= 0 && before === Math.floor(total / 2);
  };
  return axis(height, outputHeight, kernel[0], stride[0], top) && axis(width, outputWidth, kernel[1], stride[1], left);
}
