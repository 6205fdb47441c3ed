/**
 * Training steps of ours and of PyTorch, alternating on the same machine so that other load affects both alike: medians
 * of the rounds' medians, and PyTorch's milliseconds divided by ours. PyTorch is optional: without it only our own
 * figures are printed. On a busy machine only the processor time of a step on one thread (`--threads 1`) is meaningful;
 * with more threads it includes the time they wait for each other. `--fast` adds our fast kernels; `--node` also runs
 * ours on another Node (a path, or a major version, which is installed from the npm registry).
 * Usage: node bench/training/against-pytorch.mjs [stack] [detector] [--threads 2] [--rounds 3] [--steps 40] [--node 26]
 * [--fast]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeBinary } from "./bits/node-binary.mjs";
import { describe, workloads } from "./peer/workloads.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "40" },
    node: { type: "string", multiple: true, default: [] },
    fast: { type: "boolean", default: false },
  },
});
const { threads, steps } = values;
const here = fileURLToPath(new URL(".", import.meta.url));
const python = "/usr/bin/python3"; // Debian's Python, for which python3-torch is installed
const folder = mkdtempSync(join(tmpdir(), "phinets-bench-"));
const output = (program, words) => JSON.parse(execFileSync(program, words, { encoding: "utf8" }));

/** Whether a Node supports relaxed SIMD without a flag: tries the smallest module that uses it. */
function hasRelaxedSimd(node) {
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0];
  bytes.push(65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11);
  return output(node, ["-p", `WebAssembly.validate(Uint8Array.of(${bytes}))`]);
}

function runnersOf(workload) {
  const runners = {};
  const nodes = [process.execPath, ...values.node.map((node) => (/^\d+$/.test(node) ? nodeBinary(node) : node))];
  for (const node of nodes) {
    const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
    const words = [join(here, "step.mjs"), workload, "--threads", threads, "--steps", steps];
    runners[`ours, Node ${version}`] = () => output(node, words);
    if (values.fast && hasRelaxedSimd(node))
      runners[`ours, Node ${version}, fast`] = () => output(node, [...words, "--fast"]);
  }
  try {
    execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
  } catch {
    console.error("PyTorch is not installed (apt-get install python3-torch): only our own figures follow");
    return runners;
  }
  const graph = join(folder, `${workload}.json`);
  writeFileSync(graph, describe(workload));
  for (const layout of ["channels_last", "contiguous"])
    runners[`PyTorch, ${layout}`] = () => output(python, [join(here, "pytorch.py"), graph, threads, steps, layout]);
  return runners;
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

try {
  for (const workload of positionals.length > 0 ? positionals : Object.keys(workloads)) {
    const runners = runnersOf(workload);
    const results = Object.fromEntries(Object.keys(runners).map((name) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++)
      for (const [name, run] of Object.entries(runners)) results[name].push(run());
    const rows = Object.entries(results).map(([name, runs]) => ({
      name,
      forwardMs: median(runs.map(({ forward }) => forward.medianMs)),
      stepMs: median(runs.map(({ step }) => step.medianMs)),
      bestMs: Math.min(...runs.map(({ step }) => step.minimumMs)),
      cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
      peakMb: median(runs.map(({ peakMb }) => peakMb)),
      parameters: runs[0].parameters,
    }));
    const peer = rows.find(({ name }) => name === "PyTorch, channels_last");
    const ratio = (key, row) => (peer === undefined ? "" : (peer[key] / row[key]).toFixed(2));
    console.log(
      `\n${workload}: batch ${workloads[workload].batch}, ${rows[0].parameters} parameters, ${threads} threads\n`,
    );
    console.log(
      "| engine | forward + loss ms | step ms | best step ms | CPU ms | channels_last / it: step | best | CPU | peak MB |",
    );
    console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const row of rows) {
      const figures = [row.forwardMs, row.stepMs, row.bestMs, row.cpuMs].map((ms) => ms.toFixed(1));
      const ratios = [ratio("stepMs", row), ratio("bestMs", row), ratio("cpuMs", row)];
      console.log(`| ${[row.name, ...figures, ...ratios, row.peakMb.toFixed(0)].join(" | ")} |`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
