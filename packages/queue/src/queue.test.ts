import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Random } from "@phinets/core/tensor";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildZip } from "../../../test/build-zip.js";
import {
  bin,
  endWorker,
  processesOf,
  startWorker as startWorkerIn,
  type TestWorker,
  until,
  workersBuilt,
} from "../../../test/queue-worker.js";
import { startRedis, type TestRedis } from "../../../test/redis.js";
import { phinets, phinetsJson, tinyDataset, tinySweep, writeNetwork } from "../../../test/road-tools.js";
import { s3Environment, startS3, testS3 } from "../../../test/s3-server.js";
import { installed } from "../../../test/tools.js";
import { keyPrefix, ownQueue } from "./names.js";
import { Records } from "./records.js";
import { FolderStore } from "./store/folder-store.js";
import { openStoreFolder } from "./store/identity.js";

const root = mkdtempSync(join(tmpdir(), "phinets-queue-"));
const workers = new Set<ChildProcess>();
let redis: TestRedis;

const sweepFile = (name: string, text: string): string => {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
};

const asha = `${tinySweep}on: int8
`;

function startWorker(name: string, ...words: string[]): TestWorker {
  const worker = startWorkerIn(join(root, name), { queue: redis.url, words });
  workers.add(worker.child);
  return worker;
}

/** Processes that train in a worker's folder. */
const slotsOf = (worker: TestWorker): string[] => processesOf(worker, "slot-worker.js");

const leaderboard = (folder: string): string => readFileSync(join(folder, "leaderboard.csv"), "utf8");

/** Every trial's deployed weights, as far as the sweep has fetched them, and what int8 made of them. */
function weightsOf(folder: string, wanted?: readonly string[]): Record<string, string> {
  const trials = wanted ?? readdirSync(join(folder, "detect")).sort();
  return Object.fromEntries(
    trials.flatMap((trial) =>
      ["weights/best.safetensors", "weights/last.safetensors", "quantized.json", "quantized.safetensors"].flatMap(
        (name) => {
          const path = join(folder, "detect", trial, name);
          return existsSync(path)
            ? [[`${trial}/${name}`, createHash("sha256").update(readFileSync(path)).digest("hex")]]
            : [];
        },
      ),
    ),
  );
}

