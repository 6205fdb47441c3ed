/** The page of `phinets sweep`: the score of each setting, its cost on its board, and which options mattered. */
import {
  explainedVariance,
  type Leaderboard,
  type LeaderboardRow,
  paretoFront,
  type Rung,
  type Setting,
} from "@phinets/core/sweep";
import type { ResultsRow } from "../run/save.js";
import { formatBytes, formatCount, formatMs, formatPercent } from "../text/format.js";
import { shellQuote } from "../text/quote.js";
import { costChart, lineChart, onBoth, parallelChart } from "./charts.js";
import { type Html, html } from "./html.js";
import { type Cell, renderPage, section, table } from "./page.js";
import { figure } from "./sections.js";

export interface SweepPage {
  readonly name: string;
  readonly folder: string;
  readonly board: Leaderboard;
  readonly brackets: readonly { readonly rungs: readonly Rung[] }[];
  /** results.csv of the runs of the first `drawnCurves` rows. */
  readonly curves: readonly (readonly (readonly ResultsRow[])[])[];
  /** The figure that the best epoch is chosen by. */
  readonly figure: "AP50" | "top1";
}

/** Returns the page's HTML. A pure function: equal results give equal pages. */
export function renderSweep(page: SweepPage): string {
  const { name, folder, board, brackets } = page;
  const ways = brackets.map(({ rungs }) => rungs.map(({ epochs, settings }) => `${settings} for ${epochs}`).join(", "));
  const trained = [...new Set(ways)].join("; ");
  return renderPage({
    title: `${name}: phinets sweep`,
    header: html`<header><div class="brand">phinets sweep</div><h1>${name}</h1><p class="lead">${formatCount(board.rows.length)} settings, by ${board.objective} on the validation pictures. Epochs trained: ${trained}. Costs are as planned for int8 on the board.</p></header>`,
    body: html`${[leaderboardSection(board, folder), costSections(board), matteredSection(board), curvesSection(page), leftOutSection(board)]}`,
    footer: html`This page is one file and loads nothing from elsewhere.`,
  });
}

const optionsOf = (rows: readonly { readonly setting: Setting }[]): string[] => [
  ...new Set(rows.flatMap(({ setting }) => Object.keys(setting))),
];

const word = (value: Setting[string] | undefined): string => (value === undefined ? "–" : String(value));

/** Rows in the page's table; leaderboard.csv has all of them. */
const mostRows = 100;
/** Number of settings whose curves are drawn, best first. */
export const drawnCurves = 100;
/** Most dots, or lines across options, in a chart: browsers fail on pages with far more. */
const mostDrawn = 500;

/** All rows, or `most` of them spread evenly over the ranks, including the first. */
function evenly<T>(rows: readonly T[], most: number): readonly T[] {
  if (rows.length <= most) return rows;
  return Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]);
}

/** " Drawn: 500 of 9,000, evenly over the ranks."; empty where all are drawn. */
const drawnOf = (drawn: number, all: number, how: string): string =>
  drawn < all ? ` Drawn: ${formatCount(drawn)} of ${formatCount(all)}, ${how}.` : "";

function leaderboardSection({ objective, rows }: Leaderboard, folder: string): Html {
  const options = optionsOf(rows);
  const boards = rows.some(({ target }) => target !== undefined);
  const head = [
    "rank",
    ...(boards ? ["board"] : []),
    ...options,
    objective,
    "epochs",
    "parameters",
    "RAM",
    "flash",
    "latency",
  ];
  const shown = rows
    .slice(0, mostRows)
    .map(({ setting, target, score, epochs, cost }, i): Cell[] => [
      String(i + 1),
      ...(boards ? [target ?? "–"] : []),
      ...options.map((name) => word(setting[name])),
      ...[score === undefined ? "diverged" : figure(score), epochs, formatCount(cost.parameters)],
      ...[cost.ramBytes, cost.flashBytes].map((bytes) => (bytes === undefined ? "–" : formatBytes(bytes))),
      cost.latencyMs === undefined ? "–" : formatMs(cost.latencyMs[1]),
    ]);
  const [winner] = rows;
  const line = winner?.score === undefined ? undefined : shellQuote(shipWords(winner, folder));
  const note =
    rows.length > mostRows
      ? `The best ${mostRows} of ${formatCount(rows.length)}; leaderboard.csv has all of them.`
      : undefined;
  return section("Leaderboard", note, [
    table(head, shown, { words: options.map((_, i) => i + 1 + Number(boards)) }),
    ...(line === undefined ? [] : [html`<p class="note">The best becomes firmware with</p><pre>${line}</pre>`]),
  ]);
}

function shipWords({ target }: LeaderboardRow, folder: string): string[] {
  return ["phinets", "ship", "--from-sweep", folder, ...(target === undefined ? [] : ["--target", target])];
}

