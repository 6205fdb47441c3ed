/** Paints boxes, labels and captions into RGB pictures, antialiased, without a font or graphics library. */
import type { Picture } from "@phinets/core/data";
import { drawText, length2, measureText, type TextStyle } from "./font.js";

/** Red, green, blue, 0..255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A box to draw, in pixels of the picture: x, y is its top-left corner. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly colour: Colour;
  /** Text of a tag above the box. */
  readonly label?: string;
}

/** Colours that are distinct from each other, from skin and from foliage. */
const palette: readonly Colour[] = [
  [255, 82, 82],
  [33, 150, 243],
  [255, 179, 0],
  [0, 200, 130],
  [171, 71, 188],
  [0, 188, 212],
  [255, 112, 67],
  [156, 204, 40],
  [236, 64, 122],
  [121, 134, 255],
];

/** Colour of a class index or a track id. */
export function colourOf(index: number): Colour {
  if (index < palette.length) return palette[Math.max(0, Math.floor(index))];
  // Hues that are multiples of the golden angle never repeat and stay apart.
  const hue = (index * 137.508) % 360;
  const channel = (shift: number) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.6 - 0.36 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** A copy of an RGB picture that can be painted on. */
export class Canvas implements Picture {
  readonly width: number;
  readonly height: number;
  readonly channels = 3;
  readonly data: Uint8Array;

  /** Copies `picture` (RGB or grey), or makes an empty canvas of one colour. */
  constructor(picture: Picture | { readonly width: number; readonly height: number; readonly colour: Colour }) {
    this.width = picture.width;
    this.height = picture.height;
    const count = picture.width * picture.height;
    if ("data" in picture && picture.channels === 3) {
      this.data = picture.data.slice();
      return;
    }
    this.data = new Uint8Array(count * 3);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) this.data[3 * i + c] = "data" in picture ? picture.data[i] : picture.colour[c];
    }
  }

  /** Mixes `colour` into a pixel; alpha 0..1. Pixels outside the picture are ignored. */
  blend(x: number, y: number, colour: Colour, alpha: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const i = 3 * (y * this.width + x);
    for (let c = 0; c < 3; c++) this.data[i + c] += (colour[c] - this.data[i + c]) * alpha + 0.5;
  }

  /** Pastes an RGB picture with its top-left corner at x, y; what lies outside is cut off. */
  paste(picture: Picture, x: number, y: number): void {
    const first = Math.max(0, -x);
    const last = Math.min(picture.width, this.width - x);
    if (last <= first) return;
    for (let row = Math.max(0, -y); row < Math.min(picture.height, this.height - y); row++) {
      const from = (row * picture.width + first) * 3;
      this.data.set(picture.data.subarray(from, from + (last - first) * 3), ((y + row) * this.width + x + first) * 3);
    }
  }

  /** Fills a rectangle with rounded corners; coordinates may be fractional. */
  fill(x: number, y: number, width: number, height: number, colour: Colour, alpha = 1, radius = 0): void {
    const right = Math.min(this.width, Math.ceil(x + width + 1));
    const bottom = Math.min(this.height, Math.ceil(y + height + 1));
    for (let row = Math.max(0, Math.floor(y - 1)); row < bottom; row++) {
      for (let column = Math.max(0, Math.floor(x - 1)); column < right; column++) {
        const cover = 0.5 - edgeDistance(column + 0.5, row + 0.5, x, y, width, height, radius);
        if (cover > 0) this.blend(column, row, colour, alpha * Math.min(1, cover));
      }
    }
  }

  /** Draws a rectangle's outline, `thickness` wide and centred on the edge. */
  outline(
    x: number,
    y: number,
    width: number,
    height: number,
    colour: Colour,
    thickness: number,
    alpha = 1,
    radius = 0,
  ): void {
    const half = thickness / 2;
    const reach = Math.ceil(half + 1);
    const inner = Math.max(reach, Math.ceil(radius));
    const bottom = Math.min(this.height, Math.ceil(y + height) + reach);
    for (let row = Math.max(0, Math.floor(y) - reach); row < bottom; row++) {
      const atEnd = row < y + inner || row > y + height - inner;
      for (
        let column = Math.max(0, Math.floor(x) - reach);
        column < Math.min(this.width, Math.ceil(x + width) + reach);
        column++
      ) {
        // Nothing to draw between the vertical edges: skip to the right one.
        if (!atEnd && column > x + reach && column < x + width - reach) {
          column = Math.max(column, Math.floor(x + width - reach) - 1);
          continue;
        }
        const cover = half + 0.5 - Math.abs(edgeDistance(column + 0.5, row + 0.5, x, y, width, height, radius));
        if (cover > 0) this.blend(column, row, colour, alpha * Math.min(1, cover));
      }
    }
  }

  /** Draws a line with round ends. */
  line(x0: number, y0: number, x1: number, y1: number, colour: Colour, thickness: number, alpha = 1): void {
    const half = thickness / 2;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const bottom = Math.min(this.height, Math.ceil(Math.max(y0, y1) + half + 1));
    const right = Math.min(this.width, Math.ceil(Math.max(x0, x1) + half + 1));
    for (let row = Math.max(0, Math.floor(Math.min(y0, y1) - half - 1)); row < bottom; row++) {
      for (let column = Math.max(0, Math.floor(Math.min(x0, x1) - half - 1)); column < right; column++) {
        const [px, py] = [column + 0.5 - x0, row + 0.5 - y0];
        const t = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        const cover = half + 0.5 - length2(px - t * dx, py - t * dy);
        if (cover > 0) this.blend(column, row, colour, alpha * Math.min(1, cover));
      }
    }
  }

  /** Writes a text with its baseline at y. */
  text(text: string, x: number, y: number, style: TextStyle, colour: Colour): void {
    drawText(text, x, y, style, (column, row, alpha) => this.blend(column, row, colour, alpha / 255));
  }

  /** Draws marks: all boxes, then all tags, so that no box hides a label. Sizes follow the picture's. */
  marks(marks: readonly Mark[]): void {
    const side = Math.sqrt(this.width * this.height);
    const thickness = Math.max(1.5, side / 250);
    const size = tagSize(this);
    const radius = thickness * 1.2;
    for (const { x, y, width, height, colour } of marks) {
      this.outline(x, y, width, height, [0, 0, 0], thickness * 2, 0.28, radius);
      this.outline(x, y, width, height, colour, thickness, 1, radius);
    }
    for (const { x, y, height, colour, label } of marks) {
      if (label) this.#tag(label, x - thickness / 2, y - thickness / 2, y + height + thickness / 2, size, colour);
    }
  }

  /** A tag with its top-left corner at x, y. */
  tag(label: string, x: number, y: number, colour: Colour): void {
    this.#tag(label, x, y, this.height, tagSize(this), colour);
  }

  /** Draws a tag above `top`, below `bottom` where there is no room above, else inside the box. */
  #tag(label: string, left: number, top: number, bottom: number, size: number, colour: Colour): void {
    const style = { size };
    const padding = Math.round(size * 0.42);
    const text = measureText(label, style);
    const width = Math.ceil(text.width) + 2 * padding;
    const height = Math.ceil(size) + 2 * padding;
    const x = Math.round(Math.min(Math.max(0, left), Math.max(0, this.width - width)));
    const y = Math.round(top - height >= 0 ? top - height : bottom + height <= this.height ? bottom : Math.max(0, top));
    this.fill(x, y, width, height, colour, 0.94, Math.min(3, size * 0.2));
    this.text(label, x + padding, y + padding + size, style, inkOn(colour));
  }
}

/** Height of a tag's capitals in pixels. */
function tagSize({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.min(28, Math.max(7, Math.sqrt(width * height) / 55));
}

/** Black or white, whichever has more contrast on `colour` (relative luminance, WCAG 2). */
export function inkOn(colour: Colour): Colour {
  const [red, green, blue] = colour.map((value) => (value / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3 ? [16, 18, 24] : [255, 255, 255];
}

/** Signed distance to a rounded rectangle's edge, negative inside. */
function edgeDistance(
  px: number,
  py: number,
  x: number,
  y: number,
  width: number,
  height: number,
  radius: number,
): number {
  const r = Math.min(radius, width / 2, height / 2);
  const dx = Math.abs(px - x - width / 2) - width / 2 + r;
  const dy = Math.abs(py - y - height / 2) - height / 2 + r;
  return length2(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - r;
}
