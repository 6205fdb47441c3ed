/** Pictures processed by a queue's workers, compared with one machine's bytes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  bin,
  endWorker,
  processesOf,
  startWorker as startWorkerIn,
  type TestWorker,
  until,
  workersBuilt,
} from "../../../../test/queue-worker.js";
import { startRedis, type TestRedis } from "../../../../test/redis.js";
import { phinets, phinetsJson, tinyNetwork, writeNetwork } from "../../../../test/road-tools.js";
import { s3Environment, startS3, testS3 } from "../../../../test/s3-server.js";
import { installed } from "../../../../test/tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-shards-"));
const project = join(root, "runs");
const run = join(project, "detect/one");
const workers: TestWorker[] = [];
let redis: TestRedis;
let data = "";

function startWorker(name: string, ...words: string[]): TestWorker {
  const worker = startWorkerIn(join(root, name), { queue: redis.url, words });
  workers.push(worker);
  return worker;
}

const commands: ChildProcess[] = [];
/** Starts a command as a separate process, to be killed. */
function startCommand(words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [bin, ...words], { stdio: "ignore" });
  commands.push(child);
  return child;
}

/** Files below a folder, byte for byte. */
const filesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length), readFileSync(path, "latin1")]),
  );

const val = (name: string, ...more: string[]): string[] => [
  ...["val", "--model", run, "--data", data, "--project", project, "--split", "val", "--name", name],
  ...["--save", "coco,csv", "--report", join(root, `${name}.html`), ...more],
];

