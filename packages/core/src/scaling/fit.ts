/**
 * Hardware-aware scaling: finds the PhiNet that makes the most of a board's resources.
 *
 * Every hyper-parameter affects the resources differently (log-log slopes on parameters, MACs, RAM: alpha 1.9, 1.8,
 * 1.0; t0 1.3, 0.8, up to 1.0; resolution 0, 2, 2; beta 1.2, 0.4, 0.2; blocks mostly parameters). RAM bounds alpha * t0
 * * resolution^2, time bounds alpha and resolution, and beta and blocks use up the remaining flash. `fit` costs the
 * whole lattice exactly. Among the networks that keep every limit and fill the board (`choose`), it picks the one with
 * the best proxy for accuracy (`proxyOf`).
 *
 * If no input size is requested, the size grows with the fifth root of the MACs, as in compound scaling (Tan & Le,
 * "EfficientNet", ICML 2019: 1.15 per doubling; the authors' own series: 68 pixels at 2 M MACs, 96 at 10 M), starting
 * from the 120 pixels of their STM32H7 detector.
 */
import { activeMj, bandMs, countMacs, countParameters, energyMj, latencyMs } from "../cost/index.js";
import { deployGraph } from "../graph/index.js";
import {
  buildNetwork,
  type Classes,
  type MicromindPhinet,
  type Neck,
  type Network,
  parseNetwork,
  phinetBlocks,
} from "../networks/index.js";
import {
  arenaOf,
  type Board,
  exceededRegions,
  flashBytesOf,
  hasDsp,
  hasHelium,
  type Lowering,
  lowerToSteps,
  type ProgramRequest,
  planesOf,
  programOf,
  ramBytesOf,
} from "../target/index.js";
import { exp, log, PhinetsError } from "../tensor/index.js";
import { arenaRooms, type Budget, type BudgetOptions, budgetOf, limitsOf, missError, roomError } from "./budget.js";
import { estimate } from "./estimate.js";
import { once } from "./known.js";
import { inputSizes, outputBytesOf, type Task, tiers } from "./lattice.js";
import { fitsArena, type Limits } from "./limits.js";
import { type Preference, preferences } from "./proxy.js";
import { withPyramid } from "./pyramid.js";
import { choose, type Fitting, fillsBoth, type Miss, paretoMembers, walk } from "./search.js";

export interface FitOptions extends BudgetOptions, Pick<ProgramRequest, "optimize" | "input"> {
  /** Input size in pixels. Default: chosen. */
  readonly imgsz?: { readonly height: number; readonly width: number };
  /** Default 3. */
  readonly channels?: number;
  /** Default 1 (detect), 10 (classify). */
  readonly classes?: Classes;
  /** Default "balanced". */
  readonly prefer?: Preference;
  /**
   * Also considers stems without stride and 5x5 kernels in half or all of the late blocks, which makes five times as
   * many networks. Off by default, since the proxy was not measured on them.
   */
  readonly wide?: boolean;
  /**
   * "fpn": the chosen network gets a feature pyramid and, with it, the greatest width that keeps the limits
   * (`withPyramid`). For detectors. Default "none".
   */
  readonly neck?: Neck;
}

/** A network with its exact costs. */
export interface Candidate<N extends Network = MicromindPhinet> {
  readonly network: N;
  readonly parameters: number;
  readonly macs: number;
  /** Code, weights and tables of the linked image (`flashBytesOf`). */
  readonly flashBytes: number;
  /** Bytes of the planned arena. */
  readonly ramBytes: number;
  readonly latencyMs: readonly [low: number, high: number];
  /** Energy of one inference, at the middle of the latency band. */
  readonly energyMj: number;
  /** Whether image, arena, output, stack and variables fit the board's regions. */
  readonly fits: boolean;
}

