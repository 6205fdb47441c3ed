/** Runs the deployed float network on calibration pictures and observes every value. */
import { type Graph, inputsOf, isTable, type Node, soleReaders } from "../graph/index.js";
import { type FloatWeights, PhinetsError, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import { Observer } from "./observers.js";
import { type FloatBatch, Moments, outputSensitivity } from "./sensitivity.js";
import { activationOf } from "./simulate.js";

/**
 * Runs a graph on float inputs `[batch, ...]` by name and returns all values by name. `runFloat` of the inference room
 * is one implementation; a faster engine can replace it.
 */
export type FloatRunner = (
  graph: Graph,
  weights: FloatWeights,
  inputs: Readonly<Record<string, Tensor<"float32">>>,
) => Record<string, Tensor<"float32">>;

/** Pictures on which the channels' sensitivity is measured. */
const sensitivityPictures = 16;

/**
 * Makes one observer per value of the graph, which weighs channels by the outputs' sensitivity (`outputSensitivity`).
 *
 * @param graph deployment graph with one input
 * @param batches float pictures (pixel / 128 - 1); each array holds one or more pictures `[height, width, channels]`
 * end to end
 * @param onValues called with the values of each batch, once
 * Throws PhinetsError when there is no picture or an array does not hold whole pictures.
 */
export function calibrate(
  graph: Graph,
  weights: FloatWeights,
  batches: Iterable<Float32Array>,
  run: FloatRunner,
  onValues?: (values: FloatBatch) => void,
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
  const moments = new Moments(graph);
  let observers: Map<string, Observer> | undefined;
  /** The first batches, which are observed once sensitivities are known. */
  const first: Float32Array[] = [];
  let pictures = 0;
  const valuesOf = (batch: Float32Array): FloatBatch =>
    run(graph, weights, {
      [inputName]: tensor("float32", [batch.length / pictureSize, ...pictureShape], batch),
    });
  const observe = (batch: Float32Array): void => {
    const values = valuesOf(batch);
    onValues?.(values);
    for (const [name, observer] of observers!) observer.observe(values[name].data, name);
  };
  const begin = (): void => {
    const sensitivity = outputSensitivity(graph, weights, moments);
    const readers = soleReaders(graph.nodes, graph.outputs);
    const observerOf = ({ name }: Node): Observer => {
      const channels = graph.shapes[name].at(-1)!;
      const reader = readers.get(name);
      // Errors before an activation are measured behind it, because clipping is not the small error that slopes tell.
      return reader !== undefined && isTable(reader)
        ? new Observer(channels, sensitivity.get(reader.name), activationOf(reader))
        : new Observer(channels, sensitivity.get(name));
    };
    observers = new Map(graph.nodes.map((node) => [node.name, observerOf(node)]));
    for (const batch of first.splice(0)) observe(batch);
  };
  for (const batch of batches) {
    const count = batch.length / pictureSize;
    if (!Number.isInteger(count) || count === 0)
      throw new PhinetsError(
        "quantization.calibration",
        `calibration batch has ${batch.length} numbers; a multiple of ${pictureSize} (${pictureShape.join("x")}) is needed`,
      );
    pictures += count;
    if (observers !== undefined) {
      observe(batch);
      continue;
    }
    moments.observe(valuesOf(batch));
    first.push(batch.slice()); // the caller may fill the same array again
    if (pictures >= sensitivityPictures) begin();
  }
  if (pictures === 0)
    throw new PhinetsError("quantization.calibration", "no calibration pictures were given; at least one is needed");
  if (observers === undefined) begin();
  return observers!;
}
