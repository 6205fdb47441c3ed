import { writeInputInt8 } from "../data/picture.js";
import { IntegerEngine } from "../inference/engine/integer-engine.js";
import { type Head, outputsRead } from "../networks/index.js";
import { dequantizeOutput, type QuantizedNetwork } from "../quantization/index.js";
import { joined } from "../tensor/index.js";
import type { Runner } from "./runner.js";

/** Runs a network in the firmware's arithmetic, with every int8 output equal to the firmware's. Single-threaded. */
export function integerRunner(quantized: QuantizedNetwork, head: Head): Runner {
  const outputs = outputsRead(head, quantized.graph.outputs);
  const engine = new IntegerEngine(quantized);
  const input = new Int8Array(engine.inputBytes);
  return {
    outputShapes: outputs.map((output) => quantized.graph.shapes[output]),
    run({ data }) {
      writeInputInt8(data, input);
      const bytes = engine.run(input);
      return joined(outputs.map((_, i) => dequantizeOutput(quantized, bytes[i], i)));
    },
    async dispose() {},
  };
}
