/**
 * The report's charts, drawn by Observable Plot on a linkedom document, so that equal data gives equal SVG. Colours are
 * CSS variables.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Candidate, Curve } from "./data.js";
import { type Html, html, raw } from "./html.js";
import { visible } from "./text.js";

export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const { document } = parseHTML("<!doctype html><html><body></body></html>");

function draw(options: Plot.PlotOptions): Html {
  const figure = Plot.plot({
    ...options,
    document: document as unknown as Plot.PlotOptions["document"],
    className: "plot",
  });
  // The page's style sheet styles all plots; drop the copy that Plot puts into each.
  for (const sheet of figure.querySelectorAll("style")) sheet.remove();
  return raw(figure.outerHTML);
}

/** Width in pixels of a chart on a phone. */
const phoneWidth = 328;

/**
 * A chart drawn twice, for desktop and phone widths, so that its text is legible on both; the style sheet shows one of
 * them.
 */
export function onBoth(draw: (width: number) => Html, width = 480): Html {
  return html`<div class="on-wide">${draw(width)}</div><div class="on-narrow">${draw(phoneWidth)}</div>`;
}

export interface LineChartOptions {
  readonly x: string;
  /** Default: the range of the data. */
  readonly yDomain?: readonly [number, number];
  readonly xDomain?: readonly [number, number];
  /** A vertical line with a label. */
  readonly mark?: { readonly x: number; readonly label: string };
  readonly width?: number;
  readonly height?: number;
  /** Whether each line's name stands at its end. Default true. */
  readonly names?: boolean;
}

/** Line chart whose lines are named at their ends. */
export function lineChart(lines: readonly Line[], options: LineChartOptions): Html {
  const shown = lines
    .filter((line) => line.points.length > 0)
    .map((line) => ({ ...line, name: visible(line.name).replace(/\s+/g, " ") }));
  const rows = shown.flatMap(({ name, colour, points }) => points.map((point) => ({ ...point, name, colour })));
  // A line of one point is a dot.
  const single = shown
    .filter((line) => line.points.length === 1)
    .flatMap((line) => line.points.map((p) => ({ ...p, colour: line.colour })));
  return draw({
    width: options.width ?? 480,
    height: options.height ?? 240,
    marginLeft: 44,
    marginRight: options.names === false ? 12 : endRoom(shown),
    marginBottom: 34,
    marginTop: 14,
    x: {
      label: options.x,
      domain: options.xDomain as number[] | undefined,
      tickFormat: integersOnly,
      labelArrow: "none",
      labelAnchor: "center",
    },
    y: { domain: options.yDomain as number[] | undefined, grid: true, label: null, nice: !options.yDomain },
    marks: [
      options.mark && Plot.ruleX([options.mark.x], { stroke: "var(--faint)", strokeDasharray: "3 3" }),
      options.mark &&
        Plot.text([options.mark], { x: "x", frameAnchor: "top", text: "label", dy: -11, fill: "var(--soft)" }),
      Plot.lineY(rows, { x: "x", y: "y", z: "name", stroke: "colour", strokeWidth: 2, strokeLinejoin: "round" }),
      Plot.dot(single, { x: "x", y: "y", fill: "colour", r: 3 }),
      options.names === false ? null : ends(shown, options),
    ],
  });
}

/** Pixels to reserve for the names at the ends of lines. */
function endRoom(lines: readonly Line[]): number {
  return Math.min(130, 20 + 6.5 * Math.max(0, ...lines.map(({ name }) => name.length)));
}

function integersOnly(value: number): string {
  return Number.isInteger(value) || value < 1 ? String(value) : "";
}

