import { readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { assembleBatch, fitPicture } from "@phinets/core/data";
import { describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../../../../test/data-folder.js";
import { decodePicture } from "../picture/decode.js";
import { type CacheMode, loadPictures } from "./cache.js";
import { openDataset } from "./open.js";

const { root, put, yolo, message } = dataFolder("data");

describe("cache", () => {
  const size = { width: 16, height: 12 };

  it("keeps pictures on disk; a changed file is decoded again, a damaged shard too", async () => {
    const file = await yolo("cached", { train: 5, val: 1, test: 1 });
    const { splits } = await openDataset([file]);
    const folder = join(root, "cached/.cache/phinets");
    const load = async () => {
      let decoded = 0;
      const onProgress = (done: number) => {
        if (done < splits.train.length) decoded++;
      };
      const pictures = await loadPictures(splits.train, { ...size, use: "training", folder, onProgress });
      return { decoded: decoded > 0, pixels: splits.train.map((_, n) => pictures.at(n).picture) };
    };
    const first = await load();
    expect(first.decoded).toBe(true);
    expect(first.pixels[2]).toMatchObject({ width: 24, height: 18, channels: 3 });
    const second = await load();
    expect(second.decoded).toBe(false);
    expect(second.pixels).toEqual(first.pixels);

    const [shard] = readdirSync(folder);
    truncateSync(join(folder, shard), readFileSync(join(folder, shard)).length - 10);
    const third = await load();
    expect(third.decoded).toBe(true);
    expect(third.pixels).toEqual(first.pixels);

    put("cached/train/images/2.jpg", await jpeg(42, 30, 99));
    const fourth = await load();
    expect(fourth.decoded).toBe(true);
    expect(fourth.pixels[2]).not.toEqual(first.pixels[2]);
    expect(fourth.pixels[3]).toEqual(first.pixels[3]);

    const old = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    utimesSync(join(folder, shard), old, old);
    // Left by a process that was killed two hours ago.
    const half = join(folder, `.999999999-0123456789ab-1.${shard}`);
    const lately = new Date(Date.now() - 2 * 3600 * 1000);
    writeFileSync(half, "half");
    utimesSync(half, lately, lately);
    await load();
    expect(readdirSync(folder)).toHaveLength(1);
    expect(readdirSync(folder)).not.toContain(shard);
  });

  it("evaluation pictures are what fitPicture makes of the file, boxes moved alike", async () => {
    const { splits } = await openDataset([await yolo("evaluated")]);
    for (const fit of ["stretch", "letterbox"] as const) {
      const cached = await loadPictures(splits.train, { width: 16, height: 16, fit, use: "evaluation" });
      const direct = await Promise.all(
        splits.train.map(async (s) => ({ picture: await decodePicture(s.file), labels: s.labels })),
      );
      const options = { width: 16, height: 16, fit };
      const a = assembleBatch(cached, Int32Array.of(0, 1, 2), 0, options);
      const b = assembleBatch({ length: 3, at: (n) => direct[n] }, Int32Array.of(0, 1, 2), 0, options);
      expect(a.input).toEqual(b.input);
      expect(cached.at(1).picture.data).toEqual(fitPicture(direct[1].picture, options, fit).data);
      expect(cached.sourceSize(2)).toEqual({ width: 42, height: 30 });
      for (const [n, labels] of a.labels.entries()) {
        for (const [k, label] of labels.entries()) {
          for (const key of ["x", "y", "width", "height"] as const)
            expect(label[key]).toBeCloseTo(b.labels[n][k][key], 12);
        }
      }
    }
  });

  it("works from a worker thread without a copy", async () => {
    const { splits } = await openDataset([await yolo("threads")]);
    const cached = await loadPictures(splits.train, { ...size, use: "training" });
    const code = `const { parentPort, workerData: s } = require("node:worker_threads");
      const [shard, offset, width, height] = s.table.subarray(6, 12);
      const data = new Uint8Array(s.shards[shard], offset, width * height * s.channels);
      const sum = data.reduce((a, b) => a + b, 0); data[0] ^= 255; parentPort.postMessage(sum);`;
    const picture = cached.at(1).picture.data;
    const [sum, before] = [picture.reduce((a, b) => a + b, 0), picture[0]];
    const answer = await new Promise((done, fail) => {
      new Worker(code, { eval: true, workerData: cached.packed }).once("message", done).once("error", fail);
    });
    expect(answer).toBe(sum);
    expect(picture[0]).toBe(before ^ 255);
  });

  it("names a bad picture, and does without a disk that cannot be written", async () => {
    const file = await yolo("broken");
    const { splits } = await openDataset([file]);
    const warnings: string[] = [];
    const blocked = put("blocked", "a file");
    const options = {
      ...size,
      use: "training" as const,
      folder: join(blocked, "cache"),
      onWarning: (w: string) => warnings.push(w),
    };
    expect((await loadPictures(splits.train, options)).length).toBe(3);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^the picture cache is not kept: /);
    const cut = splits.train[1].file;
    truncateSync(cut, 300);
    expect(await message(loadPictures(splits.train, { ...size, use: "training" }))).toMatch(
      /^ROOT\/broken\/train\/images\/1.jpg: is truncated/,
    );
    rmSync(cut);
    expect(await message(loadPictures(splits.train, { ...size, use: "training", folder: root }))).toContain(
      "does not exist",
    );
  });

  it.each<CacheMode>(["ram", "disk"])(
    "a flipped bit anywhere in a shard is told, and the pictures decoded again (%s)",
    async (cache) => {
      const { splits } = await openDataset([await yolo(`flipped-${cache}`, { train: 4, val: 1, test: 1 })]);
      const folder = join(root, `flipped-${cache}/.cache`);
      const warnings: string[] = [];
      const onWarning = (warning: string) => warnings.push(warning);
      const load = async () => {
        const pictures = await loadPictures(splits.train, { ...size, use: "training", cache, folder, onWarning });
        return splits.train.map((_, n) => pictures.at(n).picture);
      };
      const first = await load();
      const shard = join(folder, readdirSync(folder)[0]);
      const whole = readFileSync(shard);
      // Magic, length of the header, digest, header, first and last pixel.
      for (const at of [0, 9, 20, 50, Math.floor(whole.length / 2), whole.length - 1]) {
        const bytes = Buffer.from(whole);
        bytes[at] ^= 1;
        writeFileSync(shard, bytes);
        warnings.length = 0;
        expect(await load(), `byte ${at}`).toEqual(first);
        expect(warnings).toEqual([`${shard}: the picture cache is damaged; these pictures are decoded again`]);
        expect(readFileSync(shard)).toEqual(whole);
      }
    },
  );

  it("a range of pixel values is of the shard's name, and pictures of little contrast are counted once", async () => {
    const files = [0, 1, 2].map((n) => {
      const values = Buffer.alloc(96);
      for (let i = 0; i < 48; i++) values.writeUInt16BE(7000 + 40 * i, 2 * i);
      return put(`deep/${n}.pgm`, Buffer.concat([Buffer.from("P5 8 6 65535\n"), values]));
    });
    const samples = files.map((file) => ({ file, class: 0 }));
    const folder = join(root, "deep/.cache");
    const hints: [number, string][] = [];
    const onHint = (count: number, first: string) => hints.push([count, first]);
    const load = async (pixelRange?: { low: number; high: number }) => {
      const options = { width: 8, height: 6, use: "evaluation" as const, folder, pixelRange, onHint };
      return [...(await loadPictures(samples, options)).at(0).picture.data];
    };
    const flat = await load();
    expect(Math.max(...flat) - Math.min(...flat)).toBeLessThan(10);
    const stretched = await load({ low: 7000, high: 8880 });
    expect([Math.min(...stretched), Math.max(...stretched)]).toEqual([0, 255]);
    expect(await load()).toEqual(flat);
    // The hint is repeated for pictures from the cache; with a range there is none.
    expect(hints.map(([count]) => count)).toEqual([3, 3]);
    expect(hints[0][1]).toMatch(/0\.pgm: its values, 7000\.\.8880, .*--pixel-range 7000\.\.8880$/);
  });
});
