import { writeInputInt8 } from "../data/picture.js";
import { IntegerEngine } from "../inference/engine/integer-engine.js";
import { dequantizeOutput, type QuantizedNetwork } from "../quantization/index.js";
import type { Runner } from "./runner.js";

/** The chip's own arithmetic: every int8 output is the firmware's. One thread. */
export function integerRunner(quantized: QuantizedNetwork): Runner {
  const [output] = quantized.graph.outputs;
  const engine = new IntegerEngine(quantized);
  const input = new Int8Array(engine.inputBytes);
  return {
    outputShape: quantized.graph.shapes[output],
    run({ data }) {
      writeInputInt8(data, input);
      return dequantizeOutput(quantized, engine.run(input)[0]);
    },
    async dispose() {},
  };
}
