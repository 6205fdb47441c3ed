/** The report's sections, top to bottom. Each is a function of the data alone. */
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../text/format.js";
import { boxedPicture, detectionOverlays, matchBoxes, trackOverlays, truthOverlays } from "./boxes.js";
import { candidateChart, type Line, lineChart, meanIouChart, precisionRecallChart } from "./charts.js";
import { describeSkipped, isLeftOut, type LeftOut, type Prediction, type ReportData, type Use } from "./data.js";
import { Html, html, raw } from "./html.js";
import { visible } from "./text.js";
import { trajectoryFigure } from "./trajectories.js";

/** Names of figures as people say them. */
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

/** The figure that stands at the top: the first metric on int8, else on the first form there is. */
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

/** Keeps a section where its step was done, or says what was left out. */
export function section(title: string, note: string | undefined, body: Html | readonly Html[], long = false): Html {
  return html`<section${long && raw(' class="long"')}><h2>${title}</h2>${note && html`<p class="note">${note}</p>`}${body}</section>`;
}

export function headline(data: ReportData): Html {
  const { dataset, board, network, figures, proof } = data;
  const { metric, form, value } = headlineOf(data);
  const others = figures
    .filter(({ name }) => name !== form)
    .map(({ name, values }) => `${name} ${figure(values[metric])}`);
  const { train, test, val } = dataset.pictures;
  const count = { train, test, val }[dataset.split] ?? test;
  const classes = dataset.classes.length === 1 ? dataset.classes[0] : `${dataset.classes.length} classes`;
  const core = board?.core.replace(/^cortex-m/i, "Cortex-M");
  const where = board ? ` on ${board.title} (${core})` : "";
  return html`<header><div class="brand">phinets report</div><h1>${data.title}</h1>
<p class="lead">${dataset.task === "detect" ? "Detects" : "Recognises"} ${classes}${where}, at ${network.input.width} × ${network.input.height} pixels. Trained on ${formatCount(train)} pictures of ${dataset.name}, measured on ${formatCount(count)} of its ${dataset.split} split that it has not seen.${describeSkipped(dataset.skipped)}</p></header>
<div class="cards">
<div class="card"><div class="name">${metricTitles[metric] ?? metric}, ${form}</div><div class="value">${figure(value)}</div><div class="more">${others.join(" · ") || " "}</div></div>
${
  board && [
    html`<div class="card"><div class="name">speed, estimated</div><div class="value">${framesPerSecond(board.latencyMs)} <small>fps</small></div><div class="more">${formatMs(board.latencyMs[0])} to ${formatMs(board.latencyMs[1])} each${board.energyMj !== undefined && `, ${Number(board.energyMj.toPrecision(2))} mJ`}</div></div>`,
    useCard("flash", board.flash),
    useCard("RAM", board.ram),
  ]
}
${!isLeftOut(proof) && html`<div class="card"><div class="name">firmware = interpreter</div><div class="value word ${proof.differingBytes === 0 ? "good" : "bad"}">${proof.differingBytes === 0 ? "byte for byte" : `${formatCount(proof.differingBytes)} differ`}</div><div class="more">${formatCount(proof.bytes)} bytes of ${formatCount(proof.images)} pictures</div></div>`}
</div>`;
}

function useCard(name: string, { usedBytes, totalBytes }: Use): Html {
  const share = usedBytes / totalBytes;
  return html`<div class="card"><div class="name">${name}</div><div class="value">${formatPercent(share, share < 0.1 ? 1 : 0)}</div>${bar(share)}<div class="more">${formatBytes(usedBytes)} of ${formatBytes(totalBytes)}</div></div>`;
}

function bar(share: number): Html {
  return html`<div class="bar"><i${share > 1 && raw(' class="over"')} style="width:${(100 * Math.min(1, Math.max(0.01, share))).toFixed(1)}%"></i></div>`;
}

