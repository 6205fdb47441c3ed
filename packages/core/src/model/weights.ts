/** Reads a network's float weights from its files. */
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

/** Like `chooseWeights`, for a network's training graph. */
export function weightsOf(bytes: Uint8Array, network: Network, file: string): FloatWeights {
  return chooseWeights(bytes, buildNetwork(network), file);
}

/**
 * Prefixes of the weights in last.safetensors, which holds the whole training state: averaged weights first, then those
 * that steps update.
 */
const checkpointPrefixes = ["", "ema/", "parameters/"];

/**
 * Float weights of `graph` from a safetensors file or a training checkpoint; other tensors in the file are ignored.
 * Throws PhinetsError for weights that are missing, misshaped or not finite.
 */
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
