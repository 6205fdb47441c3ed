/** The integer network: what the interpreter runs, the exporters write and the firmware computes. */
import type { Graph } from "../graph/index.js";
import type { Weights } from "../tensor/index.js";

/** real = scale * (q - zeroPoint), q in -128..127. */
export interface QuantizationParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface QuantizedNetwork {
  /** Deployment graph (`deployGraph`, `rescaleJoins`), batch 1: no batch norm, dropout or separate padding. */
  readonly graph: Graph;
  /** Per value of the graph. Pools of windows and flatten keep their input's. */
  readonly values: Readonly<Record<string, QuantizationParameters>>;
  /** Per weight parameter: one symmetric scale an output channel, or one for the whole of a dense layer (zero point 0). */
  readonly weightScales: Readonly<Record<string, readonly number[]>>;
  /** int8 weights (OHWI, or [units, features]) and int32 biases (scale = input scale * weight scale). */
  readonly weights: Weights;
}