/** A network's exact costs on a board. */
export function costOf<N extends Network>(network: N, board: Board, programRequest: ProgramRequest = {}): Candidate<N> {
  const graph = buildNetwork(network);
  const program = programOf(deployGraph(graph), board, programRequest);
  const contents = { head: network.head };
  const latency = latencyMs(program, board);
  const flash = flashBytesOf(program, board, contents);
  return {
    network,
    parameters: countParameters(graph),
    macs: countMacs(graph),
    flashBytes: flash.total,
    ramBytes: program.arenaBytes,
    latencyMs: latency,
    energyMj: energyMj(latency, board),
    fits: exceededRegions(board, flash, ramBytesOf(program, board, contents)).length === 0,
  };
}

/**
 * A network's costs in closed form, without the program's schedule.
 * @param lowerings cache by the properties that determine the kernels, shared between networks
 */
function estimatedCost(
  network: MicromindPhinet,
  board: Board,
  programRequest: ProgramRequest,
  lowerings: Map<string, Lowering>,
): Candidate {
  const costs = estimate(network, board, programRequest);
  const { parameters, macs, arenaBytes, instructions, optimize } = costs;
  const dsp = hasDsp(board);
  const input = programRequest.input ?? "whole";
  // With DSP kernels only the weights depend on widths; with others, arrays may also end with up to three bytes of
  // padding.
  const traits = phinetBlocks(network).map(({ kernel, stride, skip }) => [kernel, stride, skip]);
  const key = JSON.stringify([dsp ? traits : network, network.squeezeExcite, optimize]);
  const lowering = once(lowerings, key, () =>
    lowerToSteps(deployGraph(buildNetwork(network)), { dsp, helium: hasHelium(board), planes: planesOf(optimize) }),
  );
  const contents = { head: network.head };
  const program = { lowering, options: { input }, stream: { schedule: { length: costs.entries } } };
  const { total, weights } = flashBytesOf(program, board, contents);
  const flashBytes = total - weights.total + costs.weightBytes;
  const latency = bandMs(instructions, board);
  const energy = energyMj(latency, board);
  const fits = flashBytes <= board.flashBytes && arenaBytes <= arenaRooms(board, "detect", 0)[0];
  return {
    network,
    parameters,
    macs,
    flashBytes,
    ramBytes: arenaBytes,
    latencyMs: latency,
    energyMj: energy,
    fits,
  };
}

export interface FitResult {
  /** Name of the board. */
  readonly target: string;
  readonly budget: Budget;
  /** Number of networks costed. */
  readonly evaluated: number;
  /**
   * Members of the Pareto set of the lattice at this input size, from fastest to slowest, with the chosen network last.
   * Each has a better proxy than every network that is at least as fast, or as small in RAM, or as small in flash.
   */
  readonly pareto: readonly Candidate[];
  /** The last entry of `pareto`. */
  readonly chosen: Candidate;
  /** Shares of the budget that the chosen network uses, 0..1, and the limit with the largest share. */
  readonly fill: Fill;
}

export interface Fill {
  readonly ram: number;
  readonly flash: number;
  /** Absent: not limited. */
  readonly latency?: number;
  /** Absent: not limited. */
  readonly macs?: number;
  /** Absent: not limited. */
  readonly energy?: number;
  /** Absent: not limited. */
  readonly power?: number;
  readonly binding: "ram" | "flash" | "latency" | "macs" | "energy" | "power";
}

/** Exceeds any distance between sizes, so a size at which both RAM and flash can be used wins over all others. */
const notFilling = 100;

/** Networks whose plan over several banks is tried, at .1 s or more each, before falling back to one bank. */
const mostTried = 8;

/** Numbers of members of the Pareto set to show: over time, over RAM, over flash. */
const paretoSizes = [12, 6, 6] as const;

interface Answer {
  readonly chosen: Candidate;
  readonly fitting: Fitting;
  /** Distance from the request's ideal; the smallest wins over all sizes and rooms. */
  readonly distance: number;
}

interface Place {
  readonly board: Board;
  readonly task: Task;
  readonly prefer: Preference;
  readonly programRequest: ProgramRequest;
  readonly limits: Limits;
  readonly flashBytes: number;
  readonly size: { readonly height: number; readonly width: number };
  /** Number of networks that the planner may refuse. */
  readonly most: number;
}

