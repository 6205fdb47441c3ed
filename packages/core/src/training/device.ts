/** Where a step's forward and backward passes are computed, if not on our kernels. */
import type { Executor } from "./executor.js";

/**
 * Computes on another runtime what an executor's `forward` and `backward` would. Parameters, optimiser, averages and
 * with them checkpoints stay the executor's; so do the buffers of inputs, masks, outputs and cotangents.
 */
export interface StepDevice {
  /** Reads parameters, inputs and masks; sets outputs and batch statistics. */
  forward(executor: Executor): Promise<void>;
  /** After `forward`: reads the cotangents; sets the gradients. */
  backward(executor: Executor): Promise<void>;
  dispose(): Promise<void>;
}
