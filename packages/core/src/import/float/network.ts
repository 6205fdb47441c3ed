/** The result of importing a float network from any format. */
import type { Graph } from "../../graph/index.js";
import type { FloatWeights, Shape } from "../../tensor/index.js";

export interface FloatNetwork {
  /** From the value `image`, the file's input, to the outputs. */
  readonly graph: Graph;
  readonly weights: FloatWeights;
  /** NHWC. */
  readonly input: { readonly shape: Shape };
  /** Kinds of the file's operators, in the file's order. */
  readonly operators: readonly string[];
  /** Differences from the file, in words. */
  readonly notes: readonly string[];
  /** The head as our own files state it. */
  readonly reading?: Readonly<Record<string, unknown>>;
}

/** The network's name from its file's: `models/kws.tflite` gives "kws". */
export function nameOfFile(file: string, ending: string): string {
  const [base] = file.split(/[\\/]/).slice(-1);
  const stem = base.toLowerCase().endsWith(ending) ? base.slice(0, -ending.length) : base;
  return stem.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 60) || "network";
}
