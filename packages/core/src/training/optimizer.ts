/** The optimisers and the options of one step, and their encoding for the kernels (kernels/assembly/optimizer.ts). */
import { layouts, offsetsOf, optimizerKinds } from "../kernels/index.js";

export const optimizerNames = ["adamw", "sgd", "rmsprop", "lamb"] as const;
/**
 * - "sgd": v = momentum * v + g; p -= rate * v, or rate * (g + momentum * v) with `nesterov` (PyTorch's form).
 * - "adamw": Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019.
 * - "rmsprop": s = beta2 * s + (1 - beta2) * g^2; v = momentum * v + g / (sqrt(s) + epsilon); p -= rate * v (PyTorch's
 *   form, not centred).
 * - "lamb": You et al., "Large batch optimization for deep learning", ICLR 2020, with bias correction: each weight
 *   tensor moves along Adam's update plus decay, by rate * |p| / |update|. Biases and batch norm are updated as in
 *   Adam.
 */
export type OptimizerName = (typeof optimizerNames)[number];

export interface OptimizerStep {
  readonly kind: OptimizerName;
  readonly learningRate: number;
  /** For SGD and RMSprop. Default 0.9. */
  readonly momentum?: number;
  /** For SGD. Default false. */
  readonly nesterov?: boolean;
  /** For AdamW and LAMB; RMSprop's smoothing is the second. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8, for LAMB 1e-6. */
  readonly epsilon?: number;
  /**
   * Applies to convolution and dense weights only. SGD and RMSprop add it to the gradient; AdamW and LAMB decouple it.
   * Default 0.
   */
  readonly weightDecay?: number;
  /** Gradients are scaled down so that their global 2-norm is at most this. Default: no clipping. */
  readonly clipNorm?: number;
  /** LAMB: largest |p| / |update|. Default: none. */
  readonly trustClip?: number;
  /** Number of this step, from 1, for the bias correction of AdamW and LAMB. */
  readonly step: number;
}

export const settingsCount = 32;
export const settingsSlot = offsetsOf(layouts.settings);

export function writeSettings(options: OptimizerStep, settings: Float64Array): void {
  const { kind, learningRate, momentum = 0.9, nesterov = false, betas = [0.9, 0.999] } = options;
  const { epsilon = kind === "lamb" ? 1e-6 : 1e-8, weightDecay = 0, clipNorm = 0, trustClip = 0, step } = options;
  const first = kind === "adamw" || kind === "lamb" ? betas[0] : momentum;
  const named = {
    ...{ kind: optimizerKinds[kind], rate: learningRate, momentum: first, beta2: betas[1], epsilon, weightDecay },
    ...{ largestNorm: clipNorm, nesterov: nesterov ? 1 : 0, largestRatio: trustClip },
    ...{ rest1: 1 - integerPower(betas[0], step), rest2: 1 - integerPower(betas[1], step) },
  };
  for (const name of Object.keys(named) as (keyof typeof named)[]) settings[settingsSlot[name]] = named[name];
}

/** x^n by multiplication: the same bits everywhere, unlike Math.pow. */
function integerPower(x: number, n: number): number {
  let result = 1;
  for (let base = x, rest = n; rest > 0; rest = Math.floor(rest / 2), base *= base) if (rest % 2 === 1) result *= base;
  return result;
}
