/**
 * Hardware-aware scaling: from what a board has to the PhiNet that uses it.
 *
 * Every hyper-parameter moves the resources differently (log-log slopes: alpha 1.9 on parameters, 1.8 on MACs, 1.0 on
 * RAM; t0 1.3, 0.8, up to 1.0; resolution 0, 2, 2; beta 1.2, 0.4, 0.2; blocks mostly parameters): RAM bounds
 * alpha * t0 * resolution^2, time bounds alpha and resolution, and beta and blocks spend the flash that is left. `fit`
 * costs the whole lattice exactly and takes, among the networks that keep every limit and fill the board (`choose`), the
 * one with the best proxy for accuracy (`proxyOf`).
 *
 * Where no input size is asked for, it grows with the fifth root of the MACs, as in compound scaling (Tan & Le,
 * "EfficientNet", ICML 2019: 1.15 a doubling; the authors' own series: 68 pixels at 2 M MACs, 96 at 10 M), from their
 * STM32H7 detector's 120 pixels.
 */
import {
  activeBudgetMj,
  activeMj,
  bandMs,
  countMacs,
  countParameters,
  energyMj,
  exceededRegions,
  flashBytesOf,
  latencyMs,
  ramBytesOf,
  variableBytes,
} from "../cost/index.js";
import { deployGraph } from "../graph/index.js";
import { anchorCount, buildNetwork, type Classes, type MicromindPhinet, parseNetwork } from "../networks/index.js";
import { arenaOf, type Board, hasDsp, lowerToSteps, type ProgramWish, planesOf, programOf } from "../target/index.js";
import { exp, log, PhinetsError } from "../tensor/index.js";
import { estimate, type Limits } from "./estimate.js";
import { alphaOfStem, inputSizes, type Task, tiers } from "./lattice.js";
import { type Preference, preferences } from "./proxy.js";
import { choose, type Fitting, fillsBoth, front, type Miss, walk } from "./search.js";

/**
 * Flash that the search keeps for what is not weights and tables: vectors, kernels, descriptions of the layers, decoder,
 * tracker, C library, the program's table. Above what any linked image takes (43 KB: person-192 on a Cortex-M0+); the
 * networks that are shown have their exact figure.
 */
export const codeAllowanceBytes = 48 * 1024;

/**
 * Frames a second where nothing else limits time: what the authors' detector reached on an STM32H743 with 8 M MACs. With the
 * DSP kernels' 1.3 instructions a MAC there is time for four times as many.
 */
export const defaultFps = 10;

/** Frames a second where a power budget is given and no rate: what the authors' node on 10 mW looks at. */
export const defaultFpsAtPower = 1;

export interface FitOptions extends Pick<ProgramWish, "optimize" | "input"> {
  readonly board: Board;
  /** Pixels. Default: chosen. */
  readonly imgsz?: { readonly height: number; readonly width: number };
  /** Default 3. */
  readonly channels?: number;
  /** Default 1 (detect), 10 (classify). */
  readonly classes?: Classes;
  /** Default "detect". */
  readonly task?: Task;
  /**
   * Inferences a second that the board must reach, at the middle of its latency band. Default 10, none with `maxMacs`;
   * 1 with `powerMw`.
   */
  readonly fps?: number;
  /** The default of `fps` does not hold: RAM and flash decide. Default false. */
  readonly noTimeLimit?: boolean;
  /** Arena. Default, and at most: the board's arena region, less stack and variables where they have no region of their own. */
  readonly maxRamBytes?: number;
  /** Code and constants. Default, and at most: the board's flash. */
  readonly maxFlashBytes?: number;
  readonly maxMacs?: number;
  /** One inference, at the middle of the latency band. */
  readonly maxEnergyMj?: number;
  /** Mean power in milliwatts at `fps` inferences a second, asleep in between. No limit with `noTimeLimit`. */
  readonly powerMw?: number;
  /** Default "balanced". */
  readonly prefer?: Preference;
  /**
   * Also stems without stride and 5x5 kernels in half or all of the late blocks: five times as many networks. Off by
   * default: the proxy was not measured on them. Default false.
   */
  readonly wide?: boolean;
}

export interface Budget {
  readonly ramBytes: number;
  readonly flashBytes: number;
  /** Absent: not limited. */
  readonly latencyMs?: number;
  /** Absent: not limited. */
  readonly macs?: number;
  /** Absent: not limited. */
  readonly energyMj?: number;
  /** Mean, at one inference every `latencyMs`. Absent: not limited. */
  readonly powerMw?: number;
}

