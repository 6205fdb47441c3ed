import { describe, expect, it } from "vitest";
import { countedLine } from "./describe.js";
import { singular } from "./singular.js";

describe("kinds of one", () => {
  it.each([
    ["rows equal to one before are left out", "row equal to one before is left out"],
    ["rows have a confidence (column 6), which is not used", "row has a confidence (column 6), which is not used"],
    ["boxes that reach out of the picture are clipped", "box that reaches out of the picture is clipped"],
    ["links that lead nowhere", "link that leads nowhere"],
    ["label files without a picture", "label file without a picture"],
    [".csv files", ".csv file"],
    ["COCO files of results", "COCO file of results"],
    ["empty folders", "empty folder"],
    ["gzipped copies", "gzipped copy"],
    ["pictures that the tables name and that are not there", "picture that the tables name and that is not there"],
    ["testing pictures, which have no labels", "testing picture, which has no labels"],
    [
      "shapes that are a polygon get the upright box around it",
      "shape that is a polygon gets the upright box around it",
    ],
    ["points and lines, which are no objects", "point or line, which is no object"],
    ["pictures lose the track ids of boxes", "picture loses the track ids of boxes"],
    ["tables of no split beside those of the splits", "table of no split beside those of the splits"],
  ])("%s", (many, one) => {
    expect(singular(many)).toBe(one);
    expect(countedLine({ what: many, count: 1, examples: ["a"] })).toBe(`1 ${one} (a)`);
    expect(countedLine({ what: many, count: 2, examples: ["a", "b"] })).toBe(`2 ${many} (a, b)`);
  });
});
