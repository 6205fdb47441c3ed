import { describe, expect, it } from "vitest";
import { countMacs, countParameters } from "../cost/index.js";
import { backboneBlocks, buildNetwork, networkSummary, parseNetwork } from "./index.js";

const input = { height: 224, width: 224, channels: 3 };
const imagenet = { kind: "classifier", classes: 1000 };

describe("published counts", () => {
  // Parameters: torchvision's documentation of its weights. MACs: MobileNetV2's paper says 300 M; 300,774,272 is
  // torchvision's network without biases, which our counts leave out too.
  it.each([
    [{ family: "mobilenetv2" }, 3_504_872, 300_774_272],
    [{ family: "efficientnet" }, 5_288_548, 385_814_752], // "0.39 G"
    [{ family: "efficientnet", width: 1, depth: 1.1, input: { ...input, height: 240, width: 240 } }, 7_794_184], // B1
    [{ family: "efficientnet", width: 1.1, depth: 1.2, input: { ...input, height: 288, width: 288 } }, 9_109_994], // B2
    [{ family: "efficientnet", width: 1.2, depth: 1.4, input: { ...input, height: 300, width: 300 } }, 12_233_232], // B3
  ] as [object, number, number?][])("%j", (options, parameters, macs) => {
    const graph = buildNetwork(parseNetwork({ input, head: imagenet, ...options }));
    expect(countParameters(graph)).toBe(parameters);
    if (macs !== undefined) expect(countMacs(graph)).toBe(macs);
  });
  // Millions of parameters in the results table of timm, which has weights for these widths.
  it.each([
    [1.4, "6.11"],
    [0.75, "2.64"],
    [0.5, "1.97"],
    [0.35, "1.68"],
  ])("MobileNetV2 of width %d", (width, millions) => {
    const graph = buildNetwork(parseNetwork({ family: "mobilenetv2", input, width, head: imagenet }));
    expect((countParameters(graph) / 1e6).toFixed(2)).toBe(millions);
  });
});

describe("names are torchvision's", () => {
  const names = (family: string) =>
    Object.entries(buildNetwork(parseNetwork({ family, input, head: imagenet })).parameters)
      .map(([name, { shape }]) => `${name} ${shape}`)
      .join("\n");
  it("MobileNetV2", () => {
    expect(names("mobilenetv2")).toContain(
      [
        "features.0.0.weight 32,3,3,3",
        "features.0.1.weight 32",
        "features.0.1.bias 32",
        "features.0.1.running_mean 32",
        "features.0.1.running_var 32",
        "features.1.conv.0.0.weight 32,3,3,1",
      ].join("\n"),
    );
    expect(names("mobilenetv2")).toContain("features.1.conv.1.weight 16,1,1,32\nfeatures.1.conv.2.weight 16\n");
    expect(names("mobilenetv2")).toContain("features.17.conv.1.0.weight 960,3,3,1\n");
    expect(names("mobilenetv2")).toContain("features.17.conv.2.weight 320,1,1,960\nfeatures.17.conv.3.weight 320\n");
    expect(names("mobilenetv2")).toContain("features.18.0.weight 1280,1,1,320\n");
    expect(names("mobilenetv2")).toMatch(/\nclassifier\.1\.weight 1000,1280\nclassifier\.1\.bias 1000$/);
  });
  it("EfficientNet", () => {
    for (const line of [
      "features.1.0.block.0.0.weight 32,3,3,1",
      "features.1.0.block.1.fc1.weight 8,1,1,32",
      "features.1.0.block.1.fc1.bias 8",
      "features.1.0.block.2.1.running_var 16",
      "features.6.3.block.0.0.weight 1152,1,1,192",
      "features.6.3.block.1.0.weight 1152,5,5,1",
      "features.6.3.block.2.fc2.weight 1152,1,1,48",
      "features.6.3.block.3.0.weight 192,1,1,1152",
      "features.8.0.weight 1280,1,1,320",
    ])
      expect(names("efficientnet").split("\n")).toContain(line);
  });
});

describe("truncation", () => {
  it.each([
    ["mobilenetv2", 32, [7, 7, 1280], 17],
    ["mobilenetv2", 16, [14, 14, 96], 13],
    ["mobilenetv2", 8, [28, 28, 32], 6],
    ["mobilenetv2", 4, [56, 56, 24], 3],
    ["efficientnet", 32, [7, 7, 1280], 16],
    ["efficientnet", 16, [14, 14, 112], 11],
    ["efficientnet", 8, [28, 28, 40], 5],
  ] as const)("%s at stride %d", (family, stopAtStride, output, blocks) => {
    const network = parseNetwork({ family, input, stopAtStride });
    const graph = buildNetwork(network);
    expect(graph.shapes[graph.outputs[0]].slice(1)).toEqual(output);
    expect(backboneBlocks(network)).toHaveLength(blocks);
  });
  it("detects on the truncated backbone's grid", () => {
    for (const family of ["mobilenetv2", "efficientnet"]) {
      const head = { kind: "yolov2", classes: 2, filters: 24 };
      const network = parseNetwork({ family, input: { height: 96, width: 64 }, width: 0.35, stopAtStride: 16, head });
      const graph = buildNetwork(network);
      expect(graph.shapes[graph.outputs[0]]).toEqual([1, 6, 4, 5 * 7]);
      expect(networkSummary(network)).toContain("width 0.35");
    }
  });
  it("rounds widths to the divisor asked for", () => {
    const widths = (divisor: number): number[] =>
      backboneBlocks(parseNetwork({ family: "mobilenetv2", input, width: 0.305, divisor })).map(
        (block) => block.output,
      );
    expect(new Set(widths(8))).toEqual(new Set([8, 16, 24, 32, 48, 96]));
    // 16, 24, 32, 64, 96, 160 and 320 times .305: 4.88, 7.32, 9.76, 19.52, 29.28, 48.8, 97.6
    expect(new Set(widths(1))).toEqual(new Set([5, 7, 10, 20, 29, 49, 98]));
    expect(new Set(widths(2))).toEqual(new Set([6, 8, 10, 20, 30, 48, 98]));
  });
  it("names blocks whose nodes exist", () => {
    for (const options of [
      { family: "mobilenetv2" },
      { family: "efficientnet", depth: 2 },
      { family: "phinet" },
      { family: "phinet", pool: true, conv2dInput: true },
      { family: "phinet", profile: "paper", blocks: 9 },
    ]) {
      const network = parseNetwork({ ...options, input });
      const graph = buildNetwork(network);
      for (const { module, input: from, output } of backboneBlocks(network)) {
        const nodes = graph.nodes.filter(({ name }) => name.startsWith(`${module}.`));
        expect(graph.shapes[nodes[0].inputs[0]][3], module).toBe(from);
        expect(graph.shapes[nodes.at(-1)!.name][3], module).toBe(output);
      }
    }
  });
});
