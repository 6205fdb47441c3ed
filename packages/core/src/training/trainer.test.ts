import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, type Engine } from "../kernels/index.js";
import { buildNetwork, initialWeights, type Network, parseNetwork } from "../networks/index.js";
import { Random } from "../tensor/index.js";
import { differentiate } from "./differentiate.js";
import { Executor } from "./executor.js";
import { planSizes, SizedExecutors } from "./multi-scale.js";
import { makeRecipe, type Recipe } from "./recipe.js";
import { Trainer } from "./trainer.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

const small = { family: "phinet", alpha: 0.15, blocks: 4, downsampling: [4] };
const detector = parseNetwork({
  ...small,
  input: { height: 48, width: 48 },
  head: { kind: "yolov2", classes: 1, filters: 8, anchors: [[1, 1]], decoder: "scaled" },
});
const classifier = parseNetwork({
  ...small,
  input: { height: 32, width: 32 },
  head: { kind: "classifier", classes: 3 },
});

function trainerOf(network: Network, options: Partial<Recipe>, stepsPerEpoch = 10): Trainer {
  const recipe = makeRecipe(network.head.kind === "yolov2" ? "detect" : "classify", {
    batch: 2,
    epochs: 10,
    ...options,
  });
  const graphAt = (sized: Network) => differentiate(buildNetwork(sized), recipe.batch);
  const plan = planSizes(network, recipe, stepsPerEpoch);
  const trainer = new Trainer(new SizedExecutors(engine, network, plan, graphAt), network, recipe, stepsPerEpoch);
  trainer.executor.setParameters(initialWeights(buildNetwork(network), recipe.seed, network.head));
  return trainer;
}

/** Runs steps on synthetic pictures that depend only on the step. */
function run(trainer: Trainer, from: number, to: number, detects = true) {
  const results = [];
  for (let step = from; step < to; step++) {
    const random = new Random(5, step);
    const { input } = trainer;
    for (let i = 0; i < input.length; i++) input[i] = random.uniform(-1, 1);
    const truth = { x: 0.5, y: 0.5, width: 0.4, height: 0.3, class: 0 };
    const { height, width } = trainer.inputSize;
    expect(input.length).toBe(2 * height * width * 3);
    const result = trainer.step(detects ? { truths: [[truth], []] } : { classes: [step % 3, (step + 1) % 3] });
    results.push({ ...result, height });
  }
  return results;
}

test("several sizes train one network, and a resumed run has the same bits", () => {
  const whole = trainerOf(detector, { multiScale: true, seed: 3 });
  const steps = run(whole, 0, 44);
  expect(new Set(steps.map(({ height }) => height)).size).toBeGreaterThan(2);
  const first = trainerOf(detector, { multiScale: true, seed: 3 });
  run(first, 0, 20);
  const second = trainerOf(detector, { multiScale: true, seed: 3 });
  second.restore(first.executor.state(), first.steps, first.startLoss);
  expect(run(second, 20, 44)).toEqual(steps.slice(20));
  expect(second.executor.state()).toEqual(whole.executor.state());
  for (const trainer of [whole, first, second]) trainer.dispose();
});

test("one executor and the same one in a set of one size are the same training", () => {
  const plain = trainerOf(detector, {});
  const executor = new Executor(engine, differentiate(buildNetwork(detector), 2));
  executor.setParameters(initialWeights(buildNetwork(detector), 0, detector.head));
  const other = new Trainer(executor, detector, makeRecipe("detect", { batch: 2, epochs: 10 }), 10);
  expect(run(plain, 0, 3)).toEqual(run(other, 0, 3));
  for (const trainer of [plain, other]) trainer.dispose();
});

test("a step of several batches moves the weights once, at its end", () => {
  const trainer = trainerOf(classifier, { accumulate: 3 });
  const before = trainer.executor.parameters();
  const results = run(trainer, 0, 3, false);
  expect(results.map(({ step }) => step)).toEqual([0, 0, 1]);
  expect(results.map(({ gradientNorm }) => gradientNorm === undefined)).toEqual([true, true, false]);
  expect(trainer.steps).toBe(1);
  expect(trainer.executor.parameters()).not.toEqual(before);
  trainer.dispose();
});

test("a learning rate that makes the training diverge ends with an error that names step, rate and remedy", () => {
  const trainer = trainerOf(classifier, { optimizer: "sgd", learningRate: 100, clipNorm: 0, warmupSteps: 0 });
  expect(() => run(trainer, 0, 60, false)).toThrow(
    /training diverged at step \d+, learning rate \d+.*lower the learning rate, to 30 for example/,
  );
  trainer.dispose();
});
