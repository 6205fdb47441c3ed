/** The weights that training starts from: the same on every machine, and independent of the order of layers. */
import { consumersOf, type Graph, type Node } from "../graph/index.js";
import { type FloatWeights, hashString, Random, sizeOf, tensor } from "../tensor/index.js";
import { classCount, type Head } from "./network.js";
import { predictionLayer } from "./yolov2.js";

/** sigmoid(-4) = 0.018: a new detector predicts almost no objects, since almost every cell and anchor is empty. */
const objectnessBias = -4;

/**
 * Makes one tensor per parameter. Weights are normal with variance 2 / fan-in (He et al., "Delving deep into
 * rectifiers", ICCV 2015). Output layers (biased layers that make an output) use a standard deviation of 0.01 instead
 * (Lin et al., "Focal loss", ICCV 2017), so that their biases dominate the first predictions. Batch norm starts as the
 * identity. Biases are 0, except the objectness biases of a YOLOv2 head.
 * @param seed integer; each tensor draws from its own stream, keyed by (seed, name)
 * @param head the network's head; needed for the objectness bias only
 */
export function initialWeights(graph: Graph, seed: number, head?: Head): FloatWeights {
  const weights: FloatWeights = {};
  const outputs = outputLayers(graph);
  for (const node of graph.nodes) {
    for (const name of Object.values(node.parameters)) {
      const { kind, shape } = graph.parameters[name];
      const data = new Float32Array(sizeOf(shape));
      if (kind === "gamma" || kind === "runningVariance") data.fill(1);
      else if (kind === "weight") {
        const fanIn = data.length / shape[0];
        const deviation = outputs.has(node.name) ? 0.01 : Math.sqrt(2 / fanIn);
        const random = new Random(seed, hashString(name));
        for (let i = 0; i < data.length; i++) data[i] = random.normal() * deviation;
      }
      weights[name] = tensor("float32", shape, data);
    }
  }
  if (head?.kind === "yolov2") {
    const bias = weights[`${predictionLayer}.bias`].data;
    const perAnchor = 5 + classCount(head);
    for (let i = 4; i < bias.length; i += perAnchor) bias[i] = objectnessBias;
  }
  return weights;
}

/** Names of the layers with a bias whose result is an output of the graph, directly or after a flatten. */
function outputLayers(graph: Graph): Set<string> {
  const consumers = consumersOf(graph);
  const isOutput = ({ name }: Node): boolean =>
    graph.outputs.includes(name) || consumers.get(name)!.some((reader) => reader.op === "flatten" && isOutput(reader));
  return new Set(graph.nodes.filter((node) => "bias" in node.parameters && isOutput(node)).map(({ name }) => name));
}
