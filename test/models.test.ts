/** The trained networks in models/ are what their figures say. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConveyorPicture, resize } from "@phinets/core/data";
import { IntegerInterpreter } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { floatOutputs, score } from "@phinets/core/learning";
import { describe, expect, it } from "vitest";
import type { Context } from "../packages/cli/src/terminal/context.js";
import { loadRun } from "../packages/node/src/run/load.js";
import { loadSplit, openData } from "../packages/node/src/steps/data.js";
import { readLock } from "../packages/node/src/steps/run-lock.js";
import { sharedData } from "./shared.js";

interface Figures {
  readonly weightsSha256: string;
  /** Of the int8 network's output bytes for one rendered picture. */
  readonly outputSha256: string;
  /** On test pictures, by data set. */
  readonly float: Readonly<Record<string, { readonly AP50: number; readonly AP: number }>>;
}

const root = fileURLToPath(new URL("../models/", import.meta.url));
const names = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

it("there are some", () => expect(names.length).toBeGreaterThan(0));

describe.each(names)("models/%s", (name) => {
  const folder = join(root, name);
  const figures: Figures = JSON.parse(readFileSync(join(folder, "figures.json"), "utf8"));

  it("is the network of its run.lock, and its int8 network computes what it did", () => {
    const { network, quantized } = loadRun(folder);
    const lock = readLock(join(folder, "run.lock"));
    expect(lock.network).toEqual(network);
    const weightsSha256 = sha256(readFileSync(join(folder, "weights/best.safetensors")));
    expect([weightsSha256, lock.weightsSha256]).toEqual([figures.weightsSha256, figures.weightsSha256]);
    const { picture } = renderConveyorPicture(1, 0, { width: 160, height: 120 });
    const pixels = resize(picture, network.input).data;
    const [output] = new IntegerInterpreter(quantized!).run(Int8Array.from(pixels, (value) => value - 128));
    expect(sha256(new Uint8Array(output.buffer))).toBe(figures.outputSha256);
  });

  it.skipIf(sharedData === undefined)("finds on COCO's test pictures what its figures say", async () => {
    const { network, weights } = loadRun(folder);
    const signal = new AbortController().signal;
    const progress = () => ({ update: () => {}, log: () => {}, stop: () => {} });
    const context = { signal, progress, note: () => {} } as unknown as Context;
    const data = await openData([`${sharedData}/coco-person`], { seed: 0 });
    const source = await loadSplit(data, "test", "evaluation", network, join(tmpdir(), "phinets-models"), context);
    const engine = await createEngine();
    const metrics = score(network, floatOutputs(engine, network, weights, source), source);
    await engine.dispose();
    if (metrics.task !== "detect") throw new Error("a detector is expected");
    const { AP50, AP } = metrics;
    expect({ AP50, AP }).toEqual(figures.float["coco-person"]);
  });
});
