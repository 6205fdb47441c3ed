/** The page of a training run: curves, training pictures, errors. It is rendered again whenever there is new data. */
import type { ResultsRow } from "../run/save.js";
import { formatCount, formatMacs } from "../text/format.js";
import { type Metrics, verdict } from "../text/metrics.js";
import { anchorChart, curveChart, type Line, lineChart, onBoth, svgFile } from "./charts.js";
import type { ClassFigures, Prediction, ReportPicture, Skipped } from "./data.js";
import {
  analysisSections,
  classSections,
  precisionRecallCurves,
  renderEvaluation,
  tableSection,
} from "./evaluation.js";
import { type Html, html, jpegUrl } from "./html.js";
import { section } from "./page.js";
import { againSection, classesSection, dataSection, predictionsSection } from "./sections.js";
import { fewestForCurves, trainingSection } from "./training-section.js";

export interface TrainingPage {
  readonly title: string;
  readonly task: "detect" | "classify";
  readonly classes: readonly string[];
  readonly data: { readonly name: string; readonly train: number; readonly val: number; readonly skipped?: Skipped };
  readonly network: { readonly name: string; readonly parameters: number; readonly macs: number };
  readonly recipe: readonly (readonly [name: string, value: string | number])[];
  /** Rows of results.csv. */
  readonly rows: readonly ResultsRow[];
  readonly bestEpoch: number;
  /** False while the run goes on, and where it was stopped. */
  readonly finished: boolean;
  readonly sampleBatch?: ReportPicture;
  readonly labels?: ReportPicture;
  readonly anchors?: AnchorFit;
  /** Metrics, with their analysis, of the best weights on the validation split. */
  readonly metrics?: Metrics;
  readonly worst: readonly Prediction[];
  /** Command lines that reproduce the run. Default: none are known. */
  readonly commands?: readonly string[];
}

export interface AnchorFit {
  /** Box sizes as fractions of the picture. */
  readonly boxes: readonly (readonly [width: number, height: number])[];
  readonly anchors: readonly (readonly [width: number, height: number])[];
  /** Mean IoU of each box with its best anchor. */
  readonly meanIou: number;
}

/** Returns the page's HTML. A pure function: equal data gives equal pages. */
export function renderTraining(page: TrainingPage): string {
  const { task, classes, data, network, rows, bestEpoch, metrics, finished } = page;
  const best = rows.find((row) => row.epoch === bestEpoch) ?? {};
  const figure = (name: string) => [name, Number.isFinite(best[name]) ? best[name].toFixed(3) : "–"] as const;
  const dataset = { ...page, ...data, pictures: { ...data, test: 0 }, split: "val" };
  const trained = rows.filter(({ epoch }) => epoch > 0);
  const sections: (Html | undefined)[] = [
    trainingSection({ training: { rows, bestEpoch }, metrics: names(task), dataset }),
    metrics && classesSection(perClassOf(metrics, classes), "Of the best weights, on the validation split."),
    page.worst.length > 0
      ? predictionsSection(
          { predictions: page.worst, dataset },
          "Worst pictures",
          "Validation pictures with most that was missed or wrong, at the confidence of the best F1.",
        )
      : undefined,
    metrics?.task === "detect" ? precisionRecall(metrics) : undefined,
    ...(metrics?.task === "detect" && metrics.AP50 >= 0 && metrics.analysis ? analysisSections(metrics.analysis) : []),
    ...(metrics?.task === "classify" ? classSections({ names: classes, ...metrics }) : []),
    page.sampleBatch &&
      pictureSection(
        "What the network is fed",
        "Training pictures as they come out of augmentation, with their boxes.",
        page.sampleBatch,
      ),
    page.labels && pictureSection("Labels", "What the training labels hold.", page.labels),
    page.anchors && anchorSection(page.anchors),
    trained.length < fewestForCurves ? undefined : learningRateSection(trained),
    dataSection({ dataset }),
    tableSection("Recipe", "As in args.yaml.", ["option", "value"], page.recipe),
    page.commands && againSection(page.commands),
  ];
  return renderEvaluation({
    verb: "phinets train",
    title: page.title,
    lead: `${network.name}, ${formatCount(network.parameters)} parameters, ${formatMacs(network.macs)}; ${formatCount(data.train)} training and ${formatCount(data.val)} validation pictures of ${data.name}. ${finished ? "" : "The run is not finished. "}Figures are of the averaged weights.`,
    verdict: metrics && verdict(metrics),
    cards: [
      ["best epoch", bestEpoch === 0 ? "the start" : `${bestEpoch} of ${trained.length}`],
      ...names(task).slice(0, 3).map(figure),
      ["pictures a second", formatCount(Math.round(median(trained.map((row) => row.imagesPerSecond))))],
    ],
    sections: sections.filter((each): each is Html => each !== undefined),
  });
}

export function perClassOf(metrics: Metrics, names: readonly string[]): ClassFigures[] {
  if (metrics.task === "detect")
    return metrics.perClass.map(({ name, truths, AP50, AP, precision, recall, f1 }) => ({
      name,
      truths,
      values: { AP50, AP, precision, recall, f1 },
    }));
  return metrics.perClass.map(({ class: index, images, precision, recall, f1 }) => ({
    name: names[index],
    truths: images,
    values: { precision, recall, f1 },
  }));
}

const names = (task: "detect" | "classify"): string[] =>
  task === "detect" ? ["AP50", "AP", "precision", "recall"] : ["top1", "top5"];

