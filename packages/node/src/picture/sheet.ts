/** Contact sheets: pictures in a grid, each with a caption. */
import { type Picture, resize, withChannels } from "@phinets/core/data";
import { Canvas, type Colour } from "./draw.js";
import { measureText } from "./font.js";

export interface SheetCell {
  readonly picture: Picture;
  readonly caption?: string;
}

export interface SheetOptions {
  /** Default: the square root of the number of cells, rounded up. */
  readonly columns?: number;
  /** Longer side of a picture on the sheet in pixels. Default 256. */
  readonly cellSize?: number;
  /** Default 8. */
  readonly gap?: number;
  readonly background?: Colour;
  readonly ink?: Colour;
}

/**
 * Draws all cells in reading order into one picture. Cells have the size of the largest picture; smaller ones are
 * centred.
 */
export function contactSheet(cells: readonly SheetCell[], options: SheetOptions = {}): Picture {
  const { columns = Math.max(1, Math.ceil(Math.sqrt(cells.length))), cellSize = 256, gap = 8 } = options;
  const { background = [24, 26, 32], ink = [222, 226, 236] } = options;
  const scaled = cells.map(({ picture, caption }) => ({
    caption,
    picture: scaleTo(withChannels(picture, 3), cellSize),
  }));
  const width = Math.max(1, ...scaled.map(({ picture }) => picture.width));
  const height = Math.max(1, ...scaled.map(({ picture }) => picture.height));
  const style = { size: Math.max(7, Math.round(cellSize / 26)) };
  const captionHeight = cells.some(({ caption }) => caption) ? Math.ceil(style.size * 2) : 0;
  const rows = Math.max(1, Math.ceil(cells.length / columns));
  const canvas = new Canvas({
    width: columns * (width + gap) + gap,
    height: rows * (height + captionHeight + gap) + gap,
    colour: background,
  });
  for (const [i, { picture, caption }] of scaled.entries()) {
    const x = gap + (i % columns) * (width + gap);
    const y = gap + Math.floor(i / columns) * (height + captionHeight + gap);
    canvas.paste(picture, x + ((width - picture.width) >> 1), y + ((height - picture.height) >> 1));
    if (caption) canvas.text(shorten(caption, width, style), x, y + height + Math.ceil(style.size * 1.6), style, ink);
  }
  return canvas;
}

/** Scales a picture so that its longer side has `side` pixels. */
export function scaleTo(picture: Picture, side: number): Picture {
  const scale = side / Math.max(picture.width, picture.height);
  return resize(picture, {
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
  });
}

function shorten(text: string, width: number, style: { size: number }): string {
  if (measureText(text, style).width <= width) return text;
  let end = text.length;
  while (end > 1 && measureText(`${text.slice(0, end)}..`, style).width > width) end--;
  return `${text.slice(0, end)}..`;
}
