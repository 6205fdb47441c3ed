/** labels.jpg: statistics of the training labels: objects per class, positions and sizes of boxes. */
import type { BoxLabel, Picture, Sample } from "@phinets/core/data";
import { Canvas, type Colour, colourOf, measureText } from "../../picture/index.js";

const background: Colour = [24, 26, 32];
const ink: Colour = [222, 226, 236];
const faint: Colour = [70, 76, 88];
const panel = 440;
const margin = 28;
const titleHeight = 34;
const mostClasses = 20;
/** More boxes make a panel larger but not clearer. */
const mostBoxes = 2000;
/** Side of the position map in cells. */
const cells = 40;

/** Four panels for a detector, only the first for a classifier. Boxes marked as ignored are left out. */
export function labelSheet(samples: readonly Pick<Sample, "labels" | "class">[], classes: readonly string[]): Picture {
  const boxes = samples.flatMap(({ labels = [] }) => labels.filter(({ ignore }) => ignore === undefined));
  const detects = samples.some(({ labels }) => labels !== undefined);
  const counts = classes.map(() => 0);
  for (const index of detects ? boxes.map((box) => box.class) : samples.map((sample) => sample.class ?? -1))
    if (index in counts) counts[index]++;
  const side = detects ? 2 : 1;
  const step = panel + margin;
  const height = margin + side * (step + titleHeight);
  const canvas = new Canvas({ width: margin + side * step, height, colour: background });
  const at = (column: number, row: number, title: string): readonly [x: number, y: number] => {
    const [x, y] = [margin + column * step, margin + row * (step + titleHeight)];
    canvas.text(title, x, y + 16, { size: 12 }, ink);
    return [x, y + titleHeight];
  };
  drawCounts(
    canvas,
    at(0, 0, detects ? `boxes of each class, ${boxes.length} in all` : "pictures of each class"),
    classes,
    counts,
  );
  if (detects) {
    const every = Math.max(1, Math.ceil(boxes.length / mostBoxes));
    const some = boxes.filter((_, i) => i % every === 0);
    drawShapes(canvas, at(1, 0, "shapes, all about one centre"), some);
    drawPositions(canvas, at(0, 1, "where their centres lie"), boxes);
    drawSizes(canvas, at(1, 1, "widths to the right, heights up, as shares"), some);
  }
  return canvas;
}

type Corner = readonly [x: number, y: number];

function drawCounts(canvas: Canvas, [x, y]: Corner, classes: readonly string[], counts: readonly number[]): void {
  const order = classes.map((_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  const shown = order.slice(0, mostClasses);
  const row = Math.min(40, panel / (shown.length + 1));
  const size = Math.min(11, row * 0.45);
  const most = Math.max(1, ...counts);
  const room = panel * 0.36;
  for (const [i, index] of shown.entries()) {
    const middle = y + (i + 0.5) * row;
    let name = classes[index];
    while (name.length > 1 && measureText(name, { size }).width > room - 8) name = name.slice(0, -1);
    canvas.text(name, x, middle + size / 2, { size }, ink);
    const width = Math.max(1, (panel - room - 60) * (counts[index] / most));
    canvas.fill(x + room, middle - row * 0.3, width, row * 0.6, colourOf(index), 1, 2);
    canvas.text(String(counts[index]), x + room + width + 6, middle + size / 2, { size }, ink);
  }
  if (order.length > shown.length)
    canvas.text(`and ${order.length - shown.length} more`, x, y + panel - 4, { size: 11 }, ink);
}

function drawShapes(canvas: Canvas, [x, y]: Corner, boxes: readonly BoxLabel[]): void {
  frame(canvas, [x, y]);
  const alpha = Math.max(0.06, Math.min(0.7, 60 / boxes.length));
  for (const { class: index, width, height } of boxes) {
    const [w, h] = [width * panel, height * panel];
    canvas.outline(x + (panel - w) / 2, y + (panel - h) / 2, w, h, colourOf(index), 1.2, alpha);
  }
}

function drawPositions(canvas: Canvas, [x, y]: Corner, boxes: readonly BoxLabel[]): void {
  const counts = new Float64Array(cells * cells);
  const cell = (share: number) => Math.min(cells - 1, Math.max(0, Math.floor(share * cells)));
  for (const box of boxes) counts[cell(box.y) * cells + cell(box.x)]++;
  const most = Math.max(1, ...counts);
  const side = panel / cells;
  // The square root keeps a few boxes at the edge visible beside many in the middle.
  for (const [i, count] of counts.entries())
    if (count > 0) {
      const [column, row] = [i % cells, Math.floor(i / cells)];
      canvas.fill(x + column * side, y + row * side, side, side, [79, 195, 247], 0.12 + 0.88 * Math.sqrt(count / most));
    }
  frame(canvas, [x, y]);
}

function drawSizes(canvas: Canvas, [x, y]: Corner, boxes: readonly BoxLabel[]): void {
  for (let i = 1; i < 4; i++) {
    const at = (i * panel) / 4;
    canvas.line(x + at, y, x + at, y + panel, faint, 1, 0.6);
    canvas.line(x, y + at, x + panel, y + at, faint, 1, 0.6);
  }
  frame(canvas, [x, y]);
  for (const { class: index, width, height } of boxes) {
    const [px, py] = [x + width * panel, y + (1 - height) * panel];
    canvas.fill(px - 2, py - 2, 4, 4, colourOf(index), 0.55, 2);
  }
}

function frame(canvas: Canvas, [x, y]: Corner): void {
  canvas.outline(x, y, panel, panel, faint, 1);
}
