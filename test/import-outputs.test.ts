/**
 * Networks cut off before the decoding in their files: the boxes equal those that ONNX Runtime computes from the whole
 * file.
 */
import { decodeMaps } from "@phinets/core/detection";
import { networkToOnnx, quantizedToOnnx, quantizedToTflite } from "@phinets/core/export";
import { importOnnx, importQuantizedOnnx, importTflite } from "@phinets/core/import";
import { IntegerInterpreter, runFloat } from "@phinets/core/inference";
import type { Yolov5Head, Yolov8Head } from "@phinets/core/networks";
import { quantize, quantizeInput } from "@phinets/core/quantization";
import { PhinetsError, Random, sizeOf, tensor } from "@phinets/core/tensor";
import { emulate } from "@phinets/node/emulator";
import * as ort from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { anchors, type HeadSize, yolov5, yolov8 } from "./onnx-heads.js";
import { OnnxNet } from "./onnx-net.js";
import { installed } from "./tools.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

const size: HeadSize = { height: 64, width: 96, classes: 3 };
const bins = 4;

const random = new Random(5, 1);
const picture = () => Float32Array.from({ length: 64 * 96 * 3 }, () => random.uniform(-1, 1));

function file(of: (net: OnnxNet) => string[]): { bytes: Uint8Array; maps: string[] } {
  const net = new OnnxNet(7);
  const maps = of(net);
  return { bytes: net.encode(), maps };
}

/** The outputs of the whole file; the input is converted to NCHW. */
async function whole(bytes: Uint8Array, nhwc: Float32Array): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "disabled" });
  const pixels = 64 * 96;
  const nchw = nhwc.map((_, i) => nhwc[(i % pixels) * 3 + Math.floor(i / pixels)]);
  const results = await session.run({ images: new ort.Tensor("float32", nchw, [1, 3, 64, 96]) });
  return Object.values(results)[0].data as Float32Array;
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PhinetsError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Outputs of the cut network for a picture, concatenated. */
function cut(bytes: Uint8Array, outputs: readonly string[], image: Float32Array) {
  const { graph, weights } = importOnnx(bytes, "net.onnx", { outputs });
  const values = runFloat(graph, weights, { image: tensor("float32", [1, 64, 96, 3], image) });
  const output = Float32Array.from(graph.outputs.flatMap((name) => [...values[name].data]));
  return { graph, weights, output, shapes: graph.outputs.map((name) => graph.shapes[name]) };
}

