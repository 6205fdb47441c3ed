/**
 * A sweep over a queue under SIGKILL: the same file is run alone and undisturbed, and again over Redis by workers in
 * separate folders, while a random (seeded) schedule kills workers, Redis and the sweep. leaderboard.csv, weights and
 * journal must have the same bytes; rungs that two workers trained to the end are counted. Then, without training: the
 * Redis memory taken by 10,000 jobs, and the speed of adding, taking and checking them. With `--speculate` the sweeps
 * over Redis train ahead: their journals may have more entries than the undisturbed one's, and there may be weights of
 * discarded trainings. Exit code 1 if bytes differ.
 * Usage: node bench/sweep/queue-kills.mjs [--schedules 10] [--seed 1] [--jobs 10000] [--speculate]. Needs
 * `npm run build` and redis-server; a schedule takes about a minute.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "@phinets/core/tensor";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { jobName, parseJob } from "../../packages/queue/dist/job.js";
import { keyPrefix, ownQueue } from "../../packages/queue/dist/names.js";
import { Records } from "../../packages/queue/dist/records.js";
import { writeTinySweep } from "./lib/tiny.mjs";

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "10000" },
    speculate: { type: "boolean", default: false },
  },
});
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "phinets-queue-kills-"));
const file = await writeTinySweep(root, { epochs: 12, more: "firstEpochs: 3\n" });

/** All started processes, to be killed at the end. */
const children = new Set();
function start(program, words, options = {}) {
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"], ...options });
  children.add(child);
  child.said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    child.said += text;
  });
  child.ended = once(child, "exit").then(([code, signal]) => code ?? signal);
  return child;
}

async function kill(child, signal = "SIGKILL") {
  child.kill(signal);
  await child.ended;
  children.delete(child);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.on("error", () => resolve(false));
    socket.on("data", (text) => {
      resolve(String(text).startsWith("+PONG"));
      socket.destroy();
    });
  });

async function startRedis(folder, port) {
  mkdirSync(folder, { recursive: true });
  const keeps = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
  const redis = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...keeps]);
  while (!(await answers(port))) await setTimeout(50);
  return redis;
}

const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

function resultOf(out) {
  // Only an undisturbed sweep on one machine has weights of discarded trials.
  const runs = readdirSync(join(out, "detect")).sort();
  const journal = readFileSync(join(out, "journal.jsonl"), "utf8").trim().split("\n");
  const weights = runs.map((run) => [run, join(out, "detect", run, "weights/best.safetensors")]);
  return {
    leaderboard: digest(join(out, "leaderboard.csv")),
    weights: Object.fromEntries(
      weights.filter(([, path]) => existsSync(path)).map(([run, path]) => [run, digest(path)]),
    ),
    journal: new Set(journal),
    // Trials trained to their end.
    ended: journal.flatMap((line) => (line.includes("weightsSha256") ? [JSON.parse(line).trial] : [])),
    twice: journal.length - new Set(journal).size,
  };
}

/** Rungs that the workers' output reports as trained to their end, except those found already done. */
const trainedIn = (text) => [...text.matchAll(/^([0-9a-f]{16}: epoch \d+) of \d+$/gm)].map(([, rung]) => rung);

async function runSchedule(n, random) {
  const folder = join(root, `schedule-${n}`);
  const out = join(folder, "sweep");
  mkdirSync(folder);
  const [port, storePort] = [await freePort(), await freePort()];
  const queue = ["--queue", `redis://127.0.0.1:${port}`];
  let redis = await startRedis(join(folder, "redis"), port);
  const startSweep = () =>
    start(process.execPath, [
      ...[bin, "sweep", file, "--out", out, ...queue, "--serve", `127.0.0.1:${storePort}`],
      ...(values.speculate ? ["--speculate"] : []),
    ]);
  let names = 0;
  let said = "";
  const startWorker = () => {
    const work = join(folder, `worker-${names++}`);
    return start(process.execPath, [bin, "worker", ...queue, "--work", work, "--workers", "1"]);
  };
  let sweep = startSweep();
  const workers = [startWorker(), startWorker()];
  const kills = [];
  const wanted = 1 + random.integer(4);
  for (let n = 0; n < wanted; n++) {
    await Promise.race([sweep.ended, setTimeout(1500 + random.integer(6000))]);
    if (sweep.exitCode === 0) break;
    const victim = ["worker", "worker", "redis", "sweep"][random.integer(4)];
    kills.push(victim);
    if (victim === "worker") {
      const place = random.integer(workers.length);
      await kill(workers[place]);
      said += workers[place].said;
      workers[place] = startWorker();
    } else if (victim === "redis") {
      await kill(redis);
      await setTimeout(random.integer(2000));
      redis = await startRedis(join(folder, "redis"), port);
    } else {
      await kill(sweep);
      await setTimeout(random.integer(2000));
      sweep = startSweep();
    }
  }
  const end = await sweep.ended;
  if (end !== 0) throw new Error(`the sweep ended with ${end}:\n${sweep.said}`);
  for (const worker of workers) {
    await kill(worker, "SIGTERM");
    said += worker.said;
  }
  await kill(redis);
  const rungs = trainedIn(said);
  const result = {
    ...resultOf(out),
    kills,
    rungs: new Set(rungs).size,
    trainedTwice: rungs.length - new Set(rungs).size,
  };
  rmSync(folder, { recursive: true, force: true });
  return result;
}

