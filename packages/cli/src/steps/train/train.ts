/** Trains a run: epochs, validation, results.csv, checkpoints. Killed anywhere, it goes on from the last epoch. */
import { readFileSync } from "node:fs";
import { createEngine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { loadWeights } from "../../run/load.js";
import type { Context } from "../../terminal/context.js";
import { nodeThreads } from "../../threads/index.js";
import { bestPath, loadCheckpoint } from "../checkpoint.js";
import { keyOf, sha256 } from "../hash.js";
import { floatOutputs, score } from "../validate.js";
import { makeBatches } from "./batches.js";
import { withKept } from "./diverged.js";
import { trainEpoch } from "./epoch.js";
import { describeEpoch, endEpoch, type Standing } from "./epoch-end.js";
import { tellEpochEnd } from "./observers.js";
import type { TrainRequest, TrainResult } from "./request.js";
import { requireSame } from "./resume.js";
import { makeTrainer } from "./trainer.js";

export async function train(request: TrainRequest, context: Context): Promise<TrainResult> {
  const { folder, network, train: source, val, dataKey, observers = [] } = request;
  if (source.length === 0) throw new PhinetsError("data.empty", "the training split has no pictures");
  // A batch can hold no more than there is: batch statistics of repeated pictures would lie.
  const recipe = { ...request.recipe, batch: Math.min(request.recipe.batch, source.length) };
  const key = keyOf(network, recipe, dataKey);
  const checkpoint = request.resume ? loadCheckpoint(folder) : undefined;
  const graph = buildNetwork(network);
  if (checkpoint !== undefined) requireSame(folder, checkpoint, { key, dataKey }, graph);
  const { epoch = 0, best = Number.NEGATIVE_INFINITY, bestEpoch = 0 } = checkpoint ?? {};
  const standing: Standing = { epoch, best, bestEpoch };
  const engine = await createEngine({ threads: nodeThreads(request.threads), fast: recipe.fast });
  const batches = makeBatches(source, network, recipe, request.threads, context.note);
  const trainer = makeTrainer(engine, graph, network, recipe, batches.stepsPerEpoch);
  if (checkpoint === undefined) trainer.executor.setParameters(initialWeights(graph, recipe.seed, network.head));
  else trainer.restore(checkpoint.state, checkpoint.step);
  const progress = context.progress({
    label: "training",
    total: recipe.epochs,
    unit: "epochs",
    lineEvery: 1 / recipe.epochs,
  });
  progress.update(standing.epoch);
  const trained = { pictures: 0, ms: 0 };
  try {
    while (standing.epoch < recipe.epochs) {
      const { epoch } = standing;
      const steps = await trainEpoch(trainer, batches, epoch, context.signal, (done, loss, perSecond) => {
        if (done % 4 !== 0 || done === batches.stepsPerEpoch) return;
        const epochs = Math.round(100 * (epoch + done / batches.stepsPerEpoch)) / 100;
        progress.update(epochs, `loss ${loss.toFixed(3)}  ${perSecond.toFixed(0)} images/s`);
      });
      trained.pictures += steps.pictures;
      trained.ms += steps.ms;
      const report = endEpoch(steps, standing, trainer, engine, request, key);
      progress.update(report.epoch, describeEpoch(report));
      if (await tellEpochEnd(observers, report)) break;
    }
    const path = bestPath(folder);
    // Of an epoch before the run was resumed only the weights are left.
    standing.bestMetrics ??= score(network, floatOutputs(engine, network, loadWeights(path, graph), val), val);
    return {
      epochs: standing.epoch,
      bestEpoch: standing.bestEpoch,
      best: standing.best,
      metrics: standing.bestMetrics,
      weightsSha256: sha256(readFileSync(path)),
      imagesPerSecond: trained.ms > 0 ? (trained.pictures * 1000) / trained.ms : 0,
    };
  } catch (error) {
    throw withKept(error, folder, standing.epoch);
  } finally {
    progress.stop();
    await batches.dispose();
    trainer.executor.dispose();
    await engine.dispose();
  }
}
