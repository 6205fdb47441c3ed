/** The report's sections, top to bottom. Each is a pure function of the data. */
import { log10 } from "@phinets/core/tensor";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../text/format.js";
import { boxedPicture, detectionOverlays, matchBoxes, truthOverlays } from "./boxes.js";
import { candidateChart, meanIouChart, onBoth, precisionRecallChart } from "./charts.js";
import {
  type ClassFigures,
  describeSkipped,
  isLeftOut,
  type LeftOut,
  type Prediction,
  type ReportData,
  type Use,
} from "./data.js";
import { Html, html, raw } from "./html.js";
import { callout, facts, section, table } from "./page.js";
import { visible } from "./text.js";

/** Display names of the metrics. */
export const metricTitles: Readonly<Record<string, string>> = {
  AP50: "AP50",
  AP: "AP (IoU .5 to .95)",
  precision: "precision",
  recall: "recall",
  f1: "F1",
  top1: "top-1 accuracy",
  top5: "top-5 accuracy",
};

const shortTitles: Readonly<Record<string, string>> = { top1: "top-1", top5: "top-5", f1: "F1" };

/** The headline figure: the first metric on int8, or on the first form where there is no int8. */
export function headlineOf({ metrics, figures }: ReportData): { metric: string; form: string; value: number } {
  const form = figures.find(({ name }) => name === "int8") ?? figures[0];
  return { metric: metrics[0], form: form?.name ?? "", value: form?.values[metrics[0]] ?? Number.NaN };
}

export function framesPerSecond(latencyMs: readonly [number, number]): string {
  const [low, high] = [1000 / latencyMs[1], 1000 / latencyMs[0]].map((rate) =>
    rate >= 10 ? Math.round(rate) : Number(rate.toPrecision(2)),
  );
  return low === high ? `${low}` : `${low}–${high}`;
}

export function leftOut({ leftOut: reason, install }: LeftOut): Html {
  return html`<div class="left-out"><b>left out:</b> ${reason}${install && html`; install with <code>${install}</code>`}</div>`;
}

export function headline(data: ReportData): Html {
  const { dataset, board, network, figures, proof } = data;
  const { metric, form, value } = headlineOf(data);
  const others = figures
    .filter(({ name }) => name !== form)
    .map(({ name, values }) => `${name} ${figure(values[metric])}`);
  const classes = dataset.classes.length === 1 ? dataset.classes[0] : `${dataset.classes.length} classes`;
  const core = board?.core.replace(/^cortex-m/i, "Cortex-M");
  const where = board ? ` on ${board.title} (${core})` : "";
  return html`<header><div class="brand">phinets report</div><h1>${data.title}</h1>
<p class="lead">${dataset.task === "detect" ? "Detects" : "Recognises"} ${classes}${where}, at ${network.input.width} × ${network.input.height} pixels. Trained on ${formatCount(dataset.pictures.train)} pictures of ${dataset.name}, measured on ${formatCount(picturesOf(dataset))} of its ${dataset.split} split that it has not seen.</p></header>
${callout(data.verdict)}
<div class="cards">
<div class="card"><div class="name">${metricTitles[metric] ?? metric}, ${form}</div><div class="value">${figure(value)}</div><div class="more">${others.join(" · ") || " "}</div></div>
${
  board && [
    html`<div class="card"><div class="name">speed, ${board.latencyFrom === "counted" ? "from counted instructions" : "planned"}</div><div class="value">${framesPerSecond(board.latencyMs)} <small>fps</small></div><div class="more">${formatMs(board.latencyMs[0])} to ${formatMs(board.latencyMs[1])} each${board.energyMj !== undefined && `, ${Number(board.energyMj.toPrecision(2))} mJ`}</div></div>`,
    useCard("flash", board.flash),
    useCard("RAM", board.ram),
  ]
}
${!isLeftOut(proof) && html`<div class="card"><div class="name">firmware = interpreter</div><div class="value word ${proof.differingBytes === 0 ? "good" : "bad"}">${proof.differingBytes === 0 ? "byte for byte" : `${formatCount(proof.differingBytes)} differ`}</div><div class="more">${formatCount(proof.bytes)} bytes of ${formatCount(proof.images)} pictures</div></div>`}
</div>`;
}

/** Number of pictures in the split that the figures are measured on. */
function picturesOf({ pictures, split }: ReportData["dataset"]): number {
  const { train, test, val } = pictures;
  return { train, test, val }[split] ?? test;
}

function useCard(name: string, { usedBytes, totalBytes }: Use): Html {
  const share = usedBytes / totalBytes;
  return html`<div class="card"><div class="name">${name}</div><div class="value">${formatPercent(share, share < 0.1 ? 1 : 0)}</div>${bar(share)}<div class="more">${formatBytes(usedBytes)} of ${formatBytes(totalBytes)}</div></div>`;
}

function bar(share: number): Html {
  return html`<div class="bar"><i${share > 1 && raw(' class="over"')} style="width:${(100 * Math.min(1, Math.max(0.01, share))).toFixed(1)}%"></i></div>`;
}

