import { describe, expect, it } from "vitest";
import { classificationAugmentation, digitAugmentation } from "../data/index.js";
import { parseNetwork } from "../networks/index.js";
import type { AugmentRecipe } from "./augment-recipe.js";
import { augmentationOf } from "./augmentation.js";
import { makeRecipe } from "./recipe.js";

const anchors = [[1, 1]];
const network = (channels: number, detector: boolean) =>
  parseNetwork({
    family: "phinet",
    input: { height: 64, width: 64, channels },
    alpha: 0.25,
    beta: 1,
    t0: 4,
    blocks: 5,
    head: detector ? { kind: "yolov2", classes: 1, anchors } : { kind: "classifier", classes: 3 },
  });

describe("augmentation of a recipe", () => {
  it("without options is the task's, light in the last epochs of a detector", () => {
    const detect = makeRecipe("detect");
    expect(augmentationOf(network(3, true), detect, 26)).toEqual({});
    const light = { jitter: 0.05, hueDegrees: 0, saturation: 1, exposure: 1 };
    expect(augmentationOf(network(3, true), detect, 27)).toEqual(light);
    const classify = makeRecipe("classify");
    expect(augmentationOf(network(3, false), classify, 29)).toEqual(classificationAugmentation);
    expect(augmentationOf(network(1, false), classify, 0)).toEqual(digitAugmentation);
    expect(augmentationOf(network(1, false), makeRecipe("classify", { augment: false }), 0)).toBeUndefined();
  });

  it("takes what is given, and nothing of it in light epochs but flips", () => {
    const all = { mosaic: 0.5, mixup: 0.2, erase: 0.1, randAugment: 3, rotate: 15, zoom: 1.2, flip: 0, hue: 5 };
    const recipe = makeRecipe("detect", { ...all, jitter: 0.01 });
    const { rotate, hue, ...same } = all;
    const expected = { ...same, rotateDegrees: rotate, hueDegrees: hue, jitter: 0.01 };
    expect(augmentationOf(network(3, true), recipe, 0)).toEqual(expected);
    const light = { jitter: 0.01, flip: 0, hueDegrees: 0, saturation: 1, exposure: 1 };
    expect(augmentationOf(network(3, true), recipe, 29)).toEqual(light);
  });

  it("mixup is an alpha to classify, a probability to detect", () => {
    const classify = augmentationOf(network(3, false), makeRecipe("classify", { mixup: 0.05 }), 0);
    expect(classify).toMatchObject({ mixup: 1, mixupAlpha: 0.05 });
    const detect = augmentationOf(network(3, true), makeRecipe("detect", { mixup: 0.05 }), 0);
    expect(detect).toEqual({ mixup: 0.05 });
  });

  it("names what is out of range or not for the task", () => {
    const bad: [AugmentRecipe, string][] = [
      [{ mosaic: 1.5 }, "mosaic is 1.5; a number in 0..1"],
      [{ mixup: 2 }, "mixup is 2; a number in 0..1"],
      [{ zoom: 0.5 }, "zoom is 0.5; a number in 1..10"],
      [{ rotate: Number.NaN }, "rotate is NaN"],
    ];
    for (const [options, message] of bad) expect(() => makeRecipe("detect", options)).toThrow(message);
    expect(() => makeRecipe("classify", { mosaic: 0.5 })).toThrow("mosaic is 0.5; it is for data sets with boxes");
    expect(() => makeRecipe("detect", { augment: false, flip: 0.5 })).toThrow("flip is 0.5, but augment is off");
    expect(makeRecipe("classify", { mixup: 2, mosaic: 0 }).mixup).toBe(2);
  });
});
