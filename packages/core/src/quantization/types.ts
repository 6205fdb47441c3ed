/** The integer network, which the interpreter runs, the exporters write and the firmware computes. */
import type { Graph } from "../graph/index.js";
import type { Weights } from "../tensor/index.js";

/** real = scale * (q - zeroPoint), q in -128..127. */
export interface QuantizationParameters {
  readonly scale: number;
  readonly zeroPoint: number;
}

export interface QuantizedNetwork {
  /** Deployment graph (`deployGraph`, `rescaleJoins`), batch 1, without batch norm and dropout. */
  readonly graph: Graph;
  /** Per value of the graph. Window pools, moves and flatten keep their input's. */
  readonly values: Readonly<Record<string, QuantizationParameters>>;
  /** Per weight parameter: one symmetric scale (zero point 0) per output channel, or one for a whole dense layer. */
  readonly weightScales: Readonly<Record<string, readonly number[]>>;
  /** int8 weights (OHWI, or [units, features]) and int32 biases (scale = input scale * weight scale). */
  readonly weights: Weights;
}
