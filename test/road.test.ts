/** The whole chain on a tiny conveyor: pictures in, proven firmware and a report out, repeatedly. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IntegerInterpreter } from "@phinets/core/inference";
import { int8Input } from "@phinets/core/learning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../packages/cli/src/program.js";
import { makeContext } from "../packages/cli/src/terminal/context.js";
import { loadRun } from "../packages/node/src/run/load.js";
import { readResults } from "../packages/node/src/run/save.js";
import { loadSplit, openData } from "../packages/node/src/steps/data.js";
import type { ShipResult } from "../packages/node/src/steps/ship.js";
import { phinets, phinetsJson, tinyDataset, tinyNetwork, writeNetwork } from "./road-tools.js";
import { installed } from "./tools.js";

const root = fs.mkdtempSync(join(tmpdir(), "phinets-road-"));
const project = join(root, "runs");
const folder = join(project, "ship/road");
const clip = join(root, "data/clip/images");
const arm = installed("arm-none-eabi-gcc", "qemu-system-arm");
let data: string;

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
  writeNetwork(root);
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const words = (epochs: number, name = "road"): string[] => [
  ...["ship", "--data", data, "--network", join(root, "network.json"), "--project", project, "--name", name],
  ...["--epochs", String(epochs), "--clip", clip],
];

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const read = (file: string): Buffer => fs.readFileSync(join(folder, file));
const steps = ["fit", "train", "quantize", "export", "evaluate", "firmware", "track"];

/** Ships; `kept` lists the steps that were not repeated. */
async function ship(epochs: number): Promise<{ result: ShipResult; kept: string[]; notes: string }> {
  const { exitCode, stdout, stderr } = await phinets(...words(epochs), "--json");
  expect(exitCode, stderr).toBe(0);
  const kept = steps.filter((step) => stderr.includes(`${step}: unchanged, kept\n`));
  return { result: JSON.parse(stdout), kept, notes: stderr };
}

/** Runs `act` without any program of the system: no compiler, no emulator, no ffmpeg. */
async function withoutTools<T>(act: () => Promise<T>): Promise<T> {
  const { PATH } = process.env;
  process.env.PATH = join(root, "nothing");
  try {
    return await act();
  } finally {
    process.env.PATH = PATH;
  }
}

/** Without the data for charts, which only the int8 network's metrics have. */
function figuresOf(metrics: object | undefined): object {
  const { analysis: _, ...figures } = metrics as { analysis?: unknown };
  return figures;
}

