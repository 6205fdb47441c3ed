/** From a validated network.json to its graph. */
import { type Graph, GraphBuilder } from "../graph/index.js";
import { addPeerClassifier, addPhinetClassifier } from "./classifier.js";
import { addEfficientnet, swish } from "./efficientnet.js";
import { addMobilenetv2 } from "./mobilenetv2.js";
import type { Network } from "./network.js";
import { activate, addPhinet } from "./phinet.js";
import { type Activation, addYolov2 } from "./yolov2.js";

/** Name of the input value of every network: `[1, height, width, channels]`, pixel / 128 - 1. */
export const inputName = "image";

/**
 * The graph that is trained: batch 1 (`withBatch` changes it), batch norm, dropout and padding as nodes of their own.
 * One output: the last feature map, the logits `[1, classes]`, or the predictions `[1, gridHeight, gridWidth, anchors *
 * (5 + classes)]`. Throws PhinetsError where a width becomes 0 or a map vanishes, naming the option to change.
 */
export function buildNetwork(network: Network): Graph {
  const { height, width, channels } = network.input;
  const builder = new GraphBuilder(network.family);
  const image = builder.input(inputName, [1, height, width, channels]);
  const features = addBackbone(builder, network, image);
  const { head } = network;
  if (head.kind === "yolov2")
    return builder.build([addYolov2(builder, head, features, activationOf(builder, network))]);
  if (head.kind === "none") return builder.build([features]);
  const addClassifier = network.family === "phinet" ? addPhinetClassifier : addPeerClassifier;
  return builder.build([addClassifier(builder, head, features)]);
}

function addBackbone(builder: GraphBuilder, network: Network, image: string): string {
  switch (network.family) {
    case "phinet":
      return addPhinet(builder, network, image);
    case "mobilenetv2":
      return addMobilenetv2(builder, network, image);
    case "efficientnet":
      return addEfficientnet(builder, network, image);
  }
}

function activationOf(builder: GraphBuilder, network: Network): Activation {
  switch (network.family) {
    case "phinet":
      return (name, x) => activate(builder, network, name, x);
    case "mobilenetv2":
      return (name, x) => builder.relu6(name, x);
    case "efficientnet":
      return (name, x) => swish(builder, name, x);
  }
}