/** float | int8 | firmware in one table. */
export function figuresTable({ metrics, figures, figuresLeftOut, dataset }: ReportData): Html {
  const pictures = { ...dataset.pictures }[dataset.split as "test"] ?? dataset.pictures.test;
  const base = figures[0];
  const rows = metrics.map(
    (metric) =>
      html`<tr><th scope="row">${metricTitles[metric] ?? metric}</th>${figures.map(({ values, pictures: some }, i) => {
        // Figures of other pictures are no change from anything.
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
  const facts: (readonly [string, string | number])[] = [
    ["input", `${input.height} × ${input.width} × ${input.channels}`],
    ["parameters", formatCount(network.parameters)],
    ["work", formatMacs(network.macs)],
    ...network.settings,
  ];
  const parts = [
    html`<div class="two"><div><h3>${network.name}</h3><table><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="n">${value}</td></tr>`)}</tbody></table></div>
<div>${board && html`<h3>What it uses of ${board.title}</h3>${[["flash", board.flash] as const, ["RAM", board.ram] as const].map(([name, use]) => html`<div style="margin-bottom:14px"><div style="display:flex;justify-content:space-between;font-size:13.5px"><span>${name}</span><span>${formatBytes(use.usedBytes)} of ${formatBytes(use.totalBytes)}</span></div>${bar(use.usedBytes / use.totalBytes)}</div>`)}`}
${fit && html`<h3>${formatCount(fit.evaluated)} networks were weighed for the board</h3>${candidateChart(fit.pareto, fit.chosen)}`}</div></div>`,
    network.blocks.length > 0 &&
      html`<div class="scroll" style="margin-top:20px"><table><thead><tr><th>block</th><th class="n">input</th><th class="n">expanded to</th><th class="n">output</th><th class="n">kernel</th><th class="n">stride</th><th>skip</th>${network.blocks.some((b) => b.macs !== undefined) && html`<th class="n">work</th>`}</tr></thead><tbody>${network.blocks.map(
        (b) =>
          html`<tr><th scope="row">${b.id}</th><td class="n">${b.input.join(" × ")}</td><td class="n">${b.hidden ?? "–"}</td><td class="n">${b.output.join(" × ")}</td><td class="n">${b.kernel ?? "–"}</td><td class="n">${b.stride}</td><td>${b.skip ? "yes" : "–"}</td>${network.blocks.some((x) => x.macs !== undefined) && html`<td class="n">${b.macs === undefined ? "" : formatMacs(b.macs)}</td>`}</tr>`,
      )}</tbody></table></div>`,
    anchors &&
      html`<h3 style="margin-top:22px">How alike ${formatCount(anchors.boxes)} training boxes are to their best anchor, over the number of anchors</h3><figure>${meanIouChart(anchors.curve, anchors.used)}<figcaption>mean IoU of shapes, k-means; where the curve flattens, more anchors cost more than they bring</figcaption></figure>`,
    memoryMapSvg &&
      html`<h3 style="margin-top:22px">Every activation in the arena, over one inference</h3><div class="map">${raw(memoryMapSvg)}</div>`,
  ].filter((part): part is Html => part instanceof Html);
  return section("The network", undefined, parts, true);
}

const chartMetrics = new Set(["AP50", "AP", "precision", "recall", "f1", "top1", "top5"]);
const chartColours = ["var(--float)", "var(--int8)", "var(--firmware)", "var(--bad)", "var(--violet)", "var(--faint)"];
const notLosses = new Set(["epoch", "learningRate", "imagesPerSecond", "confidence", "images"]);