/** Names to the right of the last points, moved apart so that they do not overlap. */
function ends(lines: readonly Line[], options: LineChartOptions): Plot.Markish {
  const all = lines.flatMap((line) => line.points.map((point) => point.y));
  const [low, high] = options.yDomain ?? [Math.min(0, ...all), Math.max(...all)];
  const step = ((high - low) * 15) / ((options.height ?? 240) - 48);
  const labels = lines
    .map(({ name, colour, points }) => ({ name, colour, y: points[points.length - 1].y }))
    .sort((a, b) => b.y - a.y);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.min(labels[i].y, labels[i - 1].y - step);
  // Keep the labels above the axis: raise the lowest, and those above it as far as needed.
  for (let i = labels.length - 1, floor = low; i >= 0; i--, floor = labels[i + 1].y + step) {
    if (labels[i].y < floor) labels[i].y = floor;
  }
  return Plot.text(labels, {
    y: "y",
    text: "name",
    fill: "colour",
    frameAnchor: "right",
    textAnchor: "start",
    dx: 8,
    fontWeight: 600,
  });
}

/** Precision over recall, both 0..1. */
export function precisionRecallChart(curves: readonly Curve[], width?: number): Html {
  const lines = curves.map(({ name, points }) => {
    // Precision is 0 beyond the highest recall that is reached: keep one such point to end the curve.
    const end = points.findLastIndex(({ precision }) => precision > 0) + 2;
    return {
      name,
      colour: `var(--${name})`,
      points: points.slice(0, end).map(({ recall, precision }) => ({ x: recall, y: precision })),
    };
  });
  return lineChart(lines, { x: "recall", xDomain: [0, 1], yDomain: [0, 1], height: 320, names: false, width });
}

/** Mean IoU of boxes with their best anchor, by number of anchors. */
export function meanIouChart(
  curve: readonly { readonly anchors: number; readonly meanIou: number }[],
  used?: number,
  width?: number,
): Html {
  const points = curve.map(({ anchors, meanIou }) => ({ x: anchors, y: meanIou }));
  return lineChart([{ name: "mean IoU", colour: "var(--accent)", points }], {
    x: "anchors",
    mark: used === undefined ? undefined : { x: used, label: `${used} used` },
    yDomain: [0, 1],
    names: false,
    width,
  });
}

/** Accuracy by confidence, as bars beside the diagonal of perfect calibration. */
export function calibrationChart(
  bins: readonly {
    readonly from: number;
    readonly to: number;
    readonly images: number;
    readonly confidence: number;
    readonly accuracy: number;
  }[],
  width = 980,
): Html {
  const full = bins.filter(({ images }) => images > 0);
  const all = full.reduce((sum, { images }) => sum + images, 0);
  return draw({
    width,
    height: 340,
    marginLeft: 44,
    marginRight: 12,
    marginBottom: 34,
    marginTop: 14,
    x: { label: "confidence", domain: [0, 1], labelArrow: "none", labelAnchor: "center" },
    y: { domain: [0, 1], grid: true, label: null },
    marks: [
      Plot.rectY(full, { x1: "from", x2: "to", y: "accuracy", fill: "var(--accent)", fillOpacity: 0.8, inset: 1 }),
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: "var(--faint)", strokeDasharray: "4 4" },
      ),
      Plot.dot(full, { x: "confidence", y: "accuracy", fill: "var(--bad)", r: 3.5 }),
      Plot.text(full, {
        x: (bin) => (bin.from + bin.to) / 2,
        y: "accuracy",
        text: ({ images }) => (images >= all / 500 ? String(images) : ""),
        dy: -10,
        fill: "var(--soft)",
      }),
    ],
  });
}

/** Box sizes as fractions of the picture, with the anchors' sizes over them. */
export function anchorChart(
  boxes: readonly (readonly [number, number])[],
  anchors: readonly (readonly [number, number])[],
  width = 480,
): Html {
  const points = (sizes: typeof boxes) => sizes.map(([x, y]) => ({ x, y }));
  return draw({
    width,
    height: Math.round(width * 0.83),
    marginLeft: 48,
    marginBottom: 36,
    marginTop: 22,
    x: { label: "width", domain: [0, 1], labelArrow: "none", labelAnchor: "center" },
    y: { label: "height", domain: [0, 1], grid: true, labelArrow: "none" },
    marks: [
      Plot.dot(points(boxes), { x: "x", y: "y", fill: "var(--faint)", r: 1.6, fillOpacity: 0.45 }),
      Plot.rect(points(anchors), { x1: 0, y1: 0, x2: "x", y2: "y", stroke: "var(--int8)", strokeOpacity: 0.35 }),
      Plot.dot(points(anchors), { x: "x", y: "y", fill: "var(--int8)", r: 5 }),
    ],
  });
}

