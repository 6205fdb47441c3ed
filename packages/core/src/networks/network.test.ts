import { describe, expect, it } from "vitest";
import { GraphBuilder, graphDocument } from "../graph/index.js";
import { buildNetwork, classNames, defaultAnchors, initialWeights, parseNetwork, roundHalfToEven } from "./index.js";

const input = { height: 96, width: 96, channels: 3 };
const base = { family: "phinet", input };

describe("parseNetwork", () => {
  it("fills in the defaults", () => {
    expect(parseNetwork({ family: "phinet", input: { height: 96, width: 64 } })).toEqual({
      family: "phinet",
      profile: "micromind",
      input: { height: 96, width: 64, channels: 3 },
      alpha: 0.2,
      beta: 1,
      t0: 6,
      blocks: 7,
      downsampling: [5, 7],
      divisor: 1,
      stemStride: 2,
      conv5: 0,
      activation: "hardswish",
      squeezeExcite: true,
      residuals: true,
      pool: false,
      conv2dInput: false,
      compatibility: false,
      head: { kind: "none" },
    });
  });
  it("has other defaults in profile paper", () => {
    const network = parseNetwork({ ...base, profile: "paper", alpha: 0.138, head: { kind: "classifier" } });
    expect(network).toMatchObject({
      profile: "paper",
      downsampling: [],
      stemStride: 3,
      activation: "relu6",
      stemFilters: 48,
      b1Filters: 24,
      b2Filters: 48,
      head: { kind: "classifier", classes: 10, features: 176 },
    });
    expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
    const paper = parseNetwork(JSON.parse(JSON.stringify({ ...base, profile: "paper" }).replace("{", '{"conv5":-0,')));
    expect(parseNetwork(JSON.parse(JSON.stringify(paper)))).toEqual(paper);
  });
  it("reads the other families", () => {
    expect(parseNetwork({ family: "mobilenetv2", input })).toEqual({
      family: "mobilenetv2",
      input,
      width: 1,
      divisor: 8,
      stopAtStride: 32,
      head: { kind: "none" },
    });
    expect(parseNetwork({ family: "efficientnet", input, width: 0.5, depth: 0.8, stopAtStride: 16 })).toEqual({
      family: "efficientnet",
      input,
      width: 0.5,
      depth: 0.8,
      divisor: 8,
      stopAtStride: 16,
      head: { kind: "none" },
    });
  });
  it("is idempotent, through JSON too", () => {
    const network = parseNetwork({ ...base, alpha: 0.35, head: { kind: "yolov2", classes: ["person"] } });
    expect(network.head).toEqual({
      kind: "yolov2",
      classes: ["person"],
      anchors: defaultAnchors,
      filters: 128,
      decoder: "yolov2",
    });
    expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
  });
  it.each([
    [null, /the document is null; it must be an object/],
    [[], /the document is \[\]; it must be an object/],
    [{ input }, /family is missing; "phinet" or/],
    [{ ...base, family: "resnet" }, /family is "resnet"; it must be "phinet" or "mobilenetv2" or "efficientnet"/],
    [{ ...base, profile: "keras" }, /profile is "keras"; it must be "micromind" or "paper"/],
    [{ ...base, stemFilters: 48 }, /unknown field stemFilters/],
    [{ ...base, profile: "paper", stemFilters: 0 }, /stemFilters is 0; it must be an integer in 1\.\.4096/],
    [
      { ...base, family: "mobilenetv2", alpha: 1 },
      /unknown field alpha \(1\); known: family, input, width, divisor, stopAtStride/,
    ],
    [{ ...base, family: "mobilenetv2", depth: 1 }, /unknown field depth/],
    [{ ...base, family: "mobilenetv2", width: 0 }, /width is 0; it must be a number above 0/],
    [{ ...base, family: "efficientnet", stopAtStride: 12 }, /stopAtStride is 12; it must be 4 or 8 or 16 or 32/],
    [
      { ...base, family: "efficientnet", head: { kind: "classifier", features: 8 } },
      /unknown field head\.features \(8\); known: kind, classes/,
    ],
    [{ family: "phinet" }, /input is missing/],
    [{ ...base, input: { height: 96 } }, /input\.width is missing; an integer in 1\.\.4096/],
    [{ ...base, input: { ...input, height: 9.5 } }, /input\.height is 9\.5; it must be an integer in 1\.\.4096/],
    [{ ...base, input: { ...input, depth: 3 } }, /unknown field input\.depth \(3\); known: height, width, channels/],
    [{ ...base, alfa: 0.3 }, /unknown field alfa \(0\.3\); known: family, profile, input, alpha/],
    [{ ...base, alpha: "0.3" }, /alpha is "0\.3"; it must be a number above 0/],
    [{ ...base, alpha: 0 }, /alpha is 0; it must be a number above 0/],
    [{ ...base, beta: Number.NaN }, /beta is null|beta is NaN/],
    [{ ...base, blocks: 0.5 }, /blocks is 0\.5; it must be a number that rounds to 1 or more/],
    [{ ...base, downsampling: [3] }, /downsampling\[0\] is 3; it must be an integer in 4\.\.64/],
    [{ ...base, downsampling: [5, 5] }, /downsampling is \[5,5\]; it must be block ids that differ/],
    [{ ...base, conv5: 1.5 }, /conv5 is 1\.5; it must be a number in 0\.\.1/],
    [{ ...base, pool: 1 }, /pool is 1; it must be true or false/],
    [{ ...base, activation: "swish" }, /activation is "swish"; it must be "hardswish" or "relu6"/],
    [{ ...base, head: { kind: "ssd" } }, /head\.kind is "ssd"/],
    [{ ...base, head: { kind: "none", classes: 3 } }, /unknown field head\.classes/],
    [{ ...base, head: { kind: "classifier", classes: ["cat"] } }, /head\.classes is \["cat"\].*one class has nothing/],
    [{ ...base, head: { kind: "classifier", classes: 1 } }, /head\.classes is 1.*one class has nothing/],
    [
      { ...base, head: { kind: "classifier", classes: ["a", "a"] } },
      /head\.classes is "a"; it must be class names that/,
    ],
    [{ ...base, head: { kind: "classifier", classes: ["a", 2] } }, /head\.classes\[1\] is 2; it must be a class name/],
    [{ ...base, head: { kind: "yolov2" } }, /head\.classes is missing/],
    [{ ...base, head: { kind: "yolov2", classes: [] } }, /head\.classes is \[\]/],
    [{ ...base, head: { kind: "yolov2", classes: 1, anchors: [] } }, /head\.anchors is \[\]/],
    [{ ...base, head: { kind: "yolov2", classes: 1, anchors: [[1]] } }, /head\.anchors\[0\] is \[1\]/],
    [{ ...base, head: { kind: "yolov2", classes: 1, anchors: [[1, -1]] } }, /head\.anchors\[0\]\[1\] is -1/],
  ])("refuses %j", (json, message) => {
    expect(() => parseNetwork(json)).toThrow(message);
    expect(() => parseNetwork(json)).toThrow(expect.objectContaining({ name: "PhinetsError" }));
  });
  it("rounds blocks half to even", () => {
    expect([0.5, 1.5, 2.5, 6.5, 7.5, 7.4, 7.6, 7].map(roundHalfToEven)).toEqual([0, 2, 2, 6, 8, 7, 8, 7]);
  });
});

