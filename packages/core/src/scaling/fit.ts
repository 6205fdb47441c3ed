/**
 * Hardware-aware scaling: from what a board has to the PhiNet that uses it.
 *
 * Every hyper-parameter moves the resources differently (log-log slopes: alpha 1.9 on parameters, 1.8 on MACs, 1.0 on
 * RAM; t0 1.3, 0.8, up to 1.0; resolution 0, 2, 2; beta 1.2, 0.4, 0.2; blocks mostly parameters): RAM bounds
 * alpha * t0 * resolution^2, time bounds alpha and resolution, and beta and blocks spend the flash that is left. `fit`
 * costs a lattice of all of them and takes, among the networks that keep every limit, the one with the largest
 *
 *   2 ln(MACs) + ln(parameters)
 *
 * a proxy for accuracy. Why both: along the authors' CIFAR-10 series error falls as the two grow together; between their
 * networks of like size the deeper one wins at a third of the MACs (alpha .35, N 7 over alpha .75, N 5), which rules out
 * MACs alone; parameters alone would starve the early, high-resolution layers that find small objects. Why the weights:
 * inside a time limit, equal ones end at the narrowest stem with the deepest tail, which the authors' searches, with
 * first blocks of 12 to 15 channels, do not; twice the weight on MACs balances the two. So the proxy first fills the
 * time, then spends flash.
 *
 * Where no input size is asked for, it grows with the fifth root of the MACs, as in compound scaling (Tan & Le,
 * "EfficientNet", ICML 2019: 1.15 a doubling; the authors' own series: 68 pixels at 2 M MACs, 96 at 10 M), from their
 * STM32H7 detector's 120 pixels.
 */
import {
  arenaOf,
  type Board,
  countMacs,
  countParameters,
  energyMj,
  latencyMs,
  planArena,
  weightBytes,
} from "../cost/index.js";
import { deployGraph } from "../graph/index.js";
import { buildNetwork, type Classes, type MicromindPhinet, parseNetwork } from "../networks/index.js";
import { exp, log, PhinetsError } from "../tensor/index.js";
import { type Estimate, estimate } from "./estimate.js";
import { inputSizes, lattice, type Task, tiers } from "./lattice.js";

/**
 * Flash kept for what is not the network. Linked images measure 7 KB to 11 KB (arm-none-eabi-gcc 12.2.1, -O2): vectors,
 * kernels, C library, descriptions of the layers. The rest is for decoder, tracker and camera.
 */
export const codeAllowanceBytes = 24 * 1024;

/**
 * Frames a second where nothing else limits time. With the portable kernels' 5 to 6 instructions a MAC, 10 give a detector
 * on an STM32H743 the 8 M MACs and 100 K parameters that the authors' had there.
 */
export const defaultFps = 10;

export interface FitOptions {
  readonly board: Board;
  /** Pixels. Default: chosen. */
  readonly imgsz?: { readonly height: number; readonly width: number };
  /** Default 3. */
  readonly channels?: number;
  /** Default 1 (detect), 10 (classify). */
  readonly classes?: Classes;
  /** Default "detect". */
  readonly task?: Task;
  /** Inferences a second that the board must reach, at the middle of its latency band. Default 10, none with `maxMacs`. */
  readonly fps?: number;
  /** Arena. Default, and at most: the board's arena region. */
  readonly maxRamBytes?: number;
  /** Code and constants. Default, and at most: the board's flash. */
  readonly maxFlashBytes?: number;
  readonly maxMacs?: number;
}

export interface Budget {
  readonly ramBytes: number;
  readonly flashBytes: number;
  /** Absent: not limited. */
  readonly latencyMs?: number;
  /** Absent: not limited. */
  readonly macs?: number;
}

/** A network with its exact costs. */
export interface Candidate {
  readonly network: MicromindPhinet;
  readonly parameters: number;
  readonly macs: number;
  /** Weights, tables and the allowance for code. */
  readonly flashBytes: number;
  /** Planned arena. */
  readonly ramBytes: number;
  readonly latencyMs: readonly [low: number, high: number];
  /** One inference. */
  readonly energyMj: number;
}

