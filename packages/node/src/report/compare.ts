/** The page of `phinets compare`: several runs side by side, with curves in one chart and costs beside accuracy. */
import type { Candidate } from "@phinets/core/scaling";
import type { Recipe } from "@phinets/core/training";
import type { ResultsRow } from "../run/save.js";
import { formatBytes, formatCount, formatMacs, formatMs } from "../text/format.js";
import { formatTable } from "../text/table.js";
import { costChart, lineChart, onBoth } from "./charts.js";
import { type Html, html, raw } from "./html.js";
import { type Cell, callout, renderPage, section, table } from "./page.js";
import { figure, metricTitles } from "./sections.js";
import { fewestForCurves } from "./training-section.js";
import { indexColour } from "./trajectories.js";

export interface ComparedRun {
  readonly folder: string;
  /** The shortest name that distinguishes the run from the others. */
  readonly name: string;
  readonly task: "detect" | "classify";
  readonly classes: readonly string[];
  /** Hash of its pictures and labels; absent where the run did not keep it. */
  readonly dataSha256?: string;
  /** Absent for weights that were trained elsewhere. */
  readonly recipe?: Recipe;
  /** Rows of results.csv. */
  readonly rows: readonly ResultsRow[];
  /** The row of the best epoch. */
  readonly best?: ResultsRow;
  /** Figures on the test pictures; only for a shipped run. */
  readonly shipped?: {
    readonly split: string;
    readonly images: number;
    readonly float: Readonly<Record<string, number>>;
    readonly int8: Readonly<Record<string, number>>;
  };
  readonly network: {
    readonly name: string;
    readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  };
  /** As planned for the board, int8. */
  readonly costs: Omit<Candidate, "network" | "fits"> & { readonly board: string; readonly boardTitle: string };
}

export interface Comparison {
  readonly runs: readonly ComparedRun[];
  /** Whether all runs were trained and validated on the same pictures; undefined where a run does not record it. */
  readonly sameData?: boolean;
}

const figuresOf = (task: ComparedRun["task"]) => (task === "detect" ? ["AP50", "AP"] : ["top1", "top5"]);

/** Returns the page's HTML. A pure function: equal comparisons give equal pages. */
export function renderComparison(comparison: Comparison): string {
  const { runs } = comparison;
  const [first, second] = figuresOf(runs[0].task);
  const sections = [
    sideBySide(runs),
    shippedSection(runs),
    costSection(runs, first),
    curvesSection(runs, [first, second, "loss"]),
    differencesSection(runs),
  ];
  return renderPage({
    title: `${runs.map(({ name }) => name).join(", ")}: phinets compare`,
    header: html`<header><div class="brand">phinets compare</div><h1>${runs.map(({ name }) => name).join(" · ")}</h1><p class="lead">${formatCount(runs.length)} runs side by side. Figures are of each run's best epoch on its validation split, costs as planned for int8 on the board.</p></header>
${callout(warningOf(comparison))}`,
    body: html`${sections}`,
    footer: html`This page is one file and loads nothing from elsewhere.`,
  });
}

/** The reasons why the figures may not be comparable, as a sentence. */
export function warningOf({ runs, sameData }: Comparison): string | undefined {
  const classes = new Set(runs.map((run) => JSON.stringify(run.classes)));
  if (classes.size > 1) return "The runs tell other classes apart: their figures are of other questions.";
  if (sameData === false)
    return "The runs learnt from, or were validated on, other pictures or labels: a difference of figures may be the pictures'.";
  return undefined;
}

/** The comparison as text for a terminal. */
export function describeComparison(comparison: Comparison): string {
  const { runs } = comparison;
  const names = figuresOf(runs[0].task);
  const rows = runs.map(({ name, best, costs }) => [
    ...[name, ...names.map((metric) => (best === undefined ? "-" : figure(best[metric]))), best?.epoch ?? "-"],
    ...[formatCount(costs.parameters), formatMacs(costs.macs), formatBytes(costs.flashBytes)],
    ...[formatBytes(costs.ramBytes), latency(costs.latencyMs), costs.board],
  ]);
  const head = ["run", ...names, "epoch", "parameters", "work", "flash", "RAM", "latency", "board"];
  const warning = warningOf(comparison);
  return [formatTable(head, rows), ...(warning === undefined ? [] : [`warning: ${warning}`])].join("\n");
}

