/**
 * The cost of loading during training: pictures per second with batches assembled between the steps, with loading
 * threads, and with one batch repeated (no loading at all), alternating on one trainer. PhiNet of 10 MMAC at 128 px,
 * pictures of noise.
 *
 *   node bench/training/loading.mjs [threads] [steps] [rounds]
 */
const { makeBatches, inlineBatches } = await import("../../packages/node/dist/steps/train/batches.js");
const { makeTrainer } = await import("../../packages/node/dist/steps/train/trainer.js");
const { nodeThreads } = await import("../../packages/node/dist/threads/pool.js");
const { createEngine } = await import("../../packages/core/dist/kernels/index.js");
const { parseNetwork, buildNetwork, initialWeights } = await import("../../packages/core/dist/networks/index.js");
const { makeRecipe } = await import("../../packages/core/dist/training/index.js");
const { PackedSource } = await import("../../packages/core/dist/data/index.js");
const threads = Number(process.argv[2] ?? 2),
  steps = Number(process.argv[3] ?? 40),
  rounds = Number(process.argv[4] ?? 5);
const network = parseNetwork({
  family: "phinet",
  input: { height: 128, width: 128 },
  alpha: 0.35,
  blocks: 7,
  downsampling: [5],
  head: { kind: "yolov2", classes: 1, filters: 128, decoder: "scaled" },
});
const count = 480,
  w = 192,
  h = 160;
const shard = new SharedArrayBuffer(count * w * h * 3);
const bytes = new Uint8Array(shard);
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 21;
const table = new Float64Array(count * 6);
const samples = [];
for (let i = 0; i < count; i++) {
  table.set([0, i * w * h * 3, w, h, 640, 480], i * 6);
  samples.push({
    file: "x",
    labels: [
      { class: 0, x: 0.5, y: 0.5, width: 0.3, height: 0.4 },
      { class: 0, x: 0.2, y: 0.6, width: 0.1, height: 0.3 },
    ],
  });
}
const source = new PackedSource(
  { channels: 3, use: "training", input: network.input, fit: "stretch", shards: [shard], table },
  samples,
);
const recipe = makeRecipe("detect", { batch: 16, epochs: 300 });
const graph = buildNetwork(network);
const engine = await createEngine({ threads: nodeThreads(threads) });
const kinds = {
  inline: () => inlineBatches(source, network, recipe),
  loaded: () => makeBatches(source, network, recipe, threads, console.log),
};
const sources = {},
  its = {};
const trainer = makeTrainer(engine, network, recipe, 30);
trainer.executor.setParameters(initialWeights(graph, 0, network.head));
for (const k of Object.keys(kinds)) {
  sources[k] = kinds[k]();
  let e = 0;
  its[k] = (async function* () {
    for (;;) yield* sources[k].epoch(e++, () => trainer.input);
  })();
}
const rates = { inline: [], loaded: [], none: [] },
  cpu = { inline: [], loaded: [], none: [] };
for (let r = 0; r < rounds; r++)
  for (const k of ["inline", "loaded", "none"]) {
    const last = (await its.inline.next()).value;
    if (k === "loaded") for (let i = 0; i < 6; i++) trainer.step((await its[k].next()).value);
    const c0 = process.cpuUsage();
    const t0 = performance.now();
    for (let i = 0; i < steps; i++) trainer.step(k === "none" ? last : (await its[k].next()).value);
    const ms = performance.now() - t0;
    const c = process.cpuUsage(c0);
    rates[k].push((steps * 16000) / ms);
    cpu[k].push((c.user + c.system) / 1000 / ms);
  }
const med = (a) => a.slice().sort((x, y) => x - y)[a.length >> 1];
for (const k of Object.keys(rates))
  console.log(
    threads,
    "threads",
    k.padEnd(8),
    "median",
    med(rates[k]).toFixed(0),
    "best",
    Math.max(...rates[k]).toFixed(0),
    "cores",
    med(cpu[k]).toFixed(2),
  );
for (const k of Object.keys(sources)) await sources[k].dispose();
await engine.dispose();
