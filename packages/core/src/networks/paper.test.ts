import { describe, expect, it } from "vitest";
import { countMacs, countParameters } from "../cost/index.js";
import type { NodeOf } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";
import { buildNetwork, initialWeights, parseNetwork, phinetBlocks } from "./index.js";

const base = { family: "phinet", profile: "paper", input: { height: 68, width: 68 } } as const;
const classifier = { kind: "classifier", classes: 10 };

/** The networks that the authors trained on CIFAR-10 and published with their code. */
const published = [
  {
    macs: 2e6,
    thousands: 39.9,
    res: 68,
    blocks: 8,
    alpha: 0.138,
    beta: 0.4,
    t0: 7,
    filters: [96, 87, 129],
    conv5: 0.468,
  },
  {
    macs: 5e6,
    thousands: 88.9,
    res: 82,
    blocks: 10,
    alpha: 0.138,
    beta: 0.67,
    t0: 6,
    filters: [61, 107, 179],
    conv5: 0.468,
  },
  {
    macs: 10e6,
    thousands: 175,
    res: 96,
    blocks: 10,
    alpha: 0.1973,
    beta: 0.854,
    t0: 6,
    filters: [61, 60, 178],
    conv5: 0.468,
  },
  {
    macs: 20e6,
    thousands: 358,
    res: 89,
    blocks: 15,
    alpha: 0.183,
    beta: 1.656,
    t0: 6,
    filters: [99, 60, 173],
    conv5: 0.577,
  },
];

function buildPublished({ res, filters, ...options }: (typeof published)[number]) {
  const { blocks, alpha, beta, t0, conv5 } = options;
  const [stemFilters, b1Filters, b2Filters] = filters;
  const input = { height: res, width: res };
  const widths = { stemFilters, b1Filters, b2Filters };
  const network = parseNetwork({ ...base, input, blocks, alpha, beta, t0, conv5, ...widths, head: classifier });
  return buildNetwork(network);
}

