/**
 * Lowers the deployed graph to the form that the firmware runs: the C kernel that makes each value, the look-ups fused
 * into it, and the kernels that follow each other within one row. The device-side twin of quantization's
 * `lowerToInteger`. It needs no weights, so a network has its firmware program before it is trained.
 */
import type { Graph } from "../../graph/index.js";
import { onHelium } from "../helium.js";
import { type Lowering, type LoweringOptions, quadsOfProduct } from "../steps.js";
import { DspLowerer } from "./dsp.js";
import { Lowerer } from "./lowerer.js";
import { lowerNodes } from "./operators.js";

export { isNarrow } from "./dsp.js";

/**
 * Kernels, layouts and fused look-ups of a deployment graph with one input, batch 1.
 * Throws PhinetsError for an op without a firmware kernel.
 */
export function lowerToSteps(deployed: Graph, options: LoweringOptions): Lowering {
  const lowerer = options.dsp ? new DspLowerer(deployed, options) : new Lowerer(deployed, options);
  lowerNodes(lowerer);
  const { values } = lowerer;
  const steps = lowerer.steps.map((step) => {
    if (options.helium) return onHelium(step, values);
    return quadsOfProduct(step, values) <= (options.byteWeightsUpTo ?? 0)
      ? { ...step, byteWeights: true as const }
      : step;
  });
  const [{ name: input }] = deployed.nodes.filter(({ op }) => op === "input");
  return { values, steps, input, outputs: deployed.outputs.map((name) => values.get(name)!.name) };
}
