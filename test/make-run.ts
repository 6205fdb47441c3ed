import { join } from "node:path";
import { runFloat } from "@phinets/core/inference";
import { buildNetwork, initialWeights, inputName, parseNetwork } from "@phinets/core/networks";
import { encodeQuantized, quantize } from "@phinets/core/quantization";
import { encodeSafetensors, Random, tensor } from "@phinets/core/tensor";
import { writeFileAtomic } from "../packages/node/src/host/atomic.js";
import { saveNetwork } from "../packages/node/src/run/save.js";

/**
 * Makes a run folder with an untrained network, small enough for tests. Its objectness is high, so that it reports
 * boxes.
 */
export function makeRun(
  folder: string,
  options: { head?: "yolov2" | "classifier"; channels?: number; quantized?: boolean } = {},
): void {
  const { head = "yolov2", channels = 3, quantized = true } = options;
  const network = parseNetwork({
    family: "phinet",
    input: { height: 32, width: 48, channels },
    alpha: 0.15,
    blocks: 4,
    downsampling: [4],
    head:
      head === "yolov2"
        ? {
            kind: "yolov2",
            classes: ["nut", "bolt"],
            anchors: [
              [1, 1],
              [1.3, 1.2],
            ],
            filters: 8,
          }
        : { kind: "classifier", classes: ["zero", "one", "two"] },
  });
  const graph = buildNetwork(network);
  const weights = initialWeights(graph, 1);
  const random = new Random(5);
  const batches = [0, 1, 2].map(() => Float32Array.from({ length: 32 * 48 * channels }, () => random.uniform(-1, 1)));
  // An untrained output layer gives every picture the same answer: scale its weights until the outputs have a standard
  // deviation of 2.
  const input = { [inputName]: tensor("float32", [1, 32, 48, channels], batches[0]) };
  for (const { op, parameters } of graph.nodes) {
    if ((op !== "conv2d" && op !== "dense") || !("bias" in parameters)) continue;
    weights[parameters.bias].data.fill(0);
    const output = runFloat(graph, weights, input)[graph.outputs[0]].data;
    const scale = 2 / Math.sqrt(output.reduce((sum, value) => sum + value * value, 0) / output.length);
    const { data } = weights[parameters.weight];
    for (let i = 0; i < data.length; i++) data[i] *= scale;
  }
  saveNetwork(folder, network);
  writeFileAtomic(join(folder, "weights/best.safetensors"), encodeSafetensors(weights));
  if (!quantized) return;
  const files = encodeQuantized(quantize(graph, weights, batches, { run: runFloat }).network);
  writeFileAtomic(join(folder, "quantized.safetensors"), files.safetensors);
  writeFileAtomic(join(folder, "quantized.json"), files.json);
}
