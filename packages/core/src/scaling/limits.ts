/** What a network may take of a board. */

/** Most of each resource; Infinity where nothing limits it. */
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

/** Whether working memory of so many bytes lies within what is there for it: all of `fit` asks here. */
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

/** A resource of which more is needed than allowed. */
export interface Excess {
  readonly resource: keyof Limits;
  readonly needed: number;
  readonly allowed: number;
  /** needed / allowed. */
  readonly ratio: number;
}

/** The resource of which the largest share is needed. */
export function worstOf(needs: Limits, limits: Limits): Excess {
  let most: Excess = { resource: "arenaBytes", needed: 0, allowed: 0, ratio: 0 };
  for (const resource of ["arenaBytes", "weightBytes", "instructions", "macs"] as const) {
    const [needed, allowed] = [needs[resource], limits[resource]];
    const ratio = needed / atLeastOne(allowed);
    if (ratio > most.ratio) most = { resource, needed, allowed, ratio };
  }
  return most;
}

/** Limits that a network keeps which needs at most `ratio` times as much as `limits`, as `worstOf` counts it. */
export function stretched({ arenaBytes, weightBytes, instructions, macs }: Limits, ratio: number): Limits {
  return {
    arenaBytes: ratio * atLeastOne(arenaBytes),
    weightBytes: ratio * atLeastOne(weightBytes),
    instructions: ratio * atLeastOne(instructions),
    macs: ratio * atLeastOne(macs),
  };
}

/** The code alone may take more flash than there is. */
const atLeastOne = (allowed: number): number => Math.max(1, allowed);
