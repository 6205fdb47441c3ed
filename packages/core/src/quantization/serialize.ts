/** A quantised network as two files: JSON (graph, scales) and safetensors (int8 weights, int32 biases). */
import { type Graph, graphFromJson, graphToJson } from "../graph/index.js";
import {
  decodeSafetensors,
  encodeSafetensors,
  formatShape,
  PhinetsError,
  parseJson,
  sameShape,
  showValue,
} from "../tensor/index.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";

const format = "phinets-quantized";

/** `json` and `safetensors` together hold the whole network; equal networks give equal bytes. */
export function encodeQuantized(network: QuantizedNetwork): { json: string; safetensors: Uint8Array } {
  const { graph, values, weightScales, weights } = network;
  const document = { format, version: 1, graph: JSON.parse(graphToJson(graph)), values, weightScales };
  return { json: `${JSON.stringify(document, undefined, 1)}\n`, safetensors: encodeSafetensors(weights) };
}

/**
 * Reads the files of `encodeQuantized`.
 *
 * @param file name for messages
 * Throws PhinetsError naming the file and the wrong or missing part.
 */
export function decodeQuantized(json: string, safetensors: Uint8Array, file = "quantized.json"): QuantizedNetwork {
  const fail = (problem: string): never => {
    throw new PhinetsError("quantization.file", `${file}: ${problem}; quantise the network again`, file);
  };
  let parsed: { format?: unknown; version?: unknown; graph?: unknown; values?: unknown; weightScales?: unknown };
  try {
    parsed = parseJson(json) as typeof parsed;
  } catch (error) {
    return fail((error as Error).message);
  }
  if (parsed?.format !== format || parsed.version !== 1)
    fail(`format is ${showValue(parsed?.format)} version ${showValue(parsed?.version)}, not "${format}" 1`);
  const graph: Graph = graphFromJson(JSON.stringify(parsed.graph ?? null), file);
  const values = (parsed.values ?? {}) as Record<string, QuantizationParameters>;
  const weightScales = (parsed.weightScales ?? {}) as Record<string, number[]>;
  for (const { name } of graph.nodes) {
    const { scale, zeroPoint } = values[name] ?? {};
    if (!isScale(scale)) fail(`value "${name}" has scale ${showValue(scale)}`);
    if (!Number.isInteger(zeroPoint) || zeroPoint < -128 || zeroPoint > 127)
      fail(`value "${name}" has zero point ${showValue(zeroPoint)}`);
  }
  const { weights } = decodeSafetensors(safetensors, file.replace(/json$/, "safetensors"));
  for (const [name, { kind, shape }] of Object.entries(graph.parameters)) {
    const dtype = kind === "bias" ? "int32" : "int8";
    const tensor = weights[name];
    if (tensor?.dtype !== dtype || !sameShape(tensor.shape, shape))
      fail(
        `parameter "${name}" is ${tensor === undefined ? "missing" : `${tensor.dtype} ${formatShape(tensor.shape)}`}, not ${dtype} ${formatShape(shape)}`,
      );
    if (kind !== "weight") continue;
    const scales = weightScales[name];
    // Only a dense layer may have one scale for all filters.
    const counts = shape.length === 2 ? [1, shape[0]] : [shape[0]];
    if (!Array.isArray(scales) || !counts.includes(scales.length) || !scales.every(isScale))
      fail(`parameter "${name}" lacks its ${shape[0]} scales`);
  }
  return { graph, values, weightScales, weights };
}

function isScale(scale: unknown): scale is number {
  return typeof scale === "number" && scale > 0 && Number.isFinite(scale);
}
