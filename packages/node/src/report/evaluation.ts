/**
 * Sections about correct and wrong predictions: curves, confusion, errors, calibration, trajectories. They are shared
 * by the pages of `phinets eval` and `phinets val --report`, rendered below, and by a shipped run's report.
 */
import type {
  Calibration,
  ConfidencePoint,
  DetectionAnalysis,
  DetectionErrors,
  ErrorKind,
  MotFigures,
} from "@phinets/core/evaluation";
import { formatCount } from "../text/format.js";
import { calibrationChart, type Line, lineChart, onBoth } from "./charts.js";
import type { ClassAnalysis, TrajectoryPlot } from "./data.js";
import { type Html, html } from "./html.js";
import { callout, renderPage, section, table } from "./page.js";
import { indexColour, trajectoryFigure } from "./trajectories.js";

export interface EvaluationPage {
  readonly title: string;
  /** The command that made the page. Default "phinets eval". */
  readonly verb?: string;
  /** One sentence that says what was evaluated. */
  readonly lead: string;
  /** A sentence where the figures show that the network is of no use. */
  readonly verdict?: string;
  readonly cards: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly Html[];
}

/** Returns the page's HTML. A pure function: equal data gives equal pages. */
export function renderEvaluation(page: EvaluationPage): string {
  const { title, verb = "phinets eval", lead, verdict, cards, sections } = page;
  return renderPage({
    title: `${title}: ${verb}`,
    header: html`<header><div class="brand">${verb}</div><h1>${title}</h1><p class="lead">${lead}</p></header>
${callout(verdict)}
<div class="cards">${cards.map(([name, value]) => html`<div class="card"><div class="name">${name}</div><div class="value">${value}</div></div>`)}</div>`,
    body: html`${sections}`,
    footer: html`This page is one file and loads nothing from elsewhere.`,
  });
}

