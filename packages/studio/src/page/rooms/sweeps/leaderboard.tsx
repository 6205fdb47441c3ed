/** The settings of a sweep, best first, and the command that makes firmware from the best one. */
import type { Leaderboard, LeaderboardRow } from "@phinets/core/sweep";
import { formatBytes, formatCount, formatMs } from "@phinets/node/text";
import { CommandLine } from "../../ui/command-line.js";
import { pathOf, pressed } from "./store.js";

/** Further rows are in leaderboard.csv. */
const mostRows = 200;

export const optionsOf = (rows: Leaderboard["rows"]): string[] => [
  ...new Set(rows.flatMap(({ setting }) => Object.keys(setting))),
];

/** The options of a row as text. */
export function describe({ setting, target }: Pick<LeaderboardRow, "setting" | "target">): string {
  const words = Object.entries(setting).map(([name, value]) => `${name} ${value}`);
  return [...(target === undefined ? [] : [target]), ...words].join(", ") || "as it is";
}

export function LeaderboardTable({ board, id }: { readonly board: Leaderboard; readonly id: string }) {
  const { rows, objective, leftOut } = board;
  const options = optionsOf(rows);
  const hasBoards = rows.some(({ target }) => target !== undefined);
  const [best] = rows;
  return (
    <>
      <div class="scroll">
        <table class="leaderboard">
          <thead>
            <tr>
              <th scope="col">rank</th>
              {hasBoards && <th scope="col">board</th>}
              {options.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              {[objective, "epochs", "parameters", "RAM", "flash", "time"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, mostRows).map((row, i) => (
              <tr key={row.runs.join(" ")} class={pressed.value === i ? "pressed" : undefined}>
                <th scope="row">{i + 1}</th>
                {hasBoards && <td>{row.target ?? "–"}</td>}
                {options.map((name) => (
                  <td key={name}>{String(row.setting[name] ?? "–")}</td>
                ))}
                <td>{row.failed !== undefined ? "diverged" : (row.score?.toFixed(3) ?? "–")}</td>
                <td>{row.epochs}</td>
                <td>{formatCount(row.cost.parameters)}</td>
                <td>{row.cost.ramBytes === undefined ? "–" : formatBytes(row.cost.ramBytes)}</td>
                <td>{row.cost.flashBytes === undefined ? "–" : formatBytes(row.cost.flashBytes)}</td>
                <td>{row.cost.latencyMs === undefined ? "–" : formatMs(row.cost.latencyMs[1])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {leftOut.length > 0 && (
        <details>
          <summary>{formatCount(leftOut.length)} settings were never started</summary>
          <ul>
            {leftOut.slice(0, mostRows).map((each) => (
              <li key={describe(each)}>
                {describe(each)}: {each.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
      {best?.score !== undefined && (
        <CommandLine
          words={[
            ...["phinets", "ship", "--from-sweep", pathOf(id)],
            ...(best.target === undefined ? [] : ["--target", best.target]),
          ]}
        />
      )}
    </>
  );
}
