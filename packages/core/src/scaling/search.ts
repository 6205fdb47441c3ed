/** Walks the lattice for one input size: the networks that fit, the nearest miss, the Pareto set and the choice. */

import type { BuiltHead, MicromindPhinet, NetworkInput } from "../networks/index.js";
import type { Board, ProgramRequest } from "../target/index.js";
import { ARENA_BYTES, FINE_MACS, fields, INSTRUCTIONS, MACS, PARAMETERS, WEIGHT_BYTES } from "./estimate.js";
import { once } from "./known.js";
import { costRow, costsGrow, lattice, type Row, shapesOf, type Task, type Tier } from "./lattice.js";
import { type Excess, isWithin, type Limits, stretched, worstOf } from "./limits.js";
import { familiarity, type Preference, proxyOf } from "./proxy.js";
import { Skeleton } from "./skeleton.js";

/** A network that does not fit; its `ratio` is above 1. */
export interface Miss extends Excess {
  readonly network: MicromindPhinet;
}

/** Networks that fit, with one column per figure. */
export interface Fitting {
  readonly count: number;
  readonly parameters: Float64Array;
  readonly macs: Float64Array;
  readonly instructions: Float64Array;
  readonly weightBytes: Float64Array;
  readonly arenaBytes: Float64Array;
  readonly proxy: Float64Array;
  networkAt(index: number): MicromindPhinet;
}

export interface Walk {
  readonly evaluated: number;
  readonly fitting: Fitting;
  /** Where nothing fits: the network that misses by the smallest factor, if that is below the requested ratio. */
  readonly nearest?: Miss;
}

export interface WalkOptions extends ProgramRequest {
  /** See `lattice`. */
  readonly wide?: boolean;
  /** Networks that miss by this factor or more are ignored. Default: none is. */
  readonly ratio?: number;
}

/** Collects the networks that fit. */
class Columns {
  count = 0;
  parameters = new Float64Array(2 ** 17);
  macs = new Float64Array(2 ** 17);
  instructions = new Float64Array(2 ** 17);
  weightBytes = new Float64Array(2 ** 17);
  arenaBytes = new Float64Array(2 ** 17);
  proxy = new Float64Array(2 ** 17);
  /** Encodes which network it is. */
  place = new Int32Array(2 ** 17);

  /** @param costs as `costVariant` fills them */
  add(costs: Float64Array, proxy: number, place: number): void {
    if (this.count === this.place.length) this.#grow();
    const at = this.count++;
    this.parameters[at] = costs[PARAMETERS];
    this.macs[at] = costs[MACS];
    this.instructions[at] = costs[INSTRUCTIONS];
    this.weightBytes[at] = costs[WEIGHT_BYTES];
    this.arenaBytes[at] = costs[ARENA_BYTES];
    this.proxy[at] = proxy;
    this.place[at] = place;
  }

  /**
   * Adds the networks from..count-1 once more.
   * @param step distance from their places to the new ones
   */
  repeat(from: number, step: number): void {
    const to = this.count;
    while (2 * to - from > this.place.length) this.#grow();
    this.parameters.copyWithin(to, from, to);
    this.macs.copyWithin(to, from, to);
    this.instructions.copyWithin(to, from, to);
    this.weightBytes.copyWithin(to, from, to);
    this.arenaBytes.copyWithin(to, from, to);
    this.proxy.copyWithin(to, from, to);
    for (let i = from; i < to; i++) this.place[to + i - from] = this.place[i] + step;
    this.count += to - from;
  }

  #grow(): void {
    const size = 2 * this.place.length;
    const longer = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const column = new Float64Array(size);
      column.set(old);
      return column;
    };
    this.parameters = longer(this.parameters);
    this.macs = longer(this.macs);
    this.instructions = longer(this.instructions);
    this.weightBytes = longer(this.weightBytes);
    this.arenaBytes = longer(this.arenaBytes);
    this.proxy = longer(this.proxy);
    const place = new Int32Array(size);
    place.set(this.place);
    this.place = place;
  }
}

