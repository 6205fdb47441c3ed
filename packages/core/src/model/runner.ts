/** From a picture of the network's size to its raw output, in float or in int8. */
import { type Picture, writeInput, writeInputInt8 } from "../data/index.js";
import type { OutputMap } from "../detection/index.js";
import type { Graph } from "../graph/index.js";
import { IntegerEngine } from "../inference/index.js";
import { createEngine, type ThreadPool } from "../kernels/index.js";
import { inputName } from "../networks/index.js";
import type { QuantizedNetwork } from "../quantization/index.js";
import type { FloatWeights, Shape } from "../tensor/index.js";
import { Executor, forwardOnly } from "../training/index.js";

export interface Runner {
  /** `[1, height, width, channels]` of a detector, `[1, classes]` of a classifier. */
  readonly outputShape: Shape;
  /** Output of a picture of the network's height, width and channels: real values, the caller's to keep. */
  run(picture: Picture): OutputMap;
  dispose(): Promise<void>;
}

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

/** @param threads default: the caller's alone */
export async function floatRunner(graph: Graph, weights: FloatWeights, threads?: ThreadPool): Promise<Runner> {
  const engine = await createEngine({ threads });
  const [output] = graph.outputs;
  let executor: Executor;
  try {
    executor = new Executor(engine, forwardOnly(graph, 1));
    executor.setParameters(weights);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  return {
    outputShape: graph.shapes[output],
    run({ data }) {
      writeInput(data, executor.input(inputName));
      executor.forward();
      return executor.output(output).slice();
    },
    async dispose() {
      executor.dispose();
      await engine.dispose();
    },
  };
}
