/** Interface for computing a step's forward and backward passes on something other than our kernels. */
import type { Executor } from "./executor.js";

/**
 * Computes on another runtime what an executor's `forward` and `backward` would compute. The executor still holds
 * parameters, optimiser state and averaged weights (and therefore checkpoints), and the buffers of inputs, masks,
 * outputs and cotangents.
 */
export interface StepDevice {
  /** Reads parameters, inputs and masks; writes outputs and batch statistics. */
  forward(executor: Executor): Promise<void>;
  /** Call after `forward`: reads the cotangents and writes the gradients. */
  backward(executor: Executor): Promise<void>;
  dispose(): Promise<void>;
}
