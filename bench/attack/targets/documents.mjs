/** Readers of the program's own documents and of weights: accepted values are written and must read back the same. */
import { isDeepStrictEqual } from "node:util";
import { networkToOnnx, OnnxModel, quantizedToOnnx, quantizedToTflite, weightsToTorch } from "@phinets/core/export";
import { deployWeights, GraphBuilder, graphFromJson, graphToJson } from "@phinets/core/graph";
import {
  asClassifier,
  documentOf,
  importFloatTflite,
  importOnnx,
  importQuantizedOnnx,
  importTflite,
  isFloatTflite,
  isQuantizedOnnx,
  normalise,
} from "@phinets/core/import";
import { runFloat } from "@phinets/core/inference";
import { loadModel, parseNetworkFile, readModel } from "@phinets/core/model";
import { buildNetwork, importWeights, initialWeights, isImportedInt8, parseNetwork } from "@phinets/core/networks";
import { decodeQuantized, encodeQuantized, foldConstantChannels, lowerToInteger } from "@phinets/core/quantization";
import { parseBoard } from "@phinets/core/target";
import {
  decodeSafetensors,
  encodeSafetensors,
  PhinetsError,
  parseJson,
  Random,
  sizeOf,
  tensor,
} from "@phinets/core/tensor";
import { TfliteModel } from "../../../packages/core/dist/export/tflite/model.js";
import { slots } from "../../../packages/core/dist/import/tflite/schema.js";
import { require } from "../lib/faults.mjs";
import { utf8 } from "../lib/mutate.mjs";
import { randomlyQuantized } from "../lib/networks.mjs";
import { boards, graphFile, modelFiles, networks, smallGraph, smallNetwork, weightFiles } from "../lib/samples.mjs";

const bytesOf = (files) => Object.values(files)[0];
const textOf = (files) => Buffer.from(bytesOf(files)).toString();
const json = (value) => utf8(JSON.stringify(value));
const picture = { width: 10, height: 8, channels: 3, data: new Uint8Array(240).fill(77) };
const small = (graph) => Object.values(graph.shapes).every((shape) => sizeOf(shape) < 100_000);

/** JSON of a board or network in a file; the readers around these refuse unreadable JSON. */
function parsed(files) {
  return parseJson(textOf(files));
}

const smallQuantized = decodeQuantized(
  Buffer.from(modelFiles["quantized.json"]).toString(),
  modelFiles["quantized.safetensors"],
);

/** Operators of other tools' networks. */
function foreign() {
  const g = new GraphBuilder("foreign");
  let y = g.conv2d("c", g.input("x", [1, 9, 8, 3]), { filters: 5, kernel: 3, stride: 2, padding: 1, bias: true });
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  y = g.averagePool("p", y, { kernel: [2, 2], stride: [2, 2], padding: none });
  return randomlyQuantized(new Random(1, 2), g.build([g.softmax("s", g.dense("d", g.flatten("f", y), 4))]));
}

/** Exporters' variants: a mean, a hard-swish in parts, constant shapes, a padded pool. */
function foreignOnnx() {
  const draws = new Random(2, 3);
  const net = new OnnxModel("foreign");
  const weight = (name, shape) =>
    net.constant(
      name,
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()),
    );
  let y = net.node("Sub", [net.input("x", [1, 3, 9, 8]), weight("mean", [1, 3, 1, 1])]);
  const geometry = { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 2] } };
  y = net.node("Relu", [net.node("Conv", [y, weight("w", [4, 3, 3, 3]), weight("b", [4])], geometry)]);
  y = net.node("MaxPool", [y], geometry);
  const clipped = net.node("Clip", [net.node("Add", [y, net.scalar(3)]), net.scalar(0), net.scalar(6)]);
  y = net.node("Mul", [net.node("Mul", [y, clipped]), net.scalar(1 / 6)]);
  y = net.node("Add", [y, net.node("Mul", [net.node("Sigmoid", [y]), y])]);
  const rest = net.node("Concat", [net.int64s([1]), net.int64s([-1])], { axis: { int: 0 } });
  y = net.node("Reshape", [net.node("GlobalAveragePool", [y]), rest]);
  y = net.node("Add", [net.node("MatMul", [y, weight("d", [4, 5])]), weight("e", [5])]);
  net.output(net.node("Softmax", [y], { axis: { int: 1 } }), [1, 5]);
  return net.encode();
}

