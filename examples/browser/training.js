/**
 * A detector learns the parts on a rendered conveyor belt: pictures, augmentation, loss, steps. Nothing here knows whether
 * it runs in a page or in Node, and the weights are the same bits in both.
 */
import {
  assembleBatch,
  conveyorClasses,
  cutBatches,
  detectionAugmentation,
  epochOrder,
  renderConveyorPicture,
} from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { encodeSafetensors } from "@phinets/core/tensor";
import { Executor, makeRecipe, Trainer, trainingGraphOf } from "@phinets/core/training";

const size = { height: 48, width: 64 };
const pictures = 32;

/**
 * @param {import("@phinets/core/kernels").ThreadPool | undefined} threads none: one thread
 * @param {{ steps?: number, seed?: number, onStep?: (step: number, loss: number) => void }} options
 * @returns {Promise<Uint8Array>} the averaged weights as safetensors
 */
export async function train(threads, { steps = 20, seed = 0, onStep } = {}) {
  const network = parseNetwork({
    family: "phinet",
    input: { ...size, channels: 3 },
    alpha: 0.2,
    t0: 4,
    blocks: 5,
    head: { kind: "yolov2", decoder: "scaled", classes: [...conveyorClasses] },
  });
  const rendered = Array.from({ length: pictures }, (_, index) => renderConveyorPicture(seed, index, size));
  const source = { length: pictures, at: (index) => rendered[index] };
  const recipe = makeRecipe("detect", {
    epochs: Math.ceil((steps * 8) / pictures),
    batch: 8,
    seed,
    learningRate: 0.003,
  });
  const graph = buildNetwork(network);
  const engine = await createEngine({ threads });
  try {
    const executor = new Executor(engine, trainingGraphOf(network, recipe));
    executor.setParameters(initialWeights(graph, seed, network.head));
    const trainer = new Trainer(executor, network, recipe, pictures / recipe.batch);
    const options = { ...size, seed, augment: detectionAugmentation };
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      for (const samples of cutBatches(epochOrder(pictures, seed, epoch), recipe.batch, true)) {
        if (trainer.steps === steps) break;
        const { labels } = assembleBatch(source, samples, epoch, options, trainer.input);
        const { step, loss } = trainer.step({ truths: labels });
        onStep?.(step, loss);
      }
    }
    return encodeSafetensors(executor.emaParameters());
  } finally {
    await engine.dispose();
  }
}

/** SHA-256 in hexadecimal, in Node as in a page. */
export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
