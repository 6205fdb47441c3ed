/** Every document of a run with every field replaced by invalid values: it is read, or refused with one line. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNetwork, initialWeights } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { encodeSafetensors, PhinetsError } from "@phinets/core/tensor";
import { makeRecipe } from "@phinets/core/training";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { makeRun } from "../../../../test/make-run.js";
import { loadCheckpoint, saveCheckpoint } from "../steps/checkpoint.js";
import { listen } from "../steps/context.js";
import { readLock } from "../steps/run-lock.js";
import { StepLog } from "../steps/step-log.js";
import { readEvents } from "../steps/train/index.js";
import { savedTarget, saveTarget } from "../target/target.js";
import { loadArguments, wasTrained } from "./arguments.js";
import { loadNetwork, loadRun, networkFileOf } from "./load.js";
import { readResults, saveArguments } from "./save.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-mutations-"));
  makeRun(folder);
  const network = loadNetwork(join(folder, "network.json"));
  const recipe = makeRecipe("detect", { milestones: [3, 5], classWeights: [1, 2] });
  const weights = { file: "a.safetensors", sha256: "0" };
  saveArguments(folder, { data: ["a"], fraction: 0.5, recipe, valEvery: 2, qat: true, weights, dataFormat: "yolo" });
  const data = { paths: ["a"], fraction: 1, sha256: "0" };
  const lock = { format: "phinets-lock-1", phinets: "0", node: "v20", kernelsSha256: "0", data, network, recipe };
  write("run.lock", { ...lock, valEvery: 1, start: weights, weightsSha256: "0" });
  saveTarget(folder, { ...loadBoard("stm32h743"), name: "own" });
  const state = initialWeights(buildNetwork(network), 1);
  const progress = { epoch: 1, step: 4, best: 0.5, bestEpoch: 1, bestSha256: "0", startLoss: 3 };
  saveCheckpoint(folder, { ...progress, key: "k", dataKey: "d", state });
});

const pathOf = (name: string): string => join(folder, name);
const write = (name: string, document: unknown): void => writeFileSync(pathOf(name), JSON.stringify(document));

/** Undefined where it can be read. */
function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    expect(error.message).not.toContain("\n");
    expect(error.message.length).toBeLessThan(1500);
    return error.message;
  }
}

const wrong = [null, 5, -1, 1e300, 0.5, "x", "", true, [], {}, [[1]], ["x"], { a: 1 }, "y".repeat(5000)];

/** The document with each field replaced, removed, and renamed; at most `most` fields, spread over it. */
function* mutations(document: unknown, most = 40): Generator<string> {
  const places: (readonly [parent: Record<string, unknown>, key: string])[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key]);
      walk((value as Record<string, unknown>)[key]);
    }
  };
  walk(document);
  const every = Math.max(1, places.length / most);
  for (let n = 0; n < places.length; n += every) {
    const [parent, key] = places[Math.floor(n)];
    const old = parent[key];
    for (const value of wrong) {
      parent[key] = value;
      yield JSON.stringify(document);
    }
    parent[key] = "DEEP";
    yield JSON.stringify(document).replace('"DEEP"', `${"[".repeat(20_000)}${"]".repeat(20_000)}`);
    if (!Array.isArray(parent)) {
      delete parent[key];
      yield JSON.stringify(document);
      parent[`${key}s`] = old;
      yield JSON.stringify(document);
      delete parent[`${key}s`];
    }
    parent[key] = old;
  }
  for (const value of wrong) yield JSON.stringify(value);
  for (const text of ["", "{", "\ufeff{}", "\u0000", JSON.stringify("x").repeat(2), "[".repeat(20_000)]) yield text;
}

describe.each<[string, () => unknown, number?]>([
  ["network.json", () => loadRun(folder)],
  ["quantized.json", () => loadRun(folder).quantized],
  ["run.lock", () => readLock(pathOf("run.lock"))],
  ["target.json", () => savedTarget(folder)],
])("%s", (name, read, most) => {
  it("with any field replaced is read or refused in a line", () => {
    const good = readFileSync(pathOf(name), "utf8");
    let refused = 0;
    try {
      for (const text of mutations(JSON.parse(good), most)) {
        writeFileSync(pathOf(name), text);
        const message = refusal(read);
        if (message !== undefined) {
          refused++;
          expect(message).toContain(name.replace(/\.json$/, ""));
        }
      }
      expect(refused).toBeGreaterThan(100);
      rmSync(pathOf(name));
      mkdirSync(pathOf(name));
      expect(refusal(read)).toMatch(/folder/);
    } finally {
      rmSync(pathOf(name), { recursive: true, force: true });
      writeFileSync(pathOf(name), good);
    }
    expect(refusal(read)).toBeUndefined();
  }, 120_000);
});

