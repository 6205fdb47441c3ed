/** The figures of `inspect` beside the board's limits. */
import { averagePowerMw } from "@phinets/core/cost";
import type { Board } from "@phinets/core/target";
import { formatBytes, formatCount, formatMacs, formatMs } from "@phinets/node/text";
import { Meter } from "../../ui/meter.js";
import type { Inspected } from "./inspect-worker.js";
import { choice } from "./store.js";

export function Figures({ shown: { inspection, question } }: { readonly shown: Inspected }) {
  const { fps } = choice.value;
  const { target } = inspection;
  if (target === undefined) return null;
  const [low, high] = target.latencyMs;
  return (
    <>
      <p class={target.fits ? "verdict" : "verdict over"}>
        {target.fits ? "Fits" : "Does not fit"} {question.board.title}
      </p>
      {target.banks.map(({ region, bytes, budgetBytes }) => (
        <Meter
          key={region}
          label={`RAM · ${region}`}
          value={bytes}
          budget={budgetBytes}
          text={`${formatBytes(bytes)} of ${formatBytes(budgetBytes)}`}
        />
      ))}
      <Meter
        label="Flash"
        value={target.flashBytes}
        budget={target.flashBudgetBytes}
        text={`${formatBytes(target.flashBytes)} of ${formatBytes(target.flashBudgetBytes)}`}
      />
      <Meter
        label="Time a frame"
        value={(low + high) / 2}
        budget={1000 / fps}
        text={`${formatMs(low)} to ${formatMs(high)} of ${formatMs(1000 / fps)}`}
      />
      <dl class="pairs">
        <dt>Energy a frame</dt>
        <dd>{target.energyMj.toFixed(2)} mJ</dd>
        <dt>Mean power at {fps}/s</dt>
        <dd>{powerText(target.latencyMs, question.board, fps)}</dd>
        <dt>Parameters</dt>
        <dd>{formatCount(inspection.parameters)}</dd>
        <dt>Work a frame</dt>
        <dd>{formatMacs(inspection.macs)}</dd>
        <dt>Output</dt>
        <dd>{inspection.output.join("×")}</dd>
      </dl>
    </>
  );
}

function powerText(latencyMs: readonly [low: number, high: number], board: Board, fps: number): string {
  if (fps * latencyMs[1] > 1000) return "not so many a second";
  const power = averagePowerMw(latencyMs, board, fps);
  return `${power.toFixed(power < 100 ? 1 : 0)} mW`;
}
