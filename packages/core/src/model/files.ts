/** The files of a run folder that a model is made of. */

import type { Graph } from "../graph/index.js";
import { buildNetwork, type Network, parseNetwork } from "../networks/index.js";
import { decodeQuantized, type QuantizedNetwork } from "../quantization/index.js";
import {
  decodeSafetensors,
  type FloatWeights,
  formatShape,
  PhinetsError,
  sameShape,
  type Tensor,
  utf8Decode,
} from "../tensor/index.js";

/**
 * Content of the files by name: `network.json`, `weights/best.safetensors` (float) and `quantized.json` with
 * `quantized.safetensors` (int8); either form may be absent.
 */
export type ModelFiles = Readonly<Record<string, Uint8Array>> | ((name: string) => FileContent | Promise<FileContent>);
type FileContent = Uint8Array | undefined;

/** A network with what is known of its weights. */
export interface ModelParts {
  readonly network: Network;
  /** The training graph (`buildNetwork`), batch 1. */
  readonly graph: Graph;
  readonly weights?: FloatWeights;
  readonly quantized?: QuantizedNetwork;
}

/** Reads a model's files. Throws PhinetsError naming the file that is missing or damaged. */
export async function readModel(files: ModelFiles): Promise<ModelParts> {
  const read = async (name: string): Promise<FileContent> => (typeof files === "function" ? files(name) : files[name]);
  const json = await read("network.json");
  if (json === undefined) {
    throw new PhinetsError("model.files", "network.json: is missing; a model is a run folder's files", "network.json");
  }
  const network = parseNetworkFile(json, "network.json");
  const graph = buildNetwork(network);
  const [float, document, tensors] = await Promise.all(
    ["weights/best.safetensors", "quantized.json", "quantized.safetensors"].map(read),
  );
  const weights = float && chooseWeights(float, graph, "weights/best.safetensors");
  if (document !== undefined && tensors === undefined) {
    const name = "quantized.safetensors";
    throw new PhinetsError(
      "model.files",
      `${name}: is missing beside quantized.json; quantise the network again`,
      name,
    );
  }
  const quantized = document && decodeQuantized(utf8Decode(document), tensors as Uint8Array, "quantized.json");
  if (weights === undefined && quantized === undefined) {
    throw new PhinetsError(
      "model.files",
      "the model has neither weights/best.safetensors nor quantized.json with quantized.safetensors; train or quantise it first",
    );
  }
  return { network, graph, weights, quantized };
}

/** A network.json; errors name the file and the field. */
export function parseNetworkFile(
  bytes: Uint8Array,
  file: string,
  remedy = "restore it or make the run again",
): Network {
  let json: unknown;
  try {
    json = JSON.parse(utf8Decode(bytes));
  } catch (error) {
    throw new PhinetsError("run.network", `${file}: not JSON (${(error as Error).message}); ${remedy}`, file);
  }
  try {
    return parseNetwork(json);
  } catch (error) {
    if (error instanceof PhinetsError) throw new PhinetsError(error.code, `${file}: ${error.message}`, file);
    throw error;
  }
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
