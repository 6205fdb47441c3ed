/** See below: the training graph's types; `differentiate` and `forwardOnly` build it. */
import type { Graph } from "../graph/index.js";

export interface TrainingGraph {
  /** The network it came from, at the training batch size. */
  readonly network: Graph;
  /** Dropout masks to fill before each forward: value name, shape (`[batch,1,1,channels]` when spatial) and drop rate. */
  readonly masks: readonly { readonly name: string; readonly shape: readonly number[]; readonly rate: number }[];
}
export declare function differentiate(graph: Graph, batch: number): TrainingGraph;
/** Inference with running statistics, dropout off: for validation on float weights. */
export declare function forwardOnly(graph: Graph, batch: number): TrainingGraph;
