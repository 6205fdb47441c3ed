/**
 * What stands for accuracy when networks are compared before any training: a product, larger is better.
 *
 * To classify, MACs^2 * parameters * familiarity. Along the authors' CIFAR-10 series error falls as the two grow together;
 * between their networks of like size the deeper one wins at a third of the MACs (alpha .35, N 7 over alpha .75, N 5),
 * which rules out MACs alone; parameters alone would starve the early layers.
 *
 * To detect, MACs^2 * sqrt(parameters) * min(1, fine / 0.8)^3 * familiarity, where fine is the share of the MACs on maps of
 * at least an eighth of the image's sides: what finds small things. Thirteen networks of equal time on a board
 * (docs/decisions.md): downsampling later, and squeeze-and-excite traded for width, gain, more parameters on the coarse map
 * lose; from four fifths on, a larger share gains nothing more.
 *
 * Familiarity is exp(-(ln(t0 / 6)^2 + ln(beta)^2 + ln(N / 7)^2)): the proportions that all published results are near. A
 * product of capacities alone ends in a corner of the lattice, where nobody has trained anything.
 */
import { exp, log } from "../tensor/index.js";
import type { Task } from "./lattice.js";

/**
 * balanced: the proxy, among networks that fill the board. macs, parameters: the most of it. speed: the fastest that
 * keeps half the best proxy of those. resolution: the largest input.
 */
export const preferences = ["balanced", "macs", "parameters", "speed", "resolution"] as const;
export type Preference = (typeof preferences)[number];

/** From this share of all MACs on, more of them on fine maps gains nothing. */
const enoughFine = 0.8;

/** How near a network is to the published proportions (t0 6, beta 1, N 7), 0..1. */
export function familiarity({
  t0,
  beta,
  blocks,
}: {
  readonly t0: number;
  readonly beta: number;
  readonly blocks: number;
}): number {
  const [a, b, c] = [log(t0 / 6), log(beta), log(blocks / 7)];
  return exp(-(a * a + b * b + c * c));
}

/** The proxy for accuracy: an order, not a figure. `familiar` is the network's `familiarity`. */
export function proxyOf(task: Task, macs: number, fineMacs: number, parameters: number, familiar: number): number {
  if (task === "classify") return macs * macs * parameters * familiar;
  const fine = Math.min(1, fineMacs / macs / enoughFine);
  return macs * macs * Math.sqrt(parameters) * fine * fine * fine * familiar;
}