describe("args.yaml", () => {
  it("with any field replaced is read or refused in a line", () => {
    const good = readFileSync(pathOf("args.yaml"), "utf8");
    for (const text of mutations(parse(good), 12)) {
      writeFileSync(pathOf("args.yaml"), text);
      refusal(() => loadArguments(folder));
    }
    // Each alias repeats the previous one ten times: 10^20 lists if expanded.
    const bomb = Array.from({ length: 20 }, (_, i) => `a${i}: &a${i} [${Array(10).fill(i ? `*a${i - 1}` : "x")}]`);
    writeFileSync(pathOf("args.yaml"), `${good}\n${bomb.join("\n")}\n`);
    expect(refusal(() => loadArguments(folder))).toMatch(/args\.yaml: not YAML/);
    // An alias with a colon, for which the library would print a warning.
    const warnings = vi.spyOn(process, "emitWarning");
    writeFileSync(pathOf("args.yaml"), "a: &x: 1\nb: *x:\n");
    expect(refusal(() => loadArguments(folder))).toMatch(/args\.yaml/);
    expect(warnings).not.toHaveBeenCalled();
    warnings.mockRestore();
    rmSync(pathOf("args.yaml"));
    mkdirSync(pathOf("args.yaml"));
    expect(wasTrained(folder)).toBe(true);
    expect(refusal(() => loadArguments(folder))).toMatch(/is a folder/);
    rmSync(pathOf("args.yaml"), { recursive: true });
    writeFileSync(pathOf("args.yaml"), good);
    expect(loadArguments(folder)).toMatchObject({ fraction: 0.5, valEvery: 2, qat: true, plots: true });
  }, 60_000);
});

describe("safetensors", () => {
  const file = "weights/last.safetensors";
  const withHeader = (text: string, rest: Uint8Array): Buffer => {
    const header = Buffer.from(text);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, rest]);
  };

  it("with any field of its header replaced is read or refused in a line", () => {
    const good = readFileSync(pathOf(file));
    const end = 8 + Number(good.readBigUInt64LE(0));
    const header = JSON.parse(good.subarray(8, end).toString());
    const reads = [() => loadCheckpoint(folder), () => loadRun(pathOf(file))];
    for (const text of mutations(header)) {
      writeFileSync(pathOf(file), withHeader(text, good.subarray(end)));
      for (const read of reads) expect(refusal(read) ?? file).toContain(file);
    }
    const refused = (change: object): string | undefined => {
      writeFileSync(pathOf(file), withHeader(JSON.stringify({ ...header, ...change }), good.subarray(end)));
      return refusal(() => loadCheckpoint(folder));
    };
    const { __metadata__: metadata } = header;
    expect(refused({})).toBeUndefined();
    expect(refused({ __metadata__: null })).toMatch(/not a checkpoint .*format is missing; remove it/);
    expect(refused({ __metadata__: { ...metadata, key: undefined } })).toMatch(/key is missing; remove it/);
    expect(refused({ __metadata__: { ...metadata, epoch: "x" } })).toMatch(/epoch is "x", a number is needed; remove/);
    expect(refused({ __metadata__: { ...metadata, epoch: 3 } })).toMatch(/__metadata__\.epoch is 3, not a text/);
    // A small file with many tensors that share all its bytes.
    const [first] = Object.keys(header).filter((name) => name !== "__metadata__");
    const same = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, header[first]]));
    expect(refused(same)).toMatch(/tensor ".*" overlaps another/);
    writeFileSync(pathOf(file), withHeader('{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}', good));
    expect(refusal(() => loadCheckpoint(folder))).toMatch(/has the name __proto__/);
    writeFileSync(pathOf(file), encodeSafetensors({}));
    expect(refusal(() => loadCheckpoint(folder))).toMatch(/not a checkpoint/);
    writeFileSync(pathOf(file), good);
  }, 60_000);
});

describe("other files of a run", () => {
  it("that are damaged, or folders, are refused in a line or made again", () => {
    const context = listen();
    for (const text of mutations({ fit: { key: "k", result: 1, seconds: 1, outputs: { a: "" }, sha256: "s" } })) {
      writeFileSync(pathOf("steps.json"), text);
      expect(refusal(() => new StepLog(folder, context))).toBeUndefined();
    }
    for (const text of [
      "",
      "epoch",
      "epoch,=1+1\n1,2\n",
      "=epoch\n1\n",
      `epoch,a\n${"9,".repeat(50_000)}\n`,
      "\u0000",
    ]) {
      writeFileSync(pathOf("results.csv"), text);
      refusal(() => readResults(folder));
    }
    for (const text of mutations({ event: "warning", time: "2026-01-01T00:00:00Z", message: "x" })) {
      writeFileSync(pathOf("events.jsonl"), `${text}\n`);
      expect(refusal(() => readEvents(folder))).toBeUndefined();
    }
    rmSync(pathOf("results.csv"));
    mkdirSync(pathOf("results.csv"));
    expect(refusal(() => readResults(folder))).toMatch(/results\.csv: is a folder/);
    expect(refusal(() => networkFileOf(join(folder, "weights")))).toMatch(/is a folder without a network\.json/);
    expect(networkFileOf(folder)).toBe(pathOf("network.json"));
    expect(networkFileOf(pathOf("nothing"))).toBe(pathOf("nothing"));
  });
});
