/** Training gives the same bits with any number of threads, and however often it is stopped and resumed. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadRun } from "../packages/node/src/run/load.js";
import { readResults } from "../packages/node/src/run/save.js";
import { loadCheckpoint } from "../packages/node/src/steps/checkpoint.js";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "./road-tools.js";

const root = fs.mkdtempSync(join(tmpdir(), "phinets-resume-"));
const project = join(root, "runs");
const folderOf = (name: string): string => join(project, "detect", name);
let data: string;
let network: string;

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  network = writeNetwork(root);
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const words = (name: string, ...more: string[]): string[] => [
  "train",
  ...[
    "--data",
    data,
    "--network",
    network,
    "--project",
    project,
    "--seed",
    "7",
    "--batch",
    "4",
    "--no-plots",
    "--name",
    name,
  ],
  ...more,
];

const sha256 = (document: Record<string, unknown>): string => {
  expect(document.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
  return document.weightsSha256 as string;
};

/** Temporary files of an interrupted write. */
const temporaryFiles = (folder: string): string[] =>
  fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => basename(path).startsWith("."));

describe("one seed, one answer", () => {
  it("on 1, 2 and 3 threads, and another with another seed", async () => {
    const digests: string[] = [];
    for (const workers of ["1", "2", "3"])
      digests.push(sha256(await phinetsJson(...words(`threads${workers}`, "--epochs", "3", "--workers", workers))));
    expect(new Set(digests).size).toBe(1);
    const [first, ...others] = [1, 2, 3].map((n) =>
      fs.readFileSync(join(folderOf(`threads${n}`), "weights/last.safetensors")),
    );
    for (const other of others) expect(Buffer.compare(other, first)).toBe(0);
    const seeded = await phinetsJson(...words("seed8", "--epochs", "3", "--seed", "8"));
    expect(sha256(seeded)).not.toBe(digests[0]);
  });

  it("for classifiers too", async () => {
    const pictures = fs.readdirSync(join(root, "data/train/images"));
    for (const [n, name] of pictures.entries()) {
      const folder = join(root, "classes", n % 2 ? "odd" : "even");
      fs.mkdirSync(folder, { recursive: true });
      fs.copyFileSync(join(root, "data/train/images", name), join(folder, name));
    }
    const digests: string[] = [];
    for (const workers of ["1", "3"]) {
      const run = ["--epochs", "2", "--batch", "8", "--workers", workers, "--project", project, "--network", network];
      digests.push(sha256(await phinetsJson("train", "--data", join(root, "classes"), ...run)));
    }
    expect(digests[1]).toBe(digests[0]);
  });
});

describe("a run that stops at any of its writes", () => {
  /** Makes the `n`th write of the run fail as if the process had been killed there; true when it did. */
  async function stopAt(n: number, act: () => Promise<unknown>): Promise<boolean> {
    const cjs = createRequire(import.meta.url)("node:fs") as { renameSync: typeof fs.renameSync };
    const real = cjs.renameSync;
    let count = 0;
    cjs.renameSync = (from, to) => {
      if (String(to).startsWith(project) && count++ >= n)
        throw Object.assign(new Error("EIO: i/o error, rename"), { code: "EIO" });
      real(from, to);
    };
    syncBuiltinESMExports();
    try {
      await act();
      return count > n;
    } finally {
      cjs.renameSync = real;
      syncBuiltinESMExports();
    }
  }

  it("goes on to the same weights, results and checkpoint", async () => {
    const whole = sha256(await phinetsJson(...words("whole", "--epochs", "3")));
    const last = fs.readFileSync(join(folderOf("whole"), "weights/last.safetensors"));
    const results = (name: string) =>
      readResults(folderOf(name)).map(({ imagesPerSecond: _, ...row }) => row as Record<string, number>);
    let stops = 0;
    for (let n = 0; n < 40; n++) {
      const name = `stop${n}`;
      const stopped = await stopAt(n, async () => {
        const { exitCode, stderr } = await phinets(...words(name, "--epochs", "3"));
        if (exitCode !== 0) expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^error: .*: cannot write: the disk/);
      });
      if (!stopped) break;
      stops++;
      // Without saved arguments it is not a run, and is started again under its name.
      const started = fs.existsSync(join(folderOf(name), "args.yaml"));
      const again = started ? ["train", "--resume", folderOf(name)] : words(name, "--epochs", "3", "--exist-ok");
      expect(sha256(await phinetsJson(...again)), `stopped at write ${n}`).toBe(whole);
      expect(Buffer.compare(fs.readFileSync(join(folderOf(name), "weights/last.safetensors")), last)).toBe(0);
      expect(results(name)).toEqual(results("whole"));
      expect(temporaryFiles(folderOf(name))).toEqual([]);
    }
    // Writes: network.json, args.yaml, then results and the last checkpoint of each epoch, and the best at least once.
    expect(stops).toBeGreaterThanOrEqual(9);
  });
});

