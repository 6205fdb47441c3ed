import { describe, expect, it } from "vitest";
import { idxPicture, parseIdxImages, parseIdxLabels } from "./idx.js";

describe("idx", () => {
  const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40);

  it("reads pictures and labels", () => {
    const parsed = parseIdxImages(images, "images");
    expect(idxPicture(parsed, 1)).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(30, 40) });
    expect([...parseIdxLabels(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9), "labels")]).toEqual([7, 0, 9]);
  });

  it("names a wrong magic number and a wrong length", () => {
    expect(() => parseIdxLabels(images, "f")).toThrow(
      "f: starts with 0x00000803; an idx file of labels starts with 0x00000801",
    );
    expect(() => parseIdxImages(images.subarray(0, 19), "f")).toThrow("f: has 19 bytes; 2x1x2 pictures need 20");
    expect(() => parseIdxImages(images.subarray(0, 3), "f")).toThrow("f: has 3 bytes");
    expect(() => parseIdxImages(images.subarray(0, 9), "f")).toThrow("f: ends inside its header");
  });
});
