import { writeInputInt8 } from "../data/picture.js";
import { IntegerEngine } from "../inference/engine/integer-engine.js";
import type { QuantizedNetwork } from "../quantization/index.js";
import type { Runner } from "./runner.js";

/** The chip's own arithmetic: every int8 output is the firmware's. One thread. */
export function integerRunner(quantized: QuantizedNetwork): Runner {
  const [output] = quantized.graph.outputs;
  const { scale, zeroPoint } = quantized.values[output];
  const engine = new IntegerEngine(quantized);
  const input = new Int8Array(engine.inputBytes);
  return {
    outputShape: quantized.graph.shapes[output],
    run({ data }) {
      writeInputInt8(data, input);
      return Float64Array.from(engine.run(input)[0], (q) => scale * (q - zeroPoint));
    },
    async dispose() {},
  };
}
