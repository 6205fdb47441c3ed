/** Pictures that workers of a queue look at, against one machine's bytes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  endWorker,
  processesOf,
  startWorker as startWorkerIn,
  type TestWorker,
  until,
  workersBuilt,
} from "../../../../test/queue-worker.js";
import { startRedis, type TestRedis } from "../../../../test/redis.js";
import { phinetsJson, tinyNetwork, writeNetwork } from "../../../../test/road-tools.js";
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
  }, 240_000);
  afterEach(async () => {
    for (const each of workers.splice(0)) await endWorker(each, "SIGKILL");
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
      many.catch(() => {}); // told below
      await until("a shard is looked at", () => processesOf(first, "shard-worker.js").length > 0);
      await endWorker(first, "SIGKILL");
      await until("its process ends with it", () => processesOf(first, "shard-worker.js").length === 0);
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
    240_000,
  );
});
