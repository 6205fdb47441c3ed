/** Content of .tflite files. test/conformance compares TensorFlow Lite's results with ours. */
import { describe, expect, it } from "vitest";
import { randomlyQuantized, randomNetwork } from "../../../../../test/random-network.js";
import { GraphBuilder } from "../../graph/index.js";
import { quantizedToTflite } from "./index.js";

describe("a network as .tflite", () => {
  // With PyTorch's padding of 1 and stride 2, TensorFlow's SAME would begin one pixel later on even maps.
  it.each([
    [8, 8, 2, { top: 1, bottom: 1, left: 1, right: 1 }, [1, 0, 1, 0]],
    [9, 8, 2, { top: 1, bottom: 1, left: 1, right: 1 }, [1, 1, 1, 0]],
    [9, 9, 2, { top: 1, bottom: 1, left: 1, right: 1 }, "same"],
    [8, 8, 2, { top: 0, bottom: 1, left: 0, right: 1 }, "same"],
    [8, 8, 1, { top: 1, bottom: 1, left: 1, right: 1 }, "same"],
    [10, 10, 3, { top: 1, bottom: 2, left: 1, right: 2 }, "same"],
    [8, 9, 2, { top: 0, bottom: 0, left: 0, right: 0 }, "valid"],
  ] as const)(
    "pads a map of %i x %i by what windows of stride %i reach of %o: %o",
    (height, width, stride, padding, sides) => {
      for (const kind of ["conv2d", "depthwise"] as const) {
        const builder = new GraphBuilder(kind);
        const x = builder.input("x", [1, height, width, 4]);
        const options = { kernel: 3, stride, padding, bias: true };
        const y =
          kind === "conv2d" ? builder.conv2d("y", x, { ...options, filters: 6 }) : builder.depthwise("y", x, options);
        const q = randomlyQuantized(builder.build([y]), 1);
        const file = Buffer.from(quantizedToTflite(q));
        expect(file.includes("y:padded")).toBe(typeof sides !== "string");
        if (typeof sides === "string") continue;
        const [top, bottom, left, right] = sides;
        expect(file.includes(Buffer.from(Int32Array.of(0, 0, top, bottom, left, right, 0, 0).buffer))).toBe(true);
      }
    },
  );

  it("is the same bytes each time, and has the metadata", () => {
    const q = randomNetwork(2);
    const file = quantizedToTflite(q, { phinets: '{"anchors":[]}' });
    expect(quantizedToTflite(q, { phinets: '{"anchors":[]}' })).toEqual(file);
    expect(Buffer.from(file.subarray(4, 8)).toString()).toBe("TFL3");
    expect(Buffer.from(file).includes('{"anchors":[]}')).toBe(true);
  });
});

describe("an operator that TensorFlow Lite lacks", () => {
  it("is an error that names it", () => {
    const builder = new GraphBuilder("pool");
    const padding = { top: 2, bottom: 0, left: 0, right: 0 };
    const x = builder.input("x", [1, 6, 6, 2]);
    const y = builder.averagePool("y", x, { kernel: [3, 3], stride: [1, 1], padding });
    expect(() => quantizedToTflite(randomlyQuantized(builder.build([y]), 1))).toThrow(
      /^averagePool "y": padding 2,0,0,0 is neither SAME's nor VALID's/,
    );
  });
});
