import { describe, expect, it } from "vitest";
import { deployGraph, GraphBuilder, graphFromJson, graphToJson, withBatch } from "./index.js";

function small() {
  const b = new GraphBuilder("small");
  let x = b.input("image", [1, 9, 8, 3]);
  x = b.pad("pad", x, { top: 1, bottom: 1, left: 0, right: 1 });
  x = b.conv2d("conv", x, { filters: 4, kernel: 3, stride: 2 });
  x = b.batchNorm("bn", x);
  x = b.relu6("act", x);
  const skip = x;
  x = b.dropout("drop", x, 0.05, true);
  x = b.depthwise("dw", x, { kernel: 3, padding: 1 });
  x = b.batchNorm("bn2", x);
  x = b.hardswish("hs", x);
  const s = b.sigmoid("gate", b.globalAveragePool("gap", x));
  x = b.add("sum", b.multiply("scaled", x, s), skip);
  x = b.dense("fc", b.flatten("flat", b.maxPool("pool", x, 2)), 5);
  return b.build([x]);
}

describe("shape inference", () => {
  it("infers every shape", () => {
    const { shapes, parameters } = small();
    expect(shapes.pad).toEqual([1, 11, 9, 3]);
    expect(shapes.conv).toEqual([1, 5, 4, 4]);
    expect(shapes.gate).toEqual([1, 1, 1, 4]);
    expect(shapes.pool).toEqual([1, 2, 2, 4]);
    expect(shapes.fc).toEqual([1, 5]);
    expect(parameters["dw.weight"].shape).toEqual([4, 3, 3, 1]);
    expect(parameters["bn.running_var"]).toEqual({ kind: "runningVariance", shape: [4] });
  });
  it("names the op, the argument and the sizes when it refuses", () => {
    const b = new GraphBuilder("wrong");
    const x = b.input("x", [1, 4, 4, 3]);
    expect(() => b.conv2d("c", x, { filters: 4, groups: 2 })).toThrow(
      'conv2d "c": input channels 3 are not a multiple of groups 2',
    );
    expect(() => b.conv2d("c", x, { filters: 4, kernel: 7 })).toThrow(
      /conv2d "c": kernel height 7 is larger than the input's 4/,
    );
    expect(() => b.conv2d("c", x, { filters: 0 })).toThrow(
      'conv2d "c": filters is 0; an integer of at least 1 is needed',
    );
    for (const options of [{ stride: 99999 }, { kernel: 40000, padding: 20000 }, { padding: 1e300 }])
      expect(() => b.conv2d("c", x, { filters: 1, ...options })).toThrow(/at most 32767 can be run/);
    expect(() => b.dense("d", x, 3)).toThrow(/dense "d": input has shape \[1,4,4,3\]/);
    expect(() => b.add("a", x, b.maxPool("p", x, 2))).toThrow(
      'add "a": inputs have shapes [1,4,4,3] and [1,2,2,3]; their dimensions must be equal, or 1 in either',
    );
    expect(() => b.multiply("m", x, b.maxPool("p2", x, 2))).toThrow(
      /multiply "m": inputs have shapes \[1,4,4,3\] and \[1,2,2,3\]/,
    );
    expect(() => b.dropout("o", x, 1)).toThrow(/rate is 1/);
  });
  it("refuses a repeated name and an unknown output", () => {
    const b = new GraphBuilder("twice");
    const x = b.input("x", [1, 4, 4, 3]);
    b.relu6("r", x);
    b.relu6("r", x);
    expect(() => b.build(["r"])).toThrow(/name is taken/);
    expect(() => new GraphBuilder("none").build(["y"])).toThrow(/output "y"/);
  });
});

describe("transformations", () => {
  it("changes the batch everywhere", () => {
    expect(withBatch(small(), 7).shapes.pool).toEqual([7, 2, 2, 4]);
  });
  it("round-trips through JSON and refuses every truncation", () => {
    const text = graphToJson(small());
    expect(graphFromJson(text)).toEqual(small());
    for (let n = 0; n < text.length - 1; n += 7)
      expect(() => graphFromJson(text.slice(0, n), "g.json")).toThrow(/^g\.json: /);
  });
  it("refuses a document without outputs", () => {
    const document = { ...JSON.parse(graphToJson(small())), outputs: [] };
    expect(() => graphFromJson(JSON.stringify(document), "g.json")).toThrow("g.json: outputs are none;");
  });
  it("folds padding, batch norm, dropout and ReLU6 for deployment", () => {
    const deployed = deployGraph(small());
    expect(deployed.nodes.map((node) => `${node.op} ${node.name}`)).toEqual([
      "input image",
      "conv2d act",
      "conv2d bn2",
      "hardswish hs",
      "globalAveragePool gap",
      "sigmoid gate",
      "multiply scaled",
      "add sum",
      "maxPool pool",
      "flatten flat",
      "dense fc",
    ]);
    const conv = deployed.nodes[1];
    expect(conv.op === "conv2d" && conv.attributes).toMatchObject({
      activation: "relu6",
      bias: true,
      padding: { top: 1, bottom: 1, left: 0, right: 1 },
    });
    expect(deployed.shapes.fc).toEqual([1, 5]);
  });
});
