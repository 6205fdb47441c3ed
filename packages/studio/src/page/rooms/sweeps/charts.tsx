/** Charts of a sweep: scores over costs, scores over epochs, and the influence of options. */
import { explainedVariance, type Leaderboard, type LeaderboardRow, paretoFront } from "@phinets/core/sweep";
import { formatPercent } from "@phinets/node/text";
import type { SweepCurve } from "../../../shared/sweeps.js";
import { Bars } from "../../ui/bars.js";
import { LineChart } from "../../ui/line-chart.js";
import { PointChart } from "../../ui/point-chart.js";
import { describe } from "./leaderboard.js";
import { pressed } from "./store.js";

const costs: readonly (readonly [title: string, of: (row: LeaderboardRow) => number | undefined])[] = [
  ["RAM, KiB", ({ cost }) => cost.ramBytes && cost.ramBytes / 1024],
  ["flash, KiB", ({ cost }) => cost.flashBytes && cost.flashBytes / 1024],
  ["milliseconds a frame", ({ cost }) => cost.latencyMs && (cost.latencyMs[0] + cost.latencyMs[1]) / 2],
];

/** Accuracy over each cost of a board; a line joins the Pareto set. */
export function Costs({ board: { rows, objective } }: { readonly board: Leaderboard }) {
  const boards = [...new Set(rows.flatMap(({ target }) => target ?? []))];
  return (
    <>
      {boards.flatMap((board) =>
        costs.map(([title, of]) => {
          const points = rows.flatMap((row, place) => {
            const cost = of(row);
            const own = row.target === board && row.score !== undefined && cost !== undefined;
            return own ? [{ place, row, cost, score: row.score! }] : [];
          });
          const front = new Set(paretoFront(points).map((i) => points[i].place));
          return (
            <PointChart
              key={`${board} ${title}`}
              title={`${objective} over ${title} on ${board}`}
              x={{ label: `${title}, ${board}` }}
              y={{ label: objective }}
              points={points.map(({ place, row, cost, score }) => ({
                key: String(place),
                x: cost,
                y: score,
                title: `${place + 1}: ${describe(row)}: ${score.toFixed(3)}`,
                strong: front.has(place),
                pressed: pressed.value === place,
                onPress: () => {
                  pressed.value = pressed.value === place ? undefined : place;
                },
              }))}
            />
          );
        }),
      )}
    </>
  );
}

export function Curves({ board, curves }: { readonly board: Leaderboard; readonly curves: readonly SweepCurve[] }) {
  const shown = board.rows[pressed.value ?? 0]?.runs ?? [];
  const figure = board.objective.split(" ")[0];
  return (
    <LineChart
      title={figure}
      curves={curves.map(({ run, points }) => ({
        name: run,
        strong: shown.includes(run),
        points: points.map(({ epoch, value }): [number, number] => [epoch, value]),
      }))}
    />
  );
}

/** With fewer settings, even an option without effect seems to explain much. */
const fewest = 4;

export function Mattered({ board: { rows } }: { readonly board: Leaderboard }) {
  // Scores of the first rung: later rungs train some settings for longer, so their scores are not comparable.
  const lines = rows.flatMap(({ setting, target, firstScore, score }) => {
    const value = firstScore ?? score;
    return value === undefined ? [] : [{ setting: { ...(target && { target }), ...setting }, score: value }];
  });
  const differs = (name: string) =>
    new Set(lines.map(({ setting }) => (setting as Readonly<Record<string, unknown>>)[name])).size > 1;
  const shares = explainedVariance(lines).filter(({ name }) => differs(name));
  if (lines.length < fewest || shares.length === 0)
    return <p class="quiet">Too few settings are done to say which option mattered.</p>;
  return (
    <Bars
      label="Share of the scores' variance that each option explains"
      bars={shares.map(({ name, share }) => ({ key: name, label: name, value: share, text: formatPercent(share) }))}
    />
  );
}