/** A job as a sweep creates it. */
async function realJob(url, queue) {
  const sweep = start(process.execPath, [
    bin,
    "sweep",
    file,
    "--out",
    join(root, "jobs"),
    "--queue",
    url,
    "--store",
    join(root, "store"),
  ]);
  let job;
  while (job === undefined) {
    await setTimeout(100);
    [job] = await queue.getJobs(["waiting"]);
  }
  await kill(sweep);
  await queue.obliterate({ force: true });
  return job.data;
}

async function measure(jobs) {
  const port = await freePort();
  const redis = await startRedis(join(root, "measured"), port);
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(ownQueue(), { connection: client, prefix: keyPrefix });
  const document = await realJob(url, queue);
  const memory = async () => Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))[1]);
  const before = await memory();
  const perSecond = (since) => Math.round((1000 * jobs) / (performance.now() - since));
  const options = { attempts: 5, backoff: { type: "fixed", delay: 2000 }, removeOnComplete: true, stackTraceLimit: 1 };
  let since = performance.now();
  // Like a sweep: many concurrent requests.
  for (let n = 0; n < jobs; n += 500) {
    const some = Array.from({ length: Math.min(500, jobs - n) }, (_, i) => `${jobName(document)}-${n + i}`);
    await Promise.all(some.map((jobId) => queue.add("train", document, { ...options, jobId })));
  }
  const put = perSecond(since);
  const taken = (await memory()) - before;
  since = performance.now();
  let done = 0;
  const worker = new Worker(
    ownQueue(),
    async ({ data }) => {
      parseJob(data, jobName(data));
      done++;
    },
    { connection: client, prefix: keyPrefix, concurrency: 8, autorun: false },
  );
  void worker.run();
  while (done < jobs) await setTimeout(20);
  const took = perSecond(since);
  since = performance.now();
  for (let n = 0; n < 1000; n++) parseJob(document, jobName(document));
  const checkUs = Math.round(performance.now() - since);
  await worker.close();
  const records = new Records(client, document.store);
  const stored = { sha256: "a".repeat(64), bytes: 1_000_000 };
  const record = { epoch: 9, rung: 9, files: { last: stored, best: stored, results: stored } };
  const emptied = await memory();
  for (let n = 0; n < 1000; n++) await records.save(String(n).padStart(16, "0"), record);
  const redisBytesPerTrial = Math.round(((await memory()) - emptied) / 1000);
  client.disconnect();
  await kill(redis);
  const jobBytes = Buffer.byteLength(JSON.stringify(document));
  const figures = {
    jobs,
    jobBytes,
    redisBytesPerTrial,
    redisBytesPerJob: Math.round(taken / jobs),
    redisMiB: Math.round(taken / 2 ** 20),
  };
  console.log(JSON.stringify({ bench: "queue", ...figures, putPerSecond: put, takenPerSecond: took, checkUs }));
}

let failed = false;
try {
  const alone = start(process.execPath, [bin, "sweep", file, "--out", join(root, "alone"), "--workers", "1"]);
  if ((await alone.ended) !== 0) throw new Error(alone.said);
  const expected = resultOf(join(root, "alone"));
  const schedules = Number(values.schedules);
  for (let n = 0; n < schedules; n++) {
    const result = await runSchedule(n, new Random(Number(values.seed), n));
    const { speculate } = values;
    const wrong = result.leaderboard === expected.leaderboard ? [] : ["leaderboard"];
    const lacks = [...expected.journal].some((line) => !result.journal.has(line));
    if (lacks || (!speculate && result.journal.size !== expected.journal.size)) wrong.push("journal");
    const compared = speculate ? expected.ended : Object.keys(result.weights);
    if (compared.some((run) => result.weights[run] !== expected.weights[run])) wrong.push("weights");
    if (result.twice > 0) wrong.push(`${result.twice} lines of the journal twice`);
    failed ||= wrong.length > 0;
    const { kills, rungs, trainedTwice } = result;
    const told = {
      speculate,
      kills: kills.join(" "),
      rungs,
      trainedTwice,
      result: wrong.length === 0 ? "equal" : wrong,
    };
    console.log(JSON.stringify({ bench: "queue-kills", schedule: n, ...told }));
  }
  if (Number(values.jobs) > 0) await measure(Number(values.jobs));
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
