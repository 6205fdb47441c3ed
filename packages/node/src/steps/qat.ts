/**
 * Quantisation-aware training of a run: further epochs on the deployed network with simulated int8 rounding. The run's
 * float weights are not changed; `weights/qat.safetensors` holds the folded weights of the best epoch with their
 * ranges, `weights/qat-last.safetensors` the checkpoint to resume from.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PictureSource } from "@phinets/core/data";
import { deployWeights } from "@phinets/core/graph";
import { createEngine } from "@phinets/core/kernels";
import { requireFinite, score, simulatedOutputs, trainEpoch } from "@phinets/core/learning";
import { buildNetwork, type Network } from "@phinets/core/networks";
import { AwareExecutor, encodeQuantized, type QuantizedNetwork } from "@phinets/core/quantization";
import {
  decodeSafetensors,
  encodeSafetensors,
  type FloatWeights,
  PhinetsError,
  type Tensor,
} from "@phinets/core/tensor";
import { type Recipe, recipeIdentity, Trainer } from "@phinets/core/training";
import { writeFileAtomic } from "../host/atomic.js";
import { fidelity } from "../text/metrics.js";
import { nodeThreads } from "../threads/pool.js";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.js";
import type { StepContext } from "./context.js";
import { keyOf, sha256 } from "./hash.js";
import { makeBatches } from "./train/batches.js";
import { withKept } from "./train/diverged.js";

export interface AwareRequest {
  readonly folder: string;
  readonly network: Network;
  readonly weights: FloatWeights;
  /** Their post-training quantisation, which gives the initial ranges. */
  readonly start: QuantizedNetwork;
  /** The recipe that the run was trained with. */
  readonly recipe: Recipe;
  /** Default: `awareEpochs`. */
  readonly epochs?: number;
  readonly train: PictureSource;
  readonly val: PictureSource;
  readonly dataKey: string;
  readonly threads: number;
}

export interface AwareResult {
  readonly quantized: QuantizedNetwork;
  /** Deployed float weights from which it was quantised. */
  readonly weights: FloatWeights;
  readonly epochs: number;
  /** 1-based. */
  readonly bestEpoch: number;
}

/** Default number of epochs: a tenth of the run's, at least 3. */
export const awareEpochs = ({ epochs }: Pick<Recipe, "epochs">): number => Math.max(3, Math.round(epochs / 10));

/** The peak learning rate as a fraction of the run's. */
const rateFraction = 0.01;

/** Fewer steps settle neither ranges nor weights. */
const leastSteps = 10;

/** Number of last epochs in which the ranges are frozen. */
const frozenEpochs = (epochs: number): number => (epochs > 1 ? Math.ceil(epochs / 4) : 0);

/**
 * Recipe of quantisation-aware training: the run's, with a lower learning rate. There is no weight decay, because
 * weights with folded batch norm are not scale-invariant.
 */
export function awareRecipe(recipe: Recipe, epochs: number, pictures: number): Recipe {
  return {
    ...recipe,
    ...{ epochs, batch: Math.min(recipe.batch, pictures), accumulate: 1, weightDecay: 0 },
    ...{ learningRate: rateFraction * recipe.learningRate, schedule: "cosine" },
    ...{ multiScale: false, freeze: "", patience: 0, divergence: 0 },
  };
}