/** Figures of float, int8 and firmware in one table. */
export function figuresTable({ metrics, figures, figuresLeftOut, dataset }: ReportData): Html {
  const pictures = picturesOf(dataset);
  const base = figures[0];
  const rows = metrics.map(
    (metric) =>
      html`<tr><th scope="row">${metricTitles[metric] ?? metric}</th>${figures.map(({ values, pictures: some }, i) => {
        // Figures of different pictures have no difference to show.
        const difference = i > 0 && base && some === undefined ? values[metric] - base.values[metric] : Number.NaN;
        return html`<td class="n">${figure(values[metric])}</td>${i > 0 && html`<td class="n change">${Number.isFinite(difference) && signed(difference)}</td>`}`;
      })}</tr>`,
  );
  return section(
    "The same network in every form",
    `Figures of the ${formatCount(pictures)} ${dataset.split} pictures; beside them the change from ${base?.name}.${figures.some(({ name }) => name === "firmware") ? " The firmware is the generated C on an emulated core." : ""}`,
    [
      html`<div class="scroll"><table class="big"><thead><tr><th></th>${figures.map(({ name, pictures: some }, i) => html`<th class="n"${i > 0 && raw(' colspan="2"')}><span class="dot" style="background:var(--${name})"></span>${name}${some !== undefined && ` on ${formatCount(some)} pictures`}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`,
      ...(figuresLeftOut ? [leftOut(figuresLeftOut)] : []),
    ],
  );
}

export function networkSection({ network, board, memoryMapSvg, fit, anchors }: ReportData): Html {
  const { input } = network;
  const rows: (readonly [string, string | number])[] = [
    ["input", `${input.height} × ${input.width} × ${input.channels}`],
    ["parameters", formatCount(network.parameters)],
    ["work", formatMacs(network.macs)],
    ...network.settings,
  ];
  const parts = [
    html`<div class="two"><div><h3>${network.name}</h3>${facts(rows)}</div>
<div>${board && html`<h3>What it uses of ${board.title}</h3>${[["flash", board.flash] as const, ["RAM", board.ram] as const].map(([name, use]) => html`<div style="margin-bottom:14px"><div style="display:flex;justify-content:space-between;font-size:13.5px"><span>${name}</span><span>${formatBytes(use.usedBytes)} of ${formatBytes(use.totalBytes)}</span></div>${bar(use.usedBytes / use.totalBytes)}</div>`)}`}
${fit && html`<h3>${formatCount(fit.evaluated)} networks were weighed for the board</h3>${onBoth((width) => candidateChart(fit.pareto, fit.chosen, width))}`}</div></div>`,
    network.blocks.length > 0 && html`<div style="margin-top:20px">${blocksTable(network.blocks)}</div>`,
    anchors &&
      html`<h3 style="margin-top:22px">How alike ${formatCount(anchors.boxes)} training boxes are to their best anchor, over the number of anchors</h3><figure>${onBoth((width) => meanIouChart(anchors.curve, anchors.used, width))}<figcaption>mean IoU of shapes, k-means; where the curve flattens, more anchors cost more than they bring</figcaption></figure>`,
    memoryMapSvg &&
      html`<h3 style="margin-top:22px">Every activation in the arena, over one inference</h3><div class="map">${raw(memoryMapSvg)}</div>`,
  ].filter((part): part is Html => part instanceof Html);
  return section("The network", undefined, parts, true);
}

function blocksTable(blocks: ReportData["network"]["blocks"]): Html {
  const counted = blocks.some(({ macs }) => macs !== undefined);
  const by = (shape: readonly number[]) => shape.join(" × ");
  return table(
    ["block", "input", "expanded to", "output", "kernel", "stride", "skip", ...(counted ? ["work"] : [])],
    blocks.map(({ id, input, hidden, output, kernel, stride, skip, macs }) => [
      ...[id, by(input), hidden ?? "–", by(output), kernel ?? "–", stride, skip ? "yes" : "–"],
      ...(counted ? [macs === undefined ? "" : formatMacs(macs)] : []),
    ]),
  );
}

export function predictionsSection(
  { predictions, dataset }: Pick<ReportData, "predictions"> & { readonly dataset: Omit<ReportData["dataset"], "name"> },
  title = "Predictions beside truth",
  which = `Pictures of the ${dataset.split} split, as int8.`,
): Html {
  if (isLeftOut(predictions)) return section(title, undefined, leftOut(predictions));
  if (dataset.task === "classify") {
    const cell = ({ picture, caption, truth, predicted }: Prediction) => {
      const right = truth === predicted?.class;
      const named = (index: number | undefined) =>
        index === undefined ? "?" : (dataset.classes[index] ?? `class ${index}`);
      return html`<figure>${boxedPicture(picture, [], { title: caption })}<figcaption><b class="${right ? "good" : "bad"}">${named(predicted?.class)}</b> ${predicted?.score.toFixed(2)}${!right && html`<br>is ${named(truth)}`}</figcaption></figure>`;
    };
    return section(title, which, html`<div class="pictures">${predictions.map(cell)}</div>`, true);
  }
  const pair = ({ picture, caption, truths = [], detections = [] }: Prediction, i: number) => {
    const { found, right } = matchBoxes(truths, detections);
    return html`<figure><div class="pair">${boxedPicture(picture, truthOverlays(truths, found, dataset.classes), { id: `picture${i}`, title: `${caption}: truth` })}${boxedPicture(picture, detectionOverlays(detections, right, dataset.classes), { reuse: `picture${i}`, title: `${caption}: predictions` })}</div><figcaption>${caption}: ${found.filter(Boolean).length} of ${truths.length} found, ${right.filter((ok) => !ok).length} wrong</figcaption></figure>`;
  };
  const key = (colour: string, text: string, dashed = false) =>
    html`<span><span class="key" style="border-color:${colour};border-style:${dashed ? "dashed" : "solid"}"></span>${text}</span>`;
  return section(
    title,
    `${which} First what is there, then what was found; a box is right when it overlaps a truth of its class by an IoU of .5.`,
    [
      html`<div class="legend">${key("#38bdf8", "truth, found")}${key("#ff5c5c", "truth, missed", true)}${key("#34d399", "prediction, right")}${key("#fbbf24", "prediction, wrong", true)}</div>`,
      html`<div class="grid">${predictions.map(pair)}</div>`,
    ],
    true,
  );
}

export function precisionRecallSection({ precisionRecall = [], dataset }: ReportData): Html | undefined {
  if (precisionRecall.length === 0) return undefined;
  const legend = precisionRecall.map(
    ({ name }) => html`<span><span class="dot" style="background:var(--${name})"></span>${name}</span>`,
  );
  return section(
    "Precision and recall",
    `Precision over recall at IoU .5 on the ${dataset.split} split, as the least score falls; mean over the classes.`,
    html`<figure><div class="legend">${legend}</div>${onBoth((width) => precisionRecallChart(precisionRecall, width), 980)}</figure>`,
  );
}

/** Figures of every class. `note`: which form of the network, on which pictures. */
export function classesSection(classes: readonly ClassFigures[], note: string): Html | undefined {
  if (classes.length === 0) return undefined;
  const columns = [...new Set(classes.flatMap(({ values }) => Object.keys(values)))];
  return section(
    "By class",
    note,
    table(
      ["class", "objects", ...columns.map((metric) => shortTitles[metric] ?? metric)],
      classes.map(({ name, truths, values }) => [
        name,
        formatCount(truths),
        ...columns.map((metric) => (truths > 0 ? figure(values[metric]) : "–")),
      ]),
    ),
    true,
  );
}

/** The data that was trained and measured on, and what was left out. */
export function dataSection({ dataset }: Pick<ReportData, "dataset">): Html {
  const { pictures, skipped, split, classes, name } = dataset;
  const uses = [
    ["train", "learnt from"],
    ["val", "the best epoch is chosen by them"],
    ["test", "measured on"],
  ] as const;
  const splits = uses.flatMap(([part, use]) =>
    pictures[part] === 0
      ? []
      : [[part, `${formatCount(pictures[part])} pictures, ${part === split ? "measured on" : use}`] as const],
  );
  return section(
    "Data",
    undefined,
    facts([
      ["data set", name],
      ["classes", classes.join(", ")],
      ...splits,
      ["left out", describeSkipped(skipped).trim() || "nothing"],
    ]),
  );
}

export function artefactsSection({ artefacts }: Pick<ReportData, "artefacts">): Html | undefined {
  if (artefacts.length === 0) return undefined;
  const link = (path: string): Html => {
    const parts = path.split("/").map((part) => encodeURIComponent(visible(part)));
    return html`<a href="./${parts.join("/")}">${path}</a>`;
  };
  return section(
    "Artefacts",
    undefined,
    table(
      ["file", "what it is", "size", "SHA-256, first 16 digits"],
      artefacts.map(({ path, what, bytes, sha256 }) => [
        link(path),
        what,
        formatBytes(bytes),
        html`<span class="mono hash" title="${sha256}">${sha256.slice(0, 16)}</span>`,
      ]),
      { folds: true, words: [1, 3] },
    ),
    true,
  );
}

/** Command lines that reproduce the run. */
export function againSection(commands: readonly string[]): Html {
  return section(
    "Make it again",
    "The same seed, data and number of threads give the same bytes.",
    html`<pre>${commands.join("\n")}</pre>`,
  );
}

export function figure(value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? value.toFixed(3) : "–";
}

/** "+0.012"; exactly 0 gives "±0", and a value below the last digit shows its first non-zero digit. */
export function signed(value: number): string {
  if (value === 0) return "±0";
  const size = Math.abs(value);
  const text = size < 0.0005 ? size.toFixed(Math.min(12, Math.ceil(-log10(size)))) : size.toFixed(3);
  return `${value < 0 ? "−" : "+"}${text}`;
}
