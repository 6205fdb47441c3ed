/**
 * How long one inference takes: instructions of every loop, times a band of cycles an instruction, over the clock. An
 * estimate to choose networks by; `phinets emulate` counts the instructions, only the board itself measures milliseconds.
 */
import type { Graph, Node, NodeOf } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";
import type { Board } from "./board.js";
import { macKindOf, macsOf } from "./macs.js";

/** Instructions of one node of a deployment graph, batch 1. */
export function instructionsOf(deployed: Graph, node: Node, board: Board): number {
  const outputs = sizeOf(deployed.shapes[node.name]);
  const cost = board.instructionsPerOutput;
  switch (node.op) {
    case "conv2d":
    case "dense": {
      const kind = macKindOf(deployed, node)!;
      const border = kind.startsWith("depthwise") ? borderOutputs(deployed, node as NodeOf<"conv2d">) : 0;
      return (
        macsOf(deployed, node) * board.instructionsPerMac[kind] +
        outputs * cost.requantize +
        border * cost.depthwiseBorder
      );
    }
    case "hardswish":
    case "sigmoid":
    case "relu6": {
      // Right after a convolution the look-up is part of it and takes no time worth counting.
      const before = deployed.nodes.find((other) => other.name === node.inputs[0])!.op;
      return before === "conv2d" || before === "dense" ? 0 : outputs * cost.table;
    }
    case "add":
    case "multiply":
      return outputs * cost[node.op];
    case "softmax":
      return outputs * (cost.table + cost.multiply);
    case "globalAveragePool":
      return sizeOf(deployed.shapes[node.inputs[0]]) * cost.average;
    case "maxPool":
      return outputs * cost.maximum;
    default:
      return 0; // input, flatten: nothing moves
  }
}

/** Output pixels whose window reaches over the edge of the map. */
export function borderPixels(
  input: readonly [height: number, width: number],
  output: readonly [height: number, width: number],
  kernel: number,
  stride: number,
  before: readonly [top: number, left: number],
): number {
  // Windows start at output * stride - before; those inside start in 0..size - kernel.
  const inside = (axis: 0 | 1): number => {
    const first = Math.ceil(before[axis] / stride);
    const last = Math.min(output[axis] - 1, Math.floor((input[axis] - kernel + before[axis]) / stride));
    return Math.max(0, last - first + 1);
  };
  return output[0] * output[1] - inside(0) * inside(1);
}

function borderOutputs(graph: Graph, node: NodeOf<"conv2d">): number {
  const [, height, width] = graph.shapes[node.inputs[0]];
  const [, outHeight, outWidth, channels] = graph.shapes[node.name];
  const { kernel, stride, padding } = node.attributes;
  return (
    channels * borderPixels([height, width], [outHeight, outWidth], kernel[0], stride[0], [padding.top, padding.left])
  );
}

/** Instructions of one inference. */
export function countInstructions(deployed: Graph, board: Board): number {
  return deployed.nodes.reduce((sum, node) => sum + instructionsOf(deployed, node, board), 0);
}

/** Milliseconds that instructions take, low and high. */
export function bandMs(instructions: number, board: Board): [low: number, high: number] {
  const [low, high] = board.cyclesPerInstruction;
  return [((instructions * low) / board.clockHz) * 1e3, ((instructions * high) / board.clockHz) * 1e3];
}

/** Milliseconds of one inference, low and high. */
export function latencyMs(deployed: Graph, board: Board): [low: number, high: number] {
  return bandMs(countInstructions(deployed, board), board);
}
