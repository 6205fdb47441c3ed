import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderConveyorClip, renderConveyorPicture, splitNames } from "@phinets/core/data";
import { afterAll, describe, expect, it } from "vitest";
import { decodePicture } from "../picture/decode.js";
import { writeConveyorDataset } from "./conveyor.js";
import { openDataset } from "./open.js";

const root = mkdtempSync(join(tmpdir(), "phinets-conveyor-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("conveyor data set", () => {
  const options = { seed: 5, train: 6, val: 2, clipFrames: 4 };

  it("opens as what was rendered", async () => {
    const yaml = await writeConveyorDataset(root, options);
    const index = await openDataset([yaml]);
    expect(index.classes).toEqual(["washer", "nut", "bolt"]);
    expect(splitNames.map((split) => index.splits[split].length)).toEqual([6, 2, 4]);
    const third = renderConveyorPicture(5, 2);
    expect(await decodePicture(index.splits.train[2].file)).toEqual(third.picture);
    for (const [n, label] of third.labels.entries()) {
      expect(index.splits.train[2].labels?.[n].class).toBe(label.class);
      expect(index.splits.train[2].labels?.[n].x).toBeCloseTo(label.x, 5);
    }
    const clip = renderConveyorClip(5, 4);
    expect(await decodePicture(index.splits.test[3].file)).toEqual(clip[3].picture);
    const truth = readFileSync(join(root, "clip/gt/gt.txt"), "utf8").trim().split("\n");
    expect(truth).toHaveLength(clip.reduce((sum, frame) => sum + frame.labels.length, 0));
    expect(truth[0]).toMatch(/^1,\d+,-?[\d.]+,[\d.]+,[\d.]+,[\d.]+,1,[123],[01]\.\d+$/);
  });

  it("is rendered once, and again when asked for something else", async () => {
    const time = () => statSync(join(root, "train/images/000000.png")).mtimeMs;
    const before = time();
    await writeConveyorDataset(root, options);
    expect(time()).toBe(before);
    await writeConveyorDataset(root, { ...options, train: 2 });
    expect(time()).toBeGreaterThan(before);
    expect((await openDataset([root])).splits.train).toHaveLength(2);
  });
});