describe.skipIf(!workersBuilt || !installed("redis-server"))("a sweep over a queue", () => {
  beforeAll(async () => {
    await tinyDataset(join(root, "data"));
    writeNetwork(root);
    redis = await startRedis();
    await phinetsJson("sweep", sweepFile("sweep.yaml", asha), "--out", join(root, "alone"), "--workers", "1");
  }, 480_000);
  afterAll(async () => {
    for (const child of workers) await endWorker({ child }, "SIGKILL");
    await redis?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const over = (out: string, ...words: string[]) =>
    phinetsJson<{ trainedEpochs: number }>(
      "sweep",
      join(root, "sweep.yaml"),
      "--out",
      join(root, out),
      "--queue",
      redis.url,
      ...words,
    );

  it("is the same bytes as alone, with workers killed and Redis restarted on the way", async () => {
    const random = new Random(7);
    const sweep = over("many", "--serve", "127.0.0.1:0");
    sweep.catch(() => {}); // told below
    const first = startWorker("first");
    // At any moment of its first trainings.
    await until("a slot trains", () => slotsOf(first).length > 0);
    await setTimeout(random.integer(1500));
    await endWorker(first, "SIGKILL");
    await until("no child is left", () => slotsOf(first).length === 0);
    const [second, third] = [startWorker("second"), startWorker("third")];
    await until("the second works", () => second.said().includes("epoch") || third.said().includes("epoch"));
    await setTimeout(random.integer(1000));
    await redis.kill();
    await setTimeout(500 + random.integer(1000));
    await redis.start();
    await setTimeout(random.integer(1000));
    await endWorker(second, "SIGKILL");
    expect((await sweep).trainedEpochs).toBe(8);
    await endWorker(third, "SIGTERM");
    expect(third.said()).toMatch(/cannot be reached/);
    expect(third.said()).toMatch(/can be reached again/);
    expect(leaderboard(join(root, "many"))).toBe(leaderboard(join(root, "alone")));
    const fetched = weightsOf(join(root, "many"));
    expect(Object.keys(fetched)).toHaveLength(4);
    expect(weightsOf(join(root, "alone"))).toMatchObject(fetched);
    const journal = readFileSync(join(root, "many/journal.jsonl"), "utf8").trim().split("\n");
    expect(new Set(journal).size).toBe(journal.length);
    // What the workers had: pictures and the index, nothing of the sweep's folder.
    expect(readdirSync(third.work).sort()).toEqual(expect.arrayContaining(["data", "objects"]));
    expect(slotsOf(second)).toEqual([]);
    expect(slotsOf(third)).toEqual([]);
  }, 480_000);

  it("is the same bytes where likely settings are trained ahead, with a worker killed on the way", async () => {
    const sweep = over("ahead", "--serve", "127.0.0.1:0", "--speculate");
    sweep.catch(() => {}); // told below
    const [first, second] = [startWorker("ahead-first"), startWorker("ahead-second", "--slots", "3")];
    await until("the first works", () => first.said().includes("epoch"));
    await endWorker(first, "SIGKILL");
    expect((await sweep).trainedEpochs).toBe(8);
    await endWorker(second, "SIGTERM");
    const [one, other] = ["alone", "ahead"].map((name) => join(root, name));
    expect(leaderboard(other)).toBe(leaderboard(one));
    // One setting is trained to its end; another may have been ahead.
    const trials = readdirSync(join(one, "detect"));
    const ended = trials.filter((name) => existsSync(join(one, "detect", name, "quantized.json")));
    expect(ended).toHaveLength(1);
    expect(weightsOf(other, ended)).toEqual(weightsOf(one, ended));
    expect(Object.keys(weightsOf(one, ended))).toHaveLength(4);
  }, 240_000);

  it("goes on from the store and its journal when its own process is killed, taking what came meanwhile", async () => {
    const words = ["sweep", join(root, "sweep.yaml"), "--out", join(root, "killed"), "--queue", redis.url];
    const store = join(root, "shared");
    const child = spawn(process.execPath, [bin, ...words, "--store", store], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await until("the sweep has its queue", () => /queue: /.test(said));
    // The first rungs wait in the queue.
    await until("the first job", () => /sweep 0\/8|epochs: /.test(said));
    await setTimeout(3000);
    await endWorker({ child }, "SIGKILL");
    const worker = startWorker("meanwhile", "--store", store, "--once");
    await once(worker.child, "exit");
    expect(worker.said()).toMatch(/: epoch 1 of 4\n/);
    const more = startWorker("after", "--store", store);
    expect((await over("killed", "--store", store)).trainedEpochs).toBe(8);
    await endWorker(more, "SIGTERM");
    expect(leaderboard(join(root, "killed"))).toBe(leaderboard(join(root, "alone")));
    // What was done while nobody listened is not done again.
    // A job that is put back while its record is on its way is found done: "…, found done".
    const done = (text: string) => text.match(/^\w{16}: (epoch \d of \d|int8)$/gm) ?? [];
    const all = [...done(worker.said()), ...done(more.said())];
    expect(new Set(all).size, all.join("\n")).toBe(all.length);
  }, 480_000);

  it("takes what another sweep left in the same store", async () => {
    const store = join(root, "shared");
    const pair = [startWorker("left", "--store", store), startWorker("right", "--store", store)];
    // Everything is in the store and its records: nothing is left to train.
    expect((await over("again", "--store", store)).trainedEpochs).toBe(8);
    for (const each of pair) {
      await endWorker(each, "SIGTERM");
      expect(each.said()).not.toMatch(/epoch \d of/);
    }
    expect(leaderboard(join(root, "again"))).toBe(leaderboard(join(root, "alone")));
  }, 480_000);

  it("tells again what another took out of the queue", async () => {
    const store = join(root, "emptied-store");
    const sweep = over("emptied", "--store", store);
    sweep.catch(() => {}); // told below
    const queue = new Queue(ownQueue(), { connection: { url: redis.url }, prefix: keyPrefix });
    for (let tries = 0; (await queue.getWaitingCount()) === 0 && tries < 1200; tries++) await setTimeout(100);
    await queue.drain();
    await queue.close();
    const worker = startWorker("emptied", "--store", store);
    expect((await sweep).trainedEpochs).toBe(8);
    await endWorker(worker, "SIGTERM");
    expect(leaderboard(join(root, "emptied"))).toBe(leaderboard(join(root, "alone")));
  }, 240_000);

  it("takes a training that diverged in a later rung for what it was before", async () => {
    const store = join(root, "diverged-store");
    const alone = readdirSync(join(root, "alone/detect"));
    const [trial] = alone.filter((name) => existsSync(join(root, "alone/detect", name, "quantized.json")));
    const rows = readFileSync(join(root, "alone/detect", trial, "results.csv"), "utf8").split("\n");
    const cut = join(root, "cut.csv");
    writeFileSync(cut, `${rows.slice(0, 3).join("\n")}\n`);
    const { id } = openStoreFolder(store);
    const results = await new FolderStore(store).put(cut);
    const client = new Redis(redis.url);
    await new Records(client, id).save(trial, { epoch: 2, rung: 4, failed: "it diverged", files: { results } });
    client.disconnect();
    const worker = startWorker("diverged", "--store", store);
    await over("diverged", "--store", store);
    await endWorker(worker, "SIGTERM");
    const linesOf = (folder: string) =>
      readFileSync(join(root, folder, "journal.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.includes(trial));
    expect(linesOf("diverged")).toEqual([
      ...linesOf("alone").slice(0, 2),
      JSON.stringify({ trial, epochs: 4, failed: "it diverged" }),
    ]);
  }, 240_000);

  it("takes an archive's pictures, a share of them, and weights to start from", async () => {
    const folder = join(root, "data");
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const entries = names.map((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      return { name: `parts/${relative(folder, path)}`, content: readFileSync(path) };
    });
    writeFileSync(join(root, "data.zip"), buildZip(entries));
    const [run] = readdirSync(join(root, "alone/detect")).filter((name) =>
      existsSync(join(root, "alone/detect", name, "quantized.json")),
    );
    const text = `data: data.zip\nweights: alone/detect/${run}\nfraction: 0.5\nepochs: 2\nbatch: 8\nspace:\n  lr: [0.001, 0.002]\non: int8\n`;
    const file = sweepFile("started.yaml", text);
    await phinetsJson("sweep", file, "--out", join(root, "started-alone"), "--workers", "1");
    const sweep = phinetsJson(
      "sweep",
      file,
      "--out",
      join(root, "started"),
      "--queue",
      redis.url,
      "--serve",
      "127.0.0.1:0",
    );
    sweep.catch(() => {}); // told below
    const worker = startWorker("starter", "--slots", "2");
    await sweep;
    await endWorker(worker, "SIGTERM");
    expect(leaderboard(join(root, "started"))).toBe(leaderboard(join(root, "started-alone")));
    const fetched = weightsOf(join(root, "started"));
    expect(Object.keys(fetched)).toHaveLength(8);
    expect(weightsOf(join(root, "started-alone"))).toEqual(fetched);
  }, 480_000);

  it("delivers once what two workers did: one that stood still finds that its job is another's", async () => {
    const one = sweepFile(
      "one.yaml",
      "data: data\nnetwork: network.json\nepochs: 40\nbatch: 8\nspace:\n  lr: [0.01]\n",
    );
    await phinetsJson("sweep", one, "--out", join(root, "one-alone"), "--workers", "1");
    const sweep = phinetsJson("sweep", one, "--out", join(root, "one"), "--queue", redis.url, "--serve", "127.0.0.1:0");
    sweep.catch(() => {}); // told below
    const still = startWorker("still");
    await until("a slot trains", () => slotsOf(still).length > 0);
    await setTimeout(1500);
    still.child.kill("SIGSTOP");
    const other = startWorker("other");
    await sweep;
    still.child.kill("SIGCONT");
    await until("it is told", () => /lock was lost/.test(still.said()));
    expect(other.said()).toMatch(/: epoch 40 of 40\n/);
    for (const each of [still, other]) await endWorker(each, "SIGTERM");
    expect(leaderboard(join(root, "one"))).toBe(leaderboard(join(root, "one-alone")));
  }, 480_000);

  it("is the same bytes with a store in S3, whose keys are nowhere", async () => {
    const s3 = await startS3();
    const environment = s3Environment(s3.url);
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    try {
      const shelf = `s3://${testS3.bucket}/sweeps`;
      const one = sweepFile(
        "shelf.yaml",
        "data: data\nnetwork: network.json\nepochs: 2\nbatch: 8\nspace:\n  lr: [0.01, 0.02]\non: int8\n",
      );
      const alone = await phinets("sweep", one, "--out", join(root, "shelf-alone"), "--workers", "1");
      expect(alone.exitCode, alone.stderr).toBe(0);
      const sweep = phinets("sweep", one, "--out", join(root, "shelf"), "--queue", redis.url, "--store", shelf);
      await until("there is a store", () => s3.objects.has("sweeps/store.json"));
      const worker = startWorker("shelved", "--store", shelf);
      const { exitCode, stderr, stdout } = await sweep;
      expect(exitCode, stderr).toBe(0);
      await endWorker(worker, "SIGTERM");
      expect(leaderboard(join(root, "shelf"))).toBe(leaderboard(join(root, "shelf-alone")));
      expect(weightsOf(join(root, "shelf"))).toEqual(weightsOf(join(root, "shelf-alone")));
      expect(stderr).toContain("the store is s3://shelf/sweeps, as it is for the workers");
      for (const key of s3.objects.keys()) expect(key).toMatch(/^sweeps\/(store\.json|objects\/..\/[0-9a-f]{64})$/);
      const written = readdirSync(join(root, "shelf"), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), "latin1"));
      const { AWS_SECRET_ACCESS_KEY: secret, AWS_ACCESS_KEY_ID: key } = environment;
      for (const text of [...written, stdout, stderr, worker.said(), ...worker.child.spawnargs])
        for (const hidden of [secret, key]) expect(text.includes(hidden)).toBe(false);
    } finally {
      vi.unstubAllEnvs();
      await s3.close();
    }
  }, 480_000);

  it("says that a password is not the right one", async () => {
    const wrong = redis.url.replace("secret", "hidden");
    const words = ["--out", join(root, "refused"), "--queue", wrong, "--serve", "127.0.0.1:0"];
    const { exitCode, stderr } = await phinets("sweep", join(root, "sweep.yaml"), ...words);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/error: redis:\/\/127\.0\.0\.1:\d+\/0: WRONGPASS/);
    expect(stderr).not.toContain("hidden");
  });

  it.each([
    [["--queue", "http://a", "--store", "s"], /no address of a Redis/],
    [["--queue", "redis://a", "--store", "s3://"], /it is s3:\/\/BUCKET\/PREFIX/],
    [["--queue", "redis://a", "--store", "s3://shelf", "--serve", "127.0.0.1:0"], /--serve serves a folder/],
    [["--queue", "redis://127.0.0.1:1"], /--queue needs a place for files/],
    [
      ["--queue", "redis://:secret@127.0.0.1:1/0", "--serve", "127.0.0.1:0"],
      /redis:\/\/127\.0\.0\.1:1\/0: .*ECONNREFUSED/,
    ],
    [["--serve", "127.0.0.1:0"], /--serve is for work on many machines/],
    [["--queue", "redis://a", "--serve", "127.0.0.1"], /It is HOST:PORT/],
    [["--queue", "redis://a", "--store", "s", "--serve-url", "http://b"], /name --serve HOST:PORT too/],
  ])("%j is refused in a line, without the password", async (words, message) => {
    const { exitCode, stderr } = await phinets(
      "sweep",
      join(root, "sweep.yaml"),
      "--out",
      join(root, "refused"),
      ...words,
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("secret");
  });
});