/** Costs the networks of a tier for one input and keeps those within the limits. */
export function walk(
  tier: Tier,
  task: Task,
  input: NetworkInput,
  head: BuiltHead,
  board: Board,
  limits: Limits,
  { wide = false, ratio = Number.POSITIVE_INFINITY, ...programRequest }: WalkOptions = {},
): Walk {
  const shapes = shapesOf(tier);
  const common = new Skeleton(board, programRequest);
  const rows: Row[] = [];
  const found = new Columns();
  const out = new Float64Array(fields);
  let evaluated = 0;
  let nearest: Miss | undefined;
  // Until a network fits, networks that miss by less than the nearest are considered too.
  let bar = ratio > 1 ? stretched(limits, ratio) : limits;
  const networkOf = (row: Row, shape: number, squeezeExcite: boolean): MicromindPhinet => ({
    ...row.network,
    ...shapes[shape],
    squeezeExcite,
  });
  /** Whether the network in `out` fits; until one does, remembers the nearest miss. */
  const fits = (row: Row, shape: number, squeezed: boolean): boolean => {
    if (bar === limits) return true;
    const needs = {
      arenaBytes: out[ARENA_BYTES],
      weightBytes: out[WEIGHT_BYTES],
      instructions: out[INSTRUCTIONS],
      macs: out[MACS],
    };
    if (isWithin(needs, limits)) {
      bar = limits;
      return true;
    }
    const miss = worstOf(needs, limits);
    if (miss.ratio < (nearest?.ratio ?? ratio)) {
      nearest = { network: networkOf(row, shape, squeezed), ...miss };
      bar = stretched(limits, miss.ratio);
    }
    return false;
  };
  // One function for all rows, so that V8 compiles it once.
  let row: Row;
  let familiar = new Float64Array(0);
  const visit = (shape: number, squeezed: boolean): void => {
    if (!fits(row, shape, squeezed)) return;
    const proxy = proxyOf(task, out[MACS], out[FINE_MACS], out[PARAMETERS], familiar[shape]);
    found.add(out, proxy, ((rows.length - 1) * shapes.length + shape) * 2 + Number(squeezed));
  };
  const limitsNow = (): Limits => bar;
  /** Familiarity of each shape, by the number of blocks. */
  const familiarities = new Map<number, Float64Array<ArrayBuffer>>();
  for (const column of lattice(tier, task, input, head, wide)) {
    /** The row before, if all of it was compared with the final limits. */
    let last: { readonly from: number; readonly costed: number } | undefined;
    for (row of column) {
      const from = found.count;
      const { blocks } = row.network;
      familiar = once(familiarities, blocks, () =>
        Float64Array.from(shapes, (shape) => familiarity({ ...shape, blocks })),
      );
      rows.push(row);
      const isSettled = bar === limits;
      const differs = common.take(row.network);
      let costed = last?.costed ?? 0;
      if (last !== undefined && !differs) found.repeat(last.from, 2 * shapes.length);
      else costed = costRow(row, common, limitsNow, out, visit);
      last = isSettled ? { from, costed } : undefined;
      evaluated += costed;
      if (found.count === from && costsGrow(row.network)) break;
    }
  }
  const { count, parameters, macs, instructions, weightBytes, arenaBytes, proxy, place } = found;
  const networkAt = (index: number): MicromindPhinet => {
    const shape = place[index] >> 1;
    return networkOf(rows[Math.floor(shape / shapes.length)], shape % shapes.length, place[index] % 2 === 1);
  };
  return {
    evaluated,
    ...(count === 0 && { nearest }),
    fitting: { count, parameters, macs, instructions, weightBytes, arenaBytes, proxy, networkAt },
  };
}

/** A network fills a limit from this share on. */
export const bindingShare = 0.95;
/** RAM and flash count as used from this share on. */
export const fillShare = 0.9;

/** Whether a network uses both RAM and flash. */
export function fillsBoth({ arenaBytes, weightBytes }: Fitting, limits: Limits, index: number): boolean {
  return arenaBytes[index] >= fillShare * limits.arenaBytes && weightBytes[index] >= fillShare * limits.weightBytes;
}

