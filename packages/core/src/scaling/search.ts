/** Walks the lattice for one input size: what fits, what almost did, the Pareto set and the choice. */

import type { Head, MicromindPhinet, NetworkInput } from "../networks/index.js";
import type { Board, ProgramRequest } from "../target/index.js";
import { ARENA_BYTES, FINE_MACS, fields, INSTRUCTIONS, MACS, PARAMETERS, WEIGHT_BYTES } from "./estimate.js";
import { costRow, costsGrow, lattice, type Row, shapesOf, type Task, type Tier } from "./lattice.js";
import { type Excess, isWithin, type Limits, stretched, worstOf } from "./limits.js";
import { familiarity, type Preference, proxyOf } from "./proxy.js";

/** A network that does not fit: `ratio` is above 1. */
export interface Miss extends Excess {
  readonly network: MicromindPhinet;
}

/** Networks that fit, a column a figure. */
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
  /** Where nothing fits: the network that misses by the smallest factor, if by less than was asked for. */
  readonly nearest?: Miss;
}

export interface WalkOptions extends ProgramRequest {
  /** See `lattice`. */
  readonly wide?: boolean;
  /** Networks that miss by this factor or more are of no interest. Default: none is. */
  readonly ratio?: number;
}

/** Costs the networks of a tier for one input and keeps what is within the limits. */
export function walk(
  tier: Tier,
  task: Task,
  input: NetworkInput,
  head: Head,
  board: Board,
  limits: Limits,
  { wide = false, ratio = Number.POSITIVE_INFINITY, ...programRequest }: WalkOptions = {},
): Walk {
  const shapes = shapesOf(tier);
  const rows: Row[] = [];
  const columns = Array.from({ length: 7 }, () => new Float64Array(2 ** 17));
  const [parameters, macs, instructions, weightBytes, arenaBytes, proxy, place] = [0, 1, 2, 3, 4, 5, 6];
  const out = new Float64Array(fields);
  let count = 0;
  let evaluated = 0;
  let nearest: Miss | undefined;
  // Until something fits, what misses by less than the nearest is looked for too.
  let bar = ratio > 1 ? stretched(limits, ratio) : limits;
  const networkOf = (row: Row, shape: number, squeezeExcite: boolean): MicromindPhinet => ({
    ...row.network,
    ...shapes[shape],
    squeezeExcite,
  });
  for (const column of lattice(tier, task, input, head, wide)) {
    let familiar: Float64Array | undefined;
    for (const row of column) {
      const before = count;
      const { blocks } = row.network;
      familiar ??= Float64Array.from(shapes, (shape) => familiarity({ ...shape, blocks })); // a column has one number of blocks
      const near = familiar;
      rows.push(row);
      const visit = (shape: number, squeeze: boolean): void => {
        if (count === 0 && bar !== limits) {
          const needs = {
            arenaBytes: out[ARENA_BYTES],
            weightBytes: out[WEIGHT_BYTES],
            instructions: out[INSTRUCTIONS],
            macs: out[MACS],
          };
          if (!isWithin(needs, limits)) {
            const miss = worstOf(needs, limits);
            if (miss.ratio < (nearest?.ratio ?? ratio)) {
              nearest = { network: networkOf(row, shape, squeeze), ...miss };
              bar = stretched(limits, miss.ratio);
            }
            return;
          }
          bar = limits;
        }
        if (count === columns[0].length) {
          columns.forEach((old, i) => {
            columns[i] = new Float64Array(2 * count);
            columns[i].set(old);
          });
        }
        columns[parameters][count] = out[PARAMETERS];
        columns[macs][count] = out[MACS];
        columns[instructions][count] = out[INSTRUCTIONS];
        columns[weightBytes][count] = out[WEIGHT_BYTES];
        columns[arenaBytes][count] = out[ARENA_BYTES];
        columns[proxy][count] = proxyOf(task, out[MACS], out[FINE_MACS], out[PARAMETERS], near[shape]);
        columns[place][count] = ((rows.length - 1) * shapes.length + shape) * 2 + Number(squeeze);
        count++;
      };
      evaluated += costRow(row, board, programRequest, () => bar, out, visit);
      if (count === before && costsGrow(row.network)) break;
    }
  }
  return {
    evaluated,
    ...(count === 0 && { nearest }),
    fitting: {
      count,
      parameters: columns[parameters],
      macs: columns[macs],
      instructions: columns[instructions],
      weightBytes: columns[weightBytes],
      arenaBytes: columns[arenaBytes],
      proxy: columns[proxy],
      networkAt: (index) => {
        const code = columns[place][index];
        const rest = Math.floor(code / 2);
        return networkOf(rows[Math.floor(rest / shapes.length)], rest % shapes.length, code % 2 === 1);
      },
    },
  };
}