/** Charts stacked vertically, each under its title. */
export function curveChart(titles: readonly string[], charts: readonly Html[]): Html {
  let top = 0;
  let width = 0;
  const parts = charts.map(({ text }, i) => {
    const size = (name: string) => Number(new RegExp(`^<svg[^>]* ${name}="([\\d.]+)"`).exec(text)?.[1]);
    const at = top;
    top += size("height") + 34;
    width = Math.max(width, size("width"));
    return `<text x="10" y="${at + 20}" font-weight="600" fill="currentColor">${titles[i]}</text>${text.replace(/^<svg/, `<svg x="0" y="${at + 30}"`)}`;
  });
  return raw(`<svg width="${width}" height="${top}" viewBox="0 0 ${width} ${top}">${parts.join("")}</svg>`);
}

const standaloneColours: Readonly<Record<string, string>> = {
  accent: "#0f766e",
  float: "#3b6fd4",
  int8: "#d9730d",
  firmware: "#0f8a6d",
  violet: "#8250df",
  good: "#0f8a6d",
  bad: "#c2382e",
  soft: "#5d6675",
  faint: "#8a93a1",
  line: "#e2e0d8",
};

/**
 * A chart as a standalone SVG file in the report's light colours. Colours are written into it, because some viewers
 * ignore style sheets.
 */
export function svgFile(chart: Html): string {
  const name = /^<svg[^>]* xmlns=/.test(chart.text) ? "" : ' xmlns="http://www.w3.org/2000/svg"';
  return chart.text
    .replace(/var\(--(\w+)\)/g, (all, colour: string) => standaloneColours[colour] ?? all)
    .replace(/^<svg([^>]*)>/, (_, attributes: string) => {
      const style = 'style="background:#fff;color:#5d6675;font:11px sans-serif"';
      return `<svg${name}${attributes} ${style}><rect width="100%" height="100%" fill="#fff"/>`;
    });
}

/** Accuracy (0..1) over a cost, one dot per run. */
export function costChart(
  points: readonly { readonly colour: string; readonly x: number; readonly y: number }[],
  { x, y, width = 480 }: { readonly x: string; readonly y: string; readonly width?: number },
): Html {
  return draw({
    width,
    height: 240,
    marginLeft: 44,
    marginRight: 24,
    marginBottom: 36,
    marginTop: 24,
    x: {
      label: x,
      domain: [0, 1.1 * Math.max(...points.map((point) => point.x)) || 1],
      labelArrow: "none",
      labelAnchor: "center",
    },
    y: { label: y, grid: true, zero: true, nice: true, labelArrow: "none" },
    marks: [Plot.dot(points, { x: "x", y: "y", fill: "colour", r: 6, fillOpacity: 0.85 })],
  });
}

/** The networks that the search evaluated: MACs against memory, with the chosen one marked. */
export function candidateChart(pareto: readonly Candidate[], chosen: Candidate, width = 480): Html {
  const row = ({ macs, ramBytes }: Candidate) => ({ x: ramBytes / 1024, y: macs / 1e6 });
  return draw({
    width,
    height: 240,
    marginLeft: 48,
    marginBottom: 36,
    marginTop: 18,
    marginRight: 40,
    x: { label: "RAM, KiB", nice: true, labelArrow: "none", labelAnchor: "center" },
    y: { label: "million multiply-accumulates", grid: true, nice: true, labelArrow: "none" },
    marks: [
      Plot.dot(pareto.map(row), { x: "x", y: "y", fill: "var(--faint)", r: 3, fillOpacity: 0.7 }),
      Plot.dot([row(chosen)], { x: "x", y: "y", fill: "var(--accent)", r: 6 }),
      Plot.text([row(chosen)], {
        x: "x",
        y: "y",
        text: () => "chosen",
        dy: -13,
        fill: "var(--accent)",
        fontWeight: 600,
      }),
    ],
  });
}