export interface FitResult {
  /** Name of the board. */
  readonly target: string;
  readonly budget: Budget;
  /** Networks costed. */
  readonly evaluated: number;
  /** From fastest to best: none of the lattice, at this input size, is both faster and better by the proxy. */
  readonly pareto: readonly Candidate[];
  /** The last of `pareto`. */
  readonly chosen: Candidate;
}

/** A network's exact costs on a board. */
export function costOf(network: MicromindPhinet, board: Board): Candidate {
  const graph = buildNetwork(network);
  const deployed = deployGraph(graph);
  const latency = latencyMs(deployed, board);
  return {
    network,
    parameters: countParameters(graph),
    macs: countMacs(graph),
    flashBytes: weightBytes(deployed).total + codeAllowanceBytes,
    ramBytes: planArena(deployed).bytes,
    latencyMs: latency,
    energyMj: energyMj(latency, board),
  };
}

interface Scored {
  readonly network: MicromindPhinet;
  readonly estimate: Estimate;
  readonly proxy: number;
}

/** Members of the front that are shown. */
const frontSize = 24;

/**
 * Chooses a network for a board; see the head of this file for how. Deterministic.
 * Throws PhinetsError naming the resource that even the smallest network misses, and by how much.
 */
export function fit(options: FitOptions): FitResult {
  const { board, task = "detect", channels = 3, classes = task === "detect" ? 1 : 10 } = options;
  const budget = budgetOf(options);
  const head = task === "detect" ? { kind: "yolov2", classes } : { kind: "classifier", classes };
  let evaluated = 0;
  let best: { pareto: Candidate[]; distance: number } | undefined;
  let nearest: Miss | undefined;
  for (const tier of tiers) {
    for (const size of options.imgsz === undefined ? inputSizes(task) : [options.imgsz]) {
      const { input, head: checked } = parseNetwork({ family: "phinet", input: { ...size, channels }, head });
      const fitting: Scored[] = [];
      for (const row of lattice(tier, task, input, checked)) {
        buildNetwork(row[0]); // refuses an input too small to build on
        const before = fitting.length;
        for (const network of row) {
          evaluated++;
          const cost = estimate(network, board);
          const miss = worstMiss(network, cost, budget, board);
          if (miss === undefined) fitting.push({ network, estimate: cost, proxy: proxyOf(cost) });
          else if (nearest === undefined || miss.ratio < nearest.ratio) nearest = miss;
        }
        if (fitting.length === before) break; // wider ones cost more still
      }
      const pareto = front(fitting, board, budget);
      const chosen = pareto.at(-1);
      if (chosen === undefined) continue;
      const side = Math.sqrt(size.height * size.width);
      const distance = Math.abs(log(side / preferredSide(task, chosen.macs)));
      if (best === undefined || distance < best.distance) best = { pareto, distance };
    }
    if (best !== undefined) break;
  }
  if (best === undefined) throw missError(nearest!, board);
  return { target: board.name, budget, evaluated, pareto: best.pareto, chosen: best.pareto.at(-1)! };
}

function budgetOf({ board, fps, maxRamBytes, maxFlashBytes, maxMacs }: FitOptions): Budget {
  for (const [name, value] of Object.entries({ fps, maxRamBytes, maxFlashBytes, maxMacs })) {
    if (value !== undefined && !(value > 0))
      throw new PhinetsError("scaling.budget", `fit: ${name} is ${value}; it must be above 0`, name);
  }
  const arena = arenaOf(board);
  const frames = fps ?? (maxMacs === undefined ? defaultFps : undefined);
  return {
    ramBytes: Math.min(arena.bytes, maxRamBytes ?? arena.bytes),
    flashBytes: Math.min(board.flashBytes, maxFlashBytes ?? board.flashBytes),
    ...(frames !== undefined && { latencyMs: 1000 / frames }),
    ...(maxMacs !== undefined && { macs: maxMacs }),
  };
}

