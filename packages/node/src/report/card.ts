/** card.md: the report's figures as a model card, readable by people and by the indexers of model hubs. */
import { formatBytes, formatCount, formatHertz, formatMacs, formatMs, formatPercent } from "../text/format.js";
import { isLeftOut, type Proof, type ReportData } from "./data.js";
import { framesPerSecond, headlineOf, metricTitles } from "./sections.js";
import { escapeMarkdown, markdownBlock, markdownCode } from "./text.js";

export function renderCard(data: ReportData): string {
  const { dataset, network, board, metrics, figures, proof, tracking, training } = data;
  const { metric, form, value } = headlineOf(data);
  const figure = (number: number | undefined) => (number !== undefined && number >= 0 ? number.toFixed(3) : "-");
  const lines = [
    `# ${escapeMarkdown(data.title)}`,
    "",
    `${metricTitles[metric] ?? metric} ${figure(value)} (${form}) on the ${dataset.split} split of ${escapeMarkdown(dataset.name)}.`,
    "",
    "## Use",
    "",
    `- Task: ${dataset.task === "detect" ? "detection" : "classification"} of ${dataset.classes.map(escapeMarkdown).join(", ")}`,
    `- Input: ${network.input.height} x ${network.input.width} x ${network.input.channels} (height, width, channels), int8 = pixel - 128`,
    `- Network: ${escapeMarkdown(network.name)}, ${formatCount(network.parameters)} parameters, ${formatMacs(network.macs)}`,
    ...(board
      ? [
          `- Board: ${escapeMarkdown(board.title)} (${escapeMarkdown(board.core)}, ${formatHertz(board.clockHz)})`,
          `- Flash: ${formatBytes(board.flash.usedBytes)} of ${formatBytes(board.flash.totalBytes)} (${formatPercent(board.flash.usedBytes / board.flash.totalBytes)})`,
          `- RAM: ${formatBytes(board.ram.usedBytes)} of ${formatBytes(board.ram.totalBytes)} (${formatPercent(board.ram.usedBytes / board.ram.totalBytes)})`,
          `- Speed, estimated: ${framesPerSecond(board.latencyMs)} frames/s (${formatMs(board.latencyMs[0])} to ${formatMs(board.latencyMs[1])})`,
        ]
      : []),
    "",
    "## Figures",
    "",
    row(["", ...figures.map(({ name }) => name)]),
    rule(["---", ...figures.map(() => "---:")]),
    ...metrics.map((name) => row([metricTitles[name] ?? name, ...figures.map(({ values }) => figure(values[name]))])),
    ...(data.figuresLeftOut ? ["", leftOutLine(data.figuresLeftOut)] : []),
    "",
    "## Training",
    "",
    isLeftOut(training)
      ? leftOutLine(training)
      : `${formatCount(dataset.pictures.train)} pictures of ${escapeMarkdown(dataset.name)}, ${training.rows.filter(({ epoch }) => epoch > 0).length} epochs, ${training.bestEpoch === 0 ? "none better than the weights it started from" : `the best is ${training.bestEpoch}`}; ${formatCount(dataset.pictures.val)} pictures to validate, ${formatCount(dataset.pictures.test)} to test.`,
    "",
    "## Proof",
    "",
    isLeftOut(proof)
      ? leftOutLine(proof)
      : `${formatCount(proof.bytes - proof.differingBytes)} of ${formatCount(proof.bytes)} output bytes of ${formatCount(proof.images)} pictures on ${escapeMarkdown(proof.machine)} equal the interpreter's (SHA-256 ${proof.outputSha256}). Arena: ${formatCount(proof.plannedArenaBytes)} bytes planned, ${formatCount(proof.arenaBytes)} in the ELF. ${formatCount(proof.instructions)} instructions an inference.${linkedImage(proof.linked)}`,
    ...(dataset.task === "detect"
      ? [
          "",
          "## Tracking",
          "",
          isLeftOut(tracking)
            ? leftOutLine(tracking)
            : `${escapeMarkdown(tracking.source)}: ${formatCount(tracking.tracks)} tracks in ${formatCount(tracking.frames)} frames.${firmwareTracks(tracking.firmware)}`,
        ]
      : []),
    "",
    "## Files",
    "",
    row(["file", "what it is", "bytes", "SHA-256"]),
    rule(["---", "---", "---:", "---"]),
    ...data.artefacts.map(({ path, what, bytes, sha256 }) =>
      rule([markdownCode(path), escapeMarkdown(what), String(bytes), markdownCode(sha256)]),
    ),
    "",
    "## Make it again",
    "",
    markdownBlock(data.commands),
    "",
    `Made by phinets ${data.version}${data.date ? `, ${data.date}` : ""}.`,
    "",
  ];
  return lines.join("\n");
}

function linkedImage(linked: Proof["linked"]): string {
  if (linked === undefined) return "";
  if (isLeftOut(linked)) return ` ${leftOutLine(linked)}`;
  const { name, flash, weightsBytes, planned, memories } = linked;
  const table = memories.map(({ region, use, usedBytes, totalBytes }) =>
    row([region, use, formatCount(usedBytes), formatCount(totalBytes)]),
  );
  return [
    `\n\nThe image linked for ${escapeMarkdown(name)}: flash ${formatCount(flash.usedBytes)} bytes (${formatCount(planned.flashBytes)} planned), of it weights and tables ${formatCount(weightsBytes)} (${formatCount(planned.weightsBytes)} planned).\n`,
    row(["region", "use", "bytes used", "bytes"]),
    rule(["---", "---", "---:", "---:"]),
    ...table,
  ].join("\n");
}

function firmwareTracks(firmware: Extract<ReportData["tracking"], { readonly strip: unknown }>["firmware"]): string {
  if (firmware === undefined) return "";
  if (isLeftOut(firmware)) return ` ${leftOutLine(firmware)}`;
  const { tracksMatch, frames, differingFrames } = firmware;
  const outcome = tracksMatch ? "same ids, same boxes" : `${formatCount(differingFrames)} differ from the library's`;
  return ` The emulated core tracked ${formatCount(frames)} of them: ${outcome}.`;
}

function row(cells: readonly string[]): string {
  return rule(cells.map(escapeMarkdown));
}

/** A row whose cells are Markdown already. */
function rule(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function leftOutLine({ leftOut, install }: { readonly leftOut: string; readonly install?: string }): string {
  return `Left out: ${escapeMarkdown(leftOut)}${install ? `; install with ${markdownCode(install)}` : ""}.`;
}
