/**
 * Trainings that start from other weights, freeze layers, accumulate gradients, change sizes or end early; each is also
 * resumed.
 */
import * as fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSafetensors } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadArguments } from "../packages/node/src/run/arguments.js";
import { readResults } from "../packages/node/src/run/save.js";
import { loadCheckpoint } from "../packages/node/src/steps/checkpoint.js";
import { phinets, phinetsJson, tinyDataset, tinyNetwork, writeNetwork } from "./road-tools.js";

const root = fs.mkdtempSync(join(tmpdir(), "phinets-transfer-"));
const project = join(root, "runs");
const folderOf = (name: string): string => join(project, "detect", name);
let data: string;
let network: string;

const words = (name: string, ...more: string[]): string[] => [
  ...["train", "--data", data, "--project", project, "--name", name],
  ...["--batch", "4", "--epochs", "2", "--workers", "1", ...more],
];
const weightsOf = (file: string) => decodeSafetensors(fs.readFileSync(file), file).weights;
const best = (name: string): string => join(folderOf(name), "weights/best.safetensors");

/** Runs the command line until its second checkpoint, as if it were killed there. */
async function stopInSecondEpoch(...line: string[]): Promise<void> {
  const cjs = createRequire(import.meta.url)("node:fs") as { renameSync: typeof fs.renameSync };
  const real = cjs.renameSync;
  let count = 0;
  cjs.renameSync = (from, to) => {
    if (String(to).endsWith("last.safetensors") && count++ === 1)
      throw Object.assign(new Error("EIO"), { code: "EIO" });
    real(from, to);
  };
  syncBuiltinESMExports();
  try {
    expect((await phinets(...line)).exitCode).toBe(1);
  } finally {
    cjs.renameSync = real;
    syncBuiltinESMExports();
  }
}

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  network = writeNetwork(root);
  await phinetsJson(...words("base", "--network", network));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