/**
 * Parallel coordinates: one axis per option, the last axis the score, one line per setting; better settings are more
 * opaque.
 */
export function parallelChart(
  lines: readonly { readonly setting: Readonly<Record<string, string | number | boolean>>; readonly score: number }[],
  {
    options,
    score,
    width = 980,
  }: { readonly options: readonly string[]; readonly score: string; readonly width?: number },
): Html {
  const scores = lines.map((line) => line.score);
  const [worst, best] = [Math.min(...scores), Math.max(...scores)];
  const height = (value: number, low: number, high: number): number =>
    high > low ? (value - low) / (high - low) : 0.5;
  const axes = options.map((name) => {
    const values = [...new Set(lines.map(({ setting }) => setting[name]))];
    const numbers = values.filter((value) => typeof value === "number");
    // Numbers are spaced by rank, so that values of different magnitudes (learning rates) stay distinguishable.
    const sorted = numbers.length === values.length ? numbers.sort((a, b) => a - b) : values.map(String).sort();
    const place = (value: string | number | boolean | undefined) =>
      (sorted as readonly unknown[]).indexOf(numbers.length === values.length ? value : String(value));
    const ends = [sorted[0], sorted.at(-1)].map((end) => visible(String(end)));
    return {
      name: visible(name),
      ends,
      of: (value?: string | number | boolean) => height(place(value), 0, sorted.length - 1),
    };
  });
  const rows = lines.flatMap(({ setting, score: value }, line) => [
    ...axes.map(({ of }, axis) => ({ line, axis, y: of(setting[options[axis]]), value })),
    { line, axis: axes.length, y: height(value, worst, best), value },
  ]);
  const titles = [...axes.map(({ name }) => name), score];
  const ends = [...axes.map((axis) => axis.ends), [worst.toFixed(3), best.toFixed(3)]];
  const labels = titles.flatMap((_, axis) => [
    { axis, y: 0, text: ends[axis][0], dy: 12 },
    { axis, y: 1, text: ends[axis][1], dy: -9 },
  ]);
  return draw({
    width,
    height: 300,
    marginLeft: 60,
    marginRight: 60,
    marginTop: 44,
    marginBottom: 28,
    x: { domain: [0, titles.length - 1], axis: null },
    y: { domain: [0, 1], axis: null },
    marks: [
      Plot.ruleX(
        titles.map((_, axis) => axis),
        { stroke: "var(--line)" },
      ),
      Plot.line(rows, {
        x: "axis",
        y: "y",
        z: "line",
        stroke: ({ value }: (typeof rows)[number]) => (value === best ? "var(--accent)" : "var(--faint)"),
        strokeOpacity: ({ value }: (typeof rows)[number]) =>
          value === best ? 1 : 0.15 + 0.6 * height(value, worst, best),
        strokeWidth: ({ value }: (typeof rows)[number]) => (value === best ? 2.5 : 1),
      }),
      Plot.text(
        labels.filter(({ dy }) => dy > 0),
        { x: "axis", y: "y", text: "text", dy: 12, fill: "var(--soft)" },
      ),
      Plot.text(
        labels.filter(({ dy }) => dy < 0),
        { x: "axis", y: "y", text: "text", dy: -9, fill: "var(--soft)" },
      ),
      Plot.text(titles, {
        x: (_, i) => i,
        frameAnchor: "top",
        dy: -34,
        text: (title) => title,
        fontWeight: 600,
        fill: "var(--soft)",
      }),
    ],
  });
}
