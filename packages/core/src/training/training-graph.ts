/** Derives the graph that a recipe trains. */
import { withDropout } from "../graph/index.js";
import { buildNetwork, type Network } from "../networks/index.js";
import { differentiate, type TrainingGraph } from "./differentiate.js";
import { frozenLayers } from "./freeze.js";
import type { Recipe } from "./recipe.js";

/**
 * The network's training step at the recipe's batch size, with its dropout and frozen layers. Throws as `frozenLayers`
 * does.
 */
export function trainingGraphOf(network: Network, { batch, dropout, freeze }: Recipe): TrainingGraph {
  const graph = buildNetwork(network);
  return differentiate(dropout === undefined ? graph : withDropout(graph, dropout), batch, frozenLayers(graph, freeze));
}
