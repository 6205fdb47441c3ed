/**
 * leaderboard.csv: it depends only on a sweep's file and data, not on the machine, the number of slots or
 * interruptions.
 */
import { csvText } from "@phinets/core/data";
import type { Leaderboard } from "@phinets/core/sweep";

export function leaderboardCsv({ rows, leftOut }: Leaderboard): string {
  const options = [...new Set([...rows, ...leftOut].flatMap(({ setting }) => Object.keys(setting)))];
  const figures = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const head = [
    ...["rank", "target", ...options, "seeds", "epochs", "score", ...figures],
    ...["parameters", "macs", "ramBytes", "flashBytes", "latencyMsLow", "latencyMsHigh", "energyMj"],
    ...["runs", "weightsSha256", "note"],
  ];
  const lines = rows.map(
    ({ setting, target, seeds, epochs, score, figures: found, cost, runs, weightsSha256, failed }, i) => {
      const { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj } = cost;
      return csvLine([
        ...[i + 1, target, ...options.map((name) => setting[name]), seeds.join(" "), epochs, shown(score)],
        ...figures.map((name) => shown(found[name])),
        ...[parameters, macs, ramBytes, flashBytes, shown(latencyMs?.[0]), shown(latencyMs?.[1]), shown(energyMj)],
        ...[runs.join(" "), weightsSha256?.join(" "), failed],
      ]);
    },
  );
  const empty = head.length - options.length - 3;
  const out = leftOut.map(({ setting, target, reason }) =>
    csvLine([
      "",
      target,
      ...options.map((name) => setting[name]),
      ...Array<string>(empty).fill(""),
      `left out: ${reason}`,
    ]),
  );
  return `${[csvLine(head), ...lines, ...out].join("\n")}\n`;
}

/** Seven digits, as in results.csv. */
const shown = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.toPrecision(7));

function csvLine(cells: readonly (string | number | boolean | undefined)[]): string {
  const field = (cell: (typeof cells)[number]): string => {
    // A spreadsheet cannot take a number that is written as text for a formula.
    if (typeof cell === "string" && Number.isNaN(Number(cell))) return csvText(cell);
    return cell === undefined ? "" : String(cell);
  };
  return cells.map(field).join(",");
}
