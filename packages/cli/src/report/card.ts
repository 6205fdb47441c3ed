/** card.md: the report's figures as a model card, for people and for search engines of models. */
import { formatBytes, formatCount, formatHertz, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { isLeftOut, type Proof, type ReportData } from "./data.js";
import { framesPerSecond, headlineOf, metricTitles } from "./sections.js";

/** The card as Markdown. */
export function renderCard(data: ReportData): string {
  const { dataset, network, board, metrics, figures, proof, tracking, training } = data;
  const { metric, form, value } = headlineOf(data);
  const figure = (number: number | undefined) => (number !== undefined && number >= 0 ? number.toFixed(3) : "-");
  const lines = [
    `# ${data.title}`,
    "",
    `${metricTitles[metric] ?? metric} ${figure(value)} (${form}) on the ${dataset.split} split of ${dataset.name}.`,
    "",
    "## Use",
    "",
    `- Task: ${dataset.task === "detect" ? "detection" : "classification"} of ${dataset.classes.map(escapeCell).join(", ")}`,
    `- Input: ${network.input.height} x ${network.input.width} x ${network.input.channels} (height, width, channels), int8 = pixel - 128`,
    `- Network: ${network.name}, ${formatCount(network.parameters)} parameters, ${formatMacs(network.macs)}`,
    ...(board
      ? [
          `- Board: ${board.title} (${board.core}, ${formatHertz(board.clockHz)})`,
          `- Flash: ${formatBytes(board.flash.usedBytes)} of ${formatBytes(board.flash.totalBytes)} (${formatPercent(board.flash.usedBytes / board.flash.totalBytes)})`,
          `- RAM: ${formatBytes(board.ram.usedBytes)} of ${formatBytes(board.ram.totalBytes)} (${formatPercent(board.ram.usedBytes / board.ram.totalBytes)})`,
          `- Speed, estimated: ${framesPerSecond(board.latencyMs)} frames/s (${formatMs(board.latencyMs[0])} to ${formatMs(board.latencyMs[1])})`,
        ]
      : []),
    "",
    "## Figures",
    "",
    row(["", ...figures.map(({ name }) => name)]),
    row(["---", ...figures.map(() => "---:")]),
    ...metrics.map((name) => row([metricTitles[name] ?? name, ...figures.map(({ values }) => figure(values[name]))])),
    ...(data.figuresLeftOut ? ["", leftOutLine(data.figuresLeftOut)] : []),
    "",
    "## Training",
    "",
    isLeftOut(training)
      ? leftOutLine(training)
      : `${formatCount(dataset.pictures.train)} pictures of ${dataset.name}, ${training.rows.length} epochs, the best is ${training.bestEpoch}; ${formatCount(dataset.pictures.val)} pictures to validate, ${formatCount(dataset.pictures.test)} to test.`,
    "",
    "## Proof",
    "",
    isLeftOut(proof)
      ? leftOutLine(proof)
      : `${formatCount(proof.bytes - proof.differingBytes)} of ${formatCount(proof.bytes)} output bytes of ${formatCount(proof.images)} pictures on ${proof.machine} equal the interpreter's (SHA-256 ${proof.outputSha256}). Arena: ${formatCount(proof.plannedArenaBytes)} bytes planned, ${formatCount(proof.arenaBytes)} in the ELF. ${formatCount(proof.instructions)} instructions an inference.${linkedImage(proof.linked)}`,
    ...(dataset.task === "detect"
      ? [
          "",
          "## Tracking",
          "",
          isLeftOut(tracking)
            ? leftOutLine(tracking)
            : `${tracking.source}: ${formatCount(tracking.tracks)} tracks in ${formatCount(tracking.frames)} frames.${firmwareTracks(tracking.firmware)}`,
        ]
      : []),
    "",
    "## Files",
    "",
    row(["file", "what it is", "bytes", "SHA-256"]),
    row(["---", "---", "---:", "---"]),
    ...data.artefacts.map(({ path, what, bytes, sha256 }) =>
      row([`\`${path}\``, what, String(bytes), `\`${sha256}\``]),
    ),
    "",
    "## Make it again",
    "",
    "```",
    ...data.commands,
    "```",
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
    `\n\nThe image linked for ${name}: flash ${formatCount(flash.usedBytes)} bytes (${formatCount(planned.flashBytes)} planned), of it weights and tables ${formatCount(weightsBytes)} (${formatCount(planned.weightsBytes)} planned).\n`,
    row(["region", "use", "bytes used", "bytes"]),
    row(["---", "---", "---:", "---:"]),
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
  return `| ${cells.map(escapeCell).join(" | ")} |`;
}

function escapeCell(text: string): string {
  return text.replace(/\|/g, "\\|").replace(/\s*\n\s*/g, " ");
}

function leftOutLine({ leftOut, install }: { readonly leftOut: string; readonly install?: string }): string {
  return `Left out: ${leftOut}${install ? `; install with \`${install}\`` : ""}.`;
}