function latency([low, high]: readonly [number, number]): string {
  return low === high ? formatMs(low) : `${formatMs(low)} to ${formatMs(high)}`;
}

const dot = (i: number, name: string): Html =>
  html`<span style="white-space:nowrap"><span class="dot" style="background:${indexColour(i)}"></span>${name}</span>`;

/** Cells of a column; where the values differ, the best one is emphasised. */
function column(
  values: readonly (number | undefined)[],
  show: (value: number) => string,
  { best: wanted }: { readonly best: "most" | "least" },
): Cell[] {
  const known = values.filter((value): value is number => value !== undefined && value >= 0);
  const best = wanted === "most" ? Math.max(...known) : Math.min(...known);
  const differ = known.some((value) => value !== best);
  return values.map((value) => {
    if (value === undefined || !(value >= 0)) return "–";
    return differ && value === best ? html`<b class="good">${show(value)}</b>` : show(value);
  });
}

function sideBySide(runs: readonly ComparedRun[]): Html {
  const costs = runs.map((run) => run.costs);
  const mean = ([low, high]: readonly [number, number]) => (low + high) / 2;
  const fastest = column(
    costs.map(({ latencyMs }) => mean(latencyMs)),
    String,
    { best: "least" },
  );
  const cost = (key: "parameters" | "macs" | "flashBytes" | "ramBytes", show: (value: number) => string): Cell[] =>
    column(
      costs.map((each) => each[key]),
      show,
      { best: "least" },
    );
  const reached = (name: string): Cell[] =>
    column(
      runs.map(({ best }) => best?.[name]),
      figure,
      { best: "most" },
    );
  const columns: (readonly [head: string, cells: readonly Cell[]])[] = [
    ...figuresOf(runs[0].task).map((name) => [name, reached(name)] as const),
    ["best epoch", runs.map(({ best, rows }) => (best ? `${best.epoch} of ${rows.at(-1)!.epoch}` : "–"))],
    ["input", runs.map(({ network: { input } }) => `${input.height} × ${input.width}`)],
    ["parameters", cost("parameters", formatCount)],
    ["work", cost("macs", formatMacs)],
    ["flash", cost("flashBytes", formatBytes)],
    ["RAM", cost("ramBytes", formatBytes)],
    [
      "latency",
      costs.map(({ latencyMs }, i) =>
        typeof fastest[i] === "object" ? html`<b class="good">${latency(latencyMs)}</b>` : latency(latencyMs),
      ),
    ],
    ["board", costs.map(({ board }) => board)],
  ];
  return section(
    "Side by side",
    "The best of each column stands out.",
    table(
      ["run", ...columns.map(([head]) => head)],
      runs.map(({ name }, i) => [dot(i, name), ...columns.map(([, cells]) => cells[i])]),
      { folds: true },
    ),
    true,
  );
}

function shippedSection(runs: readonly ComparedRun[]): Html | undefined {
  if (runs.every(({ shipped }) => shipped === undefined)) return undefined;
  const names = figuresOf(runs[0].task);
  return section(
    "On test pictures",
    "Of the runs that were shipped, as float and as int8.",
    table(
      ["run", "pictures", ...names.flatMap((name) => [`${name}, float`, `${name}, int8`])],
      runs.flatMap(({ name, shipped }, i) =>
        shipped === undefined
          ? []
          : [
              [
                dot(i, name),
                `${formatCount(shipped.images)} of ${shipped.split}`,
                ...names.flatMap((metric) => [figure(shipped.float[metric]), figure(shipped.int8[metric])]),
              ],
            ],
      ),
      { folds: true },
    ),
  );
}

