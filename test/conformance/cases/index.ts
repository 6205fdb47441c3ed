import type { Case, Group } from "../case.js";
import { blocks } from "./blocks.js";
import { extremeCases } from "./extremes.js";
import { networkCases } from "./networks.js";
import { operatorGraph, operators } from "./operators.js";
import { randomCases } from "./random.js";

/** All cases of the suite. */
export const cases: Readonly<Record<Group, readonly Case[]>> = {
  operators: operators.map((operator) => ({ name: operator.name, graph: operatorGraph(operator) })),
  extremes: extremeCases,
  blocks,
  networks: networkCases,
  random: randomCases,
};