export function trainingSection({
  training,
  metrics,
  dataset,
}: Pick<ReportData, "training" | "metrics"> & { readonly dataset: Pick<ReportData["dataset"], "pictures"> }): Html {
  if (isLeftOut(training)) return section("Training", undefined, leftOut(training));
  const { rows, bestEpoch, imagesPerSecond, seconds } = training;
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (name: string, i: number): Line => ({
    name: name.replace(/^(train|val)\//, ""),
    colour: chartColours[i % chartColours.length],
    points: rows.filter((row) => Number.isFinite(row[name])).map((row) => ({ x: row.epoch, y: row[name] })),
  });
  const losses = names.filter((name) => !notLosses.has(name) && !chartMetrics.has(name)).slice(0, 6);
  const figures = [...metrics.slice(0, 2), ...names].filter(
    (name, i, all) => chartMetrics.has(name) && names.includes(name) && all.indexOf(name) === i,
  );
  const mark = { x: bestEpoch, label: `best, ${bestEpoch}` };
  const facts = [
    `${rows.length} epochs of ${formatCount(dataset.pictures.train)} pictures`,
    seconds !== undefined && formatMs(seconds * 1000),
    imagesPerSecond !== undefined && `${formatCount(imagesPerSecond)} pictures a second`,
  ].filter(Boolean);
  return section(
    "Training",
    `${facts.join(", ")}. Figures on the left are of the validation split, with averaged weights.`,
    html`<div class="two">
${figures.length > 0 && html`<figure>${lineChart(figures.slice(0, 5).map(line), { x: "epoch", yDomain: [0, 1], mark })}<figcaption>validation figures</figcaption></figure>`}
${losses.length > 0 && html`<figure>${lineChart(losses.map(line), { x: "epoch", mark })}<figcaption>loss and its parts</figcaption></figure>`}</div>`,
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
    `${which} Left what is there, right what was found; a box is right when it overlaps a truth of its class by an IoU of .5.`,
    [
      html`<div class="legend">${key("#38bdf8", "truth, found")}${key("#ff5c5c", "truth, missed", true)}${key("#34d399", "prediction, right")}${key("#fbbf24", "prediction, wrong", true)}</div>`,
      html`<div class="grid">${predictions.map(pair)}</div>`,
    ],
    true,
  );
}

export function precisionRecallSection({ precisionRecall = [], perClass = [], dataset }: ReportData): Html | undefined {
  if (precisionRecall.length === 0 && perClass.length === 0) return undefined;
  const columns = [...new Set(perClass.flatMap(({ values }) => Object.keys(values)))];
  const curve = html`<figure><div class="legend">${precisionRecall.map(({ name }) => html`<span><span class="dot" style="background:var(--${name})"></span>${name}</span>`)}</div>${precisionRecallChart(precisionRecall)}<figcaption>precision over recall at IoU .5, as the least score falls</figcaption></figure>`;
  const table = html`<div><h3>Class by class, int8</h3><div class="scroll"><table><thead><tr><th>class</th><th class="n">objects</th>${columns.map((metric) => html`<th class="n">${shortTitles[metric] ?? metric}</th>`)}</tr></thead><tbody>${perClass.map(({ name, truths, values }) => html`<tr><th scope="row">${name}</th><td class="n">${formatCount(truths)}</td>${columns.map((metric) => html`<td class="n">${figure(values[metric])}</td>`)}</tr>`)}</tbody></table></div></div>`;
  return section(
    "Right and wrong",
    `On the ${dataset.split} split.`,
    html`<div class="two">${precisionRecall.length > 0 && curve}${perClass.length > 0 && table}</div>`,
  );
}

export function proofSection({ proof }: ReportData): Html {
  const title = "Proof";
  if (isLeftOut(proof)) return section(title, undefined, leftOut(proof));
  const equal = proof.differingBytes === 0;
  const arenaAgrees = proof.arenaBytes === proof.plannedArenaBytes;
  const facts: (readonly [string, Html | string])[] = [
    [
      "ran on",
      `${proof.machine}${proof.ownCore ? ", the board's kind of core" : ": QEMU has no core of the board's kind"}`,
    ],
    ["SHA-256 of all outputs", html`<span class="mono hash">${proof.outputSha256}</span>`],
    [
      "instructions an inference",
      `${formatCount(proof.instructions)}${proof.instructionsPerMac === undefined ? "" : `, ${proof.instructionsPerMac.toFixed(2)} a multiply-accumulate`}`,
    ],
    ...(proof.latencyMs === undefined
      ? []
      : [["which take on the board", `${formatMs(proof.latencyMs[0])} to ${formatMs(proof.latencyMs[1])}`] as const]),
    [
      "arena, planned and in the ELF",
      html`${formatCount(proof.plannedArenaBytes)} and ${formatCount(proof.arenaBytes)} bytes <b class="${arenaAgrees ? "good" : "bad"}">${arenaAgrees ? "equal" : "not equal"}</b>`,
    ],
    ...(proof.stackBytes === undefined ? [] : [["most stack used", `${formatCount(proof.stackBytes)} bytes`] as const]),
  ];
  const { linked } = proof;
  if (linked && !isLeftOut(linked)) {
    const fits = linked.memories.every(({ usedBytes, totalBytes }) => usedBytes <= totalBytes);
    const { weightsBytes, planned } = linked;
    const bytes = (now: number, before: number): string =>
      now === before ? `${formatCount(now)}, as planned` : `${formatCount(now)}, ${formatCount(before)} planned`;
    facts.push(["flash in the image, bytes", bytes(linked.flash.usedBytes, planned.flashBytes)]);
    facts.push(["weights and tables in it, bytes", bytes(weightsBytes, planned.weightsBytes)]);
    facts.push([
      `linked for ${linked.name}`,
      html`flash ${formatBytes(linked.flash.usedBytes)} of ${formatBytes(linked.flash.totalBytes)}, RAM ${formatBytes(linked.ram.usedBytes)} of ${formatBytes(linked.ram.totalBytes)}<br>${memoryList(linked.memories)} <b class="${fits ? "good" : "bad"}">${fits ? "fits" : "does not fit"}</b>`,
    ]);
  }
  return section(
    title,
    "The generated C ran on an emulated core on the same pictures; every output byte was compared with the integer interpreter that the figures above are of.",
    [
      html`<div class="proof"><span class="${equal ? "good" : "bad"}">${equal ? "✓" : "✗"}</span><span>${formatCount(proof.bytes - proof.differingBytes)} of ${formatCount(proof.bytes)} output bytes of ${formatCount(proof.images)} pictures are equal</span></div>`,
      html`<table><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`,
      ...(linked && isLeftOut(linked) ? [leftOut(linked)] : []),
    ],
  );
}

/** "FLASH 90 KB of 2 MB, AXI_SRAM 260 KB of 512 KB": the regions that hold anything. */
export function memoryList(memories: readonly (Use & { readonly region: string })[]): string {
  return memories
    .filter(({ usedBytes }) => usedBytes > 0)
    .map(({ region, usedBytes, totalBytes }) => `${region} ${formatBytes(usedBytes)} of ${formatBytes(totalBytes)}`)
    .join(", ");
}

export function trackingSection({ tracking, dataset }: ReportData): Html | undefined {
  if (dataset.task === "classify") return undefined;
  if (isLeftOut(tracking)) return section("Tracking", undefined, leftOut(tracking));
  const frame = ({ number, picture, tracks }: (typeof tracking.strip)[number]) =>
    html`<figure>${boxedPicture(picture, trackOverlays(tracks), { title: `frame ${number}` })}<figcaption>frame ${number}</figcaption></figure>`;
  const { scores } = tracking;
  const scored = scores
    ? [
        html`<p>Against the clip's own labels: ${Object.entries(scores).map(([name, value], i) => html`${i > 0 ? ", " : ""}${name} <b>${formatPercent(value)}</b>`)}.</p>`,
      ]
    : [];
  return section(
    "Tracking",
    `${tracking.source}: ${formatCount(tracking.tracks)} tracks in ${formatCount(tracking.frames)} frames, ${formatCount(tracking.framesPerSecond)} frames a second on this computer. A number and its colour stay with an object.`,
    [
      ...scored,
      ...firmwareTracks(tracking.firmware),
      html`<div class="strip">${tracking.strip.map(frame)}</div>`,
      ...(tracking.trajectories
        ? [html`<div class="trajectories">${trajectoryFigure(tracking.trajectories)}</div>`]
        : []),
    ],
    true,
  );
}

/** Whether the firmware tracks the same. */
function firmwareTracks(firmware: Extract<ReportData["tracking"], { readonly strip: unknown }>["firmware"]): Html[] {
  if (firmware === undefined) return [];
  if (isLeftOut(firmware)) return [leftOut(firmware)];
  const { tracksMatch, frames, differingFrames, boxes, tracks, instructions } = firmware;
  const outcome = tracksMatch
    ? "the same ids and the same boxes as the library's, to the last bit"
    : `${formatCount(differingFrames)} of them differ from the library's`;
  return [
    html`<div class="proof"><span class="${tracksMatch ? "good" : "bad"}">${tracksMatch ? "✓" : "✗"}</span><span>The emulated core tracked ${formatCount(frames)} frames: ${outcome}</span></div>`,
    html`<p>${formatCount(boxes)} boxes, ${formatCount(tracks)} tracks; detection and tracking take ${formatCount(instructions)} instructions a frame beside the network's.</p>`,
  ];
}

export function artefactsSection({ artefacts, commands, version, date }: ReportData): readonly Html[] {
  const rows = artefacts.map(
    ({ path, what, bytes, sha256 }) =>
      html`<tr><th scope="row"><a href="./${path
        .split("/")
        .map((part) => encodeURIComponent(visible(part)))
        .join(
          "/",
        )}">${path}</a></th><td>${what}</td><td class="n">${formatBytes(bytes)}</td><td class="mono hash" title="${sha256}">${sha256.slice(0, 16)}</td></tr>`,
  );
  return [
    section(
      "Artefacts",
      undefined,
      html`<div class="scroll"><table><thead><tr><th>file</th><th>what it is</th><th class="n">size</th><th>SHA-256, first 16 digits</th></tr></thead><tbody>${rows}</tbody></table></div>`,
      true,
    ),
    section(
      "Make it again",
      "The same seed, data and number of threads give the same bytes.",
      html`<pre>${commands.join("\n")}</pre>`,
    ),
    html`<footer>phinets ${version}${date && `, ${date}`}. This page is one file and loads nothing from elsewhere.</footer>`,
  ];
}

function figure(value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) && value >= 0 ? value.toFixed(3) : "–";
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  return text === "0.000" ? "±0" : `${value < 0 ? "−" : "+"}${text}`;
}