function ownOnnx() {
  const network = parseNetwork(smallNetwork);
  const graph = buildNetwork(network);
  const model = networkToOnnx(graph, initialWeights(graph, 1));
  const { kind, classes, anchors, decoder } = network.head;
  const [names, sides] = [classes, anchors].map((value) => JSON.stringify(value));
  Object.assign(model.metadata, { head: kind, classes: names, anchors: sides, decoder });
  return model.encode();
}

/** An imported network, exported as ONNX and imported again, must give the same outputs. */
function requireSameOutputs({ graph, weights }) {
  if (!small(graph)) return;
  const deployed = deployWeights(graph, weights);
  const imported = importOnnx(networkToOnnx(deployed.graph, deployed.weights).encode(), "again.onnx");
  const draws = new Random(4, 5);
  const data = Float32Array.from({ length: sizeOf(graph.shapes.image) }, () => draws.normal());
  const [before, after] = [deployed, imported].map((net) => {
    const values = runFloat(net.graph, net.weights, { image: tensor("float32", graph.shapes.image, data) });
    return net.graph.outputs.map((output) => [...values[output].data]);
  });
  const largest = Math.max(...before.flat().map(Math.abs));
  const differs = (value, i) => Math.abs(value - after.flat()[i]) > 1e-4 * largest;
  if (Number.isFinite(largest)) require(!before.flat().some(differs), "the outputs changed");
}

/** Float layers with fused activations, as TensorFlow's converter writes them. */
function floatTflite() {
  const draws = new Random(3, 4);
  const model = new TfliteModel("net");
  const weight = (name, shape) =>
    model.constant(
      name,
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()),
    );
  const x = model.value("x", [1, 9, 8, 3]);
  const conv = model.value("conv", [1, 5, 4, 4]);
  const { conv2d, fullyConnected } = slots;
  model.operator("conv2d", [x, weight("w", [4, 3, 3, 3]), weight("b", [4])], conv, () => ({
    ...{ [conv2d.strideWidth]: { int32: 2 }, [conv2d.strideHeight]: { int32: 2 } },
    ...{ [conv2d.dilationWidth]: { int32: 1 }, [conv2d.dilationHeight]: { int32: 1 } },
    [conv2d.activation]: { byte: 1 },
  }));
  const shifted = model.operator("add", [conv, weight("s", [4])], model.value("add", [1, 5, 4, 4]));
  const axes = model.constant("axes", [2], Int32Array.of(1, 2));
  const mean = model.operator("mean", [shifted, axes], model.value("mean", [1, 4]));
  const dense = model.value("dense", [1, 5]);
  model.operator("fullyConnected", [mean, weight("d", [5, 4]), weight("e", [5])], dense, () => ({
    [fullyConnected.activation]: { byte: 3 },
  }));
  return model.encode([x], [dense]);
}

