import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import type { Model } from "@phinets/core/model";
import { PhinetsError, Random } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { noisePictures } from "../../../../test/noise.js";
import { openRun } from "../run/index.js";
import type { Frame } from "../video/frames.js";
import { ModelThreads } from "./model-threads.js";

function run(options: Parameters<typeof makeRun>[1] = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "phinets-threads-"));
  makeRun(folder, options);
  return folder;
}

const random = new Random(9);
const noise = noisePictures(9);
/** Pictures of several sizes. */
const pictures = (count: number): Picture[] =>
  Array.from({ length: count }, () => noise(40 + random.integer(60), 30 + random.integer(60)));

const copy = (picture: Picture): Picture => ({ ...picture, data: picture.data.slice() });

/** Two threads that are ready. */
async function started(model: Model): Promise<ModelThreads> {
  const threads = new ModelThreads(model, 2);
  while (threads.ready < 2) await threads.predict(noise(48, 32));
  return threads;
}

describe("a model on threads", () => {
  const detector = run();
  const classifier = run({ head: "classifier", channels: 1 });

  it.each([
    ["int8 detector", detector, { conf: 0.05 }],
    ["float detector, in tiles", detector, { conf: 0.05, on: "float", tiles: { columns: 2, rows: 2 } }],
    ["grey classifier", classifier, {}],
  ] as const)("sees what the model sees, frame for frame: %s", async (_, folder, options) => {
    const model = await openRun(folder, options);
    const all = pictures(12);
    const expected = all.map((picture) => ({ picture: copy(picture), prediction: model.predict(picture) }));
    const source = { name: "", label: "", framesPerSecond: 25, stream: false, live: false, stop() {}, reuse() {} };
    for (const threads of [new ModelThreads(model, 1), await started(model)]) {
      const frames = async function* (): AsyncGenerator<Frame> {
        for (const [i, picture] of all.entries()) yield { number: i + 1, picture: copy(picture) };
      };
      const seen: unknown[] = [];
      for await (const { picture, prediction } of threads.frames({ ...source, frames: frames() }))
        seen.push({ picture, prediction });
      await threads.dispose();
      expect(seen).toEqual(expected);
    }
  });

  it("moves a picture's pixels, and leaves a buffer alone of which they are a part", async () => {
    const threads = await started(await openRun(detector));
    const [picture] = pictures(1);
    const large = new Uint8Array(picture.data.length + 8);
    large.set(picture.data, 4);
    await threads.predict({ ...picture, data: large.subarray(4, -4) });
    expect(large.subarray(4, -4)).toEqual(picture.data);
    const { length } = picture.data;
    const seen = await threads.predict(picture);
    expect([picture.data.length, seen.picture.data.length]).toEqual([0, length]);
    await threads.dispose();
  });

  it("throws what the model throws, and goes on", async () => {
    const threads = await started(await openRun(detector));
    const bad = { width: 2, height: 2, channels: 2, data: new Uint8Array(8) };
    const [good] = pictures(1);
    const { prediction } = await threads.predict(copy(good));
    for (let n = 0; n < 8; n++) {
      const error = await threads.predict(copy(bad)).catch((e) => e);
      expect(error).toBeInstanceOf(PhinetsError);
      expect(error).toMatchObject({ code: "data.channels" });
      expect((await threads.predict(copy(good))).prediction).toEqual(prediction);
    }
    await threads.dispose();
  });

  it("leaves nobody waiting when it is disposed of", async () => {
    const threads = await started(await openRun(detector));
    const waiting = pictures(4).map((picture) => threads.predict(picture).catch(({ code }) => code));
    await threads.dispose();
    for (const outcome of await Promise.all(waiting)) expect(outcome).toBe("threads.model");
  });
});
