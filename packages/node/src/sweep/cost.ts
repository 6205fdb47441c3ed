/** What a network costs on its board, and whether that exceeds a sweep's limits. */
import { averagePowerMw, countMacs, countParameters } from "@phinets/core/cost";
import { buildNetwork, type Network } from "@phinets/core/networks";
import { costOf } from "@phinets/core/scaling";
import type { TrialCost } from "@phinets/core/sweep";
import type { Board, ProgramRequest } from "@phinets/core/target";
import { formatBytes, formatMs } from "../text/format.js";
import type { SweepLimits } from "./file.js";

export function trialCost(network: Network, board: Board | undefined, programRequest: ProgramRequest = {}): TrialCost {
  if (board === undefined) {
    const graph = buildNetwork(network);
    return { parameters: countParameters(graph), macs: countMacs(graph) };
  }
  const { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj } = costOf(network, board, programRequest);
  return { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj };
}

/** Describes the first limit that is exceeded; undefined where none is. */
export function exceededLimit(cost: TrialCost, limits: SweepLimits, board: Board | undefined): string | undefined {
  const { ramBytes, flashBytes, latencyMs, energyMj } = cost;
  const over = (value: number | undefined, limit: number | undefined, show: (value: number) => string, what: string) =>
    value !== undefined && limit !== undefined && value > limit
      ? `${what} of ${show(value)} exceeds ${show(limit)}`
      : undefined;
  return (
    over(ramBytes, limits.ramBytes, formatBytes, "RAM") ??
    over(flashBytes, limits.flashBytes, formatBytes, "flash") ??
    over(latencyMs?.[1], limits.latencyMs, formatMs, "latency") ??
    over(energyMj, limits.energyMj, (value) => `${Number(value.toPrecision(3))} mJ`, "energy") ??
    exceededPower(cost, limits, board)
  );
}

function exceededPower(
  { latencyMs }: TrialCost,
  { powerMw, fps }: SweepLimits,
  board: Board | undefined,
): string | undefined {
  if (board === undefined || latencyMs === undefined || powerMw === undefined || fps === undefined) return undefined;
  if (((latencyMs[0] + latencyMs[1]) / 2e3) * fps > 1)
    return `latency of ${formatMs(latencyMs[1])} is too long for ${fps} frames a second`;
  const power = averagePowerMw(latencyMs, board, fps);
  return power > powerMw
    ? `power of ${Number(power.toPrecision(3))} mW exceeds ${powerMw} mW at ${fps} frames a second`
    : undefined;
}