/**
 * The best of the networks whose exact plan keeps the limits. Undefined where there is none, or none nearer than
 * `best`; "refused" where the planner refused `most` networks.
 */
function bestPlanned(fitting: Fitting, place: Place, best: Answer | undefined): Answer | "refused" | undefined {
  const { board, task, prefer, programRequest, limits, flashBytes, size, most } = place;
  const side = Math.sqrt(size.height * size.width);
  const refused = new Set<number>();
  while (refused.size < most) {
    const index = choose(fitting, limits, prefer, refused);
    if (index < 0) return undefined;
    const off = prefer === "resolution" ? -side : Math.abs(log(side / preferredSide(task, fitting.macs[index])));
    const distance = off + (prefer === "balanced" && !fillsBoth(fitting, limits, index) ? notFilling : 0);
    if (best !== undefined && distance >= best.distance) return undefined;
    const chosen = costOf(fitting.networkAt(index), board, programRequest);
    // The exact plan decides about RAM.
    if (fitsArena(chosen.ramBytes, limits) && chosen.flashBytes <= flashBytes && chosen.fits)
      return { chosen, fitting, distance };
    refused.add(index);
  }
  return "refused";
}

/**
 * Chooses a network for a board, as the head of this file describes. Deterministic.
 * Throws PhinetsError naming the resource that even the smallest network exceeds, and by how much; for `optimize`
 * "flash" or "least-ram", which apply only when firmware is made; for an unknown `prefer`; and for a `neck` of a
 * classifier, or one that no network has room for.
 */
export function fit(options: FitOptions): FitResult {
  const { board, task = "detect", channels = 3, classes = task === "detect" ? 1 : 10, prefer = "balanced" } = options;
  if (!preferences.includes(prefer))
    throw new PhinetsError("scaling.prefer", `fit: prefer is "${prefer}"; known: ${preferences.join(", ")}`, "prefer");
  if (options.neck === "fpn" && task !== "detect")
    throw new PhinetsError("scaling.neck", 'fit: neck "fpn" is for detectors; leave it out for a classifier', "neck");
  const head = task === "detect" ? { kind: "yolov2", classes } : { kind: "classifier", classes };
  const budget = budgetOf(options);
  if (options.optimize === "flash" || options.optimize === "least-ram")
    throw new PhinetsError(
      "scaling.optimize",
      `optimize is "${options.optimize}": networks are solved for "speed" or "ram"; leave it out here, and give it where the firmware is made`,
    );
  // The fastest program is wanted where it fits the arena's region; only the smallest is spread over banks.
  const ramBytes = Math.min(arenaOf(board).bytes, budget.ramBytes);
  const programRequest: ProgramRequest = { optimize: options.optimize, input: options.input, ramBytes };
  let evaluated = 0;
  let best: Answer | undefined;
  let nearest: Miss | undefined;
  let leastOutput = Number.POSITIVE_INFINITY;
  for (const tier of tiers) {
    for (const size of options.imgsz === undefined ? inputSizes(task) : [options.imgsz]) {
      const { input, head: checked } = parseNetwork({ family: "phinet", input: { ...size, channels }, head });
      const outputBytes = outputBytesOf(tier, task, input, checked);
      leastOutput = Math.min(leastOutput, outputBytes);
      const rooms = arenaRooms(board, task, outputBytes);
      for (const [attempt, room] of rooms.entries()) {
        if (room <= 0) continue;
        const limits = limitsOf(budget, board, room);
        // With an answer at hand, networks that miss the limits are ignored; before, only a nearer miss matters.
        const ratio = best !== undefined ? 1 : nearest?.ratio;
        const found = walk(tier, task, input, checked, board, limits, {
          ...programRequest,
          wide: options.wide,
          ratio,
        });
        evaluated += found.evaluated;
        nearest = found.nearest ?? nearest;
        const most = attempt < rooms.length - 1 ? mostTried : Number.POSITIVE_INFINITY;
        const place = { board, task, prefer, programRequest, limits, flashBytes: budget.flashBytes, size, most };
        const result = bestPlanned(found.fitting, place, best);
        if (typeof result === "object") best = result;
        // Where no network fills all banks, one may fill the arena's region.
        const filled = best !== undefined && best.distance < notFilling;
        const alone = limitsOf(budget, board, rooms.at(-1)!);
        if (result !== "refused" && (filled || !someFills(found.fitting, alone))) break;
      }
    }
    if (best !== undefined) break;
  }
  if (best === undefined)
    throw nearest === undefined ? roomError(board, task, leastOutput) : missError(nearest, board, budget);
  const chosen = options.neck === "fpn" ? pyramidOf(best.chosen, board, budget, programRequest) : best.chosen;
  const pareto = membersOf(best.fitting, chosen, board, budget, programRequest);
  return { target: board.name, budget, evaluated, pareto, chosen, fill: fillOf(chosen, budget, board) };
}

