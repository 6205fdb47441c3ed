/** A tiny data set, a network and trained runs, created once per campaign, and the command line running on them. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeConveyorDataset } from "../../../packages/node/dist/dataset/conveyor.js";
import { Fault } from "./faults.mjs";
import { run } from "./processes.mjs";

const bin = fileURLToPath(new URL("../../../packages/cli/bin/phinets.js", import.meta.url));
const network = {
  family: "phinet",
  input: { height: 48, width: 64 },
  alpha: 0.15,
  blocks: 4,
  downsampling: [4],
  head: { kind: "yolov2", classes: 1, filters: 16 },
};

/** Runs `phinets WORDS` without colours and progress. */
export const phinets = (words, options = {}) =>
  run(process.execPath, [bin, ...words], { ...options, env: { ...process.env, NO_COLOR: "1", ...options.env } });
export const phinetsCommand = [process.execPath, bin];

/** Throws a Fault if the output contains a stack trace or more than one error, or if a signal ended the process. */
export function requireWords({ code, signal, late, stderr, stdout }, what, { report = false } = {}) {
  const shown = () => stderr.trim().split("\n").slice(-12).join("\n").slice(0, 1500);
  if (late) throw new Fault(`${what}: does not end`);
  if (code === null) throw new Fault(`${what}: ended by ${signal}\n${shown()}`);
  if (/^\s+at .+:\d+/m.test(stderr) || /^\s+at .+:\d+/m.test(stdout)) throw new Fault(`${what}: a stack\n${shown()}`);
  // A command that finds problems in a data set exits with 1 and a report.
  if (code === 1 && report && stdout.trim() !== "") return;
  if (code !== 0 && !/^error: /m.test(stderr))
    throw new Fault(`${what}: exit code ${code} without an error\n${shown()}`);
  if (code !== 0 && stderr.split("\n").filter((line) => line.startsWith("error: ")).length > 1)
    throw new Fault(`${what}: several errors\n${shown()}`);
}

let made;
/**
 * Returns `{ data, network, run, classes }`: data.yaml, network.json, a trained and quantised run. Recreated if a
 * campaign left them unfinished.
 */
export function fixtures(folder) {
  made ??= make(resolve(folder, "fixtures"));
  return made;
}

async function make(root) {
  if (!existsSync(root)) {
    const next = `${root}.new`;
    rmSync(next, { recursive: true, force: true });
    mkdirSync(next, { recursive: true });
    const size = { height: network.input.height, width: network.input.width };
    await writeConveyorDataset(join(next, "data"), { seed: 3, train: 16, val: 2, clipFrames: 4, size });
    writeFileSync(join(next, "network.json"), JSON.stringify(network));
    const words = trainWords({
      data: join(next, "data/data.yaml"),
      network: join(next, "network.json"),
      project: join(next, "runs"),
      epochs: 1,
    });
    for (const each of [
      words,
      ["quantize", "--model", join(next, "runs/detect/x"), "--data", join(next, "data/data.yaml"), "--max-drop", "1"],
    ]) {
      const { code, stderr } = await phinets(each);
      if (code !== 0) throw new Error(`fixtures: phinets ${each.join(" ")}\n${stderr}`);
    }
    cpSync(join(next, "runs/detect/x"), join(next, "run"), { recursive: true });
    rmSync(join(next, "runs"), { recursive: true });
    renameSync(next, root);
  }
  return { root, data: join(root, "data/data.yaml"), network: join(root, "network.json"), run: join(root, "run") };
}

export function trainWords({ data, network: file, project, epochs = 3, more = [] }) {
  const numbers = ["--epochs", String(epochs), "--batch", "8", "--seed", "7", "--workers", "1", "--warmup-steps", "2"];
  return [
    "train",
    "--data",
    data,
    "--network",
    file,
    "--project",
    project,
    "--name",
    "x",
    "--no-plots",
    ...numbers,
    ...more,
  ];
}

/** SHA-256, by path, of a folder's files that `wanted` selects. */
export function digests(folder, wanted = () => true) {
  const out = {};
  for (const path of filesIn(folder).filter(wanted))
    out[path] = createHash("sha256")
      .update(readFileSync(join(folder, path)))
      .digest("hex")
      .slice(0, 16);
  return out;
}

/** Paths of all files, in order; links are named, not followed. */
export function filesIn(folder, prefix = "") {
  const out = [];
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) out.push(...filesIn(folder, path));
    else out.push(path);
  }
  return out;
}

/** State that must not change around an output folder: each file's size and modification time. */
export function stateOf(folder, without) {
  const lines = [];
  for (const path of filesIn(folder)) {
    const full = join(folder, path);
    if (without.some((each) => full === each || full.startsWith(`${each}/`))) continue;
    const { size, mtimeMs } = statSync(full, { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: 0 };
    lines.push(`${path} ${size} ${mtimeMs}`);
  }
  return lines;
}
