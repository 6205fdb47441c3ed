/** The limits that a request and a board set for a network, and the errors for cases where nothing fits. */
import { activeBudgetMj, activeMj, energyMj } from "../cost/index.js";
import { arenaOf, type Board, banksOf, keptBytes, type Region, roomsOf, variableBytes } from "../target/index.js";
import { PhinetsError } from "../tensor/index.js";
import type { Task } from "./lattice.js";
import type { Limits } from "./limits.js";
import type { Miss } from "./search.js";

/**
 * Flash that the search reserves for everything but weights and tables: vectors, kernels, descriptions of the layers,
 * decoder, tracker, C library, the program's table. It exceeds the need of every linked image (43 KB: person-192 on a
 * Cortex-M0+). Networks that are shown have their exact figure.
 */
export const codeAllowanceBytes = 48 * 1024;

/**
 * Default frames per second where nothing else limits time: the rate of the authors' detector with 8 M MACs on an
 * STM32H743. At the DSP kernels' 1.3 instructions per MAC, there is time for four times as many MACs.
 */
export const defaultFps = 10;

/** Default frames per second with a power budget: the rate of the authors' 10 mW node. */
export const defaultFpsAtPower = 1;

export interface BudgetOptions {
  readonly board: Board;
  /** Default "detect". */
  readonly task?: Task;
  /**
   * Inferences per second that the board must reach, at the middle of its latency band. Default 10, none with
   * `maxMacs`; 1 with `powerMw`.
   */
  readonly fps?: number;
  /** Disables the default of `fps`, so that RAM and flash decide. Excludes `fps`. Default false. */
  readonly noTimeLimit?: boolean;
  /**
   * Bytes of working memory. Default and maximum: all of the board's banks, minus stack and variables where they have
   * no region of their own.
   */
  readonly maxRamBytes?: number;
  /** Bytes of code and constants. Default and maximum: the board's flash. */
  readonly maxFlashBytes?: number;
  readonly maxMacs?: number;
  /** Energy of one inference in millijoules, at the middle of the latency band. */
  readonly maxEnergyMj?: number;
  /** Mean power in milliwatts at `fps` inferences per second, with sleep in between. No limit with `noTimeLimit`. */
  readonly powerMw?: number;
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
  /** Mean power, at one inference every `latencyMs`. Absent: not limited. */
  readonly powerMw?: number;
}

/** Share of several banks' bytes that plans reach: maps and rings are few and large, and each lies in a single bank. */
const packedShare = 0.8;

/**
 * Limits for the working memory on a board, in the order in which the search tries them: all banks together, where
 * there are several; then the arena's region alone (`arenaRoom`).
 */
export function arenaRooms(board: Board, task: Task, outputBytes: number): readonly number[] {
  const alone = arenaRoom(board, task, outputBytes);
  if (banksOf(board).length === 1 || alone <= 0) return [alone];
  const together = roomsOf(board, keptBytes({ output: outputBytes, context: 0 }));
  const bytes = Math.floor(packedShare * together.reduce((sum, room) => sum + room.bytes, 0));
  return bytes > alone ? [bytes, alone] : [alone];
}

/**
 * Bytes that the arena may take of its region: all of it, or the rest after stack, boxes, tracks and output where these
 * have no region of their own. 0 or less where these alone do not fit.
 */
export function arenaRoom(board: Board, task: Task, outputBytes: number): number {
  const { rest, home, isShared } = variablesOf(board, task, outputBytes);
  return rest >= home.bytes ? home.bytes - rest : arenaOf(board).bytes - (isShared ? rest : 0);
}

function variablesOf(board: Board, task: Task, outputBytes: number): { rest: number; home: Region; isShared: boolean } {
  const data = board.regions.find(({ use }) => use === "data");
  const rest = variableBytes(board, { detects: task === "detect" }) + outputBytes;
  return { rest, home: data ?? arenaOf(board), isShared: data === undefined };
}

/** The error for a board on which the needs besides working memory leave no room for any network. */
export function roomError(board: Board, task: Task, outputBytes: number): PhinetsError {
  const { rest, home } = variablesOf(board, task, outputBytes);
  const what = `the stack${task === "detect" ? ", boxes and tracks" : ""}${outputBytes > 0 ? ` and an output of ${grouped(outputBytes)} bytes` : ""}`;
  const others = outputBytes > 0 ? ", or use fewer classes or a smaller input" : "";
  return new PhinetsError(
    "scaling.impossible",
    `board ${board.name}: no network fits; ${what} alone ${task === "detect" || outputBytes > 0 ? "need" : "needs"} ${grouped(rest)} bytes of RAM, ${grouped(rest - home.bytes)} more than the ${grouped(home.bytes)} allowed; enlarge region ${home.name}${others}`,
  );
}

