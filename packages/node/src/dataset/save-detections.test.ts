import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { namePictures, saveDetections } from "./save-detections.js";

const record = (file: string, more = {}) => ({ file, width: 10, height: 10, boxes: [], ...more });
const namesOf = (...records: ReturnType<typeof record>[]) => namePictures(records).map(({ name }) => name);

describe("saved boxes", () => {
  it("are called after their pictures, with as much of the path as tells them apart", () => {
    expect(namesOf(record("in/a.jpg"), record("in/b.v2.png"))).toEqual(["a", "b.v2"]);
    expect(namesOf(record("in/x/a.jpg"), record("in/y/a.jpg"))).toEqual(["x/a", "y/a"]);
    expect(namesOf(record("in/a.jpg"), record("in/a.png"), record("in/b.png"))).toEqual(["a_jpg", "a_png", "b_png"]);
    expect(namesOf(record("in/x/A.jpg"), record("in/y/a.jpg"), record("in/y/a.png"))).toEqual([
      "x/A_jpg",
      "y/a_jpg",
      "y/a_png",
    ]);
    expect(namesOf(record("clip.mp4", { frame: 1 }), record("clip.mp4", { frame: 12 }))).toEqual(["clip_1", "clip_12"]);
    expect(namePictures([record("in/x/a.jpg"), record("in/y/a.jpg")]).map(({ file }) => file)).toEqual([
      "x/a.jpg",
      "y/a.jpg",
    ]);
    expect(namePictures([])).toEqual([]);
  });

  it("are in files of their own, labelme's with the way to the picture", () => {
    const folder = mkdtempSync(join(tmpdir(), "phinets-save-"));
    const box = { class: 0, score: 0.5, x: 1, y: 2, width: 3, height: 4 };
    const records = [record(join(folder, "in/x/a.jpg"), { boxes: [box] }), record(join(folder, "in/y/a.jpg"))];
    saveDetections(records, {
      folder: join(folder, "out"),
      formats: ["yolo", "voc", "labelme"],
      classNames: ["nut/bolt", "b_c"],
      set: "val_1",
    });
    expect(readdirSync(join(folder, "out/voc"))).toEqual(["comp4_det_val-1_b_c.txt", "comp4_det_val-1_nut-bolt.txt"]);
    expect(readFileSync(join(folder, "out/labels/y/a.txt"), "utf8")).toBe("");
    const { imagePath } = JSON.parse(readFileSync(join(folder, "out/labelme/x/a.json"), "utf8"));
    expect(resolve(folder, "out/labelme/x", imagePath)).toBe(join(folder, "in/x/a.jpg"));
    expect(readdirSync(join(folder, "out")).sort()).toEqual(["classes.txt", "labelme", "labels", "voc"]);
  });
});
