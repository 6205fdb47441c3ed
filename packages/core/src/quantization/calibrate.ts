/** Runs the deployed float network on calibration pictures and observes every value. */
import { type Graph, inputsOf } from "../graph/index.js";
import { type FloatWeights, PhinetsError, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import { Observer } from "./observers.js";

/**
 * Runs a graph on float inputs `[batch, ...]` by name and returns all values by name. `runFloat` of the inference room
 * is one implementation; a faster engine can replace it.
 */
export type FloatRunner = (
  graph: Graph,
  weights: FloatWeights,
  inputs: Readonly<Record<string, Tensor<"float32">>>,
) => Record<string, Tensor<"float32">>;

/**
 * Makes one observer per value of the graph.
 *
 * @param graph deployment graph with one input
 * @param batches float pictures (pixel / 128 - 1); each array holds one or more pictures `[height, width, channels]`
 * end to end
 * Throws PhinetsError when there is no picture or an array does not hold whole pictures.
 */
export function calibrate(
  graph: Graph,
  weights: FloatWeights,
  batches: Iterable<Float32Array>,
  run: FloatRunner,
): Map<string, Observer> {
  const inputs = inputsOf(graph);
  if (inputs.length !== 1)
    throw new PhinetsError(
      "quantization.input",
      `graph "${graph.name}" has ${inputs.length} inputs; networks of one input are quantised`,
    );
  const [{ name: inputName, attributes }] = inputs;
  const pictureShape = attributes.shape.slice(1);
  const pictureSize = sizeOf(pictureShape);
  const observers = new Map(graph.nodes.map(({ name }) => [name, new Observer(graph.shapes[name].at(-1)!)]));
  let pictures = 0;
  for (const batch of batches) {
    const count = batch.length / pictureSize;
    if (!Number.isInteger(count) || count === 0)
      throw new PhinetsError(
        "quantization.calibration",
        `calibration batch has ${batch.length} numbers; a multiple of ${pictureSize} (${pictureShape.join("x")}) is needed`,
      );
    pictures += count;
    const values = run(graph, weights, { [inputName]: tensor("float32", [count, ...pictureShape], batch) });
    for (const [name, observer] of observers) observer.observe(values[name].data, name);
  }
  if (pictures === 0)
    throw new PhinetsError("quantization.calibration", "no calibration pictures were given; at least one is needed");
  return observers;
}
