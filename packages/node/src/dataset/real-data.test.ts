import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assembleBatch, cutBatches, detectionAugmentation, epochOrder, splitNames } from "@phinets/core/data";
import { afterAll, describe, expect, it } from "vitest";
import { sharedData } from "../../../../test/shared.js";
import { loadPictures } from "./cache.js";
import { doctorCommand } from "./doctor.js";
import { openDataset } from "./open.js";

const cache = mkdtempSync(join(tmpdir(), "phinets-cache-"));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

describe.skipIf(!sharedData)("real data", () => {
  const person = (name: string) => join(sharedData ?? "", name, "data.yaml");

  it("coco-person and openimages-person open and join", async () => {
    const coco = await openDataset([person("coco-person")]);
    expect(splitNames.map((s) => coco.splits[s].length)).toEqual([1091, 73, 263]);
    expect(coco.classes).toEqual(["person"]);
    const boxes = splitNames
      .flatMap((s) => coco.splits[s])
      .reduce((sum, sample) => sum + (sample.labels?.length ?? 0), 0);
    expect(boxes).toBe(5885);
    const both = await openDataset([person("coco-person"), person("openimages-person")]);
    expect(splitNames.map((s) => both.splits[s].length)).toEqual([3613, 821, 614]);
  });

  it("pictures decode, are cached and make batches", async () => {
    const { splits } = await openDataset([person("coco-person")]);
    const samples = splits.train.slice(0, 64);
    const options = { width: 128, height: 128, use: "training" as const, folder: cache };
    let start = performance.now();
    const source = await loadPictures(samples, options);
    const decodeMs = performance.now() - start;
    expect(source.at(0).picture).toMatchObject({ width: 192, height: 192, channels: 3 });
    start = performance.now();
    const again = await loadPictures(samples, options);
    const cachedMs = performance.now() - start;
    expect(again.at(63)).toEqual(source.at(63));
    start = performance.now();
    const recipe = { width: 128, height: 128, seed: 1, augment: detectionAugmentation };
    for (const batch of cutBatches(epochOrder(64, 1, 0), 32)) {
      const { input, labels } = assembleBatch(again, batch, 0, recipe);
      expect(input).toHaveLength(32 * 128 * 128 * 3);
      expect(labels.flat().length).toBeGreaterThan(20);
      let [low, high] = [9, -9];
      for (const value of input) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      expect(low).toBeGreaterThanOrEqual(-1);
      expect(high).toBeLessThan(1);
    }
    const batchMs = performance.now() - start;
    console.log(
      `64 pictures of 416x416: decoded in ${decodeMs.toFixed(0)} ms, from the cache in ${cachedMs.toFixed(1)} ms; augmented at 128x128 in ${batchMs.toFixed(0)} ms`,
    );
    expect(cachedMs).toBeLessThan(decodeMs);
  });

  it("doctor finds the data healthy", async () => {
    const report = await doctorCommand({ data: [person("coco-person")], width: 128, height: 128 });
    expect(report.badFiles).toEqual([]);
    expect(report.pictureSizes[0]).toEqual({ width: 416, height: 416, pictures: 1427 });
    expect(report.splits.train.boxes + report.splits.val.boxes + report.splits.test.boxes).toBe(5885);
    expect(report.lost?.boxes).toBe(5885);
    expect(report.lost?.tooSmall).toBeGreaterThan(100);
  });

  it("MNIST opens", async () => {
    const index = await openDataset([join(sharedData ?? "", "mnist")]);
    expect(index).toMatchObject({ task: "classify", classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] });
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([54000, 6000, 10000]);
    const test = await loadPictures(index.splits.test.slice(0, 100), {
      width: 28,
      height: 28,
      channels: 1,
      use: "evaluation",
    });
    expect(test.at(0).class).toBe(7); // the well-known first test digit
    expect(test.at(0).picture).toMatchObject({ width: 28, height: 28, channels: 1 });
  });
});
