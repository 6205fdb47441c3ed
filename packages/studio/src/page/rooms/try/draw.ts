/** Draws a frame with its detections. */
import type { BoxLabel } from "@phinets/core/data";
import type { NamedDetection } from "@phinets/core/model";
import type { Track } from "@phinets/core/tracking";
import { colourOf } from "../../ui/colours.js";
import type { Line, Point, Zone } from "./counting.js";

export interface Marks {
  readonly boxes?: readonly NamedDetection[];
  readonly tracks?: readonly Track[];
  readonly trails?: ReadonlyMap<number, readonly Point[]>;
  readonly classes: readonly string[];
  /** Labels without a matching box. */
  readonly missed?: readonly BoxLabel[];
  readonly line?: Line;
  readonly zone?: Zone;
  /** Index of the selected box. */
  readonly chosen?: number;
}

/** Minimum width of the canvas in pixels. */
const leastWidth = 640;

export function drawFrame(canvas: HTMLCanvasElement, bitmap: ImageBitmap, marks: Marks): void {
  // Small frames are enlarged, because labels need pixels.
  const scale = Math.max(1, Math.ceil(leastWidth / bitmap.width));
  const [width, height] = [scale * bitmap.width, scale * bitmap.height];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, 0, 0, width, height);
  // Lines have the same width on the screen, whatever the frame's size.
  const unit = Math.max(1, width / leastWidth);
  context.lineWidth = 2 * unit;
  context.font = `600 ${Math.round(13 * unit)}px sans-serif`;
  context.textBaseline = "top";
  const { boxes = [], tracks, trails, classes, missed = [], line, zone, chosen } = marks;
  const box = (x: number, y: number, w: number, h: number, colour: string, text: string): void => {
    context.strokeStyle = colour;
    context.strokeRect(x, y, w, h);
    if (text === "") return;
    const wide = context.measureText(text).width + 8 * unit;
    const top = y - 17 * unit < 0 ? y : y - 17 * unit;
    context.fillStyle = colour;
    context.fillRect(x - unit, top, wide, 17 * unit);
    context.fillStyle = "#000";
    context.fillText(text, x + 3 * unit, top + 2 * unit);
  };
  if (tracks === undefined)
    for (const [n, found] of boxes.entries()) {
      context.setLineDash([]);
      if (n === chosen) context.lineWidth = 5 * unit;
      const named = classes.length > 1 ? `${found.name} ` : "";
      box(
        scale * found.x,
        scale * found.y,
        scale * found.width,
        scale * found.height,
        colourOf(found.class),
        `${named}${found.score.toFixed(2)}`,
      );
      context.lineWidth = 2 * unit;
    }
  for (const { id, x1, y1, x2, y2 } of tracks ?? [])
    box(scale * x1, scale * y1, scale * (x2 - x1), scale * (y2 - y1), colourOf(id), String(id));
  for (const [id, trail] of trails ?? []) {
    context.strokeStyle = colourOf(id);
    context.beginPath();
    for (const { x, y } of trail) context.lineTo(x * width, y * height);
    context.stroke();
  }
  context.setLineDash([6 * unit, 4 * unit]);
  for (const { x, y, width: w, height: h } of missed)
    box((x - w / 2) * width, (y - h / 2) * height, w * width, h * height, "#fff", "missed");
  context.setLineDash([]);
  context.strokeStyle = "#fff";
  if (line !== undefined) {
    context.beginPath();
    context.moveTo(line.from.x * width, line.from.y * height);
    context.lineTo(line.to.x * width, line.to.y * height);
    context.stroke();
  }
  if (zone !== undefined)
    context.strokeRect(
      zone.left * width,
      zone.top * height,
      (zone.right - zone.left) * width,
      (zone.bottom - zone.top) * height,
    );
}

/** Draws a picture's pixels, [height, width, 1 or 3]. */
export function drawPixels(
  canvas: HTMLCanvasElement,
  {
    width,
    height,
    channels,
    data,
  }: { readonly width: number; readonly height: number; readonly channels: number; readonly data: Uint8Array },
): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = data[i * channels + (channels === 1 ? 0 : c)];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