describe("--weights", () => {
  it("takes a run's weights, its network too, and says so", async () => {
    const { exitCode, stderr } = await phinets(...words("again", "--weights", folderOf("base")));
    expect(exitCode, stderr).toBe(0);
    const tensors = Object.keys(weightsOf(best("base"))).length;
    expect(stderr).toContain(`weights: ${tensors} of ${tensors} tensors from ${best("base")}`);
    const args = loadArguments(folderOf("again"));
    expect(args.weights).toMatchObject({ file: best("base"), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    // The first loss is lower than with random weights.
    const first = (name: string) => readResults(folderOf(name)).find(({ epoch }) => epoch === 1)!.loss;
    expect(first("again")).toBeLessThan(first("base"));
  });

  it("with everything but the head frozen changes the head alone", async () => {
    await phinetsJson(...words("head", "--weights", best("base"), "--freeze", "backbone", "--epochs", "1", "--no-val"));
    const [before, after] = [weightsOf(best("base")), weightsOf(best("head"))];
    let changed = 0;
    for (const [name, { data: values }] of Object.entries(before)) {
      if (name.startsWith("head.")) changed += Number(String(after[name].data) !== String(values));
      else expect(after[name].data, name).toEqual(values);
    }
    expect(changed).toBeGreaterThan(5);
  });

  it("remakes the layer that predicts when the classes are others, and takes the rest of other shapes' networks", async () => {
    const other = join(root, "other");
    fs.cpSync(folderOf("base"), other, { recursive: true });
    const json = JSON.parse(fs.readFileSync(join(other, "network.json"), "utf8"));
    json.head.classes = ["this", "that", "else"];
    fs.writeFileSync(join(other, "network.json"), JSON.stringify(json));
    const { stderr } = await phinets(...words("anchors", "--weights", other, "--network", network, "--epochs", "1"));
    expect(stderr).toMatch(/not used, these start untrained: head\.6\.\w+ \(it predicted other classes or anchors\)/);
    const wider = writeNetwork(fs.mkdtempSync(join(root, "n-")), {
      ...tinyNetwork,
      head: { ...tinyNetwork.head, filters: 24 },
    });
    const run = await phinets(...words("wider", "--weights", best("base"), "--network", wider, "--epochs", "1"));
    expect(run.exitCode, run.stderr).toBe(0);
    expect(run.stderr).toMatch(/head\.3\.weight \(\[16,[\d,]+\] in the file, \[24,[\d,]+\] needed\)/);
  });

  it("reads a checkpoint's averaged weights", async () => {
    const last = join(folderOf("base"), "weights/last.safetensors");
    const { exitCode, stderr } = await phinets(...words("last", "--weights", last, "--epochs", "1"));
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`tensors from ${last}`);
  });

  it("refuses what does not fit at all, is not there, or is not weights, and leaves no run", async () => {
    const other = writeNetwork(fs.mkdtempSync(join(root, "n-")), {
      ...tinyNetwork,
      family: "mobilenetv2",
      alpha: undefined,
      blocks: undefined,
      downsampling: undefined,
    });
    const errors = [
      [words("refused", "--weights", best("base"), "--network", other), /no layer of it fits the network \(features/],
      [
        words("refused", "--weights", join(root, "none.pth"), "--network", network),
        /none\.pth: no such file; --weights takes/,
      ],
      [words("refused", "--weights", root, "--network", network), /has no weights\/best\.safetensors/],
      [words("refused", "--weights", network, "--network", network), /no weights file that is known/],
      [words("refused", "--freeze", "nothing", "--network", network), /freeze "nothing" means no layer/],
    ] as const;
    for (const [line, message] of errors) {
      const { exitCode, stderr } = await phinets(...line);
      expect(exitCode).toBe(1);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(message);
    }
    expect(fs.existsSync(folderOf("refused"))).toBe(false);
  });

  it("is not needed to go on: the run has its own copy", async () => {
    const file = join(root, "moved.safetensors");
    fs.copyFileSync(best("base"), file);
    const whole = await phinetsJson(...words("kept-whole", "--weights", file, "--network", network));
    const run = folderOf("kept");
    await stopInSecondEpoch(...words("kept", "--weights", file, "--network", network));
    expect(loadCheckpoint(run)).toMatchObject({ epoch: 0 });
    const start = weightsOf(join(run, "weights/last.safetensors"));
    for (const [name, { data: values }] of Object.entries(weightsOf(file)))
      expect(start[`parameters/${name}`].data, name).toEqual(values);
    fs.rmSync(file);
    const resumed = await phinetsJson("train", "--resume", run);
    expect(resumed.weightsSha256).toBe(whole.weightsSha256);
    // Without its own checkpoint the run needs the file again.
    fs.rmSync(join(run, "weights/last.safetensors"));
    expect((await phinets("train", "--resume", run)).stderr).toMatch(/moved\.safetensors: no such file/);
  });
});

it("a rate that diverges ends with the step, the rate and advice", async () => {
  const wild = ["--network", network, "--lr", "100", "--clip-norm", "0", "--optimizer", "sgd", "--warmup-steps", "0"];
  const { exitCode, stderr } = await phinets(...words("diverged", ...wild, "--epochs", "8"));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/training diverged at step \d+, learning rate [\d.]+: .*lower the learning rate, to 30/);
});

describe("goes on to the same bits", () => {
  it.each([
    ["accumulate", ["--accumulate", "3"]],
    ["sizes", ["--multi-scale", "--seed", "5"]],
    ["lamb", ["--optimizer", "lamb", "--schedule", "constant", "--freeze", "2"]],
    ["rmsprop", ["--optimizer", "rmsprop", "--lr", "0.001", "--schedule", "step", "--milestones", "1"]],
  ])("%s", async (name, options) => {
    const whole = await phinetsJson(...words(`${name}-whole`, "--network", network, ...options));
    await stopInSecondEpoch(...words(name, "--network", network, ...options));
    expect(loadCheckpoint(folderOf(name))?.epoch).toBe(1);
    expect((await phinetsJson("train", "--resume", folderOf(name))).weightsSha256).toBe(whole.weightsSha256);
  });
});

describe("--patience", () => {
  it("ends the run after so many epochs that are not better, also when gone on with", async () => {
    // At this rate nothing is learnt: the first epoch stays the best.
    const still = ["--network", network, "--lr", "1e-9", "--epochs", "6", "--patience", "2"];
    const document = await phinetsJson(...words("patience", ...still));
    expect(document).toMatchObject({ end: "patience", epochs: 3, bestEpoch: 1 });
    await stopInSecondEpoch(...words("patience-resumed", ...still));
    const { stdout } = await phinets("train", "--resume", folderOf("patience-resumed"));
    expect(stdout).toContain("stopped after 3 of 6 epochs: no improvement for 2 epochs (--patience), best epoch 1");
    const again = await phinetsJson("train", "--resume", folderOf("patience-resumed"));
    expect(again).toMatchObject({ end: "patience", epochs: 3, weightsSha256: document.weightsSha256 });
  });
});
