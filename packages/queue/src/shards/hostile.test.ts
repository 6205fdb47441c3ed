import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployGraph } from "@phinets/core/graph";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { encodeQuantized } from "@phinets/core/quantization";
import { encodeSafetensors } from "@phinets/core/tensor";
import { listen } from "@phinets/node/steps";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { workersBuilt } from "../../../../test/queue-worker.js";
import { randomlyQuantized } from "../../../../test/random-network.js";
import { startRedis, type TestRedis } from "../../../../test/redis.js";
import { tinyNetwork } from "../../../../test/road-tools.js";
import { installed } from "../../../../test/tools.js";
import { keyPrefix, ownQueue } from "../names.js";
import { FolderStore } from "../store/folder-store.js";
import { openStoreFolder } from "../store/identity.js";
import type { Stored } from "../store/store.js";
import { runWorker } from "../worker.js";
import { makeShard, parseShard, type ShardDocument, type ShardSettings, shardName } from "./job.js";
import { decodeOutputs, encodeOutputs } from "./outputs.js";
import { parsePictureList, parseSeen } from "./pictures.js";
import { parseShardRecord, ShardRecords } from "./records.js";

const root = mkdtempSync(join(tmpdir(), "phinets-hostile-shards-"));
const folder = join(root, "store");
const store = new FolderStore(folder);
afterAll(() => rmSync(root, { recursive: true, force: true }));

let names = 0;
function put(bytes: string | Uint8Array): Promise<Stored> {
  const path = join(root, String(names++));
  writeFileSync(path, bytes);
  return store.put(path);
}

const pictures = 3;
const { height, width } = tinyNetwork.input;
/** A valid shard, as `val` makes it. */
let good: ShardSettings & { readonly step: "val" };
let look: ShardSettings & { readonly step: "predict" };

beforeAll(async () => {
  const network = parseNetwork(tinyNetwork);
  const graph = buildNetwork(network);
  const quantized = encodeQuantized(randomlyQuantized(deployGraph(graph), 1));
  const model = {
    network: await put(JSON.stringify(network)),
    weights: await put(encodeSafetensors(initialWeights(graph, 1))),
    quantized: await put(quantized.json),
    quantizedWeights: await put(quantized.safetensors),
  };
  const place = { store: openStoreFolder(folder).id, task: "7".repeat(64), from: 0, to: pictures };
  good = { ...place, step: "val", on: "int8", model, input: await put(randomBytes(pictures * height * width * 3)) };
  const list = [{ ...(await put("no picture")), extension: ".png" }, null];
  look = { ...place, to: 2, step: "predict", on: "int8", model, options: {}, input: await put(JSON.stringify(list)) };
});

describe("a shard that anyone may have written", () => {
  const bad: readonly (readonly [what: string, change: () => object, reason: RegExp])[] = [
    ["a path for input", () => ({ input: "/etc/passwd" }), /input is "\/etc\/passwd"/],
    ["a path in input", () => ({ input: { ...good.input, path: "../x" } }), /input has "path", which is no field/],
    ["a file of a run that is none", () => ({ model: { ...good.model, exec: good.input } }), /model has "exec"/],
    ["no network", () => ({ model: { weights: good.input } }), /model.network is missing/],
    ["int8 without its network", () => ({ model: { network: good.model.network } }), /has no int8 network/],
    ["words for a shell", () => ({ words: ["; rm -rf /"] }), /has "words"/],
    ["another step", () => ({ step: "exec" }), /step is "exec"/],
    ["another form", () => ({ on: "gpu" }), /on is "gpu"/],
    ["another version", () => ({ phinets: "99.0.0" }), /is of phinets 99\.0\.0, this is/],
    ["other kernels", () => ({ kernelsSha256: "0".repeat(64) }), /is of the kernels 000000000000/],
    ["no pictures", () => ({ from: 3, to: 3 }), /there are none/],
    ["pictures without end", () => ({ to: 1e12 }), /to is 1000000000000/],
    ["a task that is a path", () => ({ task: "../../x" }), /task is "..\/..\/x"/],
    ["a file beyond all bounds", () => ({ input: { ...good.input, bytes: 2 ** 50 } }), /input.bytes is/],
    ["a huge field", () => ({ task: "a".repeat(5_000_000) }), /has \d+ bytes; at most 4194304/],
  ];
  it.each(bad)("is refused: %s", (_, change, reason) => {
    const document = { ...makeShard(good), ...change() } as ShardDocument;
    expect(() => parseShard(document, shardName(document))).toThrow(reason);
  });

  it("is refused under another's name, and taken under its own", () => {
    const document = JSON.parse(JSON.stringify(makeShard(good)));
    expect(() => parseShard(document, "another")).toThrow(/its name is not/);
    expect(parseShard(document, shardName(document))).toEqual(document);
    expect(() => parseShard({ ...makeShard(look), options: { conf: 7 } }, shardName(look))).toThrow(/conf is 7/);
  });

  it.each(["[]", "{", '[{"sha256":"../x","bytes":1,"extension":".png"}]', "[1]"])("is no list: %s", (text) =>
    expect(() => parsePictureList(text)).toThrow(/its list of pictures/),
  );
  it("has only extensions that pictures have", () => {
    const list = [{ ...good.input, extension: "/../../../tmp/x.png" }];
    expect(() => parsePictureList(JSON.stringify(list))).toThrow(/extension is/);
  });
});

