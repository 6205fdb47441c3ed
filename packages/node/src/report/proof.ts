/** The report's sections about the emulated firmware: the proof of equal outputs, and the tracks. */
import { formatBytes, formatCount, formatPercent } from "../text/format.js";
import { boxedPicture, trackOverlays } from "./boxes.js";
import { isLeftOut, type ReportData, type Use } from "./data.js";
import { type Html, html } from "./html.js";
import { facts, section } from "./page.js";
import { leftOut } from "./sections.js";
import { trajectoryFigure } from "./trajectories.js";

export function proofSection({ proof }: ReportData): Html {
  const title = "Proof";
  if (isLeftOut(proof)) return section(title, undefined, leftOut(proof));
  const equal = proof.differingBytes === 0;
  const rows: (readonly [string, Html | string])[] = [
    [
      "ran on",
      `${proof.machine}${proof.ownCore ? ", the board's kind of core" : ": QEMU has no core of the board's kind"}`,
    ],
    ["SHA-256 of all outputs", html`<span class="mono hash">${proof.outputSha256}</span>`],
    [
      "instructions an inference",
      `${formatCount(proof.instructions)}${proof.instructionsPerMac === undefined ? "" : `, ${proof.instructionsPerMac.toFixed(2)} a multiply-accumulate`}`,
    ],
    ["arena in the ELF", asPlanned(proof.arenaBytes, proof.plannedArenaBytes, { exactly: true })],
    ...(proof.stackBytes === undefined ? [] : [["most stack used", formatBytes(proof.stackBytes)] as const]),
  ];
  const { linked } = proof;
  if (linked && !isLeftOut(linked)) {
    const fits = linked.memories.every(({ usedBytes, totalBytes }) => usedBytes <= totalBytes);
    const { weightsBytes, planned } = linked;
    rows.push(["flash in the image", asPlanned(linked.flash.usedBytes, planned.flashBytes, { exactly: false })]);
    rows.push(["of it weights and tables", asPlanned(weightsBytes, planned.weightsBytes, { exactly: true })]);
    rows.push([
      `linked for ${linked.name}`,
      html`${memoryList(linked.memories)} <b class="${fits ? "good" : "bad"}">${fits ? "fits" : "does not fit"}</b>`,
    ]);
  }
  return section(
    title,
    "The generated C ran on an emulated core on the same pictures; every output byte was compared with the integer interpreter that the figures above are of.",
    [
      html`<div class="proof"><span class="${equal ? "good" : "bad"}">${equal ? "✓" : "✗"}</span><span>${formatCount(proof.bytes - proof.differingBytes)} of ${formatCount(proof.bytes)} output bytes of ${formatCount(proof.images)} pictures are equal</span></div>`,
      facts(rows),
      ...(linked && isLeftOut(linked) ? [leftOut(linked)] : []),
    ],
  );
}

/** "68.4 KiB, as planned to the byte", or the difference. `exactly`: a difference is shown as bad. */
function asPlanned(now: number, planned: number, { exactly }: { readonly exactly: boolean }): Html {
  if (now === planned) return html`${formatBytes(now)}, <b class="good">as planned</b> to the byte`;
  const difference = Math.abs(now - planned);
  const said = `${formatCount(difference)} byte${difference === 1 ? "" : "s"} ${now > planned ? "more" : "less"} than planned`;
  return html`${formatBytes(now)}, ${exactly ? html`<b class="bad">${said}</b>` : said}`;
}

/** "FLASH 90 KiB of 2 MiB, AXI_SRAM 260 KiB of 512 KiB": the regions that are used. */
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

/** Whether the firmware's tracks equal the library's. */
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
