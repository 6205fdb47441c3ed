/**
 * The documents of a run folder, read as the commands read them: each is accepted, or refused in a line that names it.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { makeRecipe } from "@phinets/core/training";
import { loadArguments } from "../../../packages/node/dist/run/arguments.js";
import { loadRun } from "../../../packages/node/dist/run/load.js";
import { readResults, saveArguments } from "../../../packages/node/dist/run/save.js";
import { loadCheckpoint, saveCheckpoint } from "../../../packages/node/dist/steps/checkpoint.js";
import { readLock } from "../../../packages/node/dist/steps/run-lock.js";
import { StepLog } from "../../../packages/node/dist/steps/step-log.js";
import { readEvents } from "../../../packages/node/dist/steps/train/events.js";
import { savedTarget } from "../../../packages/node/dist/target/target.js";
import { utf8 } from "../lib/mutate.mjs";
import { modelFiles, smallNetwork } from "../lib/samples.mjs";
import { makeScratch } from "../lib/scratch.mjs";

/** This thread's own folder; each case has a subfolder. */
let root;
/** Files and folders of the last case. */
let last = { names: [], folders: "" };
function folderOf(files) {
  if (root === undefined) {
    root = makeScratch("phinets-attack-run-");
    process.on("exit", () => rmSync(root, { recursive: true, force: true }));
  }
  const folder = join(root, "run");
  // A mutant's names may be invalid for the file system, or lead out of the folder.
  const names = Object.keys(files).filter(
    (path) => /^[\w/-]+(\.[\w-]+)*$/.test(path) && !path.startsWith("/") && path.length <= 60,
  );
  const folders = [...new Set(names.map((path) => dirname(path)))].sort().join();
  // Creating and removing a folder takes longer than reading it, so one with the same subfolders is reused.
  if (folders !== last.folders) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const name of names) mkdirSync(dirname(join(folder, name)), { recursive: true });
  } else for (const name of last.names) if (!names.includes(name)) rmSync(join(folder, name));
  last = { names, folders };
  for (const name of names) writeFileSync(join(folder, name), files[name]);
  return folder;
}

/** The documents that the commands write, created by the same functions. */
function written() {
  const folder = mkdtempSync(join(tmpdir(), "phinets-attack-sample-"));
  try {
    const network = parseNetwork(smallNetwork);
    const recipe = makeRecipe("detect", { milestones: [3, 5], classWeights: [1, 2] });
    const weights = { file: "a.safetensors", sha256: "0" };
    saveArguments(folder, { data: ["a"], fraction: 0.5, recipe, valEvery: 2, qat: true, weights, dataFormat: "yolo" });
    const state = initialWeights(buildNetwork(network), 1);
    const progress = { epoch: 1, step: 4, best: 0.5, bestEpoch: 1, bestSha256: "0", startLoss: 3 };
    saveCheckpoint(folder, { ...progress, key: "k", dataKey: "d", state });
    const lock = {
      format: "phinets-lock-1",
      phinets: "0",
      node: "v20",
      kernelsSha256: "0",
      data: { paths: ["a"], fraction: 1, sha256: "0" },
    };
    return {
      "args.yaml": new Uint8Array(readFileSync(join(folder, "args.yaml"))),
      "weights/last.safetensors": new Uint8Array(readFileSync(join(folder, "weights/last.safetensors"))),
      "run.lock.json": utf8(
        JSON.stringify({ ...lock, network, recipe, valEvery: 1, start: weights, weightsSha256: "0" }),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const samples = written();
const silent = { note: () => {}, signal: new AbortController().signal };
const board = { ...loadBoard("stm32h743"), name: "own" };
const steps = { fit: { key: "k", result: 1, seconds: 1, outputs: { a: "" }, sha256: "s" } };
const event = '{"event":"warning","time":"2026-01-01T00:00:00Z","message":"x"}\n';

export const runFiles = [
  {
    name: "args.yaml",
    samples: [{ "args.yaml": samples["args.yaml"] }],
    read: (files) => loadArguments(folderOf(files)),
  },
  {
    name: "checkpoint",
    samples: [{ "weights/last.safetensors": samples["weights/last.safetensors"] }],
    read: (files) => loadCheckpoint(folderOf(files)),
  },
  {
    name: "run.lock",
    samples: [{ "run.lock.json": samples["run.lock.json"] }],
    read: (files) => readLock(join(folderOf(files), "run.lock.json")),
  },
  {
    name: "target.json",
    samples: [{ "target.json": utf8(JSON.stringify(board)) }, { "target.json": utf8('"rp2040"') }],
    read: (files) => savedTarget(folderOf(files)),
  },
  { name: "run-folder", samples: [modelFiles], read: (files) => loadRun(folderOf(files)).quantized },
  {
    name: "results.csv",
    samples: [{ "results.csv": utf8("epoch,loss,AP50\n1,2.5,0.1\n2,2.25,0.2\n") }],
    read: (files) => readResults(folderOf(files)),
  },
  {
    name: "events.jsonl",
    samples: [{ "events.jsonl": utf8(event.repeat(3)) }],
    read: (files) => readEvents(folderOf(files)),
  },
  {
    name: "steps.json",
    samples: [{ "steps.json": utf8(JSON.stringify(steps)) }],
    read: (files) => new StepLog(folderOf(files), silent),
  },
];