function costSection(runs: readonly ComparedRun[], metric: string): Html | undefined {
  const measured = runs.flatMap((run, i) => (run.best === undefined ? [] : [{ ...run, i, y: run.best[metric] }]));
  const costs: (readonly [label: string, of: (run: ComparedRun) => number])[] = [
    ["latency, ms (middle of the band)", ({ costs: { latencyMs } }) => (latencyMs[0] + latencyMs[1]) / 2],
    ["RAM, KiB", ({ costs: { ramBytes } }) => ramBytes / 1024],
    ["flash, KiB", ({ costs: { flashBytes } }) => flashBytes / 1024],
    ["million multiply-accumulates", ({ costs: { macs } }) => macs / 1e6],
  ];
  const differing = costs.filter(([, of]) => measured.some((run) => of(run) !== of(measured[0])));
  if (differing.length === 0) return undefined;
  const chart = (label: string, of: (run: ComparedRun) => number) =>
    onBoth((width) =>
      costChart(
        measured.map((run) => ({ colour: indexColour(run.i), x: of(run), y: run.y })),
        { x: label, y: metricTitles[metric] ?? metric, width },
      ),
    );
  return section(
    "Accuracy and cost",
    "Up is better, left is cheaper. A cost that is the same for all is left out.",
    html`${legend(runs)}<div class="two">${differing.map(([label, of]) => html`<figure>${chart(label, of)}</figure>`)}</div>`,
  );
}

const legend = (runs: readonly ComparedRun[]): Html =>
  html`<div class="legend">${runs.map(({ name }, i) => html`<span>${dot(i, name)}</span>`)}</div>`;

function curvesSection(runs: readonly ComparedRun[], metrics: readonly string[]): Html | undefined {
  const most = Math.max(...runs.map(({ rows }) => rows.filter(({ epoch }) => epoch > 0).length));
  if (most === 0) return undefined;
  if (most < fewestForCurves)
    return section("Over the epochs", `The runs have ${most} epochs at most: so few make no curve.`, []);
  // The axis runs from 0 to just above the best value, so that differences are visible but not exaggerated.
  const highest = (metric: string): number =>
    Math.min(1, 1.1 * Math.max(0.01, ...runs.flatMap(({ rows }) => rows.map((row) => row[metric] ?? 0))));
  const chart = (metric: string) =>
    onBoth((width) =>
      lineChart(
        runs.map(({ name, rows }, i) => ({
          name,
          colour: indexColour(i),
          points: rows.flatMap((row) => (Number.isFinite(row[metric]) ? [{ x: row.epoch, y: row[metric] }] : [])),
        })),
        { x: "epoch", names: false, yDomain: metric === "loss" ? undefined : [0, highest(metric)], width },
      ),
    );
  const shown = metrics.filter((metric) => runs.some(({ rows }) => rows.some((row) => Number.isFinite(row[metric]))));
  return section(
    "Over the epochs",
    "Validation figures with averaged weights, and the training loss. Losses compare only where the recipes are the same.",
    html`${legend(runs)}<div class="two">${shown.map((metric) => html`<figure>${chart(metric)}<figcaption>${metricTitles[metric] ?? metric}</figcaption></figure>`)}</div>`,
  );
}

/** Options of the recipes and other properties in which the runs differ. */
function differencesSection(runs: readonly ComparedRun[]): Html {
  const said = (value: unknown): string =>
    value === undefined ? "–" : typeof value === "string" ? value || "none" : JSON.stringify(value);
  const names = [...new Set(runs.flatMap(({ recipe = {} }) => Object.keys(recipe)))];
  const facts: (readonly [string, readonly string[]])[] = [
    ["network", runs.map(({ network }) => network.name)],
    ["classes", runs.map(({ classes }) => classes.join(", "))],
    ["pictures, SHA-256", runs.map(({ dataSha256 }) => dataSha256?.slice(0, 12) ?? "–")],
    ...names.map((name) => [name, runs.map(({ recipe }) => said(recipe?.[name as keyof Recipe]))] as const),
  ];
  const rows = facts.filter(([, values]) => values.some((value) => value !== values[0]));
  return section(
    "What differs",
    rows.length === 0
      ? "Nothing: the runs have the same network, pictures and recipe."
      : "Options that all runs share are left out.",
    rows.length === 0
      ? raw("")
      : table(
          ["", ...runs.map(({ name }) => name)],
          rows.map(([name, values]) => [name, ...values]),
          { folds: true },
        ),
    true,
  );
}
