/** Energy: P = fps * cycles * energy per cycle + sleep power * (1 - duty). */

import type { Board } from "../target/index.js";
import { PhinetsError } from "../tensor/index.js";

/** Energy of one inference in millijoules, at the middle of its latency band. */
export function energyMj(latency: readonly [low: number, high: number], board: Board): number {
  const cycles = (middle(latency) / 1e3) * board.clockHz;
  return cycles * board.nanojoulesPerCycle * 1e-6;
}

/** Energy of one inference in millijoules, low and high end. */
export function energyBandMj(latency: readonly [low: number, high: number], board: Board): [low: number, high: number] {
  return [energyMj([latency[0], latency[0]], board), energyMj([latency[1], latency[1]], board)];
}

/**
 * Energy in millijoules that an inference may take beyond sleeping for the same time, at `fps` inferences per second on
 * a power budget; negative where the budget is below the board's sleep power.
 */
export function activeBudgetMj(board: Board, powerMw: number, fps: number): number {
  return (powerMw - board.sleepMilliwatts) / fps;
}

/** Energy in millijoules that `ms` milliseconds of computing take beyond sleeping for the same time. */
export function activeMj(ms: number, board: Board): number {
  return energyMj([ms, ms], board) - board.sleepMilliwatts * (ms / 1e3);
}

/**
 * Inferences per second that a power budget allows, with sleep in between: at the slow and at the fast end of the
 * latency band. 0 where the budget is below the board's sleep power; never more than the board can compute without a
 * pause.
 */
export function fpsAtPower(
  latency: readonly [low: number, high: number],
  board: Board,
  powerMw: number,
): [low: number, high: number] {
  const at = (ms: number): number => {
    const active = activeMj(ms, board);
    const spare = activeBudgetMj(board, powerMw, 1);
    if (spare <= 0) return 0;
    return active <= 0 ? 1e3 / ms : Math.min(1e3 / ms, spare / active);
  };
  return [at(latency[1]), at(latency[0])];
}

/**
 * Mean power in milliwatts at `fps` inferences per second, with sleep in between.
 * Throws PhinetsError when the board cannot keep up.
 */
export function averagePowerMw(latency: readonly [low: number, high: number], board: Board, fps: number): number {
  const duty = (middle(latency) / 1e3) * fps;
  if (!(fps >= 0) || duty > 1) {
    throw new PhinetsError(
      "cost.fps",
      `averagePowerMw: ${fps} frames/s of ${middle(latency).toFixed(1)} ms each are more than ${board.name} can do; ${Math.floor(1e3 / middle(latency))} is the most`,
    );
  }
  return fps * energyMj(latency, board) + board.sleepMilliwatts * (1 - duty);
}

function middle([low, high]: readonly [number, number]): number {
  return (low + high) / 2;
}
