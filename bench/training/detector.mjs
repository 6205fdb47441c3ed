/**
 * Where a training step of the default detector goes: PhiNet alpha 0.35, t0 6, 7 blocks, squeeze and excite, 128x128x3,
 * YOLOv2 head of 2 classes, batch 8, AdamW with averaging. Random pictures and cotangents.
 * Usage: node bench/training/detector.mjs [threads=2] [steps=60]. Needs `npm run build`.
 */
import { nodeThreads } from "../../packages/cli/dist/threads/index.js";
import { createEngine } from "../../packages/core/dist/kernels/index.js";
import { buildNetwork, initialWeights, inputName, parseNetwork } from "../../packages/core/dist/networks/index.js";
import { Random } from "../../packages/core/dist/tensor/index.js";
import { detectionRecipe, differentiate, Executor } from "../../packages/core/dist/training/index.js";

const threads = Number(process.argv[2] ?? 2);
const steps = Number(process.argv[3] ?? 60);
const { batch, learningRate, weightDecay, clipNorm } = detectionRecipe;
const network = parseNetwork({
  family: "phinet",
  input: { height: 128, width: 128, channels: 3 },
  alpha: 0.35,
  t0: 6,
  blocks: 7,
  head: { kind: "yolov2", classes: ["a", "b"] },
});
const graph = buildNetwork(network);
const engine = await createEngine({ threads: nodeThreads(threads) });
const executor = new Executor(engine, differentiate(graph, batch));
executor.setParameters(initialWeights(graph, 1, network.head));
const random = new Random(1);
const input = executor.input(inputName);
for (let i = 0; i < input.length; i++) input[i] = random.uniform(-1, 1);
const [output] = graph.outputs;
const cotangent = executor.output(output).map(() => random.normal() / 1000);

const minimumMs = {};
function timed(name, body) {
  const start = performance.now();
  const result = body();
  minimumMs[name] = Math.min(minimumMs[name] ?? Number.POSITIVE_INFINITY, performance.now() - start);
  return result;
}
for (let step = 1; step <= steps; step++) {
  timed("step", () => {
    timed("forward", () => executor.forward());
    executor.setCotangent(output, cotangent);
    timed("backward", () => executor.backward());
    timed("optimizer", () =>
      executor.optimizerStep({ kind: "adamw", learningRate: learningRate / 100, weightDecay, clipNorm, step }),
    );
    timed("averages", () => {
      executor.updateRunningStatistics(0.03);
      executor.updateEma(0.99);
    });
  });
}
await engine.dispose();
console.log(
  JSON.stringify({ threads, batch, minimumMs, imagesPerSecond: (batch / minimumMs.step) * 1000 }, undefined, 1),
);
