/** Prepares the networks of the comparison, each as a folder of files that every engine reads. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { networkToOnnx, quantizedToOnnx, quantizedToTflite } from "@phinets/core/export";
import { deployWeights } from "@phinets/core/graph";
import { FloatValues } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { readModel } from "@phinets/core/model";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { encodeQuantized, quantize } from "@phinets/core/quantization";
import { encodeSafetensors, Random } from "@phinets/core/tensor";

/** Untrained networks, because the time does not depend on the weights. */
export const untrained = {
  "mobilenetv2-0.35-96": {
    family: "mobilenetv2",
    width: 0.35,
    input: { height: 96, width: 96, channels: 3 },
    head: { kind: "classifier", classes: 10 },
  },
  "efficientnet-b0-96": {
    family: "efficientnet",
    input: { height: 96, width: 96, channels: 3 },
    head: { kind: "classifier", classes: 10 },
  },
};

/**
 * Writes network.json, weights, float.onnx, int8.onnx and int8.tflite of a run folder or of an untrained network.
 * @param {string} model a run folder, or a name of `untrained`
 * @param {string} parent where the folder is made
 * @returns {Promise<string>} the folder
 */
export async function prepareModel(model, parent) {
  const folder = join(parent, basename(model));
  if (model in untrained) await makeUntrained(model, folder);
  else cpSync(model, folder, { recursive: true });
  const files = filesOf(folder);
  const { network, weights } = await readModel(files, "float");
  const { quantized } = await readModel(files, "int8");
  const deployed = deployWeights(buildNetwork(network), weights);
  writeFileSync(join(folder, "float.onnx"), networkToOnnx(deployed.graph, deployed.weights).encode());
  writeFileSync(join(folder, "int8.onnx"), quantizedToOnnx(quantized).encode());
  writeFileSync(join(folder, "int8.tflite"), quantizedToTflite(quantized));
  return folder;
}

/** A reader of a folder's files, as `readModel` wants it. */
export function filesOf(folder) {
  return (name) => new Uint8Array(readFileSync(join(folder, name)));
}

async function makeUntrained(model, folder) {
  const network = parseNetwork(untrained[model]);
  const graph = buildNetwork(network);
  const weights = initialWeights(graph, 1, network.head);
  const { height, width, channels } = network.input;
  const random = new Random(1, 1);
  const pictures = Array.from({ length: 4 }, () =>
    Float32Array.from({ length: height * width * channels }, () => random.uniform(-1, 1)),
  );
  const engine = await createEngine();
  const values = new FloatValues(engine);
  const { json, safetensors } = encodeQuantized(quantize(graph, weights, pictures, { run: values.run }).network);
  values.dispose();
  await engine.dispose();
  mkdirSync(join(folder, "weights"), { recursive: true });
  writeFileSync(join(folder, "network.json"), JSON.stringify(untrained[model]));
  writeFileSync(join(folder, "weights/best.safetensors"), encodeSafetensors(weights));
  writeFileSync(join(folder, "quantized.json"), json);
  writeFileSync(join(folder, "quantized.safetensors"), safetensors);
}
