/** From a validated network.json to its graph. */
import { type Graph, GraphBuilder } from "../graph/index.js";
import { PhinetsError, sizeOf } from "../tensor/index.js";
import { addPeerClassifier, addPhinetClassifier } from "./classifier.js";
import { addEfficientnet, swish } from "./efficientnet.js";
import { importedGraph } from "./imported.js";
import { addMobilenetv2 } from "./mobilenetv2.js";
import { type BuiltNetwork, inputName, type Network } from "./network.js";
import { activate, addPhinet } from "./phinet.js";
import { type Activation, addYolov2 } from "./yolov2.js";

/**
 * The graph that is trained: batch 1 (`withBatch` changes it), batch norm, dropout and padding as nodes of their own.
 * One output: the last feature map, the logits `[1, classes]`, or the predictions `[1, gridHeight, gridWidth, anchors *
 * (5 + classes)]`. Throws PhinetsError where a width becomes 0, a map vanishes, or the network is larger than memory,
 * naming the option to change.
 */
export function buildNetwork(network: Network): Graph {
  const graph = network.family === "imported" ? importedGraph(network) : builtGraph(network);
  requireSize(graph);
  return graph;
}

function builtGraph(network: BuiltNetwork): Graph {
  const { height, width, channels } = network.input;
  const builder = new GraphBuilder(network.family);
  const image = builder.input(inputName, [1, height, width, channels]);
  const maps = addBackbone(builder, network, image);
  return builder.build([addHead(builder, network, maps)]);
}

/** @param maps the backbone's, the last one the smallest */
function addHead(builder: GraphBuilder, network: BuiltNetwork, maps: readonly string[]): string {
  const { head } = network;
  if (head.kind === "yolov2") return addYolov2(builder, head, maps, activationOf(builder, network));
  const features = maps.at(-1)!;
  if (head.kind === "none") return features;
  const addClassifier = network.family === "phinet" ? addPhinetClassifier : addPeerClassifier;
  return addClassifier(builder, head, features);
}

/** Four times EfficientNet-B7. A file of a few numbers must not ask for more memory than a machine has. */
const mostParameters = 2 ** 28;
/** Places in a map are numbered with 32 bits. */
const mostElements = 2 ** 31;

function requireSize({ parameters, shapes }: Graph): void {
  const refuse = (what: string, count: number, most: number): never => {
    throw new PhinetsError(
      "networks.size",
      `network: ${what} ${count.toPrecision(3)} elements, ${most} at most are built; use a smaller input, fewer channels (alpha, width, t0, beta), fewer blocks or downsampling ids`,
      "input",
    );
  };
  let count = 0;
  for (const { shape } of Object.values(parameters)) count += sizeOf(shape);
  if (count > mostParameters) refuse("its parameters have", count, mostParameters);
  for (const [name, shape] of Object.entries(shapes))
    if (sizeOf(shape) > mostElements) refuse(`the map ${name} has`, sizeOf(shape), mostElements);
}

/** Outputs of the backbone's blocks, in order. */
function addBackbone(builder: GraphBuilder, network: BuiltNetwork, image: string): readonly string[] {
  switch (network.family) {
    case "phinet":
      return addPhinet(builder, network, image);
    case "mobilenetv2":
      return addMobilenetv2(builder, network, image);
    case "efficientnet":
      return addEfficientnet(builder, network, image);
  }
}

function activationOf(builder: GraphBuilder, network: BuiltNetwork): Activation {
  switch (network.family) {
    case "phinet":
      return (name, x) => activate(builder, network, name, x);
    case "mobilenetv2":
      return (name, x) => builder.relu6(name, x);
    case "efficientnet":
      return (name, x) => swish(builder, name, x);
  }
}
