/**
 * A case of the conformance suite: a graph, and all numbers that any back end needs, from a generator seeded with its
 * name. The float form is the training graph; the int8 form is its deployed graph with weights, scales and zero points
 * of its own.
 */
import { deployGraph, deployWeights, type Graph } from "@phinets/core/graph";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type FloatWeights, hashString, Random, sizeOf, type Tensor, tensor } from "@phinets/core/tensor";
import { randomInput, randomlyQuantized } from "../random-network.js";

export const groups = ["operators", "extremes", "blocks", "networks", "random"] as const;
/** Name of a file in cases/. */
export type Group = (typeof groups)[number];

export interface Case {
  /** Description; unique, because it is the seed of all numbers. */
  readonly name: string;
  /** The training graph; batch 1, one input. */
  readonly graph: Graph;
  /** Makes the deployed graph's int8 numbers. Default `randomlyQuantized`. */
  quantize?(deployed: Graph, seed: number): QuantizedNetwork;
}

/** The float form of a case. */
export interface FloatForm {
  readonly name: string;
  readonly graph: Graph;
  readonly weights: FloatWeights;
  /** The same function without batch norm, dropout and separate padding. Its values are among those of `graph`. */
  readonly deployed: { readonly graph: Graph; readonly weights: FloatWeights };
  /** `[2, height, width, channels]`, by the input's name. */
  readonly inputs: Readonly<Record<string, Tensor<"float32">>>;
}

/** The int8 form of a case. */
export interface IntegerForm {
  readonly name: string;
  readonly network: QuantizedNetwork;
  /** Two pictures: one of random bytes, one of -128 and 127 only. */
  readonly inputs: readonly [Int8Array, Int8Array];
}

/** Weights that keep values of similar size from layer to layer; none is 0, or 1 where that would hide a fault. */
export function randomWeights(graph: Graph, seed: number): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }], i) => {
      const random = new Random(seed, i);
      const fanIn = sizeOf(shape.slice(1));
      const draw = (): number => {
        if (kind === "weight") return random.normal() / Math.sqrt(fanIn);
        if (kind === "gamma" || kind === "runningVariance") return random.uniform(0.7, 1.3);
        return 0.3 * random.normal();
      };
      return [name, tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, draw))];
    }),
  );
}

export function floatForm({ name, graph }: Case): FloatForm {
  const seed = hashString(name);
  const weights = randomWeights(graph, seed);
  const input = graph.nodes.find(({ op }) => op === "input")!;
  const shape = [2, ...graph.shapes[input.name].slice(1)];
  const random = new Random(seed, 91);
  // Three standard deviations: ReLU6, hard-swish and sigmoid saturate at both ends.
  const data = Float32Array.from({ length: sizeOf(shape) }, () => 3 * random.normal());
  const deployed = deployWeights(graph, weights);
  return { name, graph, weights, deployed, inputs: { [input.name]: tensor("float32", shape, data) } };
}

export function integerForm({ name, graph, quantize = randomlyQuantized }: Case): IntegerForm {
  const seed = hashString(name);
  const network = quantize(deployGraph(graph), seed);
  const input = randomInput(network, seed);
  return { name, network, inputs: [input, input.map((byte) => (byte < 0 ? -128 : 127))] };
}
