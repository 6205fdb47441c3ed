/** The limits that a board sets for a network. */

/** Maximum of each resource; Infinity where it is not limited. */
export interface Limits {
  readonly arenaBytes: number;
  readonly weightBytes: number;
  readonly instructions: number;
  readonly macs: number;
}

export const noLimits: Limits = {
  arenaBytes: Number.POSITIVE_INFINITY,
  weightBytes: Number.POSITIVE_INFINITY,
  instructions: Number.POSITIVE_INFINITY,
  macs: Number.POSITIVE_INFINITY,
};

/** Whether working memory fits its limit. All of `fit` uses this one check. */
export function fitsArena(arenaBytes: number, { arenaBytes: room }: Pick<Limits, "arenaBytes">): boolean {
  return arenaBytes <= room;
}

export function isWithin(needs: Limits, limits: Limits): boolean {
  return (
    fitsArena(needs.arenaBytes, limits) &&
    needs.weightBytes <= limits.weightBytes &&
    needs.instructions <= limits.instructions &&
    needs.macs <= limits.macs
  );
}

/** A resource whose need exceeds its limit. */
export interface Excess {
  readonly resource: keyof Limits;
  readonly needed: number;
  readonly allowed: number;
  /** needed / allowed. */
  readonly ratio: number;
}

/** The resource with the largest ratio of need to limit. */
export function worstOf(needs: Limits, limits: Limits): Excess {
  let most: Excess = { resource: "arenaBytes", needed: 0, allowed: 0, ratio: 0 };
  for (const resource of ["arenaBytes", "weightBytes", "instructions", "macs"] as const) {
    const [needed, allowed] = [needs[resource], limits[resource]];
    const ratio = needed / atLeastOne(allowed);
    if (ratio > most.ratio) most = { resource, needed, allowed, ratio };
  }
  return most;
}

/** Limits for all networks that need at most `ratio` times as much as `limits`, in the measure of `worstOf`. */
export function stretched({ arenaBytes, weightBytes, instructions, macs }: Limits, ratio: number): Limits {
  return {
    arenaBytes: ratio * atLeastOne(arenaBytes),
    weightBytes: ratio * atLeastOne(weightBytes),
    instructions: ratio * atLeastOne(instructions),
    macs: ratio * atLeastOne(macs),
  };
}

/** A limit may be 0 or less where the code alone exceeds the flash. */
const atLeastOne = (allowed: number): number => Math.max(1, allowed);
