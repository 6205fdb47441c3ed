/** Gives a network that `fit` chose a feature pyramid, within the same limits. */
import type { MicromindPhinet } from "../networks/index.js";
import type { Candidate } from "./fit.js";
import { alphaOfStem, stemOf, stemsOf } from "./lattice.js";

/** Channels of the pyramid and of the layer before the predictions: half of the head's default without one. */
const filters = 64;

/** Channels by which the stem may be wider than the chosen network's, whose head has more filters. */
const mostWider = 8;

/**
 * The widest network with a pyramid that keeps the limits and is otherwise like the chosen one: the same input, blocks,
 * expansions and downsampling. Undefined where none does. The search's closed forms know heads on the last map only, so
 * these networks are planned exactly, some seven of them.
 *
 * @param network a detector
 * @param costOf exact costs
 * @param keeps whether a network keeps every limit
 */
export function withPyramid(
  { network }: Candidate,
  costOf: (network: MicromindPhinet) => Candidate,
  keeps: (candidate: Candidate) => boolean,
): Candidate | undefined {
  if (network.head.kind !== "yolov2") throw new Error(`a head of kind ${network.head.kind} has no pyramid`);
  const head = { ...network.head, filters, neck: "fpn" } as const;
  let widest: Candidate | undefined;
  let { least, most } = stemsOf("detect");
  most = Math.min(most, stemOf(network) + mostWider);
  while (least <= most) {
    const channels = Math.ceil((least + most) / 2);
    const candidate = costOf({ ...network, alpha: alphaOfStem(channels), head });
    if (keeps(candidate)) {
      widest = candidate;
      least = channels + 1;
    } else most = channels - 1;
  }
  return widest;
}
