/** Functions of one value that imported networks have: an int8 network looks them up, so that one operator has them all. */
import { exp, sigmoid } from "../tensor/index.js";

/** What `unary` computes of each element. */
export type UnaryFunction = "abs" | "elu" | "identity" | "leakyRelu" | "reluN1To1" | "tanh";

interface RealFunction {
  /** @param alpha of `leakyRelu`: the factor below 0 */
  value(x: number, alpha: number): number;
  /** Derivative; where there is none, that of the side of 0 or beyond the clamp. */
  slope(x: number, alpha: number): number;
}

export const unaryFunctions: Readonly<Record<UnaryFunction, RealFunction>> = {
  abs: { value: (x) => Math.abs(x), slope: (x) => Math.sign(x) },
  elu: { value: (x) => (x < 0 ? exp(x) - 1 : x), slope: (x) => (x < 0 ? exp(x) : 1) },
  /** In an int8 network: from one scale and zero point to another. */
  identity: { value: (x) => x, slope: () => 1 },
  leakyRelu: { value: (x, alpha) => (x < 0 ? alpha * x : x), slope: (x, alpha) => (x < 0 ? alpha : 1) },
  reluN1To1: { value: (x) => Math.min(1, Math.max(-1, x)), slope: (x) => (x > -1 && x < 1 ? 1 : 0) },
  tanh: { value: (x) => 2 * sigmoid(2 * x) - 1, slope: (x) => 4 * sigmoid(2 * x) * (1 - sigmoid(2 * x)) },
};
