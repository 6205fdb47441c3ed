/**
 * Milliseconds of one of our training steps: forward, loss, backward, optimiser, running statistics. Prints a JSON
 * document.
 * Usage: node bench/training/step.mjs [stack|detector] [--threads 2] [--steps 40] [--fast]
 * [--device cpu|onnx-cpu|webgpu]. Needs `npm run build`.
 */
import { parseArgs } from "node:util";
import { createEngine } from "../../packages/core/dist/kernels/index.js";
import { Random, sizeOf, tensor } from "../../packages/core/dist/tensor/index.js";
import { differentiate, Executor } from "../../packages/core/dist/training/index.js";
import { openDevice } from "../../packages/node/dist/steps/train/device.js";
import { nodeThreads } from "../../packages/node/dist/threads/pool.js";
import { workloads } from "./peer/workloads.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    steps: { type: "string", default: "40" },
    fast: { type: "boolean", default: false },
    device: { type: "string", default: "cpu" },
  },
});
const [threads, steps] = [Number(values.threads), Number(values.steps)];
const device = await openDevice(values.device, threads);
const name = positionals[0] ?? "stack";
const { batch, optimizer, graph: make } = workloads[name];
const graph = make();
const random = new Random(1);
const weights = Object.fromEntries(
  Object.entries(graph.parameters).map(([parameter, { kind, shape }]) => {
    const scale = 1 / Math.sqrt(sizeOf(shape.slice(1)));
    const value = () =>
      kind === "weight" ? scale * random.normal() : kind === "gamma" || kind === "runningVariance" ? 1 : 0;
    return [parameter, tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, value))];
  }),
);
const engine = await createEngine({ threads: nodeThreads(threads), fast: values.fast });
const executor = new Executor(engine, differentiate(graph, batch));
executor.setParameters(weights);
const input = executor.input("image");
for (let i = 0; i < input.length; i++) input[i] = random.normal();
const [outputName] = graph.outputs;
const labels = Int32Array.from({ length: batch }, () => random.integer(10));
const weighting = executor.output(outputName).map(() => random.normal() / 1000);

function crossEntropy(logits) {
  const gradient = new Float32Array(logits.length);
  let loss = 0;
  for (let n = 0; n < batch; n++) {
    const row = Array.from(logits.subarray(n * 10, n * 10 + 10));
    const peak = Math.max(...row);
    const exps = row.map((v) => Math.exp(v - peak));
    const sum = exps.reduce((a, b) => a + b);
    for (let c = 0; c < 10; c++) gradient[n * 10 + c] = (exps[c] / sum - (c === labels[n] ? 1 : 0)) / batch;
    loss -= Math.log(exps[labels[n]] / sum) / batch;
  }
  return { loss, gradient };
}

const weighted = (output) => ({
  loss: output.reduce((sum, value, i) => sum + value * weighting[i], 0),
  gradient: weighting,
});
const lossOf = name === "stack" ? crossEntropy : weighted;

let first;
let last;
const times = { forward: [], step: [] };
let cpu;
for (let step = 1; step <= steps; step++) {
  if (step === 4) cpu = process.cpuUsage(); // the code has been compiled by then
  const start = performance.now();
  if (device === undefined) executor.forward();
  else await device.forward(executor);
  const { loss, gradient } = lossOf(executor.output(outputName));
  const middle = performance.now();
  executor.setCotangent(outputName, gradient);
  if (device === undefined) executor.backward();
  else await device.backward(executor);
  executor.optimizerStep({ kind: optimizer, learningRate: optimizer === "sgd" ? 0.05 : 0.001, step });
  executor.updateRunningStatistics(0.1);
  first ??= loss;
  last = loss;
  times.forward.push(middle - start);
  times.step.push(performance.now() - start);
}
cpu = process.cpuUsage(cpu);
await device?.dispose();
await engine.dispose();
const summary = (all) => {
  const sorted = all.toSorted((a, b) => a - b);
  return { minimumMs: sorted[0], medianMs: sorted[sorted.length >> 1] };
};
const step = summary(times.step);
const document = {
  ...{ workload: name, node: process.version, fast: values.fast, device: values.device, threads, batch },
  parameters: Object.values(graph.parameters)
    .filter(({ kind }) => !kind.startsWith("running"))
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  forward: summary(times.forward),
  step,
  cpuMs: (cpu.user + cpu.system) / 1000 / (steps - 3),
  imagesPerSecond: { best: (batch / step.minimumMs) * 1000, median: (batch / step.medianMs) * 1000 },
  engineMb: executor.bytes / 2 ** 20,
  peakMb: process.resourceUsage().maxRSS / 1024,
  loss: { first, last },
};
console.log(JSON.stringify(document, undefined, 1));