describe("a detector with its decoding", () => {
  const v8 = file((net) => yolov8(net, size, bins));
  const v5 = file((net) => yolov5(net, size));

  it.each([
    ["YOLOv8", v8],
    ["YOLOv5", v5],
  ])("is refused with the line that cuts it off: %s", (_, { bytes, maps }) => {
    const message = messageOf(() => importOnnx(bytes, "net.onnx"));
    expect(message).toContain(`operators: --outputs ${maps.join()}`);
    expect(message).toMatch(/which keeps \d+ of \d+ operators/);
    const { graph } = importOnnx(bytes, "net.onnx", { outputs: maps });
    expect(graph.outputs).toEqual(maps);
  });

  it("gives ONNX Runtime's boxes and scores: YOLOv8, of maps that are one or two a level", async () => {
    const head: Yolov8Head = { kind: "yolov8", classes: size.classes, bins };
    const image = picture();
    const expected = await whole(v8.bytes, image);
    const cells = 8 * 12 + 4 * 6 + 2 * 3;
    const { graph } = cut(v8.bytes, v8.maps, image);
    const parts = graph.nodes.filter(({ op }) => op === "concat").flatMap(({ inputs }) => inputs);
    // The inputs of the concatenation can be the outputs too, in any order.
    for (const outputs of [v8.maps, parts, [...parts].reverse()]) {
      const { output, shapes } = cut(v8.bytes, outputs, image);
      const decoded = decodeMaps({ output, shapes, input: size }, head, 0);
      expect(decoded.count).toBe(cells);
      const order = outputs.length === 6 && outputs[0] !== parts[0] ? [2, 1, 0] : [0, 1, 2];
      const starts = [0, 96, 120];
      const counts = [96, 24, 6];
      const cellOf = order.flatMap((level) => Array.from({ length: counts[level] }, (_, i) => starts[level] + i));
      for (const [i, cell] of cellOf.entries()) {
        const box = [...decoded.boxes.subarray(4 * i, 4 * i + 4)].map((value, k) => value * (k % 2 === 0 ? 96 : 64));
        for (const [k, value] of box.entries()) expect(value).toBeCloseTo(expected[k * cells + cell], 3);
        for (let c = 0; c < 3; c++)
          expect(decoded.probabilities[3 * i + c]).toBeCloseTo(expected[(4 + c) * cells + cell], 5);
      }
    }
  });

  it("gives ONNX Runtime's boxes and scores: YOLOv5", async () => {
    const head: Yolov5Head = { kind: "yolov5", classes: size.classes, anchors };
    const image = picture();
    const expected = await whole(v5.bytes, image);
    const { output, shapes } = cut(v5.bytes, v5.maps, image);
    const decoded = decodeMaps({ output, shapes, input: size }, head, 0);
    expect(decoded.count).toBe(2 * (96 + 24 + 6));
    // The file groups cells by anchor; our rows follow the map.
    const rows = [96, 24, 6].flatMap((cells, level) => {
      const before = 2 * [0, 96, 120][level];
      return Array.from({ length: 2 * cells }, (_, i) => before + (i % 2) * cells + Math.floor(i / 2));
    });
    for (const [i, row] of rows.entries()) {
      const own = expected.subarray(8 * row, 8 * row + 8);
      const box = [...decoded.boxes.subarray(4 * i, 4 * i + 4)].map((value, k) => value * (k % 2 === 0 ? 96 : 64));
      for (const [k, value] of box.entries()) expect(value).toBeCloseTo(own[k], 3);
      expect(decoded.objectness[i]).toBeCloseTo(own[4], 5);
      for (let c = 0; c < 3; c++) expect(decoded.probabilities[3 * i + c]).toBeCloseTo(own[4] * own[5 + c], 5);
    }
  });

  it("is quantised with a scale for each output, and is the same bytes from its own .tflite and .onnx", () => {
    const image = picture();
    const { graph, weights } = cut(v8.bytes, v8.maps, image);
    const { network } = quantize(graph, weights, [image, picture()], { run: runFloat });
    expect(new Set(graph.outputs.map((name) => network.values[name].scale)).size).toBe(3);
    const input = new Int8Array(sizeOf([64, 96, 3])).map(() => random.integer(256) - 128);
    const expected = new IntegerInterpreter(network).run(input);
    for (const [name, again] of [
      ["tflite", importTflite(quantizedToTflite(network), "own.tflite").network],
      ["onnx", importQuantizedOnnx(quantizedToOnnx(network).encode(), "own.onnx").network],
    ] as const)
      expect(new IntegerInterpreter(again).run(input), name).toEqual(expected);
    // An int8 network is cut like a float network, behind the layer's quantisation.
    const [, middle] = graph.outputs;
    const onnx = importQuantizedOnnx(quantizedToOnnx(network).encode(), "own.onnx", { outputs: [`${middle}:real`] });
    expect(new IntegerInterpreter(onnx.network).run(input)).toEqual([expected[1]]);
    const tflite = importTflite(quantizedToTflite(network), "own.tflite", { outputs: [middle] });
    expect(new IntegerInterpreter(tflite.network).run(input)).toEqual([expected[1]]);
  });

  it.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("is boxes and tracks on the chip", async () => {
    const heads = [
      [v8, { kind: "yolov8", classes: size.classes, bins } as Yolov8Head],
      [v5, { kind: "yolov5", classes: size.classes, anchors } as Yolov5Head],
    ] as const;
    for (const [{ bytes, maps }, head] of heads) {
      const { graph, weights } = importOnnx(bytes, "net.onnx", { outputs: maps });
      const { network: q } = quantize(graph, weights, [picture(), picture()], { run: runFloat });
      const inputs = Array.from({ length: 3 }, () => quantizeInput(picture()));
      const { matchesInterpreter, tracking } = await emulate(q, inputs, {
        detector: { head, scoreThreshold: 0.3 },
        tracks: true,
      });
      expect([matchesInterpreter, tracking?.tracksMatch]).toEqual([true, true]);
      expect(tracking!.boxes).toBeGreaterThan(10);
    }
  });
});