export interface NamedCurve {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const unit = { yDomain: [0, 1] as const, height: 320 };
/** More lines than this cannot be told apart. */
const mostLines = 8;

function lines(curves: readonly NamedCurve[]): Line[] {
  return curves.slice(0, mostLines).map(({ name, points }, i) => ({ name, colour: indexColour(i), points }));
}

/** Precision over recall; where there are many curves, only the first ones. */
export function precisionRecallCurves(note: string, curves: readonly NamedCurve[]): Html {
  return section(
    "Precision and recall",
    note,
    html`<figure>${onBoth((width) => lineChart(lines(curves), { x: "recall", xDomain: [0, 1], ...unit, width }), 980)}</figure>`,
  );
}

export function confidenceSection(points: readonly ConfidencePoint[]): Html {
  const best = points.reduce((a, b) => (b.f1 > a.f1 ? b : a));
  const curve = (name: "f1" | "precision" | "recall") => ({
    name: name === "f1" ? "F1" : name,
    points: points
      .filter((point) => name !== "precision" || point.precision > 0)
      .map((point) => ({ x: point.confidence, y: point[name] })),
  });
  const mark = { x: best.confidence, label: best.confidence.toFixed(2) };
  return section(
    "F1 over confidence",
    `All classes together, IoU of at least .5. The best F1 is ${best.f1.toFixed(3)}, at ${best.confidence.toFixed(2)}: precision ${best.precision.toFixed(3)}, recall ${best.recall.toFixed(3)}.`,
    html`<figure>${onBoth((width) => lineChart(lines([curve("f1"), curve("precision"), curve("recall")]), { x: "confidence", mark, ...unit, width }), 980)}</figure>`,
  );
}

/** Confusion matrix of a detector; where there are many classes, those that are confused most. */
export function confusionSection({ classes, counts, confidence }: DetectionAnalysis["confusion"]): Html {
  return matrixSection(
    [...classes, "background"],
    counts,
    `Rows are what is there, columns what was found, at a confidence of at least ${confidence.toFixed(2)} and an IoU of at least .5. The last column is missed, the last row found where nothing is.`,
    true,
  );
}

/** Sections of a classifier: confusion matrix and calibration. */
export function classSections({ names, confusion, calibration }: ClassAnalysis): Html[] {
  const matrix = matrixSection(names, confusion, "Rows are what is there, columns what was said.");
  return calibration ? [matrix, calibrationSection(calibration)] : [matrix];
}

/** @param keepsLast always show the last row and column */
function matrixSection(all: readonly string[], counts: readonly number[], note: string, keepsLast = false): Html {
  const most = 11;
  const size = all.length;
  const wrong = (i: number) => {
    let sum = 0;
    for (let j = 0; j < size; j++) if (j !== i) sum += counts[i * size + j] + counts[j * size + i];
    return sum;
  };
  const rank = (i: number) => (keepsLast && i === size - 1 ? Number.POSITIVE_INFINITY : wrong(i));
  const shown = all
    .map((_, i) => i)
    .sort((a, b) => rank(b) - rank(a) || a - b)
    .slice(0, most)
    .sort((a, b) => a - b);
  const cell = (row: number, column: number) => {
    const count = counts[row * size + column];
    let whole = 0;
    for (let j = 0; j < size; j++) whole += counts[row * size + j];
    if (count === 0) return html`<td class="n">·</td>`;
    // Errors are rare where a network is good: the square root keeps them visible.
    const part = row === column ? count / whole : Math.sqrt(count / whole);
    const share = Math.round(70 * part);
    const colour = row === column ? "var(--good)" : "var(--bad)";
    return html`<td class="n" style="background:color-mix(in srgb, ${colour} ${share}%, transparent)">${formatCount(count)}</td>`;
  };
  const left = shown.length < size ? ` The ${shown.length} with most errors of ${size}.` : "";
  return section(
    "Confusion matrix",
    `${note} The deeper the colour, the larger the share of the row.${left}`,
    html`<div class="scroll"><table class="matrix"><thead><tr><th></th>${shown.map((i) => html`<th class="n">${all[i]}</th>`)}</tr></thead><tbody>${shown.map((row) => html`<tr><th scope="row">${all[row]}</th>${shown.map((column) => cell(row, column))}</tr>`)}</tbody></table></div>`,
    true,
  );
}

export function calibrationSection({ ECE, MCE, bins }: Calibration): Html {
  return section(
    "Calibration",
    `How often the network is right when it says so. Expected calibration error ${ECE.toFixed(3)}, largest ${MCE.toFixed(3)}; ${bins.length} bins of equal width over the probability of what it says.`,
    html`<figure>${onBoth((width) => calibrationChart(bins, width), 980)}<figcaption>share of right answers over the confidence; on the dashed line a network is as sure as it should be, below it too sure, above it too shy</figcaption></figure>`,
  );
}

/** Sections of a detector's analysis. */
export function analysisSections({ confidences, confusion, errors }: DetectionAnalysis): Html[] {
  return [confidenceSection(confidences), errorSection(errors), confusionSection(confusion)];
}

const causes: Readonly<Record<ErrorKind, string>> = {
  localisation: "right class, the box overlaps too little",
  class: "the box of a thing of another class",
  both: "another class, and too little overlap",
  duplicate: "a thing that a better box already has",
  background: "nothing is there",
  missed: "things that no box points at",
};

export function errorSection({ AP, errors }: DetectionErrors): Html {
  const kinds = Object.keys(causes) as ErrorKind[];
  const most = Math.max(1e-9, ...kinds.map((kind) => errors[kind].costAP));
  const rows = kinds.map((kind) => {
    const { count, costAP } = errors[kind];
    const width = ((100 * costAP) / most).toFixed(1);
    const bar = html`<div class="bar" style="min-width:90px"><i style="width:${width}%"></i></div>`;
    return [kind, causes[kind], formatCount(count), (100 * costAP).toFixed(2), bar];
  });
  return section(
    "What the errors cost",
    `AP at an IoU of .5 is ${(100 * AP).toFixed(2)}. The cost of a kind of error is what mending it alone would add.`,
    table(["error", "what it is", "number", "cost, AP points", ""], rows, { folds: true, words: [1, 4] }),
  );
}

export function tableSection(
  title: string,
  note: string,
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): Html {
  return section(title, note, table(head, rows), true);
}

/** MOTA, IDF1 and HOTA as bars, one group per sequence. */
export function trackingBars(sequences: readonly ({ readonly name: string } & MotFigures)[]): Html {
  const names = ["MOTA", "IDF1", "HOTA"] as const;
  const bar = (value: number) =>
    html`<td class="n">${(100 * value).toFixed(1)}</td><td style="width:22%"><div class="bar"><i style="width:${Math.max(0, Math.min(100, 100 * value || 0)).toFixed(1)}%"></i></div></td>`;
  return section(
    "By sequence",
    "In %; the bar of a MOTA below 0 is empty.",
    html`<div class="scroll"><table><thead><tr><th>sequence</th>${names.map((name) => html`<th class="n">${name}</th><th></th>`)}</tr></thead><tbody>${sequences.map((each) => html`<tr><th scope="row">${each.name}</th>${names.map((name) => bar(each[name]))}</tr>`)}</tbody></table></div>`,
  );
}

export function trajectoriesSection(plots: readonly TrajectoryPlot[]): Html {
  return section(
    "Trajectories",
    "The middle of every tracked box's lower edge; a colour an id, which shows when the pointer rests on it.",
    html`<div class="${plots.length === 1 ? "trajectories" : "grid"}">${plots.map(trajectoryFigure)}</div>`,
    true,
  );
}