/**
 * The chosen network's index, or -1. `balanced` and `resolution`: the largest proxy among the networks that fill at
 * least 95 % of some limit (else among all), preferring those that also use 90 % of both RAM and flash. Ties go to the
 * faster network, then to the first.
 * @param refused indices that may not be chosen
 */
export function choose(fitting: Fitting, limits: Limits, prefer: Preference, refused: ReadonlySet<number>): number {
  if (prefer === "macs") return mostOf(fitting, fitting.macs, refused);
  if (prefer === "parameters") return mostOf(fitting, fitting.parameters, refused);
  const found = bestFilling(fitting, limits, refused);
  if (prefer !== "speed" || found < 0) return found;
  const { count, proxy, instructions } = fitting;
  const least = proxy[found] / 2;
  let fastest = found;
  for (let i = 0; i < count; i++)
    if (proxy[i] >= least && instructions[i] < instructions[fastest] && !refused.has(i)) fastest = i;
  return fastest;
}

/** The network with the largest `key`; -1 where there is none. */
function mostOf({ count, instructions }: Fitting, key: Float64Array, refused: ReadonlySet<number>): number {
  let found = -1;
  for (let i = 0; i < count; i++)
    if (!refused.has(i) && (found < 0 || isBetter(key, instructions, i, found))) found = i;
  return found;
}

/**
 * The network with the largest proxy, as in `choose`: of those that fill RAM and flash, else of those that fill a
 * limit, else of all.
 */
function bestFilling(fitting: Fitting, limits: Limits, refused: ReadonlySet<number>): number {
  const { count, proxy, instructions, arenaBytes, weightBytes, macs } = fitting;
  const most = {
    arenaBytes: bindingShare * limits.arenaBytes,
    weightBytes: bindingShare * limits.weightBytes,
    instructions: bindingShare * limits.instructions,
    macs: bindingShare * limits.macs,
  };
  let [filling, binding, any] = [-1, -1, -1];
  for (let i = 0; i < count; i++) {
    // A network no better than the best that fills cannot improve on the other two either.
    if (filling >= 0 && !isBetter(proxy, instructions, i, filling)) continue;
    if (refused.has(i)) continue;
    if (any < 0 || isBetter(proxy, instructions, i, any)) any = i;
    const binds =
      arenaBytes[i] >= most.arenaBytes ||
      weightBytes[i] >= most.weightBytes ||
      instructions[i] >= most.instructions ||
      macs[i] >= most.macs;
    if (!binds) continue;
    if (binding < 0 || isBetter(proxy, instructions, i, binding)) binding = i;
    if (fillsBoth(fitting, limits, i)) filling = i;
  }
  return filling >= 0 ? filling : binding >= 0 ? binding : any;
}

/** Whether i has a larger key than the other, or an equal one at lower cost. */
function isBetter(key: Float64Array, cost: Float64Array, i: number, other: number): boolean {
  return key[i] > key[other] || (key[i] === key[other] && cost[i] < cost[other]);
}

/**
 * Members of the Pareto set over the proxy and a cost, cheapest first: each has a larger proxy than every network of at
 * most its cost. Thinned to at most `steps`, evenly in the square root of the cost.
 */
export function paretoMembers({ count, proxy }: Fitting, cost: Float64Array, steps: number): number[] {
  const best = new Int32Array(steps).fill(-1);
  bestOfSteps(best, count, proxy, cost);
  const members: number[] = [];
  for (const i of best) if (i >= 0 && (members.length === 0 || proxy[i] > proxy[members.at(-1)!])) members.push(i);
  return members;
}

/** For each step of cost, the network with the largest proxy. A separate function, so that V8 compiles it once. */
function bestOfSteps(best: Int32Array, count: number, proxy: Float64Array, cost: Float64Array): void {
  let most = 0;
  for (let i = 0; i < count; i++) if (cost[i] > most) most = cost[i];
  const steps = best.length;
  for (let i = 0; i < count; i++) {
    const step = Math.min(steps - 1, Math.floor(steps * Math.sqrt(cost[i] / most)));
    const other = best[step];
    if (other < 0 || proxy[i] > proxy[other] || (proxy[i] === proxy[other] && cost[i] < cost[other])) best[step] = i;
  }
}