function pyramidOf(chosen: Candidate, board: Board, budget: Budget, programRequest: ProgramRequest): Candidate {
  const keeps = (candidate: Candidate): boolean => {
    const fill = fillOf(candidate, budget, board);
    return candidate.fits && fill[fill.binding]! <= 1;
  };
  const found = withPyramid(chosen, (network) => costOf(network, board, programRequest), keeps);
  if (found === undefined)
    throw new PhinetsError(
      "scaling.neck",
      'fit: no network with neck "fpn" keeps the limits; allow more, use a smaller input, or leave the neck out',
      "neck",
    );
  return found;
}

function someFills(fitting: Fitting, limits: Limits): boolean {
  for (let i = 0; i < fitting.count; i++)
    if (fitting.arenaBytes[i] <= limits.arenaBytes && fillsBoth(fitting, limits, i)) return true;
  return false;
}

function fillOf(
  { ramBytes, flashBytes, latencyMs: [low, high], macs, energyMj: energy }: Candidate,
  budget: Budget,
  board: Board,
): Fill {
  const ms = (low + high) / 2;
  const shares = {
    ram: ramBytes / budget.ramBytes,
    flash: flashBytes / budget.flashBytes,
    ...(budget.latencyMs !== undefined && { latency: ms / budget.latencyMs }),
    ...(budget.macs !== undefined && { macs: macs / budget.macs }),
    ...(budget.energyMj !== undefined && { energy: energy / budget.energyMj }),
    ...(budget.powerMw !== undefined && {
      power: (board.sleepMilliwatts + (1000 / budget.latencyMs!) * activeMj(ms, board)) / budget.powerMw,
    }),
  };
  const [[binding]] = (Object.entries(shares) as [Fill["binding"], number][]).sort(([, a], [, b]) => b - a);
  return { ...shares, binding };
}

/** Side in pixels of a square image that suits a network with this many MACs. */
function preferredSide(task: Task, macs: number): number {
  const [side, at] = task === "detect" ? [120, 9e6] : [96, 10e6];
  return side * exp(0.2 * log(macs / at));
}

/** The members of the Pareto set to show, from fastest to slowest, then the chosen network. */
function membersOf(
  fitting: Fitting,
  chosen: Candidate,
  board: Board,
  budget: Budget,
  programRequest: ProgramRequest,
): Candidate[] {
  const costs = [fitting.instructions, fitting.arenaBytes, fitting.weightBytes];
  const members = new Set(costs.flatMap((cost, i) => paretoMembers(fitting, cost, paretoSizes[i])));
  const same = JSON.stringify(chosen.network);
  const lowerings = new Map<string, Lowering>();
  const others = [...members]
    .sort((a, b) => fitting.instructions[a] - fitting.instructions[b] || a - b)
    .map((index) => estimatedCost(fitting.networkAt(index), board, programRequest, lowerings))
    .filter(({ network, ramBytes }) => ramBytes <= budget.ramBytes && JSON.stringify(network) !== same);
  return [...others, chosen];
}
