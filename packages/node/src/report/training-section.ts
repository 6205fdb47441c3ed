/** The report's section about the training, epoch by epoch. */
import { formatCount, formatMs } from "../text/format.js";
import { type Line, lineChart, onBoth } from "./charts.js";
import { isLeftOut, type ReportData } from "./data.js";
import { type Html, html } from "./html.js";
import { section, table } from "./page.js";
import { figure, leftOut } from "./sections.js";

const chartMetrics = new Set(["AP50", "AP", "precision", "recall", "f1", "top1", "top5"]);
const chartColours = ["var(--float)", "var(--int8)", "var(--firmware)", "var(--bad)", "var(--violet)", "var(--faint)"];
const notLosses = new Set(["epoch", "learningRate", "imagesPerSecond", "confidence", "images"]);

/** With fewer points a table is shown: a line would suggest a trend that the points do not support. */
export const fewestForCurves = 5;

const plain = (name: string): string => name.replace(/^(train|val)\//, "");

export function trainingSection({
  training,
  metrics,
  dataset,
}: Pick<ReportData, "training" | "metrics"> & { readonly dataset: Pick<ReportData["dataset"], "pictures"> }): Html {
  if (isLeftOut(training)) return section("Training", undefined, leftOut(training));
  const { rows, bestEpoch, imagesPerSecond, seconds } = training;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (name: string, i: number): Line => ({
    name: plain(name),
    colour: chartColours[i % chartColours.length],
    points: rows.filter((row) => Number.isFinite(row[name])).map((row) => ({ x: row.epoch, y: row[name] })),
  });
  const losses = names.filter((name) => !notLosses.has(name) && !chartMetrics.has(name)).slice(0, 6);
  const figures = [...metrics.slice(0, 2), ...names].filter(
    (name, i, all) => chartMetrics.has(name) && names.includes(name) && all.indexOf(name) === i,
  );
  const shown = figures.slice(0, 5);
  const epochs = rows.filter(({ epoch }) => epoch > 0).length;
  const said = [
    `${epochs} epoch${epochs === 1 ? "" : "s"} of ${formatCount(dataset.pictures.train)} pictures`,
    seconds !== undefined && formatMs(seconds * 1000),
    imagesPerSecond !== undefined && `${formatCount(imagesPerSecond)} pictures a second`,
  ].filter(Boolean);
  const best =
    bestEpoch === 0
      ? "None is better than epoch 0, the weights that it started from."
      : `The best is epoch ${bestEpoch}.`;
  const note = `${said.join(", ")}. ${best} Figures are of the validation split, with averaged weights.`;
  if (epochs < fewestForCurves) {
    const cells = rows.map((row) => [
      row.epoch,
      ...shown.map((name) => figure(row[name])),
      ...losses.map((name) => figure(row[name])),
    ]);
    return section(
      "Training",
      `${note} So few epochs make no curve.`,
      table(["epoch", ...shown, ...losses.map(plain)], cells),
    );
  }
  const mark = { x: bestEpoch, label: bestEpoch === 0 ? "start" : `best, ${bestEpoch}` };
  const chart = (names: readonly string[], yDomain?: readonly [number, number]) =>
    onBoth((width) => lineChart(names.map(line), { x: "epoch", yDomain, mark, width }));
  return section(
    "Training",
    note,
    html`<div class="two">
${shown.length > 0 && html`<figure>${chart(shown, [0, 1])}<figcaption>validation figures</figcaption></figure>`}
${losses.length > 0 && html`<figure>${chart(losses)}<figcaption>loss and its parts</figcaption></figure>`}</div>`,
  );
}
