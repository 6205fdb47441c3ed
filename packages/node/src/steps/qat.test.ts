/** Quantisation-aware training from the command line: its files, with any number of threads, interrupted or not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PictureSource } from "@phinets/core/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "../../../../test/road-tools.js";
import { loadRun } from "../run/load.js";
import type { StepContext } from "./context.js";
import { loadSplit, openData } from "./data.js";
import { makeInt8, recipeOfRun } from "./int8.js";
import { awarePath, trainAware } from "./qat.js";

const root = mkdtempSync(join(tmpdir(), "phinets-qat-"));
const project = join(root, "runs");
const folderOf = (name: string): string => join(project, "detect", name);
const bytes = (name: string, file: string): Buffer => readFileSync(join(folderOf(name), file));
let data: string;
let network: string;

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  network = writeNetwork(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const words = (name: string, ...more: string[]): string[] => [
  ...["train", "--data", data, "--network", network, "--project", project, "--name", name],
  ...["--epochs", "2", "--batch", "4", ...more],
];

/** A context that reports nothing and aborts when `epochs` epochs are done. */
function quiet(epochs = Number.POSITIVE_INFINITY): StepContext {
  const controller = new AbortController();
  const update = (done: number): void => {
    if (done >= epochs) controller.abort();
  };
  return {
    signal: controller.signal,
    note: () => {},
    progress: () => ({ update, stop: () => {} }),
  } as unknown as StepContext;
}

describe("train --qat", () => {
  test("leaves the float weights, adds its own; the same on 1 and 3 threads and from quantize --qat", async () => {
    await phinetsJson(...words("plain"));
    const trained = bytes("plain", "weights/best.safetensors");
    const { int8 } = await phinetsJson<{ int8: Record<string, unknown> }>(
      ...words("one", "--qat", "2", "--workers", "1"),
    );
    const again = ["--model", folderOf("plain"), "--data", data, "--project", project, "--qat", "2", "--workers", "3"];
    await phinetsJson("quantize", ...again);
    for (const name of ["one", "plain"]) expect(bytes(name, "weights/best.safetensors")).toEqual(trained);
    for (const file of ["weights/qat.safetensors", "quantized.safetensors", "quantized.json"])
      expect(bytes("plain", file)).toEqual(bytes("one", file));
    expect(int8).toMatchObject({
      metric: "AP50",
      aware: { epochs: 2, bestEpoch: expect.any(Number), after: expect.any(Number) },
    });
    const report = JSON.parse(bytes("one", "quant_report.json").toString());
    expect(report).toEqual(int8);
    expect("postTraining" in report).toBe(report.aware.kept);
    const { values } = loadRun(folderOf("one")).quantized!;
    for (const { name, scale, zeroPoint } of report.values) expect(values[name]).toEqual({ scale, zeroPoint });
    const val = await phinets("val", "--model", folderOf("one"), "--data", data, "--project", project, "--on", "int8");
    expect(val.exitCode).toBe(0);
  });

  test("stopped after any epoch and gone on with it ends in the same network", async () => {
    const asked = ["--data", data, "--project", project];
    await phinetsJson(...words("stopped"));
    await phinetsJson("quantize", "--model", folderOf("stopped"), ...asked, "--max-drop", "1");
    expect(JSON.parse(bytes("stopped", "quant_report.json").toString())).not.toHaveProperty("aware");
    const { network: parsed, weights, quantized: start } = loadRun(folderOf("stopped"));
    const opened = await openData([data], { seed: 0 });
    const [train, val] = await Promise.all([
      loadSplit(opened, "train", "training", parsed, project, quiet()),
      loadSplit(opened, "val", "evaluation", parsed, project, quiet()),
    ]);
    const recipe = recipeOfRun(folderOf("stopped"), parsed);
    const request = {
      network: parsed,
      weights,
      start: start!,
      recipe,
      epochs: 4,
      train,
      val,
      dataKey: "d",
      threads: 1,
    };
    const whole = await trainAware({ ...request, folder: folderOf("whole") }, quiet());
    const folder = folderOf("stopped");
    for (const epochs of [1, 3]) await expect(trainAware({ ...request, folder }, quiet(epochs))).rejects.toThrow();
    const resumed = await trainAware({ ...request, folder }, quiet());
    expect(resumed).toEqual(whole);
    expect(readFileSync(awarePath(folder))).toEqual(readFileSync(awarePath(folderOf("whole"))));
    // A finished training is not repeated, but one with a damaged checkpoint is.
    expect(await trainAware({ ...request, folder }, quiet(0))).toEqual(whole);
    writeFileSync(join(folder, "weights/qat-last.safetensors"), "damaged");
    expect(await trainAware({ ...request, folder }, quiet())).toEqual(whole);
  });
});

describe("quantize", () => {
  test("trains by itself where int8 loses more than it may, and leaves that out with too few pictures", async () => {
    const { folder, network: parsed, weights } = loadRun(folderOf("stopped"));
    const opened = await openData([data], { seed: 0 });
    const source = await loadSplit(opened, "train", "evaluation", parsed, project, quiet());
    const notes: string[] = [];
    const context = { ...quiet(), note: (text: string) => notes.push(text) } as unknown as StepContext;
    const request = { folder, network: parsed, weights, source, val: source, recipe: recipeOfRun(folder, parsed) };
    const run = (training: PictureSource) =>
      makeInt8(
        { ...request, training: () => Promise.resolve(training), dataKey: "d", threads: 1, seed: 0, maxDrop: -1 },
        context,
      );
    const { report } = await run(source);
    expect(report.aware).toMatchObject({ epochs: 3 });
    expect(notes.splice(0)).toEqual([expect.stringMatching(/int8 lowers AP50 by .*, more than --max-drop -1/)]);
    const few = await run({ length: 5, at: (i) => source.at(i) });
    expect(few.report).not.toHaveProperty("aware");
    expect(notes[1]).toMatch(/left out: .*3 steps.*at least 10/);
  });

  test("says what is wrong in a line", async () => {
    const model = ["--model", folderOf("stopped")];
    for (const [more, code, message] of [
      [["quantize", ...model, "--qat"], 2, /--data is missing/],
      [["quantize", ...model, "--data", data, "--qat", "0"], 2, /--qat.*'0' is invalid.*from 1 to 10000/],
      [["quantize", ...model, "--data", data, "--max-drop", "2"], 2, /--max-drop.*from 0 to 1/],
      [words("tiny", "--qat", "1", "--fraction", "0.1"), 1, /would have \d steps.*at least 10.*--fraction/],
    ] as const) {
      const { exitCode, stderr } = await phinets(...more, "--project", project);
      expect(stderr).toMatch(message);
      expect(exitCode).toBe(code);
    }
  });
});