/** A network is said to fill a limit from here on. */
export const bindingShare = 0.95;
/** RAM and flash are said to be used from here on. */
export const fillShare = 0.9;

/** Whether a network uses both RAM and flash. */
export function fillsBoth({ arenaBytes, weightBytes }: Fitting, limits: Limits, index: number): boolean {
  return arenaBytes[index] >= fillShare * limits.arenaBytes && weightBytes[index] >= fillShare * limits.weightBytes;
}

/**
 * The chosen network's index, or -1. `balanced` and `resolution`: among the networks that use at least 95 % of some limit
 * (else all), among those that also use 90 % of both RAM and flash (else all of these), the largest proxy. Ties go to the
 * faster, then to the first.
 * @param refused indices that may not be chosen
 */
export function choose(fitting: Fitting, limits: Limits, prefer: Preference, refused: ReadonlySet<number>): number {
  const { count, proxy, instructions, arenaBytes, weightBytes, macs, parameters } = fitting;
  const best = (key: Float64Array, keep: (i: number) => boolean): number => {
    let found = -1;
    for (let i = 0; i < count; i++) {
      if (found >= 0 && !(key[i] > key[found] || (key[i] === key[found] && instructions[i] < instructions[found])))
        continue;
      if (keep(i) && !refused.has(i)) found = i;
    }
    return found;
  };
  const all = (): boolean => true;
  if (prefer === "macs") return best(macs, all);
  if (prefer === "parameters") return best(parameters, all);
  const binds = (i: number): boolean =>
    arenaBytes[i] >= bindingShare * limits.arenaBytes ||
    weightBytes[i] >= bindingShare * limits.weightBytes ||
    instructions[i] >= bindingShare * limits.instructions ||
    macs[i] >= bindingShare * limits.macs;
  const choices = [(i: number) => fillsBoth(fitting, limits, i) && binds(i), binds, all];
  let found = -1;
  for (const keep of choices) if (found < 0) found = best(proxy, keep);
  if (prefer !== "speed" || found < 0) return found;
  const least = proxy[found] / 2;
  let fastest = found;
  for (let i = 0; i < count; i++)
    if (proxy[i] >= least && instructions[i] < instructions[fastest] && !refused.has(i)) fastest = i;
  return fastest;
}

/**
 * Members of the Pareto set over the proxy and a cost, cheapest first: each has a larger proxy than every network that
 * costs as little. Thinned to at most `steps`, evenly in the square root of the cost.
 */
export function paretoMembers(fitting: Fitting, cost: Float64Array, steps: number): number[] {
  const { count, proxy } = fitting;
  let most = 0;
  for (let i = 0; i < count; i++) most = Math.max(most, cost[i]);
  const best = new Int32Array(steps).fill(-1);
  for (let i = 0; i < count; i++) {
    const step = Math.min(steps - 1, Math.floor(steps * Math.sqrt(cost[i] / most)));
    const other = best[step];
    if (other < 0 || proxy[i] > proxy[other] || (proxy[i] === proxy[other] && cost[i] < cost[other])) best[step] = i;
  }
  const members: number[] = [];
  for (const i of best) if (i >= 0 && (members.length === 0 || proxy[i] > proxy[members.at(-1)!])) members.push(i);
  return members;
}
