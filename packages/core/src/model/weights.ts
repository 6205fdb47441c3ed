/** Float weights of a network from its files. */
import type { Graph } from "../graph/index.js";
import { buildNetwork, type Network } from "../networks/index.js";
import {
  decodeSafetensors,
  type FloatWeights,
  formatShape,
  PhinetsError,
  sameShape,
  type Tensor,
} from "../tensor/index.js";

/** As `chooseWeights`, of a network's training graph. */
export function weightsOf(bytes: Uint8Array, network: Network, file: string): FloatWeights {
  return chooseWeights(bytes, buildNetwork(network), file);
}

/** In last.safetensors, all that training goes on from: the averaged weights, then those that steps change. */
const checkpointPrefixes = ["", "ema/", "parameters/"];

/** Float weights of `graph` from a safetensors file or a training checkpoint; other tensors in it are left aside. */
export function chooseWeights(bytes: Uint8Array, graph: Graph, file: string): FloatWeights {
  const { weights } = decodeSafetensors(bytes, file);
  const chosen: FloatWeights = {};
  for (const [name, { shape }] of Object.entries(graph.parameters)) {
    const prefix = checkpointPrefixes.find((candidate) => candidate + name in weights) ?? "";
    const found = weights[prefix + name];
    if (found?.dtype !== "float32" || !sameShape(found.shape, shape)) {
      const problem = found ? `is ${found.dtype} ${formatShape(found.shape)}` : "is missing";
      throw new PhinetsError(
        "run.weights",
        `${file}: parameter "${name}" ${problem}, the network needs float32 ${formatShape(shape)}; the weights belong to another network`,
        file,
      );
    }
    const bad = (found as Tensor<"float32">).data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new PhinetsError(
        "run.weights",
        `${file}: parameter "${name}" has ${found.data[bad]} at element ${bad}; training diverged or the file is damaged, train again`,
        file,
      );
    }
    chosen[name] = found as Tensor<"float32">;
  }
  return chosen;
}
