/** Readers of the program's own documents and of weights: what they accept is written, and read again as the same. */
import { isDeepStrictEqual } from "node:util";
import { quantizedToTflite, weightsToTorch } from "@phinets/core/export";
import { GraphBuilder, graphFromJson, graphToJson } from "@phinets/core/graph";
import { documentOf, importTflite } from "@phinets/core/import";
import { loadModel, parseNetworkFile, readModel } from "@phinets/core/model";
import { buildNetwork, importWeights, parseNetwork } from "@phinets/core/networks";
import { decodeQuantized, encodeQuantized, foldConstantChannels, lowerToInteger } from "@phinets/core/quantization";
import { parseBoard } from "@phinets/core/target";
import { decodeSafetensors, encodeSafetensors, PhinetsError, parseJson, Random, sizeOf } from "@phinets/core/tensor";
import { require } from "../lib/faults.mjs";
import { utf8 } from "../lib/mutate.mjs";
import { randomlyQuantized } from "../lib/networks.mjs";
import { boards, graphFile, modelFiles, networks, smallGraph, weightFiles } from "../lib/samples.mjs";

const bytesOf = (files) => Object.values(files)[0];
const textOf = (files) => Buffer.from(bytesOf(files)).toString();
const json = (value) => utf8(JSON.stringify(value));
const picture = { width: 10, height: 8, channels: 3, data: new Uint8Array(240).fill(77) };
const small = (graph) => Object.values(graph.shapes).every((shape) => sizeOf(shape) < 100_000);

/** JSON of a board or network as a file has it: an unreadable one is refused by the readers around these. */
function parsed(files) {
  return parseJson(textOf(files));
}

const smallQuantized = decodeQuantized(
  Buffer.from(modelFiles["quantized.json"]).toString(),
  modelFiles["quantized.safetensors"],
);

/** Operators that other tools' networks have. */
function foreign() {
  const g = new GraphBuilder("foreign");
  let y = g.conv2d("c", g.input("x", [1, 9, 8, 3]), { filters: 5, kernel: 3, stride: 2, padding: 1, bias: true });
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  y = g.averagePool("p", y, { kernel: [2, 2], stride: [2, 2], padding: none });
  return randomlyQuantized(new Random(1, 2), g.build([g.softmax("s", g.dense("d", g.flatten("f", y), 4))]));
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
    again(network) {
      if (!small(network.graph)) return;
      foldConstantChannels(network);
      const { json, safetensors } = encodeQuantized(network);
      const again = decodeQuantized(json, safetensors);
      require(isDeepStrictEqual(lowerToInteger(again), lowerToInteger(network)), "the network changed");
    },
  },
  {
    name: "network",
    samples: Object.values(networks).map((network) => ({ "network.json": json(network) })),
    read(files) {
      const network = parseNetworkFile(bytesOf(files), "network.json");
      if (network.family !== "imported") buildNetwork(network);
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

/** What is accepted may still be refused when it is used, in words. */
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
