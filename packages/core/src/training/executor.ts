/**
 * Runs a training graph (differentiate) or an inference graph (forwardOnly) on the WebAssembly kernels: one flat program
 * in shared memory, planned once, no allocation in a step, the same bits for any number of threads.
 *
 * A step: write `input(...)` (and `mask(...)` where the graph has dropout), `forward()`, read `output(...)`, compute the
 * loss and its cotangents outside, `setCotangent(...)`, `backward()`, `optimizerStep(...)`,
 * `updateRunningStatistics(...)`, and `updateEma(...)` where wanted.
 */
import type { Engine } from "../kernels/index.js";
import type { FloatWeights, Tensor } from "../tensor/index.js";
import type { TrainingGraph } from "./differentiate.js";

export interface OptimizerStep {
  readonly kind: "sgd" | "adamw";
  readonly learningRate: number;
  /** SGD: v = momentum * v + g; p -= learningRate * v (PyTorch's form). Default 0.9. */
  readonly momentum?: number;
  /** SGD: p -= learningRate * (g + momentum * v). Default false. */
  readonly nesterov?: boolean;
  /** AdamW. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** AdamW. Default 1e-8. */
  readonly epsilon?: number;
  /** On convolution and dense weights only. SGD: added to the gradient; AdamW: decoupled. Default 0. */
  readonly weightDecay?: number;
  /** Gradients are scaled down so that their global 2-norm is at most this. Default: no clipping. */
  readonly clipNorm?: number;
  /** Number of this step, from 1; AdamW's bias correction needs it. */
  readonly step: number;
}

export declare class Executor {
  constructor(engine: Engine, graph: TrainingGraph);
  readonly graph: TrainingGraph;
  /** Bytes of shared memory this executor holds. */
  readonly bytes: number;
  /** Sets every parameter of the graph (running statistics too), by name, in the graph's logical layout; resets nothing else. */
  setParameters(weights: FloatWeights): void;
  /** Copies of all parameters, running statistics included. */
  parameters(): FloatWeights;
  /** The input's buffer to write, logical layout `[batch, height, width, channels]`. Stays valid until `dispose`. */
  input(name: string): Float32Array;
  /** The buffer of a dropout mask to write (`graph.masks`): values 0 or 1 / (1 - rate). Starts as ones. */
  mask(name: string): Float32Array;
  forward(): void;
  /** View of an output after `forward`, logical layout; overwritten by the next `forward`. */
  output(name: string): Float32Array;
  /** Gradient of the loss with respect to an output, logical layout. */
  setCotangent(output: string, cotangent: Float32Array): void;
  backward(): void;
  /** Copies of the gradients of the trainable parameters, after `backward` and before `optimizerStep`. */
  gradients(): FloatWeights;
  /** One optimiser step over all trainable parameters. Returns the global 2-norm of the gradients before clipping. */
  optimizerStep(options: OptimizerStep): { gradientNorm: number };
  /** running = (1 - momentum) * running + momentum * batch (PyTorch's sense; variance unbiased). */
  updateRunningStatistics(momentum: number): void;
  /** ema = decay * ema + (1 - decay) * parameters, over parameters and running statistics. The first call copies. */
  updateEma(decay: number): void;
  /** Averaged parameters and running statistics (the parameters themselves before the first `updateEma`). */
  emaParameters(): FloatWeights;
  /** Everything a resumed run needs: `parameters/X`, `moment1/X`, `moment2/X`, `ema/X`. Feed it to `setState`. */
  state(): Record<string, Tensor<"float32">>;
  setState(state: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}