/** exp of the proxy at the head of this file: the same order. Larger is better. */
function proxyOf({ macs, parameters }: Estimate): number {
  return macs * macs * parameters;
}

/** Side of a square image that suits a network of so many MACs. */
function preferredSide(task: Task, macs: number): number {
  const [side, at] = task === "detect" ? [120, 9e6] : [96, 10e6];
  return side * exp(0.2 * log(macs / at));
}

interface Miss {
  readonly network: MicromindPhinet;
  readonly resource: "RAM" | "flash" | "time" | "MACs";
  readonly needed: number;
  readonly allowed: number;
  /** needed / allowed, above 1. */
  readonly ratio: number;
}

/** The limit that a network exceeds by the largest factor, if any. */
function worstMiss(network: MicromindPhinet, cost: Estimate, budget: Budget, board: Board): Miss | undefined {
  let worst: Miss | undefined;
  const check = (resource: Miss["resource"], needed: number, allowed: number | undefined): void => {
    if (allowed === undefined || needed <= allowed) return;
    const ratio = needed / allowed;
    if (worst === undefined || ratio > worst.ratio) worst = { network, resource, needed, allowed, ratio };
  };
  check("RAM", cost.ramLowerBoundBytes, budget.ramBytes);
  check("flash", cost.weightBytes + codeAllowanceBytes, budget.flashBytes);
  check("time", meanMs(cost, board), budget.latencyMs);
  check("MACs", cost.macs, budget.macs);
  return worst;
}

function meanMs({ instructions }: Estimate, board: Board): number {
  const [low, high] = board.cyclesPerInstruction;
  return ((instructions * (low + high)) / 2 / board.clockHz) * 1e3;
}

/** The networks that are better than every faster one, with exact costs, thinned evenly in the logarithm of time. */
function front(fitting: readonly Scored[], board: Board, budget: Budget): Candidate[] {
  const sorted = [...fitting].sort((a, b) => a.estimate.instructions - b.estimate.instructions || b.proxy - a.proxy);
  const better: Scored[] = [];
  for (const scored of sorted) if (better.length === 0 || scored.proxy > better.at(-1)!.proxy) better.push(scored);
  // From the best down: the planner has the last word on RAM, so a network may still drop out here.
  const exact: Candidate[] = [];
  let step = 0;
  let next = Number.POSITIVE_INFINITY;
  for (const { network, estimate: cost } of better.reverse()) {
    const time = log(cost.instructions);
    if (time > next) continue;
    const candidate = costOf(network, board);
    if (candidate.ramBytes > budget.ramBytes) continue;
    if (exact.length === 0) step = (time - log(sorted[0].estimate.instructions)) / frontSize;
    exact.push(candidate);
    next = time - step;
  }
  return exact.reverse();
}

function missError({ network, resource, needed, allowed }: Miss, board: Board): PhinetsError {
  const count = (value: number): string =>
    Math.ceil(value)
      .toString()
      .replace(/\B(?=(\d{3})+$)/g, ",");
  const { height, width } = network.input;
  const amount = {
    RAM: `at least ${count(needed)} bytes of RAM, ${count(needed - allowed)} more than the ${count(allowed)} allowed; use a smaller input or a board with more RAM`,
    flash: `${count(needed)} bytes of flash (${count(codeAllowanceBytes)} of them for code), ${count(needed - allowed)} more than the ${count(allowed)} allowed; use fewer classes or a board with more flash`,
    time: `${needed.toFixed(1)} ms a frame, ${(needed - allowed).toFixed(1)} ms more than the ${allowed.toFixed(1)} allowed; ask for fewer frames a second or use a smaller input`,
    MACs: `${count(needed)} MACs, ${count(needed - allowed)} more than the ${count(allowed)} allowed; allow more or use a smaller input`,
  }[resource];
  return new PhinetsError(
    "scaling.impossible",
    `board ${board.name}: no network fits; the smallest (${height}x${width}, alpha ${network.alpha}, t0 ${network.t0}) needs ${amount}`,
  );
}
