import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { assembleBatch, detectionAugmentation, PackedSource } from "@phinets/core/data";
import type { BatchPlan } from "@phinets/core/learning";
import { Random } from "@phinets/core/tensor";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BatchLoader } from "./loader.js";

// Worker threads run the built code: plain Node does not read TypeScript.
const built = existsSync(fileURLToPath(new URL("../../../core/dist/data/index.js", import.meta.url)));

/** Every thread that a test starts. */
const { started } = vi.hoisted(() => ({ started: [] as Worker[] }));
vi.mock("node:worker_threads", async (original) => {
  const real = await original<typeof import("node:worker_threads")>();
  class Kept extends real.Worker {
    constructor(...args: ConstructorParameters<typeof real.Worker>) {
      super(...args);
      started.push(this);
    }
  }
  return { ...real, Worker: Kept };
});

const size = { height: 16, width: 20 };
const values = 4 * size.height * size.width * 3;
const source = noise(9);
let loader: BatchLoader | undefined;

function noise(count: number): PackedSource {
  const random = new Random(5);
  const [width, height] = [24, 18];
  const shard = new SharedArrayBuffer(count * width * height * 3);
  new Uint8Array(shard).forEach((_, i, bytes) => {
    bytes[i] = random.integer(256);
  });
  const table = new Float64Array(count * 6);
  for (let n = 0; n < count; n++) table.set([0, n * width * height * 3, width, height, 48, 36], n * 6);
  const samples = Array.from({ length: count }, (_, n) => ({
    labels: Array.from({ length: n % 3 }, (_, k) => ({ class: k, x: 0.5, y: 0.4, width: 0.3, height: 0.1 * n })),
  }));
  return new PackedSource(
    { channels: 3, use: "training", input: size, fit: "stretch", shards: [shard], table },
    samples,
  );
}

function planOf(epoch: number, batches: number): BatchPlan[] {
  const options = { ...size, seed: 3, augment: detectionAugmentation };
  return Array.from({ length: batches }, (_, b) => ({
    samples: Int32Array.from({ length: 4 }, (_, i) => (7 * epoch + 4 * b + i) % source.length),
    options,
  }));
}

/** Takes the batches of a plan and compares each with the one made here. */
async function takeAndCompare(from: BatchLoader, epoch: number, plan: readonly BatchPlan[], first = 0): Promise<void> {
  const input = new Float32Array(values);
  for (const { samples, options } of plan.slice(first)) {
    const got = await from.next(input.fill(Number.NaN));
    const expected = assembleBatch(source, samples, epoch, options);
    expect(got.labels).toEqual(expected.labels);
    expect(got.classes).toEqual(expected.classes);
    expect(Buffer.compare(new Uint8Array(input.buffer), new Uint8Array(expected.input.buffer))).toBe(0);
  }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

afterEach(async () => {
  await loader?.dispose();
  started.length = 0;
});

describe.skipIf(!built)("loading threads", () => {
  it.each([1, 2, 5])("%i make the bits that one thread alone makes, in order", async (threads) => {
    loader = new BatchLoader(source, { threads, batchValues: values });
    for (let epoch = 0; epoch < 3; epoch++) {
      const plan = planOf(epoch, 12);
      loader.plan(epoch, plan);
      // First as fast as possible, so that the calling thread helps; then with time to make batches ahead.
      await takeAndCompare(loader, epoch, plan);
    }
    const [slow, next] = [planOf(3, 10), planOf(4, 10)];
    loader.plan(3, slow);
    loader.plan(4, next);
    await until(() => loader!.ready > 0);
    await takeAndCompare(loader, 3, slow);
    await takeAndCompare(loader, 4, next);
    expect(started).toHaveLength(threads);
  });

  it("go on when the caller's event loop is blocked", async () => {
    loader = new BatchLoader(source, { threads: 1, batchValues: values });
    const plan = planOf(0, 6);
    loader.plan(0, plan);
    await takeAndCompare(loader, 0, plan);
    loader.plan(1, planOf(1, 6));
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; loader.ready < 3 && tries < 5000; tries++) Atomics.wait(cell, 0, 0, 2);
    expect(loader.ready).toBe(3);
    await takeAndCompare(loader, 1, planOf(1, 6));
  });

  it("that die are said, and the caller goes on alone with the same bits", async () => {
    const warnings: string[] = [];
    loader = new BatchLoader(source, { threads: 2, batchValues: values, onWarning: (line) => warnings.push(line) });
    const plan = planOf(0, 14);
    loader.plan(0, plan);
    await until(() => loader!.ready > 0);
    await takeAndCompare(loader, 0, plan.slice(0, 5));
    await started[1].terminate();
    await takeAndCompare(loader, 0, plan, 5);
    expect(warnings).toEqual([
      "warning: a loading thread has died (it ended with code 1); pictures are loaded between the steps",
    ]);
  });

  it("pass on what is wrong with a batch, and the next one comes", async () => {
    loader = new BatchLoader(source, { threads: 1, batchValues: values });
    const [good, bad] = planOf(0, 2);
    // The input is too small for the batch.
    const wide = { ...bad, options: { ...bad.options, width: 2000 } };
    const input = new Float32Array(values);
    for (const ahead of [false, true]) {
      loader.plan(0, [good, wide, good]);
      if (ahead) await until(() => loader!.ready === 3);
      await loader.next(input);
      await expect(loader.next(input)).rejects.toMatchObject({
        code: "data.batch",
        message: expect.stringContaining("4 pictures of 16x2000x3 need"),
      });
      const { input: expected } = assembleBatch(source, good.samples, 0, good.options);
      await loader.next(input);
      expect(input).toEqual(expected);
    }
  });

  it("end with dispose", async () => {
    loader = new BatchLoader(source, { threads: 2, batchValues: values });
    loader.plan(0, planOf(0, 30));
    const ended = started.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
    await loader.dispose();
    expect(await Promise.all(ended)).toHaveLength(2);
  });
});