export async function trainAware(request: AwareRequest, context: StepContext): Promise<AwareResult> {
  const { folder, network, start, train: source, val, dataKey } = request;
  const recipe = awareRecipe(request.recipe, request.epochs ?? awareEpochs(request.recipe), source.length);
  const steps = recipe.epochs * Math.floor(source.length / Math.max(1, recipe.batch));
  if (!(steps >= leastSteps))
    throw new PhinetsError(
      "qat.pictures",
      `quantisation-aware training would have ${steps || 0} steps (${recipe.epochs} epochs of ${source.length} pictures, batch ${recipe.batch}); at least ${leastSteps} are needed: more epochs (--qat N), a larger --fraction or a smaller --batch`,
    );
  const lastPath = join(folder, "weights/qat-last.safetensors");
  const files = encodeQuantized(start);
  const key = keyOf(network, recipeIdentity(recipe), dataKey, sha256(files.json), sha256(files.safetensors));
  const before = loadOwn(folder, lastPath, key);
  let { epoch = 0, best = Number.NEGATIVE_INFINITY, bestEpoch = 0 } = before ?? {};
  const engine = await createEngine({ threads: nodeThreads(request.threads), fast: recipe.fast });
  const { weights } = deployWeights(buildNetwork(network), request.weights);
  const executor = new AwareExecutor(engine, start, weights, recipe.batch);
  const batches = makeBatches(source, network, recipe, request.threads, (message) => context.note(message));
  const trainer = new Trainer(executor, network, recipe, batches.batchesPerEpoch);
  if (before !== undefined) trainer.restore(before.state, before.step);
  const label = "training int8";
  const progress = context.progress({
    label,
    total: recipe.epochs,
    from: epoch,
    unit: "epochs",
    lineEvery: 1 / recipe.epochs,
  });
  progress.update(epoch);
  try {
    while (epoch < recipe.epochs) {
      executor.frozen = epoch >= recipe.epochs - frozenEpochs(recipe.epochs);
      const onBatch = (step: number, loss: number, perSecond: number): void => {
        if (step % 4 !== 0 || step === batches.batchesPerEpoch) return;
        const epochs = Math.round(100 * (epoch + step / batches.batchesPerEpoch)) / 100;
        progress.update(epochs, `loss ${loss.toFixed(3)}  ${perSecond.toFixed(0)} images/s`);
      };
      const now = () => performance.now();
      const done = await trainEpoch(trainer, batches, epoch, { signal: context.signal, now, onBatch });
      const averaged = executor.emaParameters();
      const state = executor.state();
      requireFinite({ ...state, ...averaged }, trainer.steps, recipe);
      const metrics = score(network, simulatedOutputs(engine, executor.quantized(averaged), network, val), val);
      const value = fidelity(metrics);
      epoch++;
      // A negative value is unknown: the last epoch is then the best guess. Of equal values the later weights are
      // better settled.
      if (value >= best || value < 0) {
        best = value;
        bestEpoch = epoch;
        writeFileAtomic(awarePath(folder), encodeSafetensors({ ...averaged, ...executor.rangeState() }));
      }
      saveCheckpoint(folder, { epoch, step: trainer.steps, best, bestEpoch, key, dataKey, state }, lastPath);
      const { loss } = done.losses;
      const perSecond = (done.pictures * 1000) / done.ms;
      progress.update(
        epoch,
        `loss ${loss.toFixed(3)}  int8 ${metrics.task === "detect" ? "AP" : "top1"} ${value.toFixed(3)}  ${perSecond.toFixed(0)} images/s`,
      );
    }
    const saved = decodeSafetensors(readFileSync(awarePath(folder)), awarePath(folder)).weights;
    const chosen = Object.fromEntries(Object.keys(weights).map((name) => [name, saved[name] as Tensor<"float32">]));
    return { quantized: executor.restored(chosen, saved), weights: chosen, epochs: epoch, bestEpoch };
  } catch (error) {
    throw withKept(error, folder, epoch);
  } finally {
    progress.stop();
    await batches.dispose();
    executor.dispose();
    await engine.dispose();
  }
}

export const awarePath = (folder: string): string => join(folder, "weights/qat.safetensors");

/** The checkpoint of this training; that of another training is ignored and will be overwritten. */
function loadOwn(folder: string, path: string, key: string): ReturnType<typeof loadCheckpoint> {
  try {
    const checkpoint = loadCheckpoint(folder, path);
    return checkpoint?.key === key && existsSync(awarePath(folder)) ? checkpoint : undefined;
  } catch (error) {
    if (error instanceof PhinetsError) return undefined; // damaged: only these epochs are lost
    throw error;
  }
}
