import { describe, expect, it } from "vitest";
import { colourOf } from "../../picture/index.js";
import { labelSheet } from "./label-sheet.js";

const box = (index: number, x: number, y: number, width: number, height: number) => ({
  ...{ class: index, x, y, width, height },
});

describe("the picture of labels", () => {
  it("shows a class by a bar as long as it is frequent", () => {
    const samples = [{ labels: [box(0, 0.5, 0.5, 0.2, 0.2), box(0, 0.2, 0.2, 0.1, 0.1), box(1, 0.5, 0.5, 0.3, 0.1)] }];
    const { width, data } = labelSheet(samples, ["often", "seldom"]);
    const pixels = (index: number) => {
      const [red, green, blue] = colourOf(index);
      let count = 0;
      // The left half: the panel of bars, above the panel of positions, which has another colour.
      for (let i = 0; i < data.length; i += 3)
        if ((i / 3) % width < width / 2 && data[i] === red && data[i + 1] === green && data[i + 2] === blue) count++;
      return count;
    };
    expect(pixels(1)).toBeGreaterThan(1000);
    expect(pixels(0) / pixels(1)).toBeCloseTo(2, 1);
  });

  it("is one panel of a classifier, four of a detector, and stands labels that are to be ignored", () => {
    const detector = labelSheet([{ labels: [{ ...box(0, 0.5, 0.5, 1, 1), ignore: "crowd" }] }], ["a"]);
    const classifier = labelSheet([{ class: 1 }, { class: 0 }, {}], ["a", "b"]);
    expect(detector.width).toBeGreaterThan(1.8 * classifier.width);
    // Ignored boxes are not drawn.
    expect(labelSheet([{ labels: [] }], ["a"]).data).toEqual(detector.data);
  });

  it("keeps within its panels however many classes and boxes there are", () => {
    const classes = Array.from({ length: 300 }, (_, i) => `a class with the number ${i}`);
    const labels = Array.from({ length: 5000 }, (_, i) => box(i % 300, (i % 71) / 70, (i % 53) / 52, 1, 1));
    const { width, height, data } = labelSheet([{ labels }], classes);
    expect(data.length).toBe(3 * width * height);
    const background = data.subarray(0, 3).join();
    for (let y = 0; y < height; y++) {
      const edge = 3 * (y * width + width - 1);
      expect(data.subarray(edge, edge + 3).join()).toBe(background);
    }
  });
});
