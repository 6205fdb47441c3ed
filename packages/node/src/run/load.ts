/** Loads a run: its network, its deployed weights, and its integer network where it has one. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Graph } from "@phinets/core/graph";
import { chooseWeights, parseNetworkFile } from "@phinets/core/model";
import { buildNetwork, isImportedInt8, type Network } from "@phinets/core/networks";
import { decodeQuantized, type QuantizedNetwork } from "@phinets/core/quantization";
import { type FloatWeights, formatShape, PhinetsError } from "@phinets/core/tensor";
import { shellQuote } from "../text/quote.js";
import { findRunFolder } from "./folder.js";

export interface Run {
  readonly folder: string;
  readonly network: Network;
  /** The training graph (`buildNetwork`), batch 1. */
  readonly graph: Graph;
  /** Averaged weights of the best epoch, or the weights of the file that was named. */
  readonly weights: FloatWeights;
  /** The file of the weights; absent where the run has no float weights. */
  readonly weightsFile?: string;
  /**
   * Absent until `phinets quantize`. Read on first use, so that a damaged one does not keep the run from being
   * quantised again.
   */
  readonly quantized?: QuantizedNetwork;
}

/**
 * Loads a run from its folder or from a file in it (a weights file is then used in place of the best weights). Throws
 * PhinetsError naming the file where one is missing or damaged, and for weights of another network.
 */
export function loadRun(path: string): Run {
  const folder = findRunFolder(path);
  const network = loadNetwork(join(folder, "network.json"));
  if (isImportedInt8(network)) return importedRun(folder, network);
  const graph = buildNetwork(network);
  const named = statSync(path).isFile() && path.endsWith(".safetensors") && basename(path) !== "quantized.safetensors";
  const weightsFile = named ? path : join(folder, "weights/best.safetensors");
  let quantized: QuantizedNetwork | undefined;
  return {
    folder,
    network,
    graph,
    weights: loadWeights(weightsFile, graph),
    weightsFile,
    get quantized() {
      quantized ??= requireSameEnds(loadQuantized(folder), graph, folder);
      return quantized;
    },
  };
}

/** An int8 network that was imported: it has no float weights. */
function importedRun(folder: string, network: Network): Run {
  const quantized = loadQuantized(folder);
  if (quantized === undefined) {
    const file = join(folder, "quantized.json");
    throw new PhinetsError("run.quantized", `${file}: no such file; import the network again`, file);
  }
  return {
    ...{ folder, network, quantized, graph: quantized.graph },
    get weights(): FloatWeights {
      throw new PhinetsError(
        "run.imported",
        `${folder}: was imported as int8 and has no float weights; val, predict, track, emulate and export c, tflite work on it`,
        folder,
      );
    },
  };
}

/** Throws PhinetsError where an integer network's inputs or outputs differ from those of the run's network. */
function requireSameEnds(quantized: QuantizedNetwork | undefined, graph: Graph, folder: string) {
  if (quantized === undefined) return undefined;
  const ends = ({ nodes, outputs, shapes }: Graph) =>
    [...nodes.filter(({ op }) => op === "input").map(({ name }) => name), ...outputs]
      .map((name) => formatShape(shapes[name]))
      .join(" to ");
  if (ends(quantized.graph) === ends(graph)) return quantized;
  const file = join(folder, "quantized.json");
  throw new PhinetsError(
    "run.quantized",
    `${file}: is of another network (${ends(quantized.graph)}, not ${ends(graph)}); quantise the run again`,
    file,
  );
}

/** The run's integer network; throws an error that names the command that makes it. */
export function requireQuantized(run: Run): QuantizedNetwork {
  if (run.quantized) return run.quantized;
  throw new PhinetsError(
    "run.quantized",
    `${run.folder}: the run has no int8 network; make it with phinets quantize --model ${shellQuote([run.folder])} --data DATA`,
    run.folder,
  );
}

/** Reads a network.json; errors name the file and the field, or `remedy` where the whole file is bad. */
export function loadNetwork(file: string, remedy = "restore it or make the run again"): Network {
  return parseNetworkFile(readBytes(file, remedy), file, remedy);
}

/** The network.json that a user's path names: the file itself, or that of a run folder. */
export function networkFileOf(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  const file = join(path, "network.json");
  if (existsSync(file)) return file;
  throw new PhinetsError(
    "run.network",
    `${path}: is a folder without a network.json; name a network.json, as phinets fit --out writes it, or a run folder`,
    path,
  );
}

/** Float weights of `graph` from a safetensors file or a training checkpoint; other tensors in it are ignored. */
export function loadWeights(file: string, graph: Graph): FloatWeights {
  if (!existsSync(file)) {
    throw new PhinetsError(
      "run.weights",
      `${file}: no such file; the run has not finished an epoch, train it (again) first`,
      file,
    );
  }
  return chooseWeights(readBytes(file), graph, file);
}

/** The integer network of a run folder; undefined before it is quantised. */
export function loadQuantized(folder: string): QuantizedNetwork | undefined {
  const json = join(folder, "quantized.json");
  if (!existsSync(json)) return undefined;
  return decodeQuantized(readBytes(json).toString("utf8"), readBytes(join(folder, "quantized.safetensors")), json);
}

function readBytes(file: string, remedy = "restore it or make the run again"): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "it is a folder" : code;
    throw new PhinetsError("run.read", `${file}: cannot read it (${problem}); ${remedy}`, file);
  }
}