/** A network with its exact costs. */
export interface Candidate {
  readonly network: MicromindPhinet;
  readonly parameters: number;
  readonly macs: number;
  /** Code, weights and tables of the linked image (`flashBytesOf`). */
  readonly flashBytes: number;
  /** Planned arena. */
  readonly ramBytes: number;
  readonly latencyMs: readonly [low: number, high: number];
  /** One inference. */
  readonly energyMj: number;
  /** Image, arena, output, stack and variables lie within the board's regions. */
  readonly fits: boolean;
}

/** A network's exact costs on a board. */
export function costOf(network: MicromindPhinet, board: Board, wish: ProgramWish = {}): Candidate {
  const graph = buildNetwork(network);
  const program = programOf(deployGraph(graph), board, wish);
  const contents = { anchors: anchorCount(network.head) };
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

/** The same in closed form, without the program's schedule. */
function estimatedCost(network: MicromindPhinet, board: Board, wish: ProgramWish): Candidate {
  const { parameters, macs, arenaBytes, instructions, entries, optimize } = estimate(network, board, wish);
  const options = { dsp: hasDsp(board), optimize, input: wish.input ?? "whole" } as const;
  const lowering = lowerToSteps(deployGraph(buildNetwork(network)), { dsp: options.dsp, planes: planesOf(optimize) });
  const contents = { anchors: anchorCount(network.head) };
  const flash = flashBytesOf({ lowering, options, stream: { schedule: { length: entries } } }, board, contents);
  const latency = bandMs(instructions, board);
  const energy = energyMj(latency, board);
  const fits = flash.total <= board.flashBytes && arenaBytes <= arenaOf(board).bytes;
  return {
    network,
    parameters,
    macs,
    flashBytes: flash.total,
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
  /** Networks costed. */
  readonly evaluated: number;
  /**
   * From fastest to slowest, the chosen network last: members of the Pareto set of the lattice at this input size. Each is
   * better by the proxy than every network that is at least as fast, or as small in RAM, or as small in flash.
   */
  readonly pareto: readonly Candidate[];
  /** The last of `pareto`. */
  readonly chosen: Candidate;
  /** Shares of the budget that the chosen network uses, 0..1, and the limit that is used most. */
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

/** More than any distance between sizes: a size at which both RAM and flash can be used goes before all others. */
const notFilling = 100;

/** Members of the Pareto set that are shown: over time, over RAM, over flash. */
const frontSizes = [12, 6, 6] as const;

/**
 * Chooses a network for a board; see the head of this file for how. Deterministic.
 * Throws PhinetsError naming the resource that even the smallest network misses, and by how much.
 */
export function fit(options: FitOptions): FitResult {
  const { board, task = "detect", channels = 3, classes = task === "detect" ? 1 : 10, prefer = "balanced" } = options;
  if (!preferences.includes(prefer))
    throw new PhinetsError("scaling.prefer", `fit: prefer is "${prefer}"; known: ${preferences.join(", ")}`, "prefer");
  const head = task === "detect" ? { kind: "yolov2", classes } : { kind: "classifier", classes };
  const budget = budgetOf(options, arenaRoom(board, task));
  const limits = limitsOf(budget, board);
  const wish: ProgramWish = { optimize: options.optimize, input: options.input, ramBytes: budget.ramBytes };
  let evaluated = 0;
  let best: { chosen: Candidate; fitting: Fitting; distance: number } | undefined;
  let nearest: Miss | undefined;
  for (const tier of tiers) {
    for (const size of options.imgsz === undefined ? inputSizes(task) : [options.imgsz]) {
      const { input, head: checked } = parseNetwork({ family: "phinet", input: { ...size, channels }, head });
      const smallest = parseNetwork({ family: "phinet", input, alpha: alphaOfStem(2), downsampling: [], blocks: 3 });
      buildNetwork(smallest); // refuses an input too small to build on
      const found = walk(tier, task, input, checked, board, limits, wish, options.wide);
      evaluated += found.evaluated;
      if (found.nearest !== undefined && (nearest === undefined || found.nearest.ratio < nearest.ratio))
        nearest = found.nearest;
      const side = Math.sqrt(size.height * size.width);
      const refused = new Set<number>();
      for (;;) {
        const index = choose(found.fitting, limits, prefer, refused);
        if (index < 0) break;
        const macs = found.fitting.macs[index];
        const uses = fillsBoth(found.fitting, limits, index);
        const off = prefer === "resolution" ? -side : Math.abs(log(side / preferredSide(task, macs)));
        const distance = off + (prefer === "balanced" && !uses ? notFilling : 0);
        if (best !== undefined && distance >= best.distance) break;
        const chosen = costOf(found.fitting.networkAt(index), board, wish);
        // The planner has the last word on RAM, and the output has to lie somewhere too.
        if (chosen.ramBytes > budget.ramBytes || chosen.flashBytes > budget.flashBytes || !chosen.fits)
          refused.add(index);
        else {
          best = { chosen, fitting: found.fitting, distance };
          break;
        }
      }
    }
    if (best !== undefined) break;
  }
  if (best === undefined) throw missError(nearest!, board, budget);
  const { chosen } = best;
  const pareto = membersOf(best.fitting, chosen, board, budget, wish);
  return { target: board.name, budget, evaluated, pareto, chosen, fill: fillOf(chosen, budget, board) };
}

/**
 * Bytes that the arena may take of its region: all of it, or what stack and variables leave where they have no other.
 * Throws PhinetsError where these alone are too much.
 */
function arenaRoom(board: Board, task: Task): number {
  const arena = arenaOf(board);
  const data = board.regions.find(({ use }) => use === "data");
  const rest = variableBytes(board, task === "detect" ? 1 : 0);
  const home = data ?? arena;
  if (rest >= home.bytes)
    throw new PhinetsError(
      "scaling.impossible",
      `board ${board.name}: no network fits; the stack${task === "detect" ? ", boxes and tracks alone need" : " alone needs"} ${grouped(rest)} bytes of RAM, ${grouped(rest - home.bytes)} more than the ${grouped(home.bytes)} allowed; enlarge region ${home.name}`,
    );
  return data === undefined ? arena.bytes - rest : arena.bytes;
}

/** 1,234,567 */
function grouped(value: number): string {
  return Math.ceil(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

function budgetOf(options: FitOptions, arenaBytes: number): Budget {
  const { board, fps, noTimeLimit = false, maxRamBytes, maxFlashBytes, maxMacs, maxEnergyMj, powerMw } = options;
  for (const [name, value] of Object.entries({ fps, maxRamBytes, maxFlashBytes, maxMacs, maxEnergyMj, powerMw })) {
    if (value !== undefined && !(value > 0))
      throw new PhinetsError("scaling.budget", `fit: ${name} is ${value}; it must be above 0`, name);
  }
  if (noTimeLimit && fps !== undefined)
    throw new PhinetsError("scaling.budget", `fit: fps is ${fps} and noTimeLimit is set; leave one of them out`, "fps");
  const usual = powerMw !== undefined ? defaultFpsAtPower : maxMacs === undefined ? defaultFps : undefined;
  const frames = noTimeLimit ? undefined : (fps ?? usual);
  if (powerMw !== undefined && frames !== undefined && powerMw <= board.sleepMilliwatts)
    throw new PhinetsError(
      "scaling.impossible",
      `board ${board.name}: no network fits; ${powerMw} mW do not even pay for sleeping, which takes ${board.sleepMilliwatts}; allow more or use another board`,
    );
  return {
    ramBytes: Math.min(arenaBytes, maxRamBytes ?? arenaBytes),
    flashBytes: Math.min(board.flashBytes, maxFlashBytes ?? board.flashBytes),
    ...(frames !== undefined && { latencyMs: 1000 / frames }),
    ...(maxMacs !== undefined && { macs: maxMacs }),
    ...(maxEnergyMj !== undefined && { energyMj: maxEnergyMj }),
    ...(powerMw !== undefined && frames !== undefined && { powerMw }),
  };
}

/** Milliseconds of one instruction, at the middle of the band. */
function msPerInstruction({ cyclesPerInstruction: [low, high], clockHz }: Board): number {
  return ((low + high) / 2 / clockHz) * 1e3;
}

/** Millijoules of one instruction, at the middle of the band. */
function mjPerInstruction(board: Board): number {
  const ms = msPerInstruction(board);
  return energyMj([ms, ms], board);
}

/** Instructions of an inference that a mean power allows, asleep in between. */
function instructionsAtPower({ latencyMs, powerMw }: Budget, board: Board): number {
  const active = activeMj(msPerInstruction(board), board);
  if (latencyMs === undefined || powerMw === undefined || active <= 0) return Number.POSITIVE_INFINITY;
  return activeBudgetMj(board, powerMw, 1000 / latencyMs) / active;
}

function limitsOf(budget: Budget, board: Board): Limits {
  return {
    arenaBytes: budget.ramBytes,
    weightBytes: budget.flashBytes - codeAllowanceBytes,
    instructions: Math.min(
      (budget.latencyMs ?? Number.POSITIVE_INFINITY) / msPerInstruction(board),
      (budget.energyMj ?? Number.POSITIVE_INFINITY) / mjPerInstruction(board),
      instructionsAtPower(budget, board),
    ),
    macs: budget.macs ?? Number.POSITIVE_INFINITY,
  };
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

/** Side of a square image that suits a network of so many MACs. */
function preferredSide(task: Task, macs: number): number {
  const [side, at] = task === "detect" ? [120, 9e6] : [96, 10e6];
  return side * exp(0.2 * log(macs / at));
}

/** What is shown of the Pareto set, from fastest to slowest, then the chosen network. */
function membersOf(fitting: Fitting, chosen: Candidate, board: Board, budget: Budget, wish: ProgramWish): Candidate[] {
  const costs = [fitting.instructions, fitting.arenaBytes, fitting.weightBytes];
  const members = new Set(costs.flatMap((cost, i) => front(fitting, cost, frontSizes[i])));
  const same = JSON.stringify(chosen.network);
  const others = [...members]
    .sort((a, b) => fitting.instructions[a] - fitting.instructions[b] || a - b)
    .map((index) => estimatedCost(fitting.networkAt(index), board, wish))
    .filter(({ network, ramBytes }) => ramBytes <= budget.ramBytes && JSON.stringify(network) !== same);
  return [...others, chosen];
}

function missError({ network, resource, needed, allowed }: Miss, board: Board, budget: Budget): PhinetsError {
  const count = grouped;
  const { height, width } = network.input;
  const ms = msPerInstruction(board);
  const mj = mjPerInstruction(board);
  const energyBinds = budget.energyMj !== undefined && Math.abs(budget.energyMj / mj - allowed) < 1e-6 * allowed;
  const powerBinds = budget.powerMw !== undefined && instructionsAtPower(budget, board) === allowed;
  const fps = 1000 / (budget.latencyMs ?? Number.POSITIVE_INFINITY);
  const power = (instructions: number): number => board.sleepMilliwatts + fps * activeMj(instructions * ms, board);
  const amount = {
    arenaBytes: `at least ${count(needed)} bytes of RAM, ${count(needed - allowed)} more than the ${count(allowed)} allowed; use a smaller input or a board with more RAM`,
    weightBytes: `${count(needed + codeAllowanceBytes)} bytes of flash (${count(codeAllowanceBytes)} of them for code), ${count(needed - allowed)} more than the ${count(allowed + codeAllowanceBytes)} allowed; use fewer classes or a board with more flash`,
    instructions: energyBinds
      ? `${(needed * mj).toFixed(2)} mJ an inference, ${((needed - allowed) * mj).toFixed(2)} mJ more than the ${(allowed * mj).toFixed(2)} allowed; allow more or use a smaller input`
      : powerBinds
        ? `${power(needed).toPrecision(3)} mW at ${Number(fps.toPrecision(3))} frames/s, ${(power(needed) - budget.powerMw!).toPrecision(3)} mW more than the ${budget.powerMw} allowed; allow more, ask for fewer frames a second or use a smaller input`
        : `${(needed * ms).toFixed(1)} ms a frame, ${((needed - allowed) * ms).toFixed(1)} ms more than the ${(allowed * ms).toFixed(1)} allowed; ask for fewer frames a second or use a smaller input`,
    macs: `${count(needed)} MACs, ${count(needed - allowed)} more than the ${count(allowed)} allowed; allow more or use a smaller input`,
  }[resource];
  return new PhinetsError(
    "scaling.impossible",
    `board ${board.name}: no network fits; the smallest (${height}x${width}, alpha ${network.alpha}, t0 ${network.t0}) needs ${amount}`,
  );
}