describe("heads", () => {
  it("classifies with logits", () => {
    const graph = buildNetwork(parseNetwork({ ...base, head: { kind: "classifier", classes: ["a", "b", "c"] } }));
    expect(graph.shapes[graph.outputs[0]]).toEqual([1, 3]);
    expect(graph.parameters["classifier.2.weight"].shape).toEqual([3, 38]);
  });
  it("detects on the backbone's grid", () => {
    const network = parseNetwork({ ...base, downsampling: [5], head: { kind: "yolov2", classes: 3, filters: 40 } });
    const graph = buildNetwork(network);
    expect(graph.shapes[graph.outputs[0]]).toEqual([1, 6, 6, 5 * 8]);
    expect(graph.parameters["head.6.weight"].shape).toEqual([40, 1, 1, 40]);
    expect(classNames(network.head)).toEqual(["class0", "class1", "class2"]);
  });
  it.each([
    ["phinet", { downsampling: [5] }],
    ["mobilenetv2", { width: 0.2, stopAtStride: 16 }],
    ["efficientnet", { width: 0.2, stopAtStride: 16 }],
  ])("%s's feature pyramid predicts on the map of twice the size", (family, options) => {
    const head = { kind: "yolov2", classes: 3, filters: 40, neck: "fpn" };
    const network = parseNetwork({ ...base, family, ...options, input: { height: 88, width: 104 }, head });
    const graph = buildNetwork(network);
    const shape = (name: string) => graph.shapes[name];
    expect(shape(graph.outputs[0])).toEqual([1, 11, 13, 5 * 8]);
    const inputsOf = (name: string) => graph.nodes.find((node) => node.name === name)!.inputs;
    expect(inputsOf("head.neck.5").map(shape)).toEqual([
      [1, 11, 13, 40],
      [1, 11, 13, 40],
    ]);
    // The last map, and of the larger ones the last block's output: the block after it reads it too.
    const [lateral, last] = [inputsOf("head.neck.0")[0], inputsOf("head.neck.2")[0]];
    expect(shape(last).slice(1, 3)).toEqual([6, 7]);
    expect(shape(lateral).slice(1, 3)).toEqual([11, 13]);
    const readers = graph.nodes.filter(({ inputs }) => inputs[0] === lateral).map(({ name }) => name);
    expect(readers).toEqual([expect.not.stringMatching(/^head/), "head.neck.0"]);
    expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
  });
  it("has no pyramid where all maps have one size", () => {
    const head = { kind: "yolov2", classes: 3, neck: "fpn" };
    const network = parseNetwork({ ...base, input: { height: 1, width: 1 }, downsampling: [], head });
    expect(() => buildNetwork(network)).toThrow(
      /head\.neck "fpn" joins the last two sizes of map, and .* all have a height of 1/,
    );
  });
});

