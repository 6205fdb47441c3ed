import { writeInput } from "../data/picture.js";
import { createEngine, type ThreadPool } from "../kernels/index.js";
import { buildNetwork, inputName, type Network, outputsRead } from "../networks/index.js";
import { type FloatWeights, joined } from "../tensor/index.js";
import { Executor, forwardOnly } from "../training/index.js";
import type { Runner } from "./runner.js";

/**
 * Runs a network in floats.
 * @param threads default: only the caller's thread
 */
export async function floatRunner(network: Network, weights: FloatWeights, threads?: ThreadPool): Promise<Runner> {
  const graph = buildNetwork(network);
  const engine = await createEngine({ threads });
  const outputs = outputsRead(network.head, graph.outputs);
  let executor: Executor;
  try {
    executor = new Executor(engine, forwardOnly(graph, 1));
    executor.setParameters(weights);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  return {
    outputShapes: outputs.map((output) => graph.shapes[output]),
    run({ data }) {
      writeInput(data, executor.input(inputName));
      executor.forward();
      return joined(outputs.map((output) => executor.output(output)));
    },
    async dispose() {
      executor.dispose();
      await engine.dispose();
    },
  };
}
