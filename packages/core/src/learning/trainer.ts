/** Creates the trainer of a run. */
import type { Engine } from "../kernels/index.js";
import { buildNetwork, type Network } from "../networks/index.js";
import { PhinetsError } from "../tensor/index.js";
import {
  Executor,
  frozenLayers,
  planSizes,
  type Recipe,
  SizedExecutors,
  Trainer,
  trainingGraphOf,
} from "../training/index.js";

/** The caller sets the trainer's parameters and disposes of it at the end. */
export function makeTrainer(engine: Engine, network: Network, recipe: Recipe, stepsPerEpoch: number): Trainer {
  const executors = recipe.multiScale
    ? new SizedExecutors(engine, network, planSizes(network, recipe, stepsPerEpoch), (sized) =>
        trainingGraphOf(sized, recipe),
      )
    : new Executor(engine, trainingGraphOf(network, recipe));
  return new Trainer(executors, network, recipe, stepsPerEpoch);
}

/** Throws PhinetsError when the recipe asks for something that the network does not support. */
export function requireTrainable(network: Network, recipe: Recipe): void {
  frozenLayers(buildNetwork(network), recipe.freeze);
  planSizes(network, recipe, 1);
  const { device = "cpu", freeze, multiScale } = recipe;
  if (device === "cpu" || (freeze === "" && !multiScale)) return;
  throw new PhinetsError(
    "training.option",
    `${multiScale ? "multiScale" : `freeze "${freeze}"`} is of our own kernels, device is "${device}"; leave one of them out`,
    "device",
  );
}
