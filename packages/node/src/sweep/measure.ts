/** Measures how fast this machine trains a network. */
import { createEngine } from "@phinets/core/kernels";
import { makeTrainer } from "@phinets/core/learning";
import { buildNetwork, initialWeights, type Network } from "@phinets/core/networks";
import { Random } from "@phinets/core/tensor";
import type { Recipe, Targets } from "@phinets/core/training";
import { nodeThreads } from "../threads/pool.js";

/** Duration of the measurement in milliseconds. */
const enoughMs = 1000;

/** Training speed in pictures per second, on pictures of noise; loading and validation are not included. */
export async function measureTraining(
  network: Network,
  recipe: Recipe,
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal },
): Promise<number> {
  const engine = await createEngine({ threads: nodeThreads(threads), fast: recipe.fast });
  // A few steps on noise learn nothing and must not be taken for a training that diverges.
  const trainer = makeTrainer(engine, network, { ...recipe, divergence: 0, multiScale: false }, 1000);
  try {
    trainer.executor.setParameters(initialWeights(buildNetwork(network), recipe.seed, network.head));
    const random = new Random(recipe.seed);
    const { input } = trainer;
    for (let i = 0; i < input.length; i++) input[i] = random.uniform();
    const classes = Array.from({ length: recipe.batch }, () => 0);
    const targets: Targets = network.head.kind === "yolov2" ? { truths: classes.map(() => []) } : { classes };
    trainer.step(targets);
    let steps = 0;
    const start = performance.now();
    while (performance.now() - start < enoughMs) {
      signal.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
      trainer.step(targets);
      steps++;
    }
    return (steps * recipe.batch * 1000) / (performance.now() - start);
  } finally {
    trainer.dispose();
    await engine.dispose();
  }
}
