/** Exported ONNX, imported again and run by the float interpreter and the integer interpreter. */
import { networkToOnnx, quantizedToOnnx } from "@phinets/core/export";
import { type Graph, inputsOf, withBatch } from "@phinets/core/graph";
import { importOnnx, importQuantizedOnnx } from "@phinets/core/import";
import { runFloat, runInteger } from "@phinets/core/inference";
import { type FloatWeights, sizeOf, tensor } from "@phinets/core/tensor";
import type { FloatForm, IntegerForm } from "../case.js";
import { byName, type FloatDriver, type IntegerDriver, oneByOne } from "../driver.js";

/** One picture at a time, because imported networks have batch 1. */
function run(given: Graph, weights: FloatWeights, inputs: FloatForm["inputs"]): ReadonlyMap<string, Float32Array> {
  const one = withBatch(given, 1);
  const { graph, weights: again } = importOnnx(networkToOnnx(one, weights).encode(), "exported.onnx");
  const [{ name }] = inputsOf(one);
  const size = sizeOf(one.shapes[name]);
  const outputs = [0, 1].map((picture) => {
    const data = inputs[name].data.slice(picture * size, (picture + 1) * size);
    return runFloat(graph, again, { image: tensor("float32", graph.shapes.image, data) });
  });
  return new Map(
    one.outputs.map((output, i) => {
      const parts = outputs.map((values) => values[graph.outputs[i]].data);
      return [output, Float32Array.from(parts.flatMap((part) => [...part]))];
    }),
  );
}

const common = {
  kind: "float",
  tolerance: { share: 5e-6, reason: "values are float32, and a hard-swish of a sum may be put together again" },
} as const;

export const importedFloat: readonly FloatDriver[] = [
  {
    ...common,
    name: "ONNX, imported again",
    run: oneByOne(({ graph, weights, inputs }) => run(graph, weights, inputs)),
  },
  {
    ...common,
    name: "ONNX, deployed graph, imported again",
    run: oneByOne(({ deployed, inputs }: FloatForm) => run(deployed.graph, deployed.weights, inputs)),
  },
];

/**
 * A network exported with QuantizeLinear and DequantizeLinear and imported again is the same network: every byte is
 * equal.
 */
export const importedInteger: IntegerDriver = {
  ...{ name: "int8 ONNX, imported again", kind: "int8" },
  skip: [
    { case: "dense, sums up to 2^31 and shifts from left to nothing", reason: "a bias as float32 is beyond int32" },
  ],
  run: oneByOne((form: IntegerForm) => {
    const { network } = importQuantizedOnnx(quantizedToOnnx(form.network).encode(), "exported.onnx");
    return byName(
      form,
      form.inputs.map((input) => runInteger(network, input)),
    );
  }),
};
