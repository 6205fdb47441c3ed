import { parseNetwork } from "@phinets/core/networks";
import { tensor } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { carryChannels, carryHead } from "./carry-head.js";

const anchors = [
  [1, 2],
  [3, 4],
];
const head = (fields: object) =>
  parseNetwork({ family: "phinet", input: { height: 64, width: 64 }, head: fields as { kind: "none" } }).head;
const detector = (classes: string[], more: object = {}) => head({ kind: "yolov2", classes, anchors, ...more });

describe("a head that is carried over", () => {
  it("is itself for the same classes", () => {
    const carried = carryHead(detector(["a", "b"]), detector(["a", "b"]))!;
    expect(carried.channels).toEqual(Array.from({ length: 14 }, (_, i) => i));
    expect(carried).toMatchObject({ kept: ["a", "b"], added: [] });
  });

  it("keeps boxes and objectness of each anchor, and classes by name", () => {
    const carried = carryHead(detector(["a", "b"]), detector(["c", "b", "a"]))!;
    // An anchor's channels are x, y, w, h, objectness, then its classes.
    expect(carried.channels).toEqual([0, 1, 2, 3, 4, -1, 6, 5, 7, 8, 9, 10, 11, -1, 13, 12]);
    expect(carried).toMatchObject({ kept: ["b", "a"], added: ["c"] });
    const trained = tensor(
      "float32",
      [14, 1, 1, 2],
      Float32Array.from({ length: 28 }, (_, i) => i + 1),
    );
    const { shape, data } = carryChannels(trained, carried.channels);
    expect(shape).toEqual([16, 1, 1, 2]);
    // Classes c, b and a of the first anchor, then the first channel of the second.
    expect(Array.from(data.subarray(10, 18))).toEqual([0, 0, 13, 14, 11, 12, 15, 16]);
  });

  it("keeps a classifier's classes by name", () => {
    const classifier = (classes: string[]) => head({ kind: "classifier", classes });
    expect(carryHead(classifier(["a", "b"]), classifier(["b", "c", "a"]))).toEqual({
      kept: ["b", "a"],
      added: ["c"],
      channels: [1, -1, 0],
    });
  });

  it("is none where nothing means the same", () => {
    const trained = detector(["a", "b"]);
    const others = [
      detector(["c"]),
      detector(["a", "b"], { anchors: [[1, 2]] }),
      detector(["a", "b"], { decoder: "scaled" }),
      head({ kind: "classifier", classes: ["a", "b"] }),
      head({ kind: "none" }),
    ];
    for (const other of others) expect(carryHead(trained, other), JSON.stringify(other)).toBeUndefined();
  });
});
