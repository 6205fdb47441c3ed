/** Flash that the deployed int8 network's constants take. */
import type { Graph } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";

export interface WeightBytes {
  /** int8, one byte each. */
  readonly weights: number;
  /** int32, one an output channel. */
  readonly biases: number;
  /** An int32 multiplier and an int8 shift an output channel. */
  readonly requantization: number;
  /** 256 bytes for each hard-swish, sigmoid and lone ReLU6 (not fused into a convolution), which are looked up. */
  readonly tables: number;
  /** All of it. */
  readonly total: number;
}

const biasBytes = 4;
const requantizationBytes = 4 + 1;
const tableBytes = 256;

/** @param deployed a deployment graph (`deployGraph`) */
export function weightBytes(deployed: Graph): WeightBytes {
  let weights = 0;
  let channels = 0;
  let tables = 0;
  for (const node of deployed.nodes) {
    if (node.op === "conv2d" || node.op === "dense") {
      const { shape } = deployed.parameters[node.parameters.weight];
      weights += sizeOf(shape);
      channels += shape[0];
    } else if (node.op === "hardswish" || node.op === "sigmoid" || node.op === "relu6") tables += tableBytes;
  }
  const biases = channels * biasBytes;
  const requantization = channels * requantizationBytes;
  return { weights, biases, requantization, tables, total: weights + biases + requantization + tables };
}
