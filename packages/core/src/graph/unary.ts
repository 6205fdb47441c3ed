/**
 * Functions of one value in imported networks. An int8 network computes all of them by table lookup, so one operator,
 * `unary`, covers them.
 */
import { exp, sigmoid } from "../tensor/index.js";

/** The function that `unary` applies to each element. */
export type UnaryFunction = "abs" | "elu" | "identity" | "leakyRelu" | "reluN1To1" | "tanh";

interface RealFunction {
  /** @param alpha slope of `leakyRelu` below 0 */
  value(x: number, alpha: number): number;
  /** Derivative; at 0 and at a clamp's end, where there is none, a one-sided derivative. */
  slope(x: number, alpha: number): number;
}

export const unaryFunctions: Readonly<Record<UnaryFunction, RealFunction>> = {
  abs: { value: (x) => Math.abs(x), slope: (x) => Math.sign(x) },
  elu: { value: (x) => (x < 0 ? exp(x) - 1 : x), slope: (x) => (x < 0 ? exp(x) : 1) },
  /** In an int8 network: a change of scale and zero point. */
  identity: { value: (x) => x, slope: () => 1 },
  leakyRelu: { value: (x, alpha) => (x < 0 ? alpha * x : x), slope: (x, alpha) => (x < 0 ? alpha : 1) },
  reluN1To1: { value: (x) => Math.min(1, Math.max(-1, x)), slope: (x) => (x > -1 && x < 1 ? 1 : 0) },
  tanh: { value: (x) => 2 * sigmoid(2 * x) - 1, slope: (x) => 4 * sigmoid(2 * x) * (1 - sigmoid(2 * x)) },
};
