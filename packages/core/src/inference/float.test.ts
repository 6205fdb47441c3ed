import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../graph/index.js";
import { tensor } from "../tensor/index.js";
import { runFloat } from "./index.js";

// test/conformance checks the operators' results.

it("softmax does not overflow", () => {
  const builder = new GraphBuilder("large");
  const graph = builder.build([builder.softmax("y", builder.input("x", [1, 2]))]);
  const large = runFloat(graph, {}, { x: tensor("float32", [1, 2], Float32Array.of(1000, 1000)) });
  expect([...large.y.data]).toEqual([0.5, 0.5]);
});

describe("arguments", () => {
  const builder = new GraphBuilder("net");
  const graph = builder.build([builder.conv2d("c", builder.input("x", [1, 2, 2, 1]), { filters: 1 })]);
  const weights = { "c.weight": tensor("float32", [1, 1, 1, 1]) };
  it("names what is missing or has another shape", () => {
    const x = tensor("float32", [1, 2, 2, 1]);
    expect(() => runFloat(graph, weights, {})).toThrow(/input "x" is missing; .* needs \[1,2,2,1\]/);
    expect(() => runFloat(graph, weights, { x: tensor("float32", [3, 2, 1, 1]) })).toThrow(/input "x" is \[3,2,1,1\]/);
    expect(() => runFloat(graph, {}, { x })).toThrow(/conv2d "c": parameter "c.weight" is missing/);
  });
});
