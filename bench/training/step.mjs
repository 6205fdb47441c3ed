/**
 * Milliseconds of a training step: 3x96x96, batch 32, separable stem (stride 2, 16 channels), seven inverted residual
 * blocks (expansion 6, channels 8 8 8 16 16 32 32, strides 1 2 1 2 2 1 2), batch norm, hard-swish, average pool, linear 10,
 * cross-entropy, SGD with momentum. Usage: node bench/training/step.mjs [threads=2] [steps=40] [device=cpu], cpu, onnx-cpu
 * or webgpu. Needs `npm run build`.
 */
import { openDevice } from "../../packages/cli/dist/steps/train/device.js";
import { nodeThreads } from "../../packages/cli/dist/threads/index.js";
import { GraphBuilder } from "../../packages/core/dist/graph/index.js";
import { createEngine } from "../../packages/core/dist/kernels/index.js";
import { Random, sizeOf, tensor } from "../../packages/core/dist/tensor/index.js";
import { differentiate } from "../../packages/core/dist/training/differentiate.js";
import { Executor } from "../../packages/core/dist/training/executor.js";

const threads = Number(process.argv[2] ?? 2);
const steps = Number(process.argv[3] ?? 40);
const device = await openDevice(process.argv[4], threads);
const batch = 32;

const g = new GraphBuilder("workload");
let x = g.input("image", [batch, 96, 96, 3]);
x = g.depthwise("stem.depthwise", x, { kernel: 3, stride: 2, padding: 1 });
x = g.hardswish("stem.act", g.batchNorm("stem.norm", g.conv2d("stem.point", x, { filters: 16 }), 1e-5));
const strides = [1, 2, 1, 2, 2, 1, 2];
for (const [i, filters] of [8, 8, 8, 16, 16, 32, 32].entries()) {
  const input = x;
  const channels = g.shape(input)[3];
  x = g.conv2d(`${i}.expand`, input, { filters: channels * 6 });
  x = g.hardswish(`${i}.act1`, g.batchNorm(`${i}.norm1`, x, 1e-5));
  x = g.depthwise(`${i}.depthwise`, x, { kernel: 3, stride: strides[i], padding: 1 });
  x = g.hardswish(`${i}.act2`, g.batchNorm(`${i}.norm2`, x, 1e-5));
  x = g.batchNorm(`${i}.norm3`, g.conv2d(`${i}.project`, x, { filters }), 1e-5);
  if (strides[i] === 1 && channels === filters) x = g.add(`${i}.skip`, input, x);
}
const graph = g.build([g.dense("logits", g.flatten("flat", g.globalAveragePool("pool", x)), 10)]);

const random = new Random(1);
const weights = Object.fromEntries(
  Object.entries(graph.parameters).map(([name, { kind, shape }]) => {
    const scale = 1 / Math.sqrt(sizeOf(shape.slice(1)));
    const value = () =>
      kind === "weight" ? scale * random.normal() : kind === "gamma" || kind === "runningVariance" ? 1 : 0;
    return [name, tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, value))];
  }),
);
const engine = await createEngine({ threads: nodeThreads(threads) });
const executor = new Executor(engine, differentiate(graph, batch));
executor.setParameters(weights);
const input = executor.input("image");
for (let i = 0; i < input.length; i++) input[i] = random.normal();
const labels = Int32Array.from({ length: batch }, () => random.integer(10));

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

let first;
let last;
const times = { forward: [], step: [] };
let cpu = process.cpuUsage();
for (let step = 1; step <= steps; step++) {
  const start = performance.now();
  if (device === undefined) executor.forward();
  else await device.forward(executor);
  const middle = performance.now();
  const { loss, gradient } = crossEntropy(executor.output("logits"));
  executor.setCotangent("logits", gradient);
  if (device === undefined) executor.backward();
  else await device.backward(executor);
  executor.optimizerStep({ kind: "sgd", learningRate: 0.05, step });
  executor.updateRunningStatistics(0.1);
  first ??= loss;
  last = loss;
  times.forward.push(middle - start);
  times.step.push(performance.now() - start);
  if (step === 1) cpu = process.cpuUsage(); // the first compiles
}
const { user, system } = process.cpuUsage(cpu);
await device?.dispose();
await engine.dispose();
const summary = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return { minimumMs: sorted[0], medianMs: sorted[sorted.length >> 1] };
};
const step = summary(times.step);
console.log(
  JSON.stringify(
    {
      node: process.version,
      threads,
      device: process.argv[4] ?? "cpu",
      batch,
      parameters: Object.values(graph.parameters)
        .filter(({ kind }) => !kind.startsWith("running"))
        .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      forward: summary(times.forward),
      step,
      cpuMs: (user + system) / 1000 / (steps - 1),
      imagesPerSecond: { best: (batch / step.minimumMs) * 1000, median: (batch / step.medianMs) * 1000 },
      engineMb: executor.bytes / 2 ** 20,
      peakMb: process.resourceUsage().maxRSS / 1024,
      loss: { first, last },
    },
    undefined,
    1,
  ),
);
