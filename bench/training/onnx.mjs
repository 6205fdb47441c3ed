/**
 * A training step on our kernels and on ONNX Runtime (step.mjs), alternating. Medians of the rounds. ONNX Runtime is
 * optional: npm install --no-save --ignore-scripts onnxruntime-node@1.30.0. On a busy machine, processor time is more
 * reliable than elapsed time. Usage: node bench/training/onnx.mjs [threads=2] [rounds=3] [steps=10] [device=onnx-cpu].
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [threads = "2", rounds = "3", steps = "10", device = "onnx-cpu"] = process.argv.slice(2);
try {
  createRequire(import.meta.url).resolve("onnxruntime-node");
} catch {
  console.error("onnxruntime-node is not installed (npm install --no-save --ignore-scripts onnxruntime-node@1.30.0)");
  process.exit(0);
}
const step = fileURLToPath(new URL("step.mjs", import.meta.url));
const results = { cpu: [], [device]: [] };
for (let round = 0; round < Number(rounds); round++)
  for (const [name, runs] of Object.entries(results))
    runs.push(
      JSON.parse(
        execFileSync(process.execPath, [step, "--threads", threads, "--steps", steps, "--device", name], {
          encoding: "utf8",
        }),
      ),
    );
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
for (const [name, runs] of Object.entries(results)) {
  const figures = {
    forwardMs: median(runs.map((run) => run.forward.medianMs)),
    stepMs: median(runs.map((run) => run.step.medianMs)),
    bestStepMs: Math.min(...runs.map((run) => run.step.minimumMs)),
    cpuMs: median(runs.map((run) => run.cpuMs)),
    peakMb: median(runs.map((run) => run.peakMb)),
  };
  console.log(JSON.stringify({ device: name, ...figures, loss: runs[0].loss }));
}
