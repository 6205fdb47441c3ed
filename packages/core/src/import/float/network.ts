/** What the import of a float network gives, of whatever format. */
import type { Graph } from "../../graph/index.js";
import type { FloatWeights, Shape } from "../../tensor/index.js";

export interface FloatNetwork {
  /** From the value `image`, which is what the file's input is, to one output. */
  readonly graph: Graph;
  readonly weights: FloatWeights;
  /** NHWC. */
  readonly input: { readonly shape: Shape };
  /** Kinds of the file's operators, in its order. */
  readonly operators: readonly string[];
  /** What differs from the file, in words. */
  readonly notes: readonly string[];
  /** What the file says of its head, where we wrote it. */
  readonly reading?: Readonly<Record<string, unknown>>;
}

/** `models/kws.tflite` is "kws". */
export function nameOfFile(file: string, ending: string): string {
  const [base] = file.split(/[\\/]/).slice(-1);
  const stem = base.toLowerCase().endsWith(ending) ? base.slice(0, -ending.length) : base;
  return stem.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 60) || "network";
}
