/** Trajectories of tracked objects, drawn over a picture. */
import { colourOf } from "../picture/draw.js";
import { formatCount } from "../text/format.js";
import type { TrajectoryPlot } from "./data.js";
import { type Html, html, jpegUrl } from "./html.js";

/** The colour of a track or class in pictures and videos, by its index. */
export function indexColour(index: number): string {
  const [red, green, blue] = colourOf(index);
  return `rgb(${red} ${green} ${blue})`;
}

export function trajectoryFigure({ name, width, height, jpeg, tracks }: TrajectoryPlot): Html {
  const unit = Math.max(width, height) / 480;
  const line = ({ id, points }: TrajectoryPlot["tracks"][number]) => {
    const path = points.map(([x, y]) => `${Math.round(x)},${Math.round(y)}`).join(" ");
    const [x, y] = points[points.length - 1];
    const colour = indexColour(id - 1);
    return html`<g><polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${(1.8 * unit).toFixed(2)}" stroke-linejoin="round" stroke-linecap="round"/><circle cx="${Math.round(x)}" cy="${Math.round(y)}" r="${(2.6 * unit).toFixed(2)}" fill="${colour}"/><title>${id}</title></g>`;
  };
  const picture = jpeg && html`<image width="${width}" height="${height}" href="${jpegUrl(jpeg)}" opacity=".55"/>`;
  return html`<figure><svg class="picture" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="trajectories of ${name}">${picture}${tracks.map(line)}</svg><figcaption>${name}: ${formatCount(tracks.length)} tracks; a dot where each ends</figcaption></figure>`;
}