describe.skipIf(!workersBuilt || !installed("redis-server"))("pictures over a queue", () => {
  beforeAll(async () => {
    const { height, width } = tinyNetwork.input;
    data = await writeConveyorDataset(join(root, "data"), {
      ...{ seed: 3, train: 32, val: 110, clipFrames: 8 },
      size: { height, width },
    });
    const network = writeNetwork(root);
    const train = ["train", "--data", data, "--network", network, "--epochs", "6", "--project", project];
    await phinetsJson(...train, "--name", "one", "--no-plots");
    await phinetsJson("quantize", "--model", run, "--data", data, "--project", project);
    redis = await startRedis();
  }, 480_000);
  afterEach(async () => {
    for (const each of workers.splice(0)) await endWorker(each, "SIGKILL");
    for (const child of commands.splice(0)) await endWorker({ child }, "SIGKILL");
  });
  afterAll(async () => {
    await redis?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it.each(["float", "int8", "firmware"])(
    "val --on %s is the same bytes as alone, with a worker killed on the way",
    async (on) => {
      if (on === "firmware" && !installed("arm-none-eabi-gcc", "qemu-system-arm")) return;
      const alone = await phinetsJson(...val(`alone-${on}`, "--on", on));
      const first = startWorker(`first-${on}`);
      const words = val(`many-${on}`, "--on", on, "--queue", redis.url, "--serve", "127.0.0.1:0");
      const many = phinetsJson(...words);
      many.catch(() => {}); // reported below
      await until("a shard is looked at", () => processesOf(first, "shard-worker.js").length > 0);
      await endWorker(first, "SIGKILL");
      await until("its process ends with it", () => processesOf(first, "shard-worker.js").length === 0);
      if (on === "int8") {
        await redis.kill();
        await redis.start();
      }
      const [second, third] = [startWorker(`second-${on}`), startWorker(`third-${on}`)];
      const found = await many;
      expect({ ...found, saved: "" }).toEqual({ ...alone, saved: "" });
      expect(JSON.stringify({ ...found, saved: "" })).toBe(JSON.stringify({ ...alone, saved: "" }));
      expect(filesOf(join(project, `val/many-${on}`))).toEqual(filesOf(join(project, `val/alone-${on}`)));
      expect(readFileSync(join(root, `many-${on}.html`), "utf8")).toBe(
        readFileSync(join(root, `alone-${on}.html`), "utf8"),
      );
      expect(second.said() + third.said()).toMatch(/: pictures \d+ to \d+\n/);
    },
    480_000,
  );

  it.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))(
    "val --on firmware is left to workers that have its tools",
    async () => {
      const alone = await phinetsJson(...val("tools-alone", "--on", "firmware"));
      const words = val("tools", "--on", "firmware", "--queue", redis.url, "--serve", "127.0.0.1:0");
      const many = phinetsJson(...words);
      many.catch(() => {}); // reported below
      const without = startWorkerIn(join(root, "toolless"), { queue: redis.url }, { ...process.env, PATH: "" });
      workers.push(without);
      await until("it leaves them", () =>
        /are left to other workers: arm-none-eabi-gcc is not installed/.test(without.said()),
      );
      startWorker("tooled");
      expect({ ...(await many), saved: "" }).toEqual({ ...alone, saved: "" });
      expect(without.said()).not.toMatch(/: pictures \d+ to \d+\n|failed: /);
    },
    480_000,
  );

  it("predict is the same bytes as alone, drawn pictures too, with a worker killed on the way", async () => {
    const pictures = join(root, "pictures");
    cpSync(join(root, "data/val/images"), pictures, { recursive: true });
    writeFileSync(join(pictures, "a-broken.png"), "no picture");
    // A 16-bit picture that uses little of its depth, which gives a hint.
    const { width, height } = { width: 40, height: 30 };
    const pixels = Uint16Array.from({ length: width * height }, (_, i) => i % 200);
    writeFileSync(
      join(pictures, "z-dark.pgm"),
      Buffer.concat([Buffer.from(`P5 ${width} ${height} 65535\n`), Buffer.from(pixels.buffer).swap16()]),
    );
    const predict = (name: string, ...more: string[]) =>
      phinets("predict", "--model", run, pictures, "--project", project, "--name", name, "--json", ...more);
    const alone = await predict("alone", "--save", "coco,csv", "--conf", "0.1");
    expect(alone.exitCode).toBe(0);
    const first = startWorker("predict-first");
    const over = ["--queue", redis.url, "--serve", "127.0.0.1:0"];
    const many = predict("many", "--save", "coco,csv", "--conf", "0.1", ...over);
    await until("a shard is looked at", () => processesOf(first, "shard-worker.js").length > 0);
    await endWorker(first, "SIGKILL");
    startWorker("predict-second");
    const found = await many;
    expect(found.stdout).toBe(alone.stdout);
    expect(filesOf(join(project, "predict/many"))).toEqual(filesOf(join(project, "predict/alone")));
    // Pictures are read ahead of prediction, so the order of lines may differ.
    const said = (text: string) =>
      text
        .split("\n")
        .filter((line) => /skipped|z-dark|note:/.test(line))
        .sort();
    expect(said(found.stderr)).toEqual(said(alone.stderr));
    expect(said(found.stderr).join("\n")).toMatch(/skipped: .*a-broken\.png/);
    const unread = await predict("none", "--no-save", "--conf", "0.1", ...over);
    expect(unread.stdout).toBe(alone.stdout);
    expect(said(unread.stderr)).toEqual(said(alone.stderr));
  }, 480_000);

  it("goes on where a command was killed: what is done is not done again", async () => {
    const words = [...val("resumed", "--on", "int8"), "--queue", redis.url, "--store", join(root, "shared")];
    const alone = await phinetsJson(...val("resumed-alone", "--on", "int8"));
    const child = startCommand(words);
    await until("there is a store", () => existsSync(join(root, "shared/store.json")));
    const worker = startWorker("resuming", "--store", join(root, "shared"));
    await until("a shard is done", () => /: pictures \d+ to \d+\n/.test(worker.said()));
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await until("it is idle", () => (worker.said().match(/: pictures/g) ?? []).length >= 4);
    const before = worker.said();
    const { exitCode, stdout, stderr } = await phinets(...words, "--json");
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/110 of 110 pictures are already done/);
    expect(worker.said()).toBe(before);
    expect({ ...JSON.parse(stdout), saved: "" }).toEqual({ ...alone, saved: "" });
    // Results that were taken are not kept.
    expect(Object.keys(filesOf(join(root, "shared/objects"))).length).toBe(4);
  }, 480_000);

  it("val is the same bytes with a store in S3, and leaves there what a worker would need again", async () => {
    const s3 = await startS3();
    for (const [name, value] of Object.entries(s3Environment(s3.url))) vi.stubEnv(name, value);
    try {
      const shelf = `s3://${testS3.bucket}/pictures`;
      const alone = await phinetsJson(...val("shelf-alone", "--on", "int8"));
      const many = phinets(...val("shelf", "--on", "int8"), "--json", "--queue", redis.url, "--store", shelf);
      await until("there is a store", () => s3.objects.has("pictures/store.json"));
      startWorker("shelved", "--store", shelf);
      const { exitCode, stdout, stderr } = await many;
      expect(exitCode, stderr).toBe(0);
      expect({ ...JSON.parse(stdout), saved: "" }).toEqual({ ...alone, saved: "" });
      // store.json, and the four files of the model.
      expect(s3.objects.size).toBe(5);
    } finally {
      vi.unstubAllEnvs();
      await s3.close();
    }
  }, 480_000);

  it("does again what was delivered and is damaged or gone", async () => {
    const shared = join(root, "damaged");
    const words = [...val("damaged", "--on", "int8"), "--queue", redis.url, "--store", shared];
    const child = startCommand(words);
    await until("there is a store", () => existsSync(join(shared, "store.json")));
    const worker = startWorker("damaging", "--store", shared);
    await until("it is done", () => (worker.said().match(/: pictures/g) ?? []).length >= 1);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await endWorker(worker, "SIGTERM");
    // One result is damaged, and all the others are lost.
    const objects = filesOf(join(shared, "objects"));
    const [damaged] = Object.keys(objects).filter((path) => objects[path].includes("phinets-outputs-1"));
    for (const path of Object.keys(objects)) rmSync(join(shared, "objects", path));
    writeFileSync(join(shared, "objects", damaged), "damaged");
    startWorker("mending", "--store", shared);
    const found = await phinetsJson(...words);
    expect({ ...found, saved: "" }).toEqual({ ...(await phinetsJson(...val("mended", "--on", "int8"))), saved: "" });
  }, 480_000);

  it.each([
    [["predict", "-", "--queue", "redis://a", "--store", "s"], /--queue is only for pictures, and - is a stream/],
    [
      ["predict", "--tensor", "t", "--queue", "redis://a", "--store", "s"],
      /--queue is only for pictures; leave it out/,
    ],
    [["predict", "pictures", "--queue", "redis://a"], /--queue needs a place for files/],
    [["val", "--data", "d", "--serve", "127.0.0.1:0"], /--serve is for work on many machines/],
  ])("%j is refused in a line", async (words, message) => {
    const { exitCode, stderr } = await phinets(
      ...words.map((word) => (word === "pictures" ? root : word)),
      "--model",
      run,
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(message);
  });
});
