import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../graph/index.js";
import { differentiate, forwardOnly } from "./differentiate.js";

function network() {
  const g = new GraphBuilder("net");
  const x = g.input("image", [1, 8, 8, 3]);
  const a = g.hardswish("act", g.batchNorm("norm", g.conv2d("conv", x, { filters: 6, kernel: 3, padding: 1 })));
  const b = g.dropout("drop", a, 0.1, true);
  const c = g.conv2d("relu", b, { filters: 6, bias: true, activation: "relu6" });
  return g.build([g.add("sum", b, c)]);
}

describe("differentiate", () => {
  const graph = differentiate(network(), 5);

  test("every trainable parameter has a gradient of its shape, no other has", () => {
    const { parameters } = graph.network;
    const trained = Object.keys(parameters).filter((name) => !name.includes("running"));
    expect(Object.keys(graph.gradients).sort()).toEqual(trained.sort());
    for (const [name, value] of Object.entries(graph.gradients))
      expect(graph.shapes[value]).toEqual(parameters[name].shape);
  });

  test("is a graph: each value is made once, before it is read", () => {
    const made = new Set<string>();
    for (const node of graph.nodes) {
      for (const input of node.inputs) expect(made.has(input), `${node.name} reads ${input}`).toBe(true);
      for (const output of node.outputs) {
        expect(made.has(output)).toBe(false);
        made.add(output);
      }
    }
    expect(graph.shapes["grad:norm:input"]).toEqual([5, 8, 8, 6]);
  });

  test("dropout is a product with a mask input; the picture gets no gradient", () => {
    expect(graph.masks).toEqual([{ name: "drop:mask", shape: [5, 1, 1, 6], rate: 0.1 }]);
    expect(graph.nodes.some((node) => node.name === "grad:conv:input")).toBe(false);
    expect(graph.cotangents).toEqual({ sum: "grad:sum" });
    expect(graph.statistics).toEqual([
      {
        mean: "norm:mean",
        variance: "norm:variance",
        runningMean: "norm.running_mean",
        runningVariance: "norm.running_var",
        count: 5 * 8 * 8,
      },
    ]);
  });

  test("forwardOnly has neither dropout nor gradients", () => {
    const inference = forwardOnly(network(), 2);
    expect(inference.masks).toEqual([]);
    expect(inference.nodes.length).toBe(inference.forwardLength);
    expect(inference.gradients).toEqual({});
  });
});