const bin = fileURLToPath(new URL("../packages/cli/bin/phinets.js", import.meta.url));
const built = fs.existsSync(fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url)));
if (!built) console.warn("skipped: packages/cli/dist is absent; `npm run build` makes it");

describe.skipIf(!built)("a process of its own", () => {
  const epochs = ["--epochs", "24", "--workers", "2"];

  /** Starts the command line; `ended` resolves with its exit code (undefined after a signal) and its output. */
  function start(...args: string[]) {
    const child: ChildProcess = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const written = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream]!.setEncoding("utf8").on("data", (text: string) => {
        written[stream] += text;
      });
    const ended = new Promise<{ exitCode?: number; stdout: string; stderr: string }>((resolve) => {
      child.on("close", (code) => resolve({ exitCode: code ?? undefined, ...written }));
    });
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(written.stderr) && child.exitCode === null) await new Promise((r) => setTimeout(r, 5));
    };
    return { child, ended, until };
  }

  let whole: string;
  let elapsedMs: number;
  beforeAll(async () => {
    const begin = performance.now();
    const { exitCode, stdout, stderr } = await start(...words("uninterrupted", ...epochs, "--json")).ended;
    elapsedMs = performance.now() - begin;
    expect(exitCode, stderr).toBe(0);
    whole = sha256(JSON.parse(stdout));
  });

  it("killed again and again, and gone on with each time, ends with the same weights", async () => {
    const random = new Random(5);
    const folder = folderOf("killed");
    let kills = 0;
    let epochsSeen = 0;
    for (;;) {
      const started = fs.existsSync(join(folder, "args.yaml"));
      const { child, ended, until } = start(
        ...(started ? ["train", "--resume", folder, "--workers", "2"] : words("killed", ...epochs, "--exist-ok")),
        "--json",
      );
      // The first kill is certainly during training, later ones at any moment: start, training, validation, writing.
      if (kills === 0) void until(/training 2\/24 epochs/).then(() => child.kill("SIGKILL"));
      const delayMs = random.uniform(0.2, 0.9) * elapsedMs;
      const timer = kills > 0 && kills < 7 ? setTimeout(() => child.kill("SIGKILL"), delayMs) : undefined;
      const { exitCode, stdout, stderr } = await ended;
      clearTimeout(timer);
      if (exitCode === undefined) {
        kills++;
        // The checkpoint is always intact and never goes back.
        const epoch = loadCheckpoint(folder)?.epoch ?? 0;
        expect(epoch).toBeGreaterThanOrEqual(epochsSeen);
        epochsSeen = epoch;
        if (epoch > 0) loadRun(folder);
        continue;
      }
      expect(exitCode, stderr).toBe(0);
      expect(sha256(JSON.parse(stdout))).toBe(whole);
      break;
    }
    expect(kills).toBeGreaterThanOrEqual(1);
    const rows = readResults(folder).map((row) => row.epoch);
    expect(rows).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("after %s ends with %i, its last checkpoint whole", async (signal, code) => {
    const folder = folderOf(signal);
    const { child, ended, until } = start(...words(signal, ...epochs, "--json"));
    await until(/training 3\/24 epochs/);
    child.kill(signal);
    const { exitCode, stdout, stderr } = await ended;
    expect(exitCode, stderr).toBe(code);
    expect(stderr.trimEnd().split("\n").slice(-2)).toEqual([
      "error: interrupted",
      `to continue: phinets train --resume ${folder}`,
    ]);
    expect(JSON.parse(stdout)).toEqual({ error: { code: "cli.interrupted", message: "interrupted" } });
    const epoch = loadCheckpoint(folder)!.epoch;
    expect(epoch).toBeGreaterThanOrEqual(3);
    expect(epoch).toBeLessThan(24);
    expect(readResults(folder)).toHaveLength(epoch);
    expect(temporaryFiles(folder)).toEqual([]);
    const resumed = await start("train", "--resume", folder, "--workers", "1", "--json").ended;
    expect(sha256(JSON.parse(resumed.stdout))).toBe(whole);
  });
});