/** An int8 network with a dynamic size, computed sizes, and every kind of move. */
function openTflite() {
  const at = { scales: [0.5], zeroPoint: 3 };
  const model = new TfliteModel("open");
  const ints = (name, shape, values) => model.constant(name, shape, Int32Array.from(values));
  const value = (name, channels) => model.value(name, [1, 1, 1, channels], at);
  const x = model.value("x", [-1, -1, -1, 4], at);
  const size = (slot, int32) => () => ({ [slot]: { int32 } });
  const deep = model.operator("spaceToDepth", [x], value("deep", 16), size(slots.blocks.size, 2));
  const wide = model.operator("depthToSpace", [deep], value("wide", 4), size(slots.blocks.size, 2));
  const mirrored = model.operator("mirrorPad", [wide, ints("sides", [4, 2], [0, 0, 1, 0, 0, 2, 0, 0])], value("m", 4));
  const padded = model.operator("pad", [mirrored, ints("more", [4, 2], [0, 0, 0, 0, 0, 0, 1, 2])], value("p", 7));
  const turned = model.operator("transpose", [padded, ints("order", [4], [0, 3, 1, 2])], value("t", 1));
  const mean = model.operator("mean", [turned, ints("axes", [1], [1])], value("mean", 1), () => ({
    [slots.reducer.keepDims]: { byte: 1 },
  }));
  const all = model.operator("shape", [mean], model.integers("all", [4]));
  const first = [ints("from", [1], [0]), ints("to", [1], [1]), ints("by", [1], [1])];
  const batch = model.operator("stridedSlice", [all, ...first], model.integers("batch", []), () => ({
    [slots.stridedSlice.shrinkAxisMask]: { int32: 1 },
  }));
  const target = model.operator("pack", [batch, ints("rest", [], [-1])], model.integers("target", [2]));
  const flat = model.operator("reshape", [mean, target], model.value("flat", [1, 1], at));
  return model.encode([x], [model.operator("abs", [flat], model.value("y", [1, 1], at))]);
}

/** The QOperator format: a layer, a sum, a mean, a product. */
function qOperatorOnnx() {
  const draws = new Random(4, 5);
  const net = new OnnxModel("integers");
  const int8 = (name, shape) =>
    net.constant(
      name,
      shape,
      Int8Array.from({ length: sizeOf(shape) }, () => draws.integer(255) - 127),
    );
  const by = (name, scale, zero) => [net.scalar(scale), net.constant(`${name}.zero`, [], Int8Array.of(zero))];
  const [a, b, c] = [by("a", 0.02, -3), by("b", 0.03, 5), by("c", 0.05, 0)];
  const weights = (name, shape, filters) => [
    int8(name, shape),
    net.constant(`${name}.scale`, [filters], new Float32Array(filters).fill(0.01)),
    net.constant(`${name}.zeros`, [filters], new Int8Array(filters)),
  ];
  const biases = net.constant("biases", [4], Int32Array.of(1, -200, 30, 4000));
  const x = net.node("QuantizeLinear", [net.input("x", [1, 3, 7, 6]), ...a]);
  const y = net.node("QLinearConv", [x, ...a, ...weights("w", [4, 3, 3, 3], 4), ...b, biases], {
    ...{ kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 2] } },
  });
  const sum = net.node("QLinearAdd", [y, ...b, y, ...b, ...c]);
  const joined = net.node("QLinearConcat", [...b, sum, ...c, y, ...b], { axis: { int: 1 } });
  const mean = net.node("Flatten", [net.node("QLinearGlobalAveragePool", [joined, ...b, ...a])]);
  const scores = net.node("QGemm", [mean, ...a, ...weights("g", [5, 8], 5), "", ...c], { transB: { int: 1 } });
  net.result("DequantizeLinear", [scores, ...c], {}, "scores");
  net.output("scores", [1, 5]);
  return net.encode();
}

/** Tensors within it. */
const insideOnnx = () =>
  importOnnx(foreignOnnx(), "net.onnx")
    .graph.nodes.filter(({ op }) => op === "conv2d" || op === "hardswish" || op === "sigmoid")
    .map(({ name }) => name);

/** network.json of a float network imported from another tool. */
function importedDocument() {
  const imported = asClassifier(importOnnx(foreignOnnx(), "net.onnx"));
  const { graph, input } = imported;
  return documentOf({ input, outputs: shapesOf(graph), graph }, { source: "net.onnx" });
}

const shapesOf = ({ outputs, shapes }) => outputs.map((output) => shapes[output]);

