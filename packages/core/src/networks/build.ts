/** From a validated network.json to its graph. */
import { type Graph, GraphBuilder } from "../graph/index.js";
import { addClassifier } from "./classifier.js";
import type { Network } from "./network.js";
import { addPhinet } from "./phinet.js";
import { addYolov2 } from "./yolov2.js";

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
  const features = addPhinet(builder, network, builder.input(inputName, [1, height, width, channels]));
  const { head } = network;
  if (head.kind === "classifier") return builder.build([addClassifier(builder, head, features)]);
  if (head.kind === "yolov2") return builder.build([addYolov2(builder, network, head, features)]);
  return builder.build([features]);
}
