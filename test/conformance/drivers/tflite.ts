/** Exported .tflite in TensorFlow Lite's own interpreter. */
import { quantizedToTflite } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { hasTflite, openTflite } from "../../tflite-runtime.js";
import type { IntegerDriver } from "../driver.js";
import { nodeByNode, type Picture, wholeNetworks } from "./apart.js";

async function run(network: QuantizedNetwork, pictures: readonly Picture[]): Promise<Picture[]> {
  const { outputs, shapes } = network.graph;
  const infer = await openTflite(quantizedToTflite(network));
  return pictures.map((picture) => {
    const found = infer([...picture.values()]);
    return new Map(
      outputs.map((name, i) => {
        const { data, shape, dataType } = found[i];
        if (dataType !== "int8" || shape !== shapes[name].join())
          throw new Error(`output "${name}" is ${dataType} [${shape}]; it should be int8 [${shapes[name]}]`);
        return [name, data];
      }),
    );
  });
}

const missing = hasTflite ? {} : { missing: "@tensorflow/tfjs-tflite" };

export const tflite: readonly IntegerDriver[] = [
  nodeByNode({
    ...{ name: "TensorFlow Lite, node by node", run, ...missing },
    tolerance: {
      ...{ steps: 1, share: 0.05 },
      reason: "its XNNPACK rounds once where we, as TensorFlow Lite Micro, round twice; its tables come from floats",
    },
    skip: [
      { case: /^resize bilinear.* to 13x17 /, reason: "its XNNPACK's positions have more than ten fractional bits" },
    ],
  }),
  wholeNetworks({
    ...{ name: "TensorFlow Lite", run, ...missing },
    tolerance: { steps: 4, share: 1, reason: "a step of one layer becomes a few in those after it" },
    skip: [
      {
        ...{ case: /^random moves/, run: false },
        reason: "its XNNPACK fails on some whole networks whose operators all run alone",
      },
    ],
  }),
];
