/**
 * The cost of training options on a detector (PhiNet alpha .35, t0 6, N 7, 128 px, batch 8): each optimiser's update, a
 * step with a frozen backbone, memory of ten input sizes. Rounds alternate; medians and minima.
 * Usage: node bench/training/options.mjs [threads=2] [rounds=15]. Needs `npm run build`.
 */

import { createEngine } from "../../packages/core/dist/kernels/index.js";
import { buildNetwork, initialWeights, parseNetwork } from "../../packages/core/dist/networks/index.js";
import { Random } from "../../packages/core/dist/tensor/index.js";
import {
  differentiate,
  Executor,
  frozenLayers,
  makeRecipe,
  optimizerNames,
  planSizes,
  SizedExecutors,
} from "../../packages/core/dist/training/index.js";
import { nodeThreads } from "../../packages/node/dist/threads/pool.js";

const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 15);
const batch = 8;
const network = parseNetwork({
  family: "phinet",
  input: { height: 128, width: 128 },
  alpha: 0.35,
  t0: 6,
  blocks: 7,
  downsampling: [5],
  head: { kind: "yolov2", classes: 1, filters: 128 },
});
const graph = buildNetwork(network);
const engine = await createEngine({ threads: nodeThreads(threads) });
const random = new Random(1);
const executors = Object.fromEntries(
  ["", "backbone"].map((freeze) => {
    const executor = new Executor(engine, differentiate(graph, batch, frozenLayers(graph, freeze)));
    executor.setParameters(initialWeights(graph, 0, network.head));
    const input = executor.input("image");
    for (let i = 0; i < input.length; i++) input[i] = random.uniform(-1, 1);
    const output = graph.outputs[0];
    executor.setCotangent(
      output,
      executor.output(output).map(() => 1e-3 * random.normal()),
    );
    return [freeze, executor];
  }),
);

const times = {};
const measure = (name, act) => {
  const start = performance.now();
  act();
  times[name] ??= [];
  times[name].push(performance.now() - start);
};
let step = 0;
for (let round = 0; round < rounds; round++) {
  for (const [freeze, executor] of Object.entries(executors)) {
    measure(`step${freeze && `, ${freeze} frozen`}`, () => {
      executor.forward();
      executor.backward();
      executor.optimizerStep({ kind: "adamw", learningRate: 1e-6, step: ++step });
    });
  }
  for (const kind of optimizerNames)
    measure(`sweep of ${kind}`, () =>
      executors[""].optimizerStep({ kind, learningRate: 1e-6, weightDecay: 0.01, step }),
    );
}
for (const executor of Object.values(executors)) executor.dispose();

const recipe = makeRecipe("detect", { multiScale: true, batch });
const plan = planSizes(network, recipe, 1000);
const sized = new SizedExecutors(engine, network, plan, (each) => differentiate(buildNetwork(each), batch));
const bytes = plan.sizes.map((_, i) => sized.at(i).bytes);
const alone = plan.sizes.map((size) => {
  const other = buildNetwork({ ...network, input: { ...network.input, ...size } });
  const executor = new Executor(engine, differentiate(other, batch));
  const held = executor.bytes;
  executor.dispose();
  return held;
});
sized.dispose();
await engine.dispose();
const sum = (values) => values.reduce((a, b) => a + b);
const mb = (value) => Number((value / 2 ** 20).toFixed(1));
console.log(
  JSON.stringify(
    {
      node: process.version,
      threads,
      ms: Object.fromEntries(
        Object.entries(times).map(([name, values]) => {
          const sorted = values.toSorted((a, b) => a - b);
          return [
            name,
            { minimum: Number(sorted[0].toFixed(2)), median: Number(sorted[sorted.length >> 1].toFixed(2)) },
          ];
        }),
      ),
      sizes: plan.sizes.map(({ height }) => height),
      sizesMb: mb(sum(bytes)),
      sizesApartMb: mb(sum(alone)),
      ownSizeAloneMb: mb(alone[plan.own]),
    },
    undefined,
    1,
  ),
);
