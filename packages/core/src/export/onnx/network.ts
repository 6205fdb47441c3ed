/**
 * Writes a finished network as an ONNX model: in floats, or as its int8 network with QuantizeLinear and
 * DequantizeLinear around every value (ONNX's "QDQ" form, which runtimes turn into integer kernels). Both have the
 * network's inputs and outputs: input `[1, height, width, channels]`, pixel / 128 - 1; outputs in real values, maps
 * `[1, height, width, channels]`.
 */
import { type Graph, inputsOf, isLinear } from "../../graph/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { channelsFirstShape, type FloatWeights, PhinetsError, type Tensor } from "../../tensor/index.js";
import { toOihw } from "../oihw.js";
import { Emission, giveChannelsLast, toChannelsFirst } from "./emission.js";
import { emitForward } from "./forward.js";
import { OnnxModel } from "./model.js";

/**
 * The network in floats.
 * @param graph the training form (`buildNetwork`, batch norm with running statistics) or the deployed form
 * (`deployGraph`)
 * @param weights of `graph`
 */
export function networkToOnnx(graph: Graph, weights: FloatWeights): OnnxModel {
  return emitNetwork(graph, ({ model }, name) => {
    const { shape, data } = weights[name];
    return model.constant(name, channelsFirstShape(shape), toOihw(data, shape));
  });
}

/**
 * The int8 network in QDQ form. ONNX rounds once, half to even, where the integer interpreter rounds twice, so a
 * runtime's outputs differ from the interpreter's by a few steps of their scale.
 */
export function quantizedToOnnx({ graph, values, weightScales, weights }: QuantizedNetwork): OnnxModel {
  const scaleOf = new Map<string, { scales: Float32Array; zero: Int8Array | Int32Array }>();
  for (const node of graph.nodes) {
    if (node.op === "constant") {
      const { scale, zeroPoint } = values[node.name];
      scaleOf.set(node.parameters.value, { scales: Float32Array.of(scale), zero: Int8Array.of(zeroPoint) });
    }
    if (!isLinear(node)) continue;
    const { weight, bias } = node.parameters;
    const scales = Float32Array.from(weightScales[weight]);
    scaleOf.set(weight, { scales, zero: new Int8Array(scales.length) });
    if (bias === undefined) continue;
    const input = values[node.inputs[0]].scale;
    scaleOf.set(bias, { scales: scales.map((scale) => scale * input), zero: new Int32Array(scales.length) });
  }
  const parameter = (to: Emission, name: string): string => {
    const { model } = to;
    const { shape, data } = weights[name] as Tensor<"int8"> | Tensor<"int32">;
    const { scales, zero } = scaleOf.get(name)!;
    const inputs = [
      model.constant(`${name}:int`, channelsFirstShape(shape), toOihw(data, shape)),
      model.constant(`${name}:scale`, [scales.length], scales),
      model.constant(`${name}:zero`, [zero.length], zero),
    ];
    return to.op("DequantizeLinear", inputs, { axis: { int: 0 } }, name);
  };
  return emitNetwork(graph, parameter, (to, tensor, name) => {
    const { scale, zeroPoint } = values[name];
    const { model } = to;
    const by = [model.scalar(scale), model.constant(`${name}:zero`, [], Int8Array.of(zeroPoint))];
    const int8 = to.op("QuantizeLinear", [tensor, ...by], {}, `${name}:int8`);
    return to.op("DequantizeLinear", [int8, ...by], {}, `${name}:real`);
  });
}

/** @param rounded if given, wraps each value after it is made */
function emitNetwork(
  graph: Graph,
  parameter: (to: Emission, name: string) => string,
  rounded?: (to: Emission, tensor: string, name: string) => string,
): OnnxModel {
  const ends = [...inputsOf(graph).map(({ name }) => name), ...graph.outputs];
  const model = new OnnxModel(graph.name, ends);
  const to: Emission = new Emission(model, graph.shapes, {
    value: (name) => {
      throw new PhinetsError("onnx.value", `"${name}" of "${graph.name}" is read before it is made`);
    },
    parameter: (name) => parameter(to, name),
  });
  for (const node of graph.nodes) {
    const { name } = node;
    if (node.op === "input") {
      to.set(name, toChannelsFirst(to, model.input(name, graph.shapes[name]), graph.shapes[name], `${name}:nchw`));
    } else emitForward(node, to);
    if (rounded !== undefined) to.set(name, rounded(to, to.value(name), name));
  }
  for (const name of graph.outputs) giveChannelsLast(to, to.value(name), graph.shapes[name], name);
  return model;
}
