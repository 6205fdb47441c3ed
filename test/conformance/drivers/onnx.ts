/**
 * Exported ONNX in ONNX Runtime's WebAssembly: floats, and int8 with QuantizeLinear and DequantizeLinear around each
 * value.
 */
import { networkToOnnx, type OnnxModel, quantizedToOnnx } from "@phinets/core/export";
import { type Graph, withBatch } from "@phinets/core/graph";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import type { FloatWeights } from "@phinets/core/tensor";
import * as ort from "onnxruntime-web";
import type { FloatForm } from "../case.js";
import { type FloatDriver, type IntegerDriver, oneByOne } from "../driver.js";
import { nodeByNode, type Picture, wholeNetworks } from "./apart.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

type Floats = ReadonlyMap<string, Float32Array>;

/** Outputs of each of some inputs. */
async function run(model: OnnxModel, all: readonly Floats[]): Promise<Floats[]> {
  const session = await ort.InferenceSession.create(model.encode(), { executionProviders: ["wasm"] });
  const found: Floats[] = [];
  try {
    for (const inputs of all) {
      const feeds = model.inputs.map(({ name, shape }) => [name, new ort.Tensor("float32", inputs.get(name)!, shape)]);
      const results = await session.run(Object.fromEntries(feeds));
      const outputs = model.outputs.map(({ name, shape }) => {
        const { dims, data } = results[name];
        if (dims.join() !== shape.join()) throw new Error(`output "${name}" is ${dims}; the model says ${shape}`);
        return [name, data as Float32Array] as const;
      });
      found.push(new Map(outputs));
    }
  } finally {
    await session.release();
  }
  return found;
}

const common = {
  kind: "float",
  tolerance: { share: 5e-6, reason: "sums are float32, in another order than ours" },
  skip: [
    {
      case: /^pad before a maxPool/,
      reason:
        "ONNX Runtime's optimiser takes zeros before a pool for the pool's own padding, which is none of the largest",
    },
  ],
} as const;

async function runFloat(graph: Graph, weights: FloatWeights, inputs: FloatForm["inputs"]): Promise<Floats> {
  const flat = new Map(Object.entries(inputs).map(([name, { data }]) => [name, data]));
  const [outputs] = await run(networkToOnnx(withBatch(graph, 2), weights), [flat]);
  return outputs;
}

export const onnxFloat: readonly FloatDriver[] = [
  {
    ...{ ...common, name: "ONNX Runtime" },
    run: oneByOne(({ graph, weights, inputs }: FloatForm) => runFloat(graph, weights, inputs)),
  },
  {
    ...{ ...common, name: "ONNX Runtime, deployed graph" },
    run: oneByOne(({ deployed, inputs }: FloatForm) => runFloat(deployed.graph, deployed.weights, inputs)),
  },
];

/** The model's inputs and outputs are real values. */
async function runInteger(network: QuantizedNetwork, pictures: readonly Picture[]): Promise<Picture[]> {
  const real = (picture: Picture): Floats =>
    new Map(
      [...picture].map(([name, bytes]) => {
        const { scale, zeroPoint } = network.values[name];
        return [name, Float32Array.from(bytes, (byte) => scale * (byte - zeroPoint))];
      }),
    );
  const bytes = (outputs: Floats): Picture =>
    new Map(
      [...outputs].map(([name, values]) => {
        const { scale, zeroPoint } = network.values[name];
        return [name, Int8Array.from(values, (value) => Math.round(value / scale) + zeroPoint)];
      }),
    );
  return (await run(quantizedToOnnx(network), pictures.map(real))).map(bytes);
}

export const onnxInteger: readonly IntegerDriver[] = [
  nodeByNode({
    ...{ name: "ONNX Runtime, int8, node by node", run: runInteger },
    tolerance: {
      ...{ steps: 1, share: 0.05 },
      reason: "it rounds once, half to even, where we round twice, and before a clamp or a table that is not integers",
    },
  }),
  wholeNetworks({
    // Random graphs run in float only: loading one takes ten times as long as running it.
    ...{ name: "ONNX Runtime, int8", run: runInteger, groups: ["blocks", "networks"] },
    tolerance: { steps: 4, share: 1, reason: "a step of one layer becomes a few in those after it" },
    skip: [
      {
        ...{ case: "more steps than a byte counts", run: false },
        reason: "its optimiser takes a second over so long a chain, and the case is about a table of our C",
      },
    ],
  }),
];
