/**
 * How long one inference takes: instructions of every loop, times a band of cycles an instruction, over the clock. An
 * estimate to choose networks by; `phinets emulate` counts the instructions, only the board itself measures milliseconds.
 */
import type { Graph, Node } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";
import type { Board } from "./board.js";
import { macKindOf, macsOf } from "./macs.js";

/** Instructions of one node of a deployment graph, batch 1. */
export function instructionsOf(deployed: Graph, node: Node, board: Board): number {
  const outputs = sizeOf(deployed.shapes[node.name]);
  const cost = board.instructionsPerOutput;
  switch (node.op) {
    case "conv2d":
    case "dense":
      return macsOf(deployed, node) * board.instructionsPerMac[macKindOf(deployed, node)!] + outputs * cost.requantize;
    case "hardswish":
    case "sigmoid":
    case "relu6":
      return outputs * cost.table;
    case "add":
    case "multiply":
    case "softmax":
      return outputs * cost[node.op];
    case "globalAveragePool":
      return sizeOf(deployed.shapes[node.inputs[0]]) * cost.average;
    case "maxPool":
      return outputs * cost.maximum;
    default:
      return 0; // input, flatten: nothing moves
  }
}

/** Instructions of one inference. */
export function countInstructions(deployed: Graph, board: Board): number {
  return deployed.nodes.reduce((sum, node) => sum + instructionsOf(deployed, node, board), 0);
}

/** Milliseconds of one inference, low and high. */
export function latencyMs(deployed: Graph, board: Board): [low: number, high: number] {
  const instructions = countInstructions(deployed, board);
  const [low, high] = board.cyclesPerInstruction;
  return [((instructions * low) / board.clockHz) * 1e3, ((instructions * high) / board.clockHz) * 1e3];
}