/** 1,234,567 */
function grouped(value: number): string {
  return Math.ceil(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The limits of a request. Throws PhinetsError where it contradicts itself. */
export function budgetOf(options: BudgetOptions): Budget {
  const {
    board,
    task = "detect",
    fps,
    noTimeLimit = false,
    maxRamBytes,
    maxFlashBytes,
    maxMacs,
    maxEnergyMj,
    powerMw,
  } = options;
  const [arenaBytes] = arenaRooms(board, task, 0);
  if (arenaBytes <= 0) throw roomError(board, task, 0);
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

/** Milliseconds per instruction, at the middle of the band. */
function msPerInstruction({ cyclesPerInstruction: [low, high], clockHz }: Board): number {
  return ((low + high) / 2 / clockHz) * 1e3;
}

/** Millijoules per instruction, at the middle of the band. */
function mjPerInstruction(board: Board): number {
  const ms = msPerInstruction(board);
  return energyMj([ms, ms], board);
}

/** Instructions per inference that a mean power allows, with sleep in between. */
function instructionsAtPower({ latencyMs, powerMw }: Budget, board: Board): number {
  const active = activeMj(msPerInstruction(board), board);
  if (latencyMs === undefined || powerMw === undefined || active <= 0) return Number.POSITIVE_INFINITY;
  return activeBudgetMj(board, powerMw, 1000 / latencyMs) / active;
}

/** The search's limits. `roomBytes` is one of `arenaRooms`. */
export function limitsOf(budget: Budget, board: Board, roomBytes: number): Limits {
  return {
    arenaBytes: Math.min(budget.ramBytes, roomBytes),
    weightBytes: budget.flashBytes - codeAllowanceBytes,
    instructions: Math.min(
      (budget.latencyMs ?? Number.POSITIVE_INFINITY) / msPerInstruction(board),
      (budget.energyMj ?? Number.POSITIVE_INFINITY) / mjPerInstruction(board),
      instructionsAtPower(budget, board),
    ),
    macs: budget.macs ?? Number.POSITIVE_INFINITY,
  };
}

export function missError({ network, resource, needed, allowed }: Miss, board: Board, budget: Budget): PhinetsError {
  const { height, width } = network.input;
  const ms = msPerInstruction(board);
  const mj = mjPerInstruction(board);
  const energyBinds = budget.energyMj !== undefined && Math.abs(budget.energyMj / mj - allowed) < 1e-6 * allowed;
  const powerBinds = budget.powerMw !== undefined && instructionsAtPower(budget, board) === allowed;
  const fps = 1000 / (budget.latencyMs ?? Number.POSITIVE_INFINITY);
  const power = (instructions: number): number => board.sleepMilliwatts + fps * activeMj(instructions * ms, board);
  const amount = {
    arenaBytes: `at least ${grouped(needed)} bytes of RAM, ${grouped(needed - allowed)} more than the ${grouped(allowed)} allowed; use a smaller input or a board with more RAM`,
    weightBytes: `${grouped(needed + codeAllowanceBytes)} bytes of flash (${grouped(codeAllowanceBytes)} of them for code), ${grouped(needed - allowed)} more than the ${grouped(allowed + codeAllowanceBytes)} allowed; use fewer classes or a board with more flash`,
    instructions: energyBinds
      ? `${(needed * mj).toFixed(2)} mJ an inference, ${((needed - allowed) * mj).toFixed(2)} mJ more than the ${(allowed * mj).toFixed(2)} allowed; allow more or use a smaller input`
      : powerBinds
        ? `${power(needed).toPrecision(3)} mW at ${Number(fps.toPrecision(3))} frames/s, ${(power(needed) - budget.powerMw!).toPrecision(3)} mW more than the ${budget.powerMw} allowed; allow more, ask for fewer frames a second or use a smaller input`
        : `${(needed * ms).toFixed(1)} ms a frame, ${((needed - allowed) * ms).toFixed(1)} ms more than the ${(allowed * ms).toFixed(1)} allowed; ask for fewer frames a second or use a smaller input`,
    macs: `${grouped(needed)} MACs, ${grouped(needed - allowed)} more than the ${grouped(allowed)} allowed; allow more or use a smaller input`,
  }[resource];
  return new PhinetsError(
    "scaling.impossible",
    `board ${board.name}: no network fits; the smallest (${height}x${width}, alpha ${network.alpha}, t0 ${network.t0}) needs ${amount}`,
  );
}