describe("ship", () => {
  /** The reference for the tests below: the chain with all available tools. */
  let first: ShipResult;

  it("ends with a report where no tool is installed, saying what it left out", async () => {
    const { result, notes } = await withoutTools(() => ship(2));
    expect(result.emulate).toMatchObject({ leftOut: expect.stringMatching(/not installed; `npm run setup` installs/) });
    expect(result.evaluation.firmware).toBeUndefined();
    expect(notes).toMatch(/left out: arm-none-eabi-gcc is not installed; `npm run setup` installs it/);
    expect(notes).toMatch(/left out: ffmpeg/);
    expect(read("report.html").toString()).toContain("npm run setup");
    expect(result.track).toMatchObject({ frames: 8, file: "tracks.txt", leftOut: expect.stringContaining("ffmpeg") });
  });

  it("does only what was left out when it is run again with the tools", async () => {
    const { result, kept } = await ship(2);
    expect(kept).toEqual(["fit", "train", "quantize", "export", "evaluate"]);
    first = result;
    expect(JSON.parse(read("ship.json").toString())).toEqual(result);
    expect(result).toMatchObject({ run: folder, report: join(folder, "report.html"), target: "stm32h743" });
    expect(result.train).toMatchObject({ epochs: 2, weightsSha256: sha256(read("weights/best.safetensors")) });
    expect(result.evaluation.split).toBe("test");
    for (const { file, bytes, sha256: digest } of result.artefacts) {
      expect(read(file).length).toBe(bytes);
      expect(sha256(read(file))).toBe(digest);
    }
    const files = result.artefacts.map(({ file }) => file);
    expect(files).toEqual(
      expect.arrayContaining(["export/model.tflite", "export/model.onnx", "export/model_int8.onnx"]),
    );
    expect(readResults(folder).map((row) => row.epoch)).toEqual([1, 2]);
  });

  it("writes a report that needs nothing but itself", () => {
    const page = read("report.html").toString();
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page.length).toBeGreaterThan(20_000);
    const withoutLinks = page.replace(/<a\s[^>]*>/gi, "").replaceAll("http://www.w3.org/", "");
    expect(withoutLinks).not.toMatch(/(src|href)\s*=\s*["']?(?!data:|#)[^"'>]*[/.]/i);
    expect(withoutLinks).not.toMatch(/<script[^>]+src|<link|<iframe|@import|url\(\s*["']?(?!data:)/i);
    expect(page).not.toContain("NaN");
    expect(page).not.toContain("undefined");
    expect(page).toContain(first.train.weightsSha256.slice(0, 8));
  });

  it.skipIf(!arm)(
    "proves the firmware: the interpreter's bytes, the plan's arena, one image for the chip",
    async () => {
      const { emulate } = first;
      if ("leftOut" in emulate) throw new Error(emulate.leftOut);
      expect(emulate).toMatchObject({ images: 8, matchesInterpreter: true, differingBytes: 0 });
      expect(emulate.arenaBytes).toBe(first.network.plannedArenaBytes);
      expect(emulate.target).toMatchObject({ name: "stm32h743", linked: true, fits: true });
      expect(first.evaluation.firmware).toEqual(figuresOf(first.evaluation.int8));
      // The interpreter on the same pictures, outside the chain.
      const { network, quantized } = loadRun(folder);
      const quiet = { write: () => {} };
      const signal = new AbortController().signal;
      const context = makeContext({ json: true, stdout: quiet, stderr: quiet, signal });
      const test = await loadSplit(
        await openData([data], { seed: 0 }),
        "test",
        "evaluation",
        network,
        project,
        context,
      );
      const interpreter = new IntegerInterpreter(quantized!);
      const outputs = Array.from({ length: test.length }, (_, i) =>
        interpreter.run(int8Input(network, test, i)).map((o) => o.slice()),
      );
      expect(sha256(Buffer.concat(outputs.flat().map((o) => Buffer.from(o))))).toBe(emulate.outputSha256);
    },
  );

  it("redoes nothing when nothing has changed", async () => {
    const { result, kept, notes } = await ship(2);
    const undone = "leftOut" in first.emulate ? ["firmware"] : [];
    if (first.track?.leftOut) undone.push("track");
    expect(kept).toEqual(steps.filter((step) => !undone.includes(step)));
    expect(notes).not.toMatch(/^(training|calibrating|evaluating|reading train)/m);
    expect(result.train).toEqual(first.train);
    expect(result.evaluation).toEqual(first.evaluation);
  });

  it("makes damaged files again", async () => {
    const quantized = read("quantized.json");
    fs.truncateSync(join(folder, "quantized.json"), 1000);
    fs.writeFileSync(join(folder, "network.json"), "{");
    const { result, kept } = await ship(2);
    for (const step of ["train", "evaluate"]) expect(kept).toContain(step);
    for (const step of ["fit", "quantize"]) expect(kept).not.toContain(step);
    expect(read("quantized.json").equals(quantized)).toBe(true);
    expect(result.evaluation).toEqual(first.evaluation);
    // With a damaged log every step is repeated, but nothing is trained twice.
    for (const text of ["null", "{", "[]"]) {
      fs.writeFileSync(join(folder, "steps.json"), text);
      if (text === "null")
        expect((await withoutTools(() => ship(2))).result.train.weightsSha256).toBe(first.train.weightsSha256);
    }
    expect((await ship(2)).result.train.weightsSha256).toBe(first.train.weightsSha256);
  });

  it("says how to go on from weights that are damaged, and keeps them", async () => {
    const best = read("weights/best.safetensors");
    fs.truncateSync(join(folder, "weights/best.safetensors"), 2000);
    const { exitCode, stderr } = await phinets(...words(2));
    expect(exitCode).toBe(1);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
      /^error: .*best\.safetensors: .*damaged.*, or remove .*weights to/,
    );
    expect(read("weights/best.safetensors")).toHaveLength(2000);
    fs.writeFileSync(join(folder, "weights/best.safetensors"), best);
    expect((await ship(2)).kept).toContain("train");
  });

  it("trains again for other epochs, keeps the earlier weights, and finds them again", async () => {
    const before = read("weights/best.safetensors");
    const longer = await withoutTools(() => ship(3));
    expect(longer.kept).toEqual(["fit"]);
    expect(longer.result.train.epochs).toBe(3);
    expect(longer.result.train.weightsSha256).not.toBe(first.train.weightsSha256);
    expect(readResults(folder)).toHaveLength(3);
    const aside = fs.readdirSync(folder).filter((name) => name.startsWith("weights-"));
    expect(aside).toHaveLength(1);
    expect(fs.readFileSync(join(folder, aside[0], "best.safetensors")).equals(before)).toBe(true);
    expect(readResults(join(folder, aside[0]))).toHaveLength(2);
    // Change a setting and change it back.
    for (const [epochs, digest] of [
      [2, first.train.weightsSha256],
      [3, longer.result.train.weightsSha256],
      [2, first.train.weightsSha256],
    ] as const) {
      const { result, notes } = await withoutTools(() => ship(epochs));
      expect(result.train).toMatchObject({ epochs, weightsSha256: digest });
      expect(notes).not.toMatch(/^training 1\//m);
    }
    expect((await ship(2)).result.evaluation).toEqual(first.evaluation);
  });

  it("agrees with val on every form", async () => {
    const forms = arm ? (["float", "int8", "firmware"] as const) : (["float", "int8"] as const);
    for (const on of forms) {
      const {
        run,
        split,
        on: form,
        ...metrics
      } = await phinetsJson(
        ...["val", "--model", folder, "--data", data, "--project", project, "--on", on, "--workers", "3"],
      );
      expect({ run, split, form }).toEqual({ run: folder, split: "test", form: on });
      expect(metrics).toEqual(figuresOf(first.evaluation[on]));
    }
  });

  it("interrupted while it trains, goes on to the same weights", async () => {
    const interruption = new AbortController();
    const run = (signal: AbortSignal, write: (text: string) => unknown) =>
      runProgram(words(2, "interrupted"), { stdout: { write: () => {} }, stderr: { write }, signal, version: "0" });
    const said: string[] = [];
    const exitCode = await withoutTools(() =>
      run(interruption.signal, (text) => {
        said.push(text);
        if (/^training 1\//.test(text)) interruption.abort();
      }),
    );
    expect(exitCode).toBe(130);
    expect(said.slice(-2)).toEqual([
      "error: interrupted\n",
      expect.stringMatching(/^to continue: phinets ship --data /),
    ]);
    expect(fs.existsSync(join(project, "ship/interrupted/weights/last.safetensors"))).toBe(true);
    let lines = "";
    const again = new AbortController().signal;
    expect(await withoutTools(() => run(again, (text) => (lines += text))), lines).toBe(0);
    expect(lines).not.toMatch(/^training 1\/2 epochs.*loss/m);
    const best = fs.readFileSync(join(project, "ship/interrupted/weights/best.safetensors"));
    expect(sha256(best)).toBe(first.train.weightsSha256);
  });
});

describe("what a shipped run is used for", () => {
  it("predict sees in each frame what it sees in the folder", async () => {
    interface Record {
      readonly file: string;
      readonly boxes: readonly { x: number; y: number; width: number; height: number; name: string; score: number }[];
    }
    const common = ["--model", folder, "--project", project, "conf=0.001"];
    const records = await phinetsJson<Record[]>("predict", clip, ...common);
    expect(records).toHaveLength(8);
    const boxes = records.flatMap((record) => record.boxes);
    expect(boxes.length).toBeGreaterThan(0);
    for (const { x, y, width, height, name } of boxes) {
      expect(["washer", "nut", "bolt"]).toContain(name);
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(-0.01);
      expect(x + width).toBeLessThanOrEqual(tinyNetwork.input.width + 0.01);
      expect(y + height).toBeLessThanOrEqual(tinyNetwork.input.height + 0.01);
    }
    expect(fs.readdirSync(join(project, "predict/predict")).filter((name) => name.endsWith(".png"))).toHaveLength(8);
    const [alone] = await phinetsJson<Record[]>("predict", records[3].file, ...common, "--no-save");
    expect(alone).toEqual(records[3]);
  });

  it("track follows the clip the same way twice", async () => {
    const track = (out: string) =>
      phinetsJson(
        "track",
        clip,
        "--model",
        folder,
        "--out",
        join(root, out),
        "conf=0.002",
        "--min-hits",
        "1",
        "--no-video",
      );
    expect(await track("a.txt")).toMatchObject({ frames: 8, out: join(root, "a.txt") });
    await track("b.txt");
    const rows = fs.readFileSync(join(root, "a.txt"), "utf8");
    expect(fs.readFileSync(join(root, "b.txt"), "utf8")).toBe(rows);
    expect(rows).not.toBe("");
    for (const row of rows.trimEnd().split("\n")) {
      const [frame, id, , , width, height] = row.split(",").map(Number);
      expect(frame).toBeGreaterThanOrEqual(1);
      expect(frame).toBeLessThanOrEqual(8);
      expect(id).toBeGreaterThanOrEqual(1);
      expect(Math.min(width, height)).toBeGreaterThan(0);
    }
  });
});

describe("a classifier", () => {
  it("walks the same road", async () => {
    const pictures = fs.readdirSync(join(root, "data/train/images"));
    for (const [n, name] of pictures.entries()) {
      const of = join(root, "classes", n % 2 ? "odd" : "even");
      fs.mkdirSync(of, { recursive: true });
      fs.copyFileSync(join(root, "data/train/images", name), join(of, name));
    }
    const result = await phinetsJson<ShipResult>(
      ...["ship", "--data", join(root, "classes"), "--network", join(root, "network.json"), "--project", project],
      ...["--epochs", "1", "--batch", "8", "--target", "rp2350"],
    );
    expect(result.evaluation.int8).toMatchObject({ task: "classify", images: 4 });
    const page = fs.readFileSync(result.report, "utf8");
    expect(page).not.toMatch(/NaN|undefined/);
    // The board's memory regions appear in the memory map and in the proof.
    for (const region of ["SRAM_LOW", "SRAM8"]) expect(page).toContain(`>${region}</text>`);
    expect(fs.readFileSync(join(result.run, "target.json"), "utf8")).toBe('"rp2350"\n');
    if (!arm || "leftOut" in result.emulate) return;
    expect(result.emulate).toMatchObject({ matchesInterpreter: true, differingBytes: 0, core: "cortex-m33" });
    const { target } = result.emulate;
    expect(target).toMatchObject({ name: "rp2350", linked: true, arenaBytes: result.network.plannedArenaBytes });
    expect(result.artefacts.map(({ file }) => file)).toContain("firmware/build/rp2350.elf");
    const card = fs.readFileSync(join(result.run, "card.md"), "utf8");
    for (const { region, usedBytes } of target.regions)
      expect(card).toMatch(new RegExp(`\\| ${region} \\| \\w+ \\| ${usedBytes.toLocaleString("en-US")} \\|`));
  });
});