describe("initialWeights", () => {
  const network = parseNetwork({ ...base, downsampling: [5], head: { kind: "yolov2", classes: 2 } });
  const graph = buildNetwork(network);
  it("is He normal for convolutions, the identity for batch norm, pessimistic for objectness", () => {
    const weights = initialWeights(graph, 1, network.head);
    expect(Object.keys(weights)).toEqual(Object.keys(graph.parameters));
    const wide = weights["_layers.9._layers.0.weight"].data; // 19 -> 114
    const mean = wide.reduce((a, b) => a + b) / wide.length;
    const variance = wide.reduce((a, b) => a + (b - mean) ** 2, 0) / wide.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(variance * 19).toBeGreaterThan(1.8);
    expect(variance * 19).toBeLessThan(2.2);
    expect([...new Set(weights["head.1.weight"].data)]).toEqual([1]);
    expect([...new Set(weights["head.1.running_var"].data)]).toEqual([1]);
    expect([...new Set(weights["head.1.running_mean"].data)]).toEqual([0]);
    expect([...weights["head.6.bias"].data].slice(0, 14)).toEqual([0, 0, 0, 0, -4, 0, 0, 0, 0, 0, 0, -4, 0, 0]);
  });
  it("depends on the seed and on nothing else", () => {
    expect(initialWeights(graph, 1)).toEqual(initialWeights(graph, 1));
    const other = initialWeights(graph, 2);
    expect(other["head.3.weight"].data).not.toEqual(initialWeights(graph, 1)["head.3.weight"].data);
    // A tensor's values depend on its name only, so a new head leaves the backbone as it was.
    const backbone = buildNetwork(parseNetwork({ ...base, downsampling: [5] }));
    const name = "_layers.9._layers.0.weight";
    expect(initialWeights(backbone, 1)[name]).toEqual(initialWeights(graph, 1)[name]);
  });
});

describe("a network file of only a few numbers", () => {
  it("is refused when it asks for more memory than machines have", () => {
    const input = { height: 4096, width: 4096, channels: 1024 };
    const downsampling = Array.from({ length: 37 }, (_, i) => 4 + i);
    const large = { family: "phinet", input, alpha: 16, beta: 16, t0: 64, blocks: 64, downsampling } as const;
    expect(() => buildNetwork(parseNetwork(large))).toThrow(/its parameters have .* elements, 268435456 at most/);
    const wide = { family: "phinet", input, alpha: 16, blocks: 3 } as const;
    expect(() => buildNetwork(parseNetwork(wide))).toThrow(/the map .* has .* elements, 2147483648 at most/);
  });
});

describe("an imported float network", () => {
  const g = new GraphBuilder("net");
  const y = g.conv2d("c", g.input("image", [1, 8, 6, 3]), { filters: 2, kernel: 3, bias: true });
  const graph = g.build([g.flatten("f", g.globalAveragePool("p", y))]);
  const document = {
    family: "imported",
    input: { height: 8, width: 6, channels: 3 },
    head: { kind: "classifier", classes: ["a", "b"] },
    source: "net.onnx",
    graph: graphDocument(graph),
  };

  it("round-trips as a document and builds its graph", () => {
    const network = parseNetwork(JSON.parse(JSON.stringify(document)));
    expect(network).toEqual(document);
    expect(buildNetwork(network)).toEqual(graph);
  });

  it("is refused where graph, input and head disagree", () => {
    const wrong = (change: object) => () => buildNetwork(parseNetwork({ ...document, ...change }));
    expect(wrong({ input: { ...document.input, width: 8 } })).toThrow(
      "graph takes image [1,8,6,3]; image [1,8,8,3] is needed",
    );
    expect(wrong({ head: { kind: "classifier", classes: 3 } })).toThrow("gives [1,2], and 3 classes are named");
    expect(wrong({ graph: { ...document.graph, outputs: ["c", "f"] } })).toThrow(
      "graph gives [1,6,4,2], and 2 classes are named",
    );
    expect(wrong({ graph: [] })).toThrow('"phinets-graph" version 1 is needed');
    const { graph: _, ...int8 } = document;
    expect(() => buildNetwork(parseNetwork(int8))).toThrow("was imported from net.onnx as int8");
  });
});
