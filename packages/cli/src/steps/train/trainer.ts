/** The trainer of a run: the one place that says which graph is trained. */
import type { Graph } from "@phinets/core/graph";
import type { Engine } from "@phinets/core/kernels";
import type { Network } from "@phinets/core/networks";
import { differentiate, Executor, type Recipe, Trainer } from "@phinets/core/training";

/** Its parameters are still to be set; dispose of its executor in the end. */
export function makeTrainer(
  engine: Engine,
  graph: Graph,
  network: Network,
  recipe: Recipe,
  stepsPerEpoch: number,
): Trainer {
  return new Trainer(new Executor(engine, differentiate(graph, recipe.batch)), network, recipe, stepsPerEpoch);
}