describe("what workers deliver", () => {
  it("is every bit of the outputs, whichever numbers they are", () => {
    const numbers = [0, -0, Number.NaN, 1 / 3, -1e-310, Number.POSITIVE_INFINITY];
    for (const kind of [Float32Array, Float64Array]) {
      const outputs = [kind.from(numbers), kind.from([...numbers].reverse())];
      const found = decodeOutputs(encodeOutputs(outputs), 2);
      expect(found.map((each) => Buffer.from(each.buffer).toString("hex"))).toEqual(
        outputs.map((each) => Buffer.from(each.buffer).toString("hex")),
      );
    }
  });

  it("is refused where it is something else", () => {
    const file = encodeOutputs([Float32Array.of(1, 2)]);
    expect(() => decodeOutputs(file, 2)).toThrow(/no outputs of 2 pictures: it has 1/);
    expect(() => decodeOutputs(file.subarray(0, -1), 1)).toThrow(/it has \d+ bytes/);
    expect(() => decodeOutputs(new Uint8Array(0), 1)).toThrow(/no JSON/);
    expect(() => decodeOutputs(Buffer.from('{"format":"phinets-outputs-1"}\n'), 1)).toThrow(/kind is missing/);
    expect(() => parseSeen("[null]", 2)).toThrow(/is of 1 pictures, not 2/);
    expect(() => parseSeen('[{"width":1,"height":1,"boxes":[{"class":"x"}]}]', 1)).toThrow(/class is "x"/);
    for (const text of ["planned", "{}", '{"output":{"sha256":"../x","bytes":1},"ms":1}'])
      expect(parseShardRecord(text)).toBeUndefined();
  });
});

describe.skipIf(!workersBuilt || !installed("redis-server"))("a worker of shards", () => {
  let redis: TestRedis;
  let client: Redis;
  let queue: Queue;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url, { maxRetriesPerRequest: null });
    queue = new Queue(ownQueue(), { connection: client, prefix: keyPrefix });
  }, 60_000);
  afterAll(async () => {
    client?.disconnect();
    await redis?.close();
  });

  it("refuses what its files say, by name, gives back what is not there, and does the good ones that follow", async () => {
    const notes: string[] = [];
    const onEvent = (event: { readonly kind: string; readonly text?: string }): void => {
      if (event.text !== undefined) notes.push(event.text);
    };
    const stop = new AbortController();
    const work = join(root, "work");
    const context = listen({ onEvent, signal: stop.signal });
    const running = runWorker({ queue: redis.url, slots: 1, threads: 1, work, store: folder }, context);
    running.catch(() => {}); // it is stopped below
    let n = 0;
    const add = async (settings: object, attempts = 1): Promise<string> => {
      const document = makeShard({ ...good, task: String(n++).padStart(64, "0"), ...settings } as ShardSettings);
      const name = shardName(document);
      await queue.add("val", document, { jobId: name, attempts, removeOnComplete: true });
      return name;
    };
    const failureOf = async (name: string): Promise<string> => {
      for (let tries = 0; tries < 1200; tries++) {
        const reason = (await queue.getJob(name))?.failedReason;
        if (reason) return reason;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`${name}: has not failed within two minutes`);
    };
    const text = await put("{}");
    const cases: readonly (readonly [settings: object, reason: RegExp])[] = [
      [{ input: text }, /refused it: its input has 2 bytes; 3 pictures have 27648/],
      [{ model: { ...good.model, network: text } }, /refused it: its model: .*network\.json/],
      [{ model: { ...good.model, quantized: text } }, /refused it: its model: .*quantized\.json/],
      [{ on: "float", model: { ...good.model, weights: text } }, /refused it: its model: .*best\.safetensors/],
      [{ ...look, task: "1".repeat(64), input: text }, /refused it: its list of pictures/],
      [{ ...look, task: "2".repeat(64), to: 9 }, /refused it: its list has 2 pictures; it is of 9/],
    ];
    for (const [settings, reason] of cases) expect(await failureOf(await add(settings))).toMatch(reason);
    await queue.add("val", makeShard(look), { jobId: shardName(look) });
    await add({ task: good.task });
    const done = async (task: string, to: number) => {
      for (let tries = 0; tries < 1200; tries++) {
        const [found] = await new ShardRecords(client, { store: good.store, task }).find([{ from: 0, to }]);
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error("not done within two minutes");
    };
    const fileOf = async (task: string, to: number) => readFileSync(store.pathOf((await done(task, to)).output.sha256));
    // A picture that cannot be read is left to the requesting side.
    expect(parseSeen((await fileOf(look.task, 2)).toString(), 2)).toEqual([null, null]);
    expect(decodeOutputs(await fileOf(good.task, pictures), pictures)).toHaveLength(pictures);
    const lost = { ...good.input, sha256: "a".repeat(64) };
    expect(await failureOf(await add({ input: lost }))).toMatch(/has no aaaaaaaaaaaa/);
    expect(notes.find((note) => /^failed: /.test(note))).toMatch(/it is returned to the queue/);
    stop.abort();
    await running.catch(() => {});
  }, 480_000);
});
