/** Reads the files of a run folder that make up a model. */

import { type Network, parseNetwork } from "../networks/index.js";
import { decodeQuantized, type QuantizedNetwork } from "../quantization/index.js";
import { type FloatWeights, PhinetsError, parseJson, utf8Decode } from "../tensor/index.js";

/**
 * The files' contents by name: `network.json`, `weights/best.safetensors` (float), and `quantized.json` with
 * `quantized.safetensors` (int8). One of the two forms may be absent.
 */
export type ModelFiles = Readonly<Record<string, Uint8Array>> | ((name: string) => FileContent | Promise<FileContent>);
type FileContent = Uint8Array | undefined;

/** A network with its weights, in one or both forms. */
export interface ModelParts {
  readonly network: Network;
  /** Weights of the training graph (`buildNetwork`). */
  readonly weights?: FloatWeights;
  readonly quantized?: QuantizedNetwork;
}

/**
 * Reads a model's files. Throws PhinetsError naming the missing or damaged file.
 * @param form the form to read; default: int8 if present, else float
 */
export async function readModel(files: ModelFiles, form?: "float" | "int8"): Promise<ModelParts> {
  const read = async (name: string): Promise<FileContent> => (typeof files === "function" ? files(name) : files[name]);
  const json = await read("network.json");
  if (json === undefined) throw missing("network.json", "a model is a run folder's files");
  const network = parseNetworkFile(json, "network.json");
  const document = form === "float" ? undefined : await read("quantized.json");
  if (document !== undefined) {
    const tensors = await read("quantized.safetensors");
    if (tensors === undefined) throw missing("quantized.safetensors", "it belongs to quantized.json");
    return { network, quantized: decodeQuantized(textOf(document, "quantized.json"), tensors, "quantized.json") };
  }
  if (form === "int8") throw missing("quantized.json", "quantise the network first, or use it in float");
  const float = await read("weights/best.safetensors");
  if (float === undefined) throw missing("weights/best.safetensors", "train the network first");
  // Loaded on demand, so that a page that runs only int8 loads neither the network families nor training.
  const { weightsOf } = await import("./weights.js");
  return { network, weights: weightsOf(float, network, "weights/best.safetensors") };
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return utf8Decode(bytes);
  } catch (error) {
    throw new PhinetsError("model.files", `${file}: ${(error as Error).message}; make it again`, file);
  }
}

function missing(file: string, remedy: string): PhinetsError {
  return new PhinetsError("model.files", `${file}: is missing; ${remedy}`, file);
}

/** Parses a network.json; errors name the file and the field. */
export function parseNetworkFile(
  bytes: Uint8Array,
  file: string,
  remedy = "restore it or make the run again",
): Network {
  let json: unknown;
  try {
    json = parseJson(utf8Decode(bytes));
  } catch (error) {
    throw new PhinetsError("run.network", `${file}: ${(error as Error).message}; ${remedy}`, file);
  }
  try {
    return parseNetwork(json);
  } catch (error) {
    if (error instanceof PhinetsError) throw new PhinetsError(error.code, `${file}: ${error.message}`, file);
    throw error;
  }
}
