import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { phinets, phinetsJson, tinyDataset, tinySweep, writeNetwork } from "../../../../test/road-tools.js";
import { readLock } from "../../../node/src/steps/run-lock.js";

// Trials are child processes of the built command line: plain Node does not read TypeScript.
const bin = fileURLToPath(new URL("../../bin/phinets.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../../dist/main.js", import.meta.url)));

const root = mkdtempSync(join(tmpdir(), "phinets-sweep-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeAll(async () => {
  await tinyDataset(join(root, "data"));
  writeNetwork(root);
});

let files = 0;
function sweepFile(text: string): string {
  const path = join(root, `sweep${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

const trainWords = (epochs: number) => [
  ...["train", "--data", join(root, "data"), "--network", join(root, "network.json")],
  ...["--epochs", String(epochs), "--batch", "8"],
];

interface Row {
  readonly setting: Record<string, unknown>;
  readonly epochs: number;
  readonly score: number;
  readonly runs: readonly string[];
  readonly weightsSha256?: readonly string[];
}

/** Ids of the processes that train for a sweep in a folder. */
const slotsOf = (folder: string): number[] =>
  execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`slot-worker.js ${folder}`))
    .map((line) => Number(line.trim().split(" ")[0]));

/** Starts a sweep in a separate process. */
function start(file: string, folder: string, ...words: string[]): ChildProcess & { said: string } {
  const all = [bin, "sweep", file, "--out", folder, ...words];
  const child = spawn(process.execPath, all, { stdio: ["ignore", "ignore", "pipe"] });
  const started = Object.assign(child, { said: "" });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    started.said += text;
  });
  return started;
}

const leaderboard = (folder: string) => readFileSync(join(folder, "leaderboard.csv"), "utf8");

describe.skipIf(!built)("phinets sweep", () => {
  it("is the same leaderboard in one slot, in two, and killed in between; nothing is trained twice", async () => {
    const file = sweepFile(tinySweep);
    const [one, two, killed] = ["one", "two", "killed"].map((name) => join(root, name));
    const result = await phinetsJson<{ rows: Row[]; trainedEpochs: number }>(
      "sweep",
      file,
      "--out",
      one,
      "--workers",
      "1",
    );
    // Four settings for one epoch, two for two, one for four.
    expect(result.trainedEpochs).toBe(8);
    expect(result.rows.map(({ epochs }) => epochs)).toEqual([4, 2, 1, 1]);
    expect(result.rows.map(({ weightsSha256 }) => weightsSha256?.length)).toEqual([1, undefined, undefined, undefined]);

    await phinetsJson("sweep", file, "--out", two, "--slots", "2");
    expect(leaderboard(two)).toBe(leaderboard(one));

    const child = start(file, killed);
    const ended = once(child, "close");
    child.stderr!.on("data", () => {
      if (/sweep [2-7]\/8 epochs/.test(child.said)) child.kill("SIGKILL");
    });
    await ended;
    expect(child.signalCode, child.said).toBe("SIGKILL");
    await vi.waitFor(() => expect(slotsOf(killed)).toEqual([]), 10_000);
    expect(existsSync(join(killed, "leaderboard.csv"))).toBe(false);
    // A line that was being written when the process was killed.
    appendFileSync(join(killed, "journal.jsonl"), '{"trial":"0123');
    const gone = await phinetsJson<{ trainedEpochs: number }>("sweep", file, "--out", killed);
    expect(gone.trainedEpochs).toBeLessThan(8);
    expect(leaderboard(killed)).toBe(leaderboard(one));
    const journal = readFileSync(join(killed, "journal.jsonl"), "utf8").trim().split("\n");
    expect(new Set(journal).size).toBe(7);
    expect(journal).toHaveLength(7);

    // Repeated, there is nothing left to train.
    expect(await phinetsJson("sweep", file, "--out", one)).toMatchObject({ trainedEpochs: 0 });
    expect(readFileSync(join(one, "sweep.html"), "utf8")).toContain("phinets ship --from-sweep");
  }, 300_000);

  it("is the same leaderboard where likely settings are trained ahead, and killed in between", async () => {
    const file = sweepFile(tinySweep);
    const [ahead, killed] = ["ahead", "ahead-killed"].map((name) => join(root, name));
    const words = ["--slots", "3", "--speculate"];
    expect(await phinetsJson("sweep", file, "--out", ahead, ...words)).toMatchObject({ trainedEpochs: 8 });

    const child = start(file, killed, ...words);
    const ended = once(child, "close");
    child.stderr!.on("data", () => {
      if (/sweep [3-7]\/8 epochs/.test(child.said)) child.kill("SIGKILL");
    });
    await ended;
    expect(child.signalCode, child.said).toBe("SIGKILL");
    await vi.waitFor(() => expect(slotsOf(killed)).toEqual([]), 10_000);
    // Results that were trained speculatively before are used or ignored.
    await phinetsJson("sweep", file, "--out", killed);
    const names = ["leaderboard.csv", "sweep.json"];
    const results = (folder: string) => names.map((name) => readFileSync(join(folder, name), "utf8"));
    for (const folder of [ahead, killed]) expect(results(folder)).toEqual(results(join(root, "one")));
    // Pages contain the names of folder and file.
    const page = (folder: string) =>
      readFileSync(join(folder, "sweep.html"), "utf8")
        .replaceAll(folder, "FOLDER")
        .replaceAll(/sweep\d+/g, "FILE");
    expect(page(ahead) === page(join(root, "one"))).toBe(true);
  }, 300_000);

  it("trains as train does: a setting that went through rungs has the weights of one trained through", async () => {
    const [best] = (JSON.parse(readFileSync(join(root, "one", "sweep.json"), "utf8")) as { rows: Row[] }).rows;
    const { weightsSha256 } = await phinetsJson<{ weightsSha256: string }>(
      ...trainWords(4),
      ...["--lr", String(best.setting.lr), "--warmup-steps", String(best.setting.warmupSteps)],
      ...["--project", join(root, "runs"), "--no-plots"],
    );
    expect(best.weightsSha256).toEqual([weightsSha256]);
  });

  it("ends with its reason when the process of a slot does, and at Ctrl-C without one; both go on", async () => {
    const file = sweepFile(tinySweep);
    for (const [how, signal] of [
      ["crashed", "SIGKILL"],
      ["interrupted", "SIGINT"],
    ] as const) {
      const folder = join(root, how);
      const child = start(file, folder);
      const ended = once(child, "close");
      let told = false;
      child.stderr!.on("data", () => {
        if (told || !/sweep [1-7]\/8 epochs/.test(child.said)) return;
        told = true;
        if (how === "interrupted") child.kill(signal);
        else for (const slot of slotsOf(folder)) process.kill(slot, signal);
      });
      await ended;
      expect(child.exitCode, child.said).toBe(how === "interrupted" ? 130 : 1);
      const lines = {
        crashed: /^error: .*detect\/[0-9a-f]{16}: its process was ended by SIGKILL .*run the sweep again: it goes on/m,
        interrupted: /^error: interrupted\nto continue: phinets sweep /m,
      };
      expect(child.said).toMatch(lines[how]);
      expect(slotsOf(folder)).toEqual([]);
      await phinetsJson("sweep", file, "--out", folder);
      expect(leaderboard(folder)).toBe(leaderboard(join(root, "one")));
    }
  }, 300_000);

  it("ranks by the int8 network that quantize makes", async () => {
    const grid = "data: data\nnetwork: network.json\nepochs: 2\nbatch: 8\nspace:\n  lr: [0.01]\non: int8\n";
    const out = join(root, "int8");
    const { rows } = await phinetsJson<{ rows: Row[] }>("sweep", sweepFile(grid), "--out", out);
    const run = join(out, rows[0].runs[0]);
    const network = readFileSync(join(run, "quantized.safetensors"));
    const words = ["--model", run, "--cfg", join(run, "args.yaml"), "--project", join(root, "runs")];
    const { after } = await phinetsJson<{ after: number }>("quantize", ...words);
    expect(rows[0].score).toBe(after);
    expect(readFileSync(join(run, "quantized.safetensors")).equals(network)).toBe(true);
  }, 180_000);

  it("given more values trains only those, and ranks by the mean of seeds", async () => {
    const grid = (batches: string, seeds: string) =>
      sweepFile(`data: data\nnetwork: network.json\nepochs: 1\nseed: ${seeds}\nspace:\n  batch: ${batches}\n`);
    const out = join(root, "grid");
    const first = await phinetsJson<{ rows: Row[]; trainedEpochs: number }>(
      "sweep",
      grid("[8]", "[0, 1]"),
      "--out",
      out,
    );
    expect(first).toMatchObject({ trainedEpochs: 2, rows: [{ runs: [expect.any(String), expect.any(String)] }] });
    const more = await phinetsJson<{ rows: Row[]; trainedEpochs: number }>(
      "sweep",
      grid("[8, 16]", "[0, 1]"),
      "--out",
      out,
    );
    expect(more.trainedEpochs).toBe(2);
    expect(readdirSync(join(out, "detect"))).toHaveLength(4);
    const eights = more.rows.find(({ setting }) => setting.batch === 8)!;
    const alone = await phinetsJson<{ rows: Row[] }>("sweep", grid("[8]", "[1]"), "--out", out);
    expect(alone.rows[0].runs).toEqual([eights.runs[1]]);
    const seeds = await phinetsJson<{ rows: Row[] }>("sweep", grid("[8]", "[0]"), "--out", out);
    expect(eights.score).toBeCloseTo((alone.rows[0].score + seeds.rows[0].score) / 2, 12);
  }, 180_000);

  it("never starts what does not fit, and says so", async () => {
    const file = sweepFile(`${tinySweep}limits: {ramBytes: 1000}\n`);
    const { exitCode, stdout, stderr } = await phinets("sweep", file, "--out", join(root, "tight"), "--json");
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/0 settings, 4 left out/);
    const { rows, leftOut, trainedEpochs } = JSON.parse(stdout);
    expect([rows, trainedEpochs]).toEqual([[], 0]);
    expect(leftOut[0].reason).toMatch(/RAM of [\d.]+ KiB exceeds 1000 B/);
    expect(leaderboard(join(root, "tight"))).toMatch(/left out: RAM/);
  });

  it("tries the networks of fit's Pareto set", async () => {
    const file = sweepFile(
      "data: data\ntarget: nrf52840\nspace: pareto\nepochs: 1\nimgsz: 32x48\nlimits: {latencyMs: 0.001}\n",
    );
    const { leftOut } = await phinetsJson<{ leftOut: Row[] }>("sweep", file, "--out", join(root, "pareto"));
    expect(leftOut.length).toBeGreaterThan(1);
    expect(leftOut[0].setting.network).toMatch(/^nrf52840-32x48-a[\d.]+-b/);
  }, 180_000);
});

describe("a sweep file", () => {
  const base = "data: data\nnetwork: network.json\n";
  it.each([
    ["[1]", /sweep\d+\.yaml:1:1: is not a sweep/],
    [`${base}space: {lr: []}`, /:3:13: space\.lr is an empty list/],
    [`${base}space:\n  lr: [0.1, 0.1]`, /:4:13: space\.lr has 0\.1 twice/],
    [`${base}space:\n  lr: {min: 2, max: 1}`, /:4:7: space\.lr\.max is 1; a number above min, 2/],
    [`${base}space:\n  lr: {min: 0, max: 1, scale: log}\nsearch: asha`, /begins above 0/],
    [`${base}space:\n  lr: {min: 1, max: 2}`, /is a range, of which a grid takes no value/],
    [`${base}space:\n  lrr: [1]`, /:4:3: unknown key "lrr" \(did you mean lr\?\)/],
    [`${base}space:\n  batch: [0]`, /:4:3: batch is 0; it is an integer of at least 1/],
    [`${base}space:\n  seed: [0]`, /seed stands beside space/],
    [`${base}reduction: 1`, /reduction is 1; an integer from 2/],
    [`${base}search: best`, /search is "best"; one of grid, random, asha/],
    [`${base}limits: {ram: 1}`, /limits\.ram: is no limit of a sweep/],
    [`${base}limits: {powerMw: 1}`, /limits\.fps and limits\.powerMw are given together/],
    [`${base}objective: top1`, /objective is top1, which is only for classifiers; AP50/],
    [`${base}seed: [-1]`, /seed is -1/],
    [`${base}resume: x`, /unknown key "resume"/],
    [`${base}lr: &a [*a]`, /sweep\d+\.yaml:/],
  ])("%j is refused in a line", async (text, message) => {
    const { exitCode, stderr } = await phinets("sweep", sweepFile(text), "--out", join(root, "refused"));
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^error: /);
  });

  it("is what init --sweep writes", async () => {
    const { exitCode, stderr } = await phinets("init", join(root, "data"), "--sweep");
    expect(exitCode, stderr).toBe(0);
    const { readSweepFile } = await import("../../../node/src/sweep/index.js");
    const file = await readSweepFile(join(root, "data", "sweep.yaml"));
    expect(file).toMatchObject({ search: "asha", trials: 9, targets: ["stm32h743"], objective: "AP50" });
    rmSync(join(root, "data", "sweep.yaml"));
    rmSync(join(root, "data", "phinets.yaml"));
  });
});

it.skipIf(!built)("train --stop-after goes on to the same bits", async () => {
  const words = (name: string, ...more: string[]) => [
    ...trainWords(3),
    ...["--project", join(root, "stops"), "--name", name, "--no-plots", ...more],
  ];
  const whole = await phinetsJson(...words("whole"));
  const part = await phinetsJson(...words("part", "--stop-after", "1"));
  expect(part).toMatchObject({ epochs: 1, end: "stopped" });
  const run = join(root, "stops/detect/part");
  // There are no final weights to reproduce yet.
  expect(readLock(join(run, "run.lock")).weightsSha256).toBeUndefined();
  expect(await phinetsJson("train", "--resume", run, "--stop-after", "1")).toMatchObject({ epochs: 1 });
  const resumed = await phinetsJson("train", "--resume", run);
  expect(resumed.weightsSha256).toBe(whole.weightsSha256);
  expect(readLock(join(run, "run.lock")).weightsSha256).toBe(whole.weightsSha256);
});
