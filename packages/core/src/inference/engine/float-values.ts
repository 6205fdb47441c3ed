/**
 * Computes every value of a float graph fast: the training kernels run the graph with all its values as outputs.
 * Calibration and noise reports need this; `runFloat` computes the same up to rounding.
 */
import { type Graph, inputsOf, makeGraph } from "../../graph/index.js";
import type { Engine } from "../../kernels/index.js";
import type { FloatRunner } from "../../quantization/index.js";
import { type FloatWeights, type Tensor, tensor } from "../../tensor/index.js";
import { Executor, forwardOnly } from "../../training/index.js";

export class FloatValues {
  #made: { graph: Graph; weights: FloatWeights; batch: number; executor: Executor } | undefined;

  constructor(readonly engine: Engine) {}

  /** A `FloatRunner`. It plans the network once, for as long as graph, weights and batch stay the same. */
  readonly run: FloatRunner = (graph, weights, inputs) => {
    const [{ name: input }] = inputsOf(graph);
    const [batch] = inputs[input].shape;
    const executor = this.#executorFor(graph, weights, batch);
    for (const [name, { data }] of Object.entries(inputs)) executor.input(name).set(data);
    executor.forward();
    const values: Record<string, Tensor<"float32">> = {};
    for (const { name, op, parameters } of graph.nodes) {
      const shape = [batch, ...graph.shapes[name].slice(1)];
      if (op === "input") values[name] = inputs[name];
      else if (op === "constant") values[name] = weights[parameters.value];
      else values[name] = tensor("float32", shape, executor.output(name).slice());
    }
    return values;
  };

  dispose(): void {
    this.#made?.executor.dispose();
    this.#made = undefined;
  }

  #executorFor(graph: Graph, weights: FloatWeights, batch: number): Executor {
    const made = this.#made;
    if (made?.graph === graph && made.weights === weights && made.batch === batch) return made.executor;
    this.dispose();
    const names = graph.nodes.flatMap(({ name, op }) => (op === "input" || op === "constant" ? [] : [name]));
    const executor = new Executor(this.engine, forwardOnly(makeGraph(graph.name, graph.nodes, names), batch));
    executor.setParameters(weights);
    this.#made = { graph, weights, batch, executor };
    return executor;
  }
}