describe("the authors' CIFAR-10 networks", () => {
  it.each(published)("$macs multiply-accumulates", (options) => {
    const graph = buildPublished(options);
    // The authors' parameter counts include batch norm's statistics.
    const all = Object.values(graph.parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    expect(Number((all / 1000).toPrecision(3))).toBe(options.thousands);
    // The authors' search accepted networks within 5 % of the target and did not count squeeze-and-excite, so the
    // target is not exact.
    expect(countMacs(graph) / options.macs).toBeGreaterThan(0.94);
    expect(countMacs(graph) / options.macs).toBeLessThan(1.06);
  });
  it("has as many values as their trained files, and the same first layers", () => {
    const count = (which: number) =>
      Object.values(buildPublished(published[which]).parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    expect([count(0), count(1)]).toEqual([39_883, 88_944]);
    const graph = buildPublished(published[0]);
    expect(graph.shapes["_layers.1._layers.1"]).toEqual([1, 23, 23, 13]);
    expect(graph.shapes["_layers.2._layers.4"]).toEqual([1, 23, 23, 12]);
    expect(graph.shapes["_layers.3._layers.0"]).toEqual([1, 23, 23, 77]);
  });
});

describe("profile paper", () => {
  it("pads by the parity of each side of each map", () => {
    const graph = buildNetwork(parseNetwork({ ...base, input: { height: 69, width: 68 } }));
    const padding = (name: string) =>
      (graph.nodes.find((node) => node.name === name) as NodeOf<"conv2d"> | NodeOf<"pad">).attributes.padding;
    expect(padding("_layers.0")).toEqual({ top: 1, bottom: 1, left: 0, right: 1 });
    expect(graph.shapes["_layers.1._layers.0"].slice(1, 3)).toEqual([23, 23]);
    expect(padding("_layers.3._layers.4")).toEqual({ top: 1, bottom: 1, left: 1, right: 1 });
    expect(graph.shapes["_layers.3._layers.4"].slice(1, 3)).toEqual([12, 12]);
    expect(padding("_layers.5._layers.4")).toEqual({ top: 0, bottom: 1, left: 0, right: 1 });
    expect(graph.shapes["_layers.5._layers.4"].slice(1, 3)).toEqual([6, 6]);
  });
  it("squeezes a quarter of the block's input, with biases", () => {
    const network = parseNetwork({ ...base, alpha: 1 });
    expect(phinetBlocks(network).map(({ squeeze }) => squeeze)).toEqual([0, 6, 6, 6, 12, 12, 12, 12]);
    const { parameters } = buildNetwork(network);
    expect(parameters["_layers.3._layers.7.se_conv.weight"].shape).toEqual([6, 1, 1, 144]);
    expect(parameters["_layers.3._layers.7.se_conv.bias"].shape).toEqual([6]);
    expect(parameters["_layers.3._layers.7.se_conv2.bias"].shape).toEqual([144]);
  });
  it("classifies with two 1x1 convolutions, or with one dense layer where head.features is 0", () => {
    const graph = buildNetwork(parseNetwork({ ...base, head: classifier }));
    expect(graph.shapes[graph.outputs[0]]).toEqual([1, 10]);
    expect(graph.parameters["class_conv2d.weight"].shape).toEqual([256, 1, 1, 9]);
    expect(graph.parameters["final_conv.bias"].shape).toEqual([10]);
    const one = buildNetwork(parseNetwork({ ...base, head: { ...classifier, features: 0 } }));
    expect(one.parameters["classifier.2.weight"].shape).toEqual([10, 9]);
    const two = buildNetwork(parseNetwork({ ...base, profile: "micromind", head: { ...classifier, features: 20 } }));
    expect(two.parameters["final_conv.weight"].shape).toEqual([10, 1, 1, 20]);
  });
  it("has no dropout and a ReLU6 everywhere", () => {
    const ops = new Set(buildNetwork(parseNetwork(base)).nodes.map(({ op }) => op));
    expect(ops.has("dropout")).toBe(false);
    expect(ops.has("hardswish")).toBe(false);
    expect(ops.has("relu6")).toBe(true);
  });
  it("shares everything else with micromind", () => {
    const options = { ...base, alpha: 0.5, stemStride: 2, downsampling: [5, 7], squeezeExcite: false };
    const same = { ...options, activation: "hardswish", input: { height: 65, width: 65 } };
    const paper = buildNetwork(parseNetwork(same));
    const micromind = buildNetwork(parseNetwork({ ...same, profile: "micromind" }));
    expect(paper.parameters).toEqual(micromind.parameters);
    expect(countParameters(paper)).toBe(countParameters(micromind));
  });
  it.each([
    [{ stemFilters: 4 }, /the stem has a width of int\(0\.8.*\) = 0 channels; use a larger stemFilters or alpha/],
    [{ b1Filters: 4 }, /block 0 has a width of int\(0\.8.*\) = 0 channels; use a larger b1Filters or alpha/],
    [{ b2Filters: 4 }, /block 3 has a width of int\(0\.8.*\) = 0 channels; use a larger b2Filters or alpha/],
    [
      { b2Filters: 5, b1Filters: 5, t0: 0.9 },
      /block 1 has a width of int\(0\.9.*\) = 0 channels; use a larger t0 or alpha/,
    ],
    [
      { conv5: 1, downsampling: [7], input: { height: 24, width: 24 } },
      /map is 2x2 where block 7's 5x5 kernel with stride 2 needs 4x4/,
    ],
  ])("refuses %j", (options, message) => {
    expect(() => buildNetwork(parseNetwork({ ...base, ...options }))).toThrow(message);
  });
  it("starts its squeeze-and-excite as other layers, its last layer near zero", () => {
    const network = parseNetwork({ ...base, alpha: 1, head: classifier });
    const weights = initialWeights(buildNetwork(network), 1, network.head);
    const deviation = (name: string) =>
      Math.sqrt(weights[name].data.reduce((s, w) => s + w * w, 0) / weights[name].data.length);
    expect(deviation("_layers.3._layers.7.se_conv.weight")).toBeCloseTo(Math.sqrt(2 / 144), 1);
    expect(deviation("class_conv2d.weight")).toBeCloseTo(Math.sqrt(2 / 48), 2);
    expect(deviation("final_conv.weight")).toBeCloseTo(0.01, 3);
  });
});
