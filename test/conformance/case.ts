/**
 * A case of the conformance suite: a graph, and from its name, seeded, all the numbers that any back end needs. In floats
 * it is the graph as it is trained; as an int8 network its deployed form with weights, scales and zero points of its own.
 */
import { deployGraph, deployWeights, type Graph } from "@phinets/core/graph";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type FloatWeights, hashString, Random, sizeOf, type Tensor, tensor } from "@phinets/core/tensor";
import { randomInput, randomlyQuantized } from "../random-network.js";

export const groups = ["operators", "extremes", "blocks", "networks", "random"] as const;
/** A file of cases/. */
export type Group = (typeof groups)[number];

export interface Case {
  /** What it is about; unique, and the seed of all its numbers. */
  readonly name: string;
  /** As it is trained; batch 1, one input. */
  readonly graph: Graph;
  /** int8 numbers for the deployed graph. Default `randomlyQuantized`. */
  quantize?(deployed: Graph, seed: number): QuantizedNetwork;
}

/** A case in floats. */
export interface FloatForm {
  readonly name: string;
  readonly graph: Graph;
  readonly weights: FloatWeights;
  /** The same function without batch norm, dropout and separate padding. Its values are values of `graph`. */
  readonly deployed: { readonly graph: Graph; readonly weights: FloatWeights };
  /** `[2, height, width, channels]`, by the input's name. */
  readonly inputs: Readonly<Record<string, Tensor<"float32">>>;
}

/** A case as an int8 network. */
export interface IntegerForm {
  readonly name: string;
  readonly network: QuantizedNetwork;
  /** Two pictures: any bytes; -128 and 127 only. */
  readonly inputs: readonly [Int8Array, Int8Array];
}

/** Weights for which values stay of one size from layer to layer; nothing is 0, or 1 where that would hide a fault. */
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
  // Three deviations: ReLU6, hard-swish and sigmoid are reached at both of their ends.
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
