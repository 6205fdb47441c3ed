/**
 * A stand-in for accuracy when networks are compared before training: a product, where larger is better.
 *
 * For classifiers, MACs^2 * parameters * familiarity. Along the authors' CIFAR-10 series, error falls as the two grow
 * together. Between their networks of similar size, the deeper one wins at a third of the MACs (alpha .35, N 7 over
 * alpha .75, N 5), which rules out MACs alone; parameters alone would starve the early layers.
 *
 * For detectors, MACs^2 * sqrt(parameters) * min(1, fine / 0.8)^3 * familiarity, where fine is the share of the MACs on
 * maps of at least an eighth of the image's sides, which detect small objects. It follows thirteen networks of equal
 * time on a board (docs/decisions.md): later downsampling improves the result, and so does trading squeeze-and-excite
 * for width; more parameters on the coarse map harm it; a share of fine MACs above four fifths brings nothing more.
 *
 * Familiarity is exp(-(ln(t0 / 6)^2 + ln(beta)^2 + ln(N / 7)^2)), the closeness to the proportions of all published
 * results. A product of capacities alone ends in a corner of the lattice where nobody has trained anything.
 */
import { exp, log } from "../tensor/index.js";
import type { Task } from "./lattice.js";

/**
 * balanced: the best proxy among networks that fill the board. macs, parameters: the most of it. speed: the fastest
 * network with at least half of the best proxy of those. resolution: the largest input.
 */
export const preferences = ["balanced", "macs", "parameters", "speed", "resolution"] as const;
export type Preference = (typeof preferences)[number];

/** A share of fine MACs above this brings nothing more. */
const enoughFine = 0.8;

/** Closeness of a network to the published proportions (t0 6, beta 1, N 7), 0..1. */
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

/** The proxy for accuracy, which only ranks networks. `familiar` is the network's `familiarity`. */
export function proxyOf(task: Task, macs: number, fineMacs: number, parameters: number, familiar: number): number {
  if (task === "classify") return macs * macs * parameters * familiar;
  const fine = Math.min(1, fineMacs / macs / enoughFine);
  return macs * macs * Math.sqrt(parameters) * fine * fine * fine * familiar;
}
