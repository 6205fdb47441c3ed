/**
 * Trains a run: epochs, validation, results.csv, checkpoints. A run that was killed at any point resumes after its last
 * saved epoch.
 */
import { readFileSync } from "node:fs";
import { countMacs, countParameters } from "@phinets/core/cost";
import type { PictureSource } from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { fittedBatch, floatOutputs, makeTrainer, score, trainEpoch } from "@phinets/core/learning";
import { buildNetwork, classNames, initialWeights, type Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { type Recipe, recipeIdentity } from "@phinets/core/training";
import { CachedPictures } from "../../dataset/index.js";
import { loadWeights } from "../../run/load.js";
import { type RunLock, withRunLock } from "../../run/lock.js";
import { describeMetrics, verdict } from "../../text/metrics.js";
import { nodeThreads } from "../../threads/pool.js";
import { bestPath, loadCheckpoint, saveCheckpoint } from "../checkpoint.js";
import type { StepContext } from "../context.js";
import { keyOf, sha256 } from "../hash.js";
import { finishLock } from "../run-lock.js";
import { ownVersion } from "../version.js";
import { makeBatches } from "./batches.js";
import { openDevice } from "./device.js";
import { withKept } from "./diverged.js";
import { describeEpoch, endEpoch, type Standing, startStanding } from "./epoch-end.js";
import { EventLog } from "./events.js";
import { type TrainObserver, tellEpochEnd } from "./observers.js";
import type { TrainRequest, TrainResult } from "./request.js";
import { changedBest, hasOwnBest, requireSame } from "./resume.js";

/**
 * Completes a training's recipe (the batch size that its pictures allow) and hashes everything that must not change
 * between start and resume. Equal keys give equal weights.
 */
export function trainingOf({
  recipe: asked,
  network,
  train: { length },
  dataKey,
  pretrained,
}: Pick<TrainRequest, "recipe" | "network" | "train" | "dataKey" | "pretrained">): { recipe: Recipe; key: string } {
  const recipe = fittedBatch(asked, length);
  const start = pretrained === undefined ? [] : [pretrained.sha256];
  return { recipe, key: keyOf(network, recipeIdentity(recipe), dataKey, ...start) };
}

/**
 * Throws `run.busy` where another process writes to the folder, `run.removed` where the folder is removed during the
 * training.
 */
export async function train(request: TrainRequest, context: StepContext): Promise<TrainResult> {
  if (request.train.length === 0) throw new PhinetsError("data.empty", "the training split has no pictures");
  const { folder, lock } = request;
  if (lock !== undefined) return trainLocked(request, lock, context);
  return withRunLock(folder, "training", (own) => trainLocked(request, own, context));
}

async function trainLocked(request: TrainRequest, lock: RunLock, context: StepContext): Promise<TrainResult> {
  const { folder, network, train: source, val, dataKey, threads, pretrained } = request;
  // Without pictures nothing can be validated.
  const valEvery = val.length === 0 ? 0 : (request.valEvery ?? 1);
  const events = new EventLog(request.onEvent, context.note);
  const observers: TrainObserver[] = [events, ...(request.observers ?? [])];
  const warn = (message: string): void => {
    context.note(message);
    for (const observer of observers) observer.warning?.(message);
  };
  const blind = whyBlind(network, val);
  if (blind !== undefined) warn(`warning: ${blind}: the last weights are kept`);
  const { recipe, key } = trainingOf(request);
  const checkpoint = request.resume ? loadCheckpoint(folder) : undefined;
  const graph = buildNetwork(network);
  if (checkpoint !== undefined) requireSame(folder, checkpoint, { key, dataKey }, graph);
  const epoch = checkpoint?.epoch ?? 0;
  const standing: Standing = { epoch, best: Number.NEGATIVE_INFINITY, bestEpoch: 0 };
  if (checkpoint !== undefined) {
    const { best, bestEpoch, bestSha256 } = checkpoint;
    if (epoch === 0 || hasOwnBest(folder, checkpoint)) Object.assign(standing, { best, bestEpoch, bestSha256 });
    else if (epoch >= recipe.epochs || outOfPatience(checkpoint, recipe, valEvery))
      throw changedBest(folder, checkpoint);
    // A kill between an epoch's two writes leaves the best weights of an epoch that is now repeated.
    else
      warn(`${bestPath(folder)} is not from the first ${epoch} epochs; the best is chosen from the epochs that follow`);
  }
  const device = await openDevice(recipe.device, threads);
  if (device !== undefined)
    context.note(`device ${recipe.device}: ONNX Runtime computes the steps; its results do not repeat bit for bit`);
  if (recipe.fast === true)
    context.note(
      "fast kernels: multiply-adds may be fused; on another type of processor the results may differ in a few bits",
    );
  const engine = request.engine ?? (await createEngine({ threads: nodeThreads(threads), fast: recipe.fast }));
  const batches = makeBatches(source, network, recipe, threads, warn);
  const { batchesPerEpoch } = batches;
  const stepsPerEpoch = batchesPerEpoch / recipe.accumulate;
  const trainer = makeTrainer(engine, network, recipe, stepsPerEpoch);
  const bestOutputs = () => floatOutputs(engine, network, loadWeights(bestPath(folder), graph), val);
  if (request.plots !== undefined) {
    // Charts take a while to load, and not every training draws.
    const { RunPlots } = await import("./plots.js");
    observers.push(new RunPlots({ ...request.plots, train: source, val, outputs: bestOutputs, warn }));
  }
  const progress = context.progress({
    label: "training",
    total: recipe.epochs,
    from: standing.epoch,
    unit: "epochs",
    lineEvery: 1 / recipe.epochs,
  });
  progress.update(standing.epoch);
  const trained = { pictures: 0, ms: 0 };
  try {
    let starts = epoch === 0 && standing.bestSha256 !== undefined;
    if (checkpoint !== undefined) trainer.restore(checkpoint.state, checkpoint.step, checkpoint.startLoss);
    else {
      const given = pretrained?.weights() ?? {};
      trainer.executor.setParameters({ ...initialWeights(graph, recipe.seed, network.head), ...given });
      // Only a complete set of weights makes meaningful predictions.
      starts = valEvery > 0 && Object.keys(graph.parameters).every((name) => name in given);
    }
    const started = starts ? startStanding(standing, trainer, engine, request) : undefined;
    // From here on the run no longer needs the file that its weights came from.
    if (pretrained !== undefined && epoch === 0)
      saveCheckpoint(folder, { ...standing, step: 0, key, dataKey, state: trainer.executor.state() });
    const start = {
      version: ownVersion(),
      folder,
      network,
      classes: classNames(network.head),
      summary: { parameters: countParameters(graph), macs: countMacs(graph) },
      recipe,
      dataKey,
      train: source.length,
      val: val.length,
      skipped: skippedOf(source) + skippedOf(val) + (request.leftOut?.pictures ?? 0),
      skippedRows: request.leftOut?.rows ?? 0,
      threads,
      epoch,
      stepsPerEpoch,
    };
    for (const observer of observers) await observer.started?.(start);
    if (started !== undefined) {
      context.note(`before training, the weights have ${describeMetrics(started)}`);
      events.validatedStart(started);
    }
    const impatient = () => outOfPatience(standing, recipe, valEvery);
    const last = Math.min(recipe.epochs, request.stopAfter ?? recipe.epochs);
    while (standing.epoch < last && !impatient()) {
      const { epoch } = standing;
      const onBatch = (done: number, loss: number, perSecond: number): void => {
        if (done % 4 !== 0 || done === batchesPerEpoch) return;
        const epochs = Math.round(100 * (epoch + done / batchesPerEpoch)) / 100;
        progress.update(epochs, `loss ${loss.toFixed(3)}  ${perSecond.toFixed(0)} images/s`);
      };
      const { signal } = context;
      const steps = await trainEpoch(trainer, batches, epoch, { signal, now, onBatch, device });
      trained.pictures += steps.pictures;
      trained.ms += steps.ms;
      const report = endEpoch(steps, standing, trainer, engine, { ...request, valEvery }, key);
      progress.update(report.epoch, describeEpoch(report));
      if (await tellEpochEnd(observers, report)) break;
    }
    // Only the weights of epochs before the run was resumed are known.
    if (valEvery > 0) standing.bestMetrics ??= score(network, bestOutputs(), val);
    const useless = standing.bestMetrics && verdict(standing.bestMetrics);
    if (useless !== undefined) warn(`warning: ${useless}`);
    lock.requireHeld();
    const weightsSha256 = sha256(readFileSync(bestPath(folder)));
    const end = impatient() ? "patience" : standing.epoch < recipe.epochs ? "stopped" : "epochs";
    finishLock(folder, {
      weightsSha256: end === "stopped" ? undefined : weightsSha256,
      valEvery: request.valEvery ?? 1,
    });
    const result: TrainResult = {
      epochs: standing.epoch,
      end,
      bestEpoch: standing.bestEpoch,
      best: standing.best,
      metrics: standing.bestMetrics,
      weightsSha256,
      imagesPerSecond: trained.ms > 0 ? (trained.pictures * 1000) / trained.ms : 0,
    };
    // The other observers may still report something; "finished" is the last event.
    for (const observer of [...observers.slice(1), events]) await observer.finished?.(result);
    return result;
  } catch (error) {
    const told = withKept(error, folder, standing.epoch);
    for (const observer of observers) await observer.stopped?.(told, standing.epoch);
    throw told;
  } finally {
    progress.stop();
    const loadersEnd = batches.dispose();
    await device?.dispose();
    trainer.dispose();
    if (request.engine === undefined) {
      await loadersEnd;
      await engine.dispose();
    } else loadersEnd.catch(() => {}); // the process continues with other trainings and need not wait for these threads to end
  }
}

const now = (): number => performance.now();

/** Whether the recipe's patience ends the run: too many epochs without an improvement. */
function outOfPatience(
  { epoch, bestEpoch }: Pick<Standing, "epoch" | "bestEpoch">,
  { patience, epochs }: Recipe,
  valEvery: number,
): boolean {
  return patience > 0 && epoch < epochs && epoch % valEvery === 0 && epoch - bestEpoch >= patience;
}

/** Why no epoch can be chosen as the best; undefined where one can. */
function whyBlind({ head }: Network, val: PictureSource): string | undefined {
  if (val.length === 0) return "there are no pictures to validate on";
  if (head.kind !== "yolov2") return undefined;
  for (let i = 0; i < val.length; i++) if ((val.at(i).labels ?? []).some(({ ignore }) => !ignore)) return undefined;
  return `none of the ${val.length} validation pictures has a box`;
}

function skippedOf(source: PictureSource): number {
  return source instanceof CachedPictures ? source.skipped.length : 0;
}
