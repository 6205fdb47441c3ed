import { join } from "node:path";
import { runProgram } from "../packages/cli/src/program.js";
import { writeConveyorDataset } from "../packages/node/src/dataset/index.js";
import { writeFileAtomic } from "../packages/node/src/host/atomic.js";

/** A network that trains an epoch of `tinyDataset` in a tenth of a second. */
export const tinyNetwork = {
  family: "phinet",
  input: { height: 48, width: 64 },
  alpha: 0.15,
  blocks: 4,
  downsampling: [4],
  head: { kind: "yolov2", classes: 1, filters: 16 },
};

/** Renders a conveyor of 32 training pictures, 8 to validate and a clip of 8 frames; returns its data.yaml. */
export function tinyDataset(folder: string): Promise<string> {
  return writeConveyorDataset(folder, {
    seed: 3,
    train: 32,
    val: 8,
    clipFrames: 8,
    size: { height: tinyNetwork.input.height, width: tinyNetwork.input.width },
  });
}

/** Writes network.json; returns its path. */
export function writeNetwork(folder: string, network: object = tinyNetwork): string {
  const path = join(folder, "network.json");
  writeFileAtomic(path, JSON.stringify(network));
  return path;
}

/** A sweep.yaml with four settings and successive halving, for the tiny data set and network beside it. */
export const tinySweep = `data: data
network: network.json
epochs: 4
batch: 8
space:
  lr: {min: 0.001, max: 0.02, scale: log}
  warmupSteps: [0, 4]
search: asha
trials: 4
reduction: 2
target: stm32h743
`;

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function phinets(...words: readonly string[]): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const exitCode = await runProgram(words, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    signal: new AbortController().signal,
    version: "0",
  });
  return { exitCode, ...written };
}

/** As `phinets`, with --json; returns the document. Throws unless it succeeds. */
export async function phinetsJson<T = Record<string, unknown>>(...words: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await phinets(...words, "--json");
  if (exitCode !== 0) throw new Error(`phinets ${words.join(" ")}: exit code ${exitCode}\n${stderr}`);
  return JSON.parse(stdout);
}