const costs: readonly (readonly [name: string, unit: string, of: (row: LeaderboardRow) => number | undefined])[] = [
  ["RAM", "RAM, KiB", ({ cost }) => cost.ramBytes && cost.ramBytes / 1024],
  ["flash", "flash, KiB", ({ cost }) => cost.flashBytes && cost.flashBytes / 1024],
  ["time", "milliseconds a frame", ({ cost }) => cost.latencyMs && (cost.latencyMs[0] + cost.latencyMs[1]) / 2],
  ["energy", "millijoules a frame", ({ cost }) => cost.energyMj],
];

/** For each board, accuracy over each cost, with the Pareto set in colour. */
function costSections({ objective, rows }: Leaderboard): Html[] {
  const boards = [...new Set(rows.flatMap(({ target }) => (target === undefined ? [] : [target])))];
  return boards.map((board) => {
    const own = rows.filter((row) => row.target === board && row.score !== undefined);
    const charts = costs.map(([name, unit, of]) => {
      const points = own.flatMap((row) => {
        const cost = of(row);
        return cost === undefined ? [] : [{ cost, score: row.score! }];
      });
      const front = new Set(paretoFront(points));
      const others = evenly(
        points.filter((_, i) => !front.has(i)),
        mostDrawn,
      );
      const dots = [
        ...others.map(({ cost, score }) => ({ x: cost, y: score, colour: "var(--faint)" })),
        ...[...front].map((i) => ({ x: points[i].cost, y: points[i].score, colour: "var(--accent)" })),
      ];
      return html`<figure><h3>${objective} over ${name}</h3>${onBoth((width) => costChart(dots, { x: unit, y: objective, width }))}</figure>`;
    });
    return section(
      `Costs on ${board}`,
      `In colour: settings that no other beats, in accuracy and this cost together. The others were trained less where they were dropped.${drawnOf(Math.min(own.length, mostDrawn), own.length, "evenly over the ranks, and all in colour")}`,
      html`<div class="grid">${charts}</div>`,
    );
  });
}

function matteredSection({ objective, rows }: Leaderboard): Html | undefined {
  // Scores of the first rung: later rungs train some settings for longer, so their scores are not comparable.
  const lines = rows.flatMap(({ setting, target, firstScore: score }): { setting: Setting; score: number }[] =>
    Number.isFinite(score) ? [{ setting: { ...(target !== undefined && { target }), ...setting }, score: score! }] : [],
  );
  const shares = explainedVariance(lines).filter(
    ({ name }) => new Set(lines.map((line) => line.setting[name])).size > 1,
  );
  if (shares.length === 0 || lines.length < 4) return undefined;
  const drawn = evenly(lines, mostDrawn);
  const bar = (share: number) =>
    html`<div class="bar" style="min-width:14em"><i style="width:${(100 * share).toFixed(1)}%"></i></div>`;
  return section(
    "What mattered",
    `The share of the variance of ${objective} that each option explains by itself, over ${lines.length} settings after the first rung, up to which all are trained alike. Shares need not add up; of few settings even an option without effect explains some.${drawnOf(drawn.length, lines.length, "evenly over the ranks")}`,
    [
      table(
        ["option", "share", ""],
        shares.map(({ name, share }) => [name, formatPercent(share), bar(share)]),
        { words: [2] },
      ),
      onBoth(
        (width) => parallelChart(drawn, { options: shares.map(({ name }) => name), score: objective, width }),
        980,
      ),
    ],
  );
}

function curvesSection({ board: { rows }, curves, figure: name }: SweepPage): Html {
  const lines = curves.flatMap((runs, i) =>
    runs.map((results, seed) => ({
      name: `${i + 1}.${seed}`,
      colour: i === 0 ? "var(--accent)" : "var(--faint)",
      points: results.flatMap((row) => (row[name] >= 0 ? [{ x: row.epoch, y: row[name] }] : [])),
    })),
  );
  // The best is drawn last, over the others.
  const drawn = drawnOf(curves.length, rows.length, "the best");
  return section("Curves", `${name} by epoch; the best setting in colour.${drawn}`, [
    onBoth((width) => lineChart(lines.reverse(), { x: "epoch", width, height: 320, names: false }), 980),
  ]);
}

function leftOutSection({ leftOut }: Leaderboard): Html | undefined {
  if (leftOut.length === 0) return undefined;
  const options = optionsOf(leftOut);
  return section(
    "Left out",
    `These were never started.${leftOut.length > mostRows ? ` The first ${mostRows} of ${formatCount(leftOut.length)}; leaderboard.csv has all of them.` : ""}`,
    table(
      ["board", ...options, "reason"],
      leftOut
        .slice(0, mostRows)
        .map(({ setting, target, reason }) => [target ?? "–", ...options.map((name) => word(setting[name])), reason]),
      { words: [...options.map((_, i) => i + 1), options.length + 1] },
    ),
  );
}