/** network.json of a head with two maps, described in a file. */
function mapsDocument(yolo) {
  const channels = yolo?.decoder === "yolov5" ? 14 : 22;
  const outputs = [8, 4].map((side) => [1, side, side, channels]);
  return documentOf({ input: { shape: [1, 64, 64, 3] }, outputs }, { source: "net.onnx", yolo });
}

const heads = [
  {
    decoder: "yolov5",
    classes: 2,
    anchors: [
      [
        [10, 13],
        [16, 30],
      ],
      [
        [33, 23],
        [30, 61],
      ],
    ],
  },
  { decoder: "yolov8", classes: ["cat", "dog"], bins: 5 },
];

/** An imported network must be the same after being written and read. */
function requireSameIntegers(network) {
  if (!small(network.graph)) return;
  foldConstantChannels(network);
  const { json, safetensors } = encodeQuantized(network);
  const again = decodeQuantized(json, safetensors);
  require(isDeepStrictEqual(lowerToInteger(again), lowerToInteger(network)), "the network changed");
}

export const documents = [
  {
    name: "safetensors",
    samples: [
      { "w.safetensors": weightFiles["w.safetensors"] },
      { "q.safetensors": modelFiles["quantized.safetensors"] },
    ],
    read: (files) => decodeSafetensors(bytesOf(files), "w.safetensors"),
    again({ weights, metadata }) {
      const again = decodeSafetensors(encodeSafetensors(weights, metadata), "again");
      require(isDeepStrictEqual({ ...again.metadata }, { ...metadata }), "metadata changed");
      requireSameWeights(weights, again.weights);
    },
  },
  {
    name: "weights",
    samples: Object.entries(weightFiles).map(([name, bytes]) => ({ [name]: bytes })),
    read: (files) => importWeights(bytesOf(files), Object.keys(files)[0], smallGraph),
    again({ weights, report }) {
      if (report.missing.length + report.misshaped.length > 0) return;
      requireSameWeights(weights, importWeights(weightsToTorch(weights), "again.pth", smallGraph).weights);
    },
  },
  {
    name: "tflite",
    samples: [
      { "net.tflite": quantizedToTflite(smallQuantized) },
      { "net.tflite": quantizedToTflite(smallQuantized, { phinets: '{"head":"classifier","classes":["a","b"]}' }) },
      { "net.tflite": quantizedToTflite(foreign()) },
    ],
    read(files) {
      const imported = importTflite(bytesOf(files), "net.tflite");
      documentOf(imported, { source: "net.tflite" });
      return imported.network;
    },
    again: requireSameIntegers,
  },
  {
    name: "tflite-open",
    samples: [{ "net.tflite": openTflite() }],
    read: (files) => importTflite(bytesOf(files), "net.tflite", { shape: { sizes: [1, 6, 4, 4] } }).network,
    again: requireSameIntegers,
  },
  {
    name: "onnx-quantized",
    samples: [
      { "net.onnx": quantizedToOnnx(smallQuantized).encode() },
      { "net.onnx": quantizedToOnnx(foreign()).encode() },
      { "net.onnx": qOperatorOnnx() },
    ],
    read(files) {
      isQuantizedOnnx(bytesOf(files), "net.onnx");
      return importQuantizedOnnx(bytesOf(files), "net.onnx").network;
    },
    again: requireSameIntegers,
  },
  {
    name: "onnx",
    samples: [{ "net.onnx": foreignOnnx() }, { "net.onnx": ownOnnx() }],
    read(files) {
      const imported = asClassifier(importOnnx(bytesOf(files), "net.onnx"));
      const { input, reading, weights } = imported;
      const { graph } = input.shape[3] === 3 ? normalise(imported.graph, weights, { mean: [0.1, 0.2, 0.3] }) : imported;
      documentOf({ input, outputs: shapesOf(graph), graph, reading }, { source: "net.onnx" });
      return imported;
    },
    again: requireSameOutputs,
  },
  {
    name: "outputs",
    samples: [{ "net.onnx": foreignOnnx(), outputs: utf8(insideOnnx().join()) }],
    read: ({ "net.onnx": bytes = new Uint8Array(), outputs = [] }) =>
      importOnnx(bytes, "net.onnx", { outputs: Buffer.from(outputs).toString().split(",") }),
    again: requireSameOutputs,
  },
  {
    name: "head",
    samples: heads.map((head) => ({ "head.json": json(head) })),
    read: (files) => mapsDocument(parsed(files)),
    again(network) {
      require(isDeepStrictEqual(parseNetwork(JSON.parse(JSON.stringify(network))), network), "the network changed");
    },
  },
  {
    name: "tflite-float",
    samples: [{ "net.tflite": floatTflite() }],
    read(files) {
      const bytes = bytesOf(files);
      isFloatTflite(bytes, "net.tflite");
      return importFloatTflite(bytes, "net.tflite");
    },
    again: requireSameOutputs,
  },
  {
    name: "network",
    samples: [...Object.values(networks), importedDocument()].map((network) => ({ "network.json": json(network) })),
    read(files) {
      const network = parseNetworkFile(bytesOf(files), "network.json");
      if (!isImportedInt8(network)) buildNetwork(network);
      return network;
    },
    again(network) {
      require(isDeepStrictEqual(parseNetwork(JSON.parse(JSON.stringify(network))), network), "the network changed");
    },
  },
  {
    name: "graph",
    samples: [
      { "graph.json": graphFile },
      { "graph.json": json(JSON.parse(Buffer.from(modelFiles["quantized.json"]).toString()).graph) },
    ],
    read: (files) => graphFromJson(textOf(files)),
    again(graph) {
      const text = graphToJson(graph);
      require(graphToJson(graphFromJson(text)) === text, "the graph changed");
    },
  },
  {
    name: "quantized",
    samples: [modelFiles],
    async read(files) {
      const { network, quantized } = await readModel(files, "int8");
      return { files, network, quantized };
    },
    async again({ files, quantized }) {
      const { json: text, safetensors } = encodeQuantized(quantized);
      const again = encodeQuantized(decodeQuantized(text, safetensors));
      require(again.json === text &&
        Buffer.compare(again.safetensors, safetensors) === 0, "the quantised network changed");
      if (small(quantized.graph))
        await refusable(async () => (await loadModel(files, { on: "int8" })).predict(picture));
    },
  },
  {
    name: "float-model",
    samples: [
      {
        "network.json": modelFiles["network.json"],
        "weights/best.safetensors": modelFiles["weights/best.safetensors"],
      },
    ],
    read: (files) => readModel(files, "float"),
    again({ weights }) {
      requireSameWeights(weights, decodeSafetensors(encodeSafetensors(weights)).weights);
    },
  },
  {
    name: "board",
    samples: boards.map((board) => ({ "board.json": json(board) })),
    read: (files) => parseBoard(parsed(files), "board.json"),
    again(board) {
      require(isDeepStrictEqual(parseBoard(JSON.parse(JSON.stringify(board))), board), "the board changed");
    },
  },
];

/** Accepted values may still be refused when they are used, with a proper error. */
async function refusable(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
  }
}

/** Bit for bit, NaN payloads too. */
function requireSameWeights(weights, again) {
  require(isDeepStrictEqual(Object.keys(weights).sort(), Object.keys(again).sort()), "names of tensors changed");
  for (const [name, { dtype, shape, data }] of Object.entries(weights)) {
    const other = again[name];
    const bytes = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    require(dtype === other.dtype &&
      isDeepStrictEqual([...shape], [...other.shape]), `tensor ${name} has another shape`);
    require(Buffer.compare(bytes(data), bytes(other.data)) === 0, `values of tensor ${name} changed`);
  }
}
