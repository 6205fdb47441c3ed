/** Quantisation-aware training from the command line: what it leaves behind, on any threads, stopped or not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "../../../../test/road-tools.js";
import { loadRun } from "../run/load.js";
import type { Context } from "../terminal/context.js";
import { loadSplit, openData } from "./data.js";
import { recipeOfRun } from "./int8.js";
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

/** A context that says nothing and is stopped when `epochs` are done. */
function quiet(epochs = Number.POSITIVE_INFINITY): Context {
  const controller = new AbortController();
  const update = (done: number): void => {
    if (done >= epochs) controller.abort();
  };
  return {
    signal: controller.signal,
    note: () => {},
    progress: () => ({ update, stop: () => {} }),
  } as unknown as Context;
}

describe("train --qat", () => {
  test("leaves the float weights, adds its own and the integer network; the same on 1 and 3 threads", async () => {
    await phinetsJson(...words("plain"));
    const { int8 } = await phinetsJson<{ int8: Record<string, unknown> }>(
      ...words("one", "--qat", "2", "--workers", "1"),
    );
    await phinetsJson(...words("three", "--qat", "2", "--workers", "3"));
    expect(bytes("one", "weights/best.safetensors")).toEqual(bytes("plain", "weights/best.safetensors"));
    for (const file of ["weights/qat.safetensors", "quantized.safetensors", "quantized.json"])
      expect(bytes("three", file)).toEqual(bytes("one", file));
    expect(int8).toMatchObject({
      metric: "AP50",
      postTraining: { after: expect.any(Number) },
      aware: { epochs: 2, kept: true, after: int8.after },
    });
    const report = JSON.parse(bytes("one", "quant_report.json").toString());
    expect(report).toEqual(int8);
    expect(report.postTraining.layers.map(({ name }: { name: string }) => name)).toEqual(
      report.layers.map(({ name }: { name: string }) => name),
    );
    const { values } = loadRun(folderOf("one")).quantized!;
    for (const { name, scale, zeroPoint } of report.values) expect(values[name]).toEqual({ scale, zeroPoint });
    const val = await phinets("val", "--model", folderOf("one"), "--data", data, "--project", project, "--on", "int8");
    expect(val.exitCode).toBe(0);
  });

  test("stopped after any epoch and gone on with it ends in the same network", async () => {
    const { network: parsed, weights, quantized: start } = (await quantized("stopped"))!;
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
    // Of a finished one nothing is trained again; a damaged checkpoint is.
    expect(await trainAware({ ...request, folder }, quiet(0))).toEqual(whole);
    writeFileSync(join(folder, "weights/qat-last.safetensors"), "damaged");
    expect(await trainAware({ ...request, folder }, quiet())).toEqual(whole);
  });
});

async function quantized(name: string) {
  await phinetsJson(...words(name));
  await phinetsJson("quantize", "--model", folderOf(name), "--data", data, "--project", project, "--max-drop", "1");
  return loadRun(folderOf(name));
}

describe("quantize", () => {
  test("trains by itself only where int8 loses more than --max-drop", async () => {
    const { network: parsed, weights } = await quantized("drop");
    const report = JSON.parse(bytes("drop", "quant_report.json").toString());
    expect(report).not.toHaveProperty("aware");
    expect([parsed.head.kind, Object.keys(weights).length > 0]).toEqual(["yolov2", true]);
    const asked = ["quantize", "--model", folderOf("drop"), "--data", data, "--project", project];
    const { aware } = await phinetsJson<{ aware: unknown }>(...asked, "--qat", "2");
    expect(aware).toMatchObject({ epochs: 2, kept: true });
  });

  test("says what is wrong in a line", async () => {
    const model = ["--model", folderOf("drop")];
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
