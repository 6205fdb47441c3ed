import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listen } from "@phinets/node/steps";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startRedis, type TestRedis } from "../../../test/redis.js";
import { tinyDataset, writeNetwork } from "../../../test/road-tools.js";
import { installed } from "../../../test/tools.js";
import { type JobDocument, jobName, parseJob } from "./job.js";
import { keyPrefix, ownQueue, queuesKey } from "./names.js";
import { parseRecord, Records } from "./records.js";
import { redisAddress } from "./redis.js";
import { runWorker, type WorkerRequest, type WorkerResult } from "./worker.js";

// The sweep and a worker's slots run the built packages: plain Node does not read TypeScript.
const bin = fileURLToPath(new URL("../../cli/bin/phinets.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/index.js", import.meta.url)));

const root = mkdtempSync(join(tmpdir(), "phinets-hostile-"));
let redis: TestRedis;
let client: Redis;
let queue: Queue;
/** A valid job, as a sweep makes it. */
let good: JobDocument;

async function until<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1200; tries++) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within two minutes`);
}

interface RunningWorker {
  readonly notes: string[];
  end(): Promise<WorkerResult | undefined>;
}

let workers = 0;
const running: RunningWorker[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.end();
});

function startWorker(options: Partial<WorkerRequest> = {}): RunningWorker {
  const notes: string[] = [];
  const stop = new AbortController();
  const onEvent = (event: { readonly kind: string; readonly text?: string }): void => {
    if (event.text !== undefined) notes.push(event.text);
  };
  const context = listen({ onEvent, signal: stop.signal });
  const work = join(root, `work${workers++}`);
  const result = runWorker({ queue: redis.url, slots: 1, threads: 1, work, ...options }, context);
  const ended = result.catch((error) => {
    if (!stop.signal.aborted) throw error;
    return undefined;
  });
  const worker = {
    notes,
    end: () => {
      stop.abort();
      return ended;
    },
  };
  running.push(worker);
  return worker;
}

/** Leaves the job of a one-training sweep that ended before a worker took it. */
async function leaveJob(name: string, lr: number): Promise<JobDocument> {
  const file = join(root, `${name}.yaml`);
  writeFileSync(file, `data: data\nnetwork: network.json\nepochs: 1\nbatch: 8\nspace:\n  lr: [${lr}]\n`);
  const places = ["--out", join(root, name), "--store", join(root, "store")];
  const sweep = spawn(process.execPath, [bin, "sweep", file, ...places, "--queue", redis.url], { stdio: "ignore" });
  const ended = once(sweep, "exit");
  const job = await until("the job", async () => (await queue.getJobs(["waiting"]))[0]);
  sweep.kill("SIGKILL");
  await ended;
  await job.remove();
  return job.data as JobDocument;
}

describe.skipIf(!built || !installed("redis-server"))("a queue that anyone may have written", () => {
  beforeAll(async () => {
    await tinyDataset(join(root, "data"));
    writeNetwork(root);
    redis = await startRedis();
    client = new Redis(redis.url, { maxRetriesPerRequest: null });
    queue = new Queue(ownQueue(), { connection: client, prefix: keyPrefix });
    good = await leaveJob("good", 0.01);
  }, 240_000);
  afterAll(async () => {
    client?.disconnect();
    await redis?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const recipe = (): Record<string, unknown> => ({ ...good.recipe });
  const bad: readonly (readonly [what: string, change: () => object, reason: RegExp])[] = [
    ["a path for data", () => ({ data: "/etc" }), /data is "\/etc"/],
    [
      "a path in data",
      () => ({ data: { ...good.data, path: "../../etc" } }),
      /data has "path", which is no field of it/,
    ],
    ["an option of the command line", () => ({ resume: "/home/me/run" }), /has "resume", which is no field of it/],
    ["words for a shell", () => ({ words: ["; rm -rf /"] }), /has "words"/],
    ["a huge field", () => ({ trial: "a".repeat(5_000_000) }), /has \d+ bytes; at most 4194304/],
    ["a huge network", () => ({ network: { ...good.network, alpha: 1e12 } }), /alpha/],
    ["nesting", () => ({ network: JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`) }), /nested more than/],
    ["another version", () => ({ phinets: "99.0.0" }), /is of phinets 99\.0\.0, this is/],
    ["other kernels", () => ({ kernelsSha256: "0".repeat(64) }), /is of the kernels 000000000000, these are/],
    ["another step", () => ({ step: "exec" }), /step is "exec"/],
    ["another format", () => ({ format: "phinets-job-2" }), /format is "phinets-job-2"/],
    ["a hash that is none", () => ({ trial: "../../../etc/aaa" }), /trial is "..\/..\/..\/etc\/aaa"/],
    ["another's hash", () => ({ trial: "0".repeat(16) }), /trial is 0{16}, and its settings are those of/],
    ["too many epochs", () => ({ epochs: 1e9 }), /epochs is 1000000000/],
    ["more epochs than the recipe's", () => ({ epochs: 2 }), /epochs is 2, more than the recipe's 1/],
    ["an option of no recipe", () => ({ recipe: { ...recipe(), exec: "sh" } }), /unknown option exec/],
    ["a recipe beyond its ranges", () => ({ recipe: { ...recipe(), batch: 1e9 } }), /batch is 1000000000/],
    ["a device's own bits", () => ({ recipe: { ...recipe(), device: "webgpu" } }), /device is webgpu: its bits/],
    ["no network", () => ({ network: "PhiNet" }), /network/],
    ["other pictures", () => ({ data: { ...good.data, bytes: 3 } }), /3 bytes/],
  ];

  it("refuses each by name and reason, and does the good one that follows", async () => {
    const worker = startWorker({ store: join(root, "store") });
    const failureOf = (name: string) =>
      until(`a failure of ${name.slice(0, 80)}`, async () => (await queue.getJob(name))?.failedReason);
    for (const [what, change, reason] of bad) {
      const document = { ...good, ...change() } as JobDocument;
      // The name that belongs to its settings, where they have one.
      const name = jobName(document).slice(0, 200).replaceAll(":", "_");
      await queue.add("train", document, { jobId: name, attempts: 1 });
      expect(await failureOf(name), what).toMatch(reason);
      expect(worker.notes.at(-1), what).toMatch(/^(refused|failed): job "/);
      await (await queue.getJob(name))!.remove();
    }
    await queue.add("train", good, { jobId: "another-name" });
    expect(await failureOf("another-name")).toMatch(/its name is not/);
    for (const [name, value] of Object.entries({ text: "text", nothing: null, list: [1], number: 1 })) {
      await queue.add("train", value as never, { jobId: name });
      expect(await failureOf(name)).toMatch(/refused it: /);
    }
    expect(parseJob(JSON.parse(JSON.stringify(good)), jobName(good)).trial).toBe(good.trial);
    await queue.add("train", good, { jobId: jobName(good), removeOnComplete: true });
    const record = await until("the good one", () => new Records(client, good.store).find(good.trial));
    expect(record).toMatchObject({ epoch: 1, rung: 1 });
    expect(await worker.end()).toBeUndefined();
  }, 240_000);

  it("goes on after what is no job at all", async () => {
    const job = await leaveJob("raw", 0.04);
    const prefix = `${keyPrefix}:${ownQueue()}`;
    await client.hset(`${prefix}:raw`, { name: "train", data: "{", opts: "{}", timestamp: "1" });
    await client.hset(`${prefix}:odd`, { name: "train", data: "{}", opts: "[", timestamp: "x" });
    await client.lpush(`${prefix}:wait`, "raw", "nothing", "odd");
    await queue.add("train", job, { jobId: jobName(job), removeOnComplete: true });
    const worker = startWorker({ store: join(root, "store") });
    await until("the good one", () => new Records(client, job.store).find(job.trial));
    await worker.end();
    for (const name of ["raw", "odd", "nothing"])
      for (const list of ["wait", "active"]) await client.lrem(`${prefix}:${list}`, 0, name);
  }, 240_000);

  it("leaves jobs of another version to their worker, and says that they wait", async () => {
    const other = "99.0.0-000000000000";
    const others = new Queue(other, { connection: client, prefix: keyPrefix });
    await client.sadd(queuesKey, other, "not a queue's name");
    await others.add("train", { ...good, phinets: "99.0.0" });
    const worker = startWorker({ store: join(root, "store") });
    await until("the note", async () => worker.notes.find((note) => note.includes(other)));
    expect(worker.notes.find((note) => note.includes(other))).toMatch(
      /^1 jobs are waiting for a worker of another version/,
    );
    await worker.end();
    expect(await others.getWaitingCount()).toBe(1);
  }, 240_000);

  it("leaves a job whose store it cannot reach to who can", async () => {
    const job = await leaveJob("stored", 0.02);
    await queue.add("train", job, { jobId: jobName(job), removeOnComplete: true });
    const without = startWorker();
    await until("the note", async () => without.notes.find((note) => /are left to other workers/.test(note)));
    const withStore = startWorker({ store: join(root, "store") });
    await until("the record", () => new Records(client, job.store).find(job.trial));
    await Promise.all([without.end(), withStore.end()]);
  }, 240_000);

  it("begins anew where a checkpoint is gone", async () => {
    const job = await leaveJob("gone", 0.05);
    const records = new Records(client, job.store);
    await records.save(job.trial, { epoch: 1, rung: 0, files: { last: { sha256: "a".repeat(64), bytes: 9 } } });
    await queue.add("train", job, { jobId: jobName(job), removeOnComplete: true });
    const worker = startWorker({ store: join(root, "store") });
    const isDone = async () => {
      const record = await records.find(job.trial);
      return record?.rung === 1 ? record : undefined;
    };
    expect((await until("the end", isDone)).files.last?.sha256).not.toBe("a".repeat(64));
    expect(worker.notes.join("\n")).toMatch(
      /its checkpoint is missing \(.*has no aaaaaaaaaaaa.*\); it starts again from the first epoch/,
    );
    await worker.end();
  }, 240_000);

  it("says what this machine cannot do, and gives the job back; where all have failed it is given up", async () => {
    const job = await leaveJob("lost", 0.03);
    const store = join(root, "store");
    rmSync(join(store, "objects", job.data.sha256.slice(0, 2), job.data.sha256));
    await queue.add("train", job, { jobId: jobName(job), attempts: 2, backoff: { type: "fixed", delay: 100 } });
    const worker = startWorker({ store });
    const failed = await until("the end", async () => (await queue.getJob(jobName(job)))?.failedReason);
    expect(failed).toMatch(/has no [0-9a-f]{12}; run the sweep again/);
    expect(worker.notes.find((note) => /^failed: /.test(note))).toMatch(/it is returned to the queue/);
    await worker.end();
  }, 240_000);
});

describe("what Redis says", () => {
  it.each([
    "[]",
    "{",
    '{"epoch":1}',
    '{"epoch":1,"rung":1,"files":{"last":{"sha256":"../x","bytes":1}}}',
    '{"epoch":1,"rung":1,"files":{"../x":{"sha256":"a","bytes":1}}}',
  ])("is no record: %s", (text) => expect(parseRecord(text)).toBeUndefined());

  it.each(["", "localhost:6379", "http://a", "redis://", "redis://a/x", "redis://a/1/2"])("is no address: %j", (text) =>
    expect(() => redisAddress(text)).toThrow(/is no address of a Redis/),
  );

  it("is shown without its password", () => {
    expect(redisAddress("rediss://me:secret@host:1/2")).toEqual({
      url: "rediss://me:secret@host:1/2",
      shown: "rediss://host:1/2",
    });
  });
});
