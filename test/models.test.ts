/** The trained networks in models/ reach their recorded figures. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConveyorPicture, resize, withChannels } from "@phinets/core/data";
import { IntegerInterpreter } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { figuresOf, floatOutputs, score } from "@phinets/core/learning";
import { describe, expect, it } from "vitest";
import type { Context } from "../packages/cli/src/terminal/context.js";
import { loadRun } from "../packages/node/src/run/load.js";
import { loadSplit, openData } from "../packages/node/src/steps/data.js";
import { readLock } from "../packages/node/src/steps/run-lock.js";
import { cardTables, readFigures, withTables, zooTable } from "./model-cards.js";
import { sharedData } from "./shared.js";

const root = fileURLToPath(new URL("../models/", import.meta.url));
const names = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const folders = new Map(names.map((name) => [name, join(root, name)]));

/**
 * Possible places of the test pictures, by their names in figures.json. Those of VOC2007 are left to
 * `npm run bench:voc2007`.
 */
const places: Readonly<Record<string, string>> = {
  "coco-person": `${sharedData}/coco-person`,
  mnist: `${sharedData}/mnist`,
  "fashion-mnist": "/usr/share/datasets/fashion-mnist",
};

it("there are some", () => expect(names.length).toBeGreaterThan(0));

it("the package has them all, and nothing that emulate and export leave in them", () => {
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  expect(files).toEqual([...names, "!*/device_report.json", "!*/export", "!*/firmware"]);
});

it("models/README.md says what they are", () => expectTables("README.md", zooTable(folders)));

describe.each(names)("models/%s", (name) => {
  const folder = join(root, name);
  const figures = readFigures(folder);

  it("is the network of its run.lock, and its int8 network computes what it did", () => {
    const { network, quantized } = loadRun(folder);
    const lock = readLock(join(folder, "run.lock"));
    expect(lock.network).toEqual(network);
    const weightsSha256 = sha256(readFileSync(join(folder, "weights/best.safetensors")));
    expect([weightsSha256, lock.weightsSha256]).toEqual([figures.weightsSha256, figures.weightsSha256]);
    const { picture } = renderConveyorPicture(1, 0, { width: 160, height: 120 });
    const pixels = resize(withChannels(picture, network.input.channels), network.input).data;
    const [output] = new IntegerInterpreter(quantized!).run(Int8Array.from(pixels, (value) => value - 128));
    expect(sha256(new Uint8Array(output.buffer))).toBe(figures.outputSha256);
  });

  it("has a card with its figures", () => expectTables(join(name, "README.md"), cardTables(folder)));

  const [data] = Object.keys(figures.float);
  it.skipIf(!existsSync(places[data] ?? ""))("finds on test pictures what its figures say", async () => {
    const { network, weights } = loadRun(folder);
    const signal = new AbortController().signal;
    const progress = () => ({ update: () => {}, log: () => {}, stop: () => {} });
    const context = { signal, progress, note: () => {} } as unknown as Context;
    const opened = await openData([places[data]], { seed: 0 });
    const source = await loadSplit(opened, "test", "evaluation", network, join(tmpdir(), "phinets-models"), context);
    const engine = await createEngine();
    const metrics = score(network, floatOutputs(engine, network, weights, source), source);
    await engine.dispose();
    expect(metrics.images).toBe(figures.pictures[data]);
    const found: Readonly<Record<string, number>> = figuresOf(metrics);
    for (const [figure, value] of Object.entries(figures.float[data])) expect(found[figure], figure).toBe(value);
  });
});

/** Compares a page of models/ with its generated tables; with PHINETS_WRITE_DOCS=1 writes them first. */
function expectTables(page: string, tables: string): void {
  const path = join(root, page);
  const wanted = withTables(readFileSync(path, "utf8"), tables);
  if (process.env.PHINETS_WRITE_DOCS === "1") writeFileSync(path, wanted);
  expect(
    readFileSync(path, "utf8") === wanted,
    `PHINETS_WRITE_DOCS=1 npx vitest run test/models.test.ts writes ${path}`,
  ).toBe(true);
}
