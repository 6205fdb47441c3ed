/**
 * Pictures with boxes drawn as SVG over one JPEG: the boxes stay crisp at any size, and a picture that appears twice is
 * embedded once.
 */
import { iouCentre } from "@phinets/core/detection";
import { colourOf } from "../picture/draw.js";
import type { ReportBox, ReportPicture, TrackedFrame } from "./data.js";
import { type Html, html, jpegUrl } from "./html.js";

/** Matches detections to truths: IoU of at least .5, same class, best scores first. */
export function matchBoxes(
  truths: readonly ReportBox[],
  detections: readonly ReportBox[],
): { found: boolean[]; right: boolean[] } {
  const found = truths.map(() => false);
  const right = detections.map(() => false);
  const order = detections
    .map((_, i) => i)
    .sort((a, b) => (detections[b].score ?? 0) - (detections[a].score ?? 0) || a - b);
  for (const d of order) {
    let best = -1;
    let most = 0.5;
    for (const [t, truth] of truths.entries()) {
      const overlap = iou(truth, detections[d]);
      if (!found[t] && truth.class === detections[d].class && overlap >= most) [best, most] = [t, overlap];
    }
    if (best >= 0) found[best] = right[d] = true;
  }
  return { found, right };
}

function iou(a: ReportBox, b: ReportBox): number {
  const centre = (box: ReportBox) => [box.x + box.width / 2, box.y + box.height / 2, box.width, box.height] as const;
  return iouCentre(...centre(a), ...centre(b));
}

export interface Overlay {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly colour: string;
  /** Colour of the label's text on `colour`. */
  readonly ink?: string;
  readonly label?: string;
  readonly dashed?: boolean;
}

/** `id` names the JPEG so that others can refer to it; `reuse` takes the JPEG from the picture with that id. */
export function boxedPicture(
  picture: ReportPicture,
  overlays: readonly Overlay[],
  options: { readonly id?: string; readonly reuse?: string; readonly title: string },
): Html {
  const { width, height, jpeg } = picture;
  const unit = Math.max(width, height) / 320; // one CSS pixel when shown 320 pixels wide
  const image = options.reuse
    ? html`<use href="#${options.reuse}"/>`
    : html`<image ${options.id ? html`id="${options.id}"` : ""} width="${width}" height="${height}" href="${jpegUrl(jpeg)}"/>`;
  return html`<svg class="picture" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${options.title}">${image}${overlays.map((overlay) => box(overlay, width, unit))}</svg>`;
}

function box(
  { x, y, width, height, colour, ink = "#fff", label, dashed }: Overlay,
  pictureWidth: number,
  unit: number,
): Html {
  const dash = dashed ? html` stroke-dasharray="${n(5 * unit)} ${n(3.5 * unit)}"` : "";
  const radius = n(2 * unit);
  const frame = html`<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${radius}" fill="none" stroke="#000" stroke-opacity=".35" stroke-width="${n(3.6 * unit)}"/><rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${radius}" fill="none" stroke="${colour}" stroke-width="${n(1.9 * unit)}"${dash}/>`;
  if (!label) return frame;
  const size = 10 * unit;
  const tagWidth = label.length * size * 0.62 + 6 * unit;
  const tagHeight = size * 1.35;
  const left = Math.max(0, Math.min(x - unit, pictureWidth - tagWidth));
  const top = y - tagHeight >= 0 ? y - tagHeight : y;
  return html`${frame}<rect x="${n(left)}" y="${n(top)}" width="${n(tagWidth)}" height="${n(tagHeight)}" rx="${radius}" fill="${colour}"/><text x="${n(left + 3 * unit)}" y="${n(top + size)}" style="font-size:${n(size)}px" fill="${ink}">${label}</text>`;
}

/** Truths as overlays: matched ones thin, missed ones dashed. */
export function truthOverlays(
  truths: readonly ReportBox[],
  found: readonly boolean[],
  classes: readonly string[],
): Overlay[] {
  return truths.map((truth, i) => ({
    ...truth,
    colour: found[i] ? "#38bdf8" : "#ff5c5c",
    ink: found[i] ? "#06202c" : "#fff",
    dashed: !found[i],
    label: classes.length > 1 ? classes[truth.class] : undefined,
  }));
}

export function detectionOverlays(
  detections: readonly ReportBox[],
  right: readonly boolean[],
  classes: readonly string[],
): Overlay[] {
  return detections
    .map((detection, i) => ({
      ...detection,
      colour: right[i] ? "#34d399" : "#fbbf24",
      ink: "#10221b",
      dashed: !right[i],
      label: `${classes.length > 1 ? `${classes[detection.class]} ` : ""}${(detection.score ?? 0).toFixed(2)}`,
    }))
    .reverse(); // the best detection is drawn last, over the others
}

export function trackOverlays(tracks: TrackedFrame["tracks"]): Overlay[] {
  return tracks.map((track) => {
    const [red, green, blue] = colourOf(track.id - 1);
    const light = 0.299 * red + 0.587 * green + 0.114 * blue > 140;
    return { ...track, colour: `rgb(${red} ${green} ${blue})`, ink: light ? "#14161c" : "#fff", label: `${track.id}` };
  });
}

/** Two decimals at most. */
function n(value: number): number {
  return Math.round(value * 100) / 100;
}