describe("--outputs", () => {
  const net = new OnnxNet(3);
  net.input("images", [1, 3, 8, 8]);
  const a = net.conv("a", "images", [4, 3, 3]);
  const b = net.node("Relu", [a], {}, "/head/act_output");
  net.node("Identity", [b], {}, "same");
  net.node("Wild", [net.node("Identity", [b], {}, "/head/b_output")], {}, "end");
  net.output("end", [1, 4, 8, 8]);
  const bytes = net.encode();
  const outputs = (...names: string[]) => importOnnx(bytes, "net.onnx", { outputs: names });

  it("gives one value under two names twice, each by its own", () => {
    const { graph, weights } = outputs("same", "/head/b_output", a);
    expect(graph.outputs).toEqual(["same", "/head/b_output", a]);
    const image = tensor(
      "float32",
      [1, 8, 8, 3],
      Float32Array.from({ length: 192 }, () => random.uniform(-1, 1)),
    );
    const values = runFloat(graph, weights, { image });
    expect(values.same.data).toEqual(values["/head/b_output"].data);
    expect(values[a].data.map((x) => Math.max(0, x))).toEqual(values.same.data);
  });

  it("gives an output that is the input as a copy of it, and so does what is exported", () => {
    const plain = new OnnxNet(3);
    plain.input("images", [1, 3, 8, 8]);
    const conv = plain.conv("a", "images", [4, 3, 3]);
    plain.output("images", [1, 3, 8, 8]);
    plain.output(conv, [1, 4, 8, 8]);
    const image = tensor(
      "float32",
      [1, 8, 8, 3],
      Float32Array.from({ length: 192 }, () => random.uniform(-1, 1)),
    );
    const first = importOnnx(plain.encode(), "net.onnx");
    const again = importOnnx(networkToOnnx(first.graph, first.weights).encode(), "again.onnx");
    for (const { graph, weights } of [first, again]) {
      expect(graph.outputs).toEqual(["images", conv]);
      expect(runFloat(graph, weights, { image }).images.data).toEqual(image.data);
    }
  });

  it("refuses a name that no operator makes, with those that are like it", () => {
    expect(messageOf(() => outputs("HEAD"))).toBe(
      'net.onnx: no operator makes a tensor "HEAD", which --outputs names; like it: "/head/b_output", "/head/act_output"',
    );
    expect(messageOf(() => outputs("/haed/act_outptu"))).toContain('like it: "/head/act_output"');
    for (const name of [
      "images",
      "",
      "toString",
      "__proto__",
      "a.weight",
      "\u0000\n\u202e".repeat(40),
      "x".repeat(1e5),
    ]) {
      const message = messageOf(() => outputs(name));
      expect(message).toMatch(/^net\.onnx: no operator makes a tensor/);
      expect(message).not.toMatch(/[\0\n]/);
      expect(message.length).toBeLessThan(1000);
    }
    expect(messageOf(() => outputs("same", "same"))).toContain('--outputs names "same" twice');
  });

  it("is not proposed where names are not plain, and of a file whose every operator can be imported there is no need", () => {
    const odd = new OnnxNet(3);
    odd.input("images", [1, 3, 8, 8]);
    odd.node("Wild", [odd.node("Relu", ["images"], {}, "a; rm -rf b")], {}, "end");
    odd.output("end", [1, 3, 8, 8]);
    const message = messageOf(() => importOnnx(odd.encode(), "net.onnx"));
    expect(message).toContain("Wild");
    expect(message).not.toContain("--outputs");
    expect(messageOf(() => importOnnx(bytes, "net.onnx"))).toContain("--outputs /head/b_output");
  });
});

describe("operators with too few inputs", () => {
  it.each([
    "Add",
    "Concat",
    "Conv",
    "Div",
    "Gemm",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Slice",
    "Sub",
    "BatchNormalization",
  ])("are refused in one line: %s", (kind) => {
    for (const inputs of [[], [""], ["images"], ["images", ""], ["", "images"]]) {
      const net = new OnnxNet(3);
      net.input("images", [1, 3, 8, 8]);
      net.node(kind, inputs, {}, "end");
      net.output("end", [1, 3, 8, 8]);
      // Max, Min and Concat of a single value are the value itself.
      if (inputs.join() === "images" && ["Concat", "Max", "Min"].includes(kind)) continue;
      expect(
        messageOf(() => importOnnx(net.encode(), "net.onnx")),
        inputs.join(),
      ).toMatch(/^net\.onnx: /);
    }
  });
});