function median(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

const pointsOf = (rows: readonly ResultsRow[], name: string): Line["points"] =>
  rows.filter((row) => Number.isFinite(row[name])).map((row) => ({ x: row.epoch, y: row[name] }));

function learningRateSection(rows: readonly ResultsRow[]): Html {
  const chart = (name: string, colour: string) =>
    onBoth((width) => lineChart([{ name, colour, points: pointsOf(rows, name) }], { x: "epoch", names: false, width }));
  return section(
    "Learning rate and speed",
    undefined,
    html`<div class="two"><figure>${chart("learningRate", "var(--violet)")}<figcaption>learning rate at the end of each epoch</figcaption></figure><figure>${chart("imagesPerSecond", "var(--firmware)")}<figcaption>training pictures a second</figcaption></figure></div>`,
  );
}

function pictureSection(title: string, note: string, { width, height, jpeg }: ReportPicture): Html {
  return section(
    title,
    note,
    html`<img src="${jpegUrl(jpeg)}" width="${width}" height="${height}" style="max-width:100%;height:auto;border-radius:9px" alt="${title}">`,
    true,
  );
}

function precisionRecall(metrics: Extract<Metrics, { task: "detect" }>): Html | undefined {
  if (metrics.AP50 < 0) return undefined;
  return precisionRecallCurves(
    `COCO's interpolated precision at IoU .5, mean over the classes. The best F1 is ${metrics.f1.toFixed(3)}, at a confidence of ${metrics.confidence.toFixed(2)}.`,
    [{ name: "IoU .50", points: curvePoints(metrics) }],
  );
}

const curvePoints = ({ prCurve }: Extract<Metrics, { task: "detect" }>) =>
  prCurve.map(({ recall, precision }) => ({ x: recall, y: precision }));

function anchorSection({ boxes, anchors, meanIou }: AnchorFit): Html {
  return section(
    "Anchors",
    `Sizes of the training boxes, as shares of the picture, and the ${anchors.length} anchors. A box overlaps the most alike anchor by an IoU of ${meanIou.toFixed(2)} in the mean.`,
    html`<figure>${onBoth((width) => anchorChart(boxes, anchors, width))}</figure>`,
  );
}

/** curves.svg: loss, validation figures and learning rate, stacked. */
export function curvesFile(task: "detect" | "classify", rows: readonly ResultsRow[], bestEpoch: number): string {
  const colours = ["var(--float)", "var(--int8)", "var(--firmware)", "var(--violet)"];
  const mark = { x: bestEpoch, label: bestEpoch === 0 ? "start" : `best, ${bestEpoch}` };
  const lines = (wanted: readonly string[]): Line[] =>
    wanted.map((name, i) => ({ name, colour: colours[i % colours.length], points: pointsOf(rows, name) }));
  const metrics = [...names(task), "learningRate", "imagesPerSecond", "epoch"];
  const losses = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => !metrics.includes(name));
  const charts = [
    lineChart(lines(losses.slice(0, 4)), { x: "epoch", mark }),
    lineChart(lines(names(task)), { x: "epoch", yDomain: [0, 1], mark }),
    lineChart(lines(["learningRate"]), { x: "epoch", names: false }),
  ];
  return svgFile(curveChart(["loss and its parts", "validation", "learning rate"], charts));
}

/** pr_curve.svg. */
export function precisionRecallFile(metrics: Extract<Metrics, { task: "detect" }>): string {
  const points = curvePoints(metrics);
  const end = points.findLastIndex(({ y }) => y > 0) + 2;
  return svgFile(
    lineChart([{ name: "IoU .50", colour: "var(--float)", points: points.slice(0, end) }], {
      x: "recall",
      xDomain: [0, 1],
      yDomain: [0, 1],
      height: 320,
      names: false,
    }),
  );
}

/** anchors.svg. */
export function anchorsFile({ boxes, anchors }: AnchorFit): string {
  return svgFile(anchorChart(boxes, anchors));
}

/** confusion_matrix.svg: rows are labels, columns predictions; a detector's last row and column are the background. */
export function confusionFile(names: readonly string[], counts: ArrayLike<number>): string {
  const size = names.length;
  const cell = Math.max(18, Math.min(64, 560 / size));
  const left = 16 + 6.5 * Math.max(...names.map((name) => name.length));
  const side = left + cell * size + 12;
  const cells: Html[] = [];
  for (let row = 0; row < size; row++) {
    let whole = 0;
    for (let column = 0; column < size; column++) whole += counts[row * size + column];
    for (let column = 0; column < size && whole > 0; column++) {
      const count = counts[row * size + column];
      const [x, y] = [left + column * cell, left + row * cell];
      const share = count / whole;
      cells.push(
        html`<rect x="${x}" y="${y}" width="${cell - 2}" height="${cell - 2}" rx="3" fill="${row === column ? "#0f8a6d" : "#c2382e"}" fill-opacity="${(0.06 + 0.8 * share).toFixed(3)}"/>`,
      );
      if (count > 0)
        cells.push(
          html`<text x="${x + cell / 2 - 1}" y="${y + cell / 2 + 3}" text-anchor="middle" fill="${share > 0.55 ? "#fff" : "#23262d"}">${count}</text>`,
        );
    }
  }
  const rows = names.map(
    (name, i) =>
      html`<text x="${left - 6}" y="${left + (i + 0.5) * cell + 3}" text-anchor="end">${name}</text><text x="${left + (i + 0.5) * cell}" y="${left - 6}" transform="rotate(-45 ${left + (i + 0.5) * cell} ${left - 6})">${name}</text>`,
  );
  const width = side + 5 * Math.max(...names.map((name) => name.length));
  return svgFile(
    html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${side}" viewBox="0 0 ${width} ${side}" fill="#5d6675">${cells}${rows}</svg>`,
  );
}
