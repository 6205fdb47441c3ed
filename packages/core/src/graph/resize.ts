/** Which pixels of a map a resized map is made of. Sources: TensorFlow's resize operators; reference/resize_*.h. */
import { PhinetsError, type Shape } from "../tensor/index.js";

/** Along one axis: the two pixels of the input that a pixel is made of, and the second's weight: in 1/1024, or a real number. */
export interface ResizeTap {
  readonly lower: number;
  readonly upper: number;
  /** 0..1023 in an int8 network; 0 where the nearest is taken. */
  readonly weight: number;
}

export interface ResizeAttributes {
  readonly mode: "nearest" | "bilinear";
  readonly size: readonly [height: number, width: number];
  /** The corners' centres stay where they are; else the corners themselves. */
  readonly alignCorners: boolean;
  /** A pixel is where its centre is; else where its upper left corner is. Not with `alignCorners`. */
  readonly halfPixelCenters: boolean;
}

/** Positions are kept in int16. */
const mostPixels = 32767;

/**
 * Rows and columns of an output as TensorFlow Lite Micro's int8 kernels take them: float32 for the nearest, ten fractional
 * bits for two.
 * Throws PhinetsError where its rounding leaves the map, which only very large factors lead to.
 */
export function resizeTaps(
  name: string,
  [, height, width]: Shape,
  attributes: ResizeAttributes,
): { readonly rows: readonly ResizeTap[]; readonly columns: readonly ResizeTap[] } {
  const { mode, size } = attributes;
  const taps = mode === "nearest" ? nearestTaps : bilinearTaps;
  const along = (from: number, to: number): ResizeTap[] => {
    const made = from <= mostPixels && to <= mostPixels ? taps(from, to, attributes) : [];
    if (made.length < to || made.some(({ lower }) => lower >= from))
      throw new PhinetsError(
        "graph.resize",
        `resize "${name}": ${to} pixels of ${from} are too many for ten fractional bits; resize by a smaller factor`,
      );
    return made;
  };
  return { rows: along(height, size[0]), columns: along(width, size[1]) };
}

/** Of an axis, in real numbers: the two pixels that each is made of, and the second's weight, 0..1. */
export function realResizeTaps(
  from: number,
  to: number,
  { mode, alignCorners, halfPixelCenters }: Omit<ResizeAttributes, "size">,
): readonly ResizeTap[] {
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, i) => {
    if (mode === "nearest") {
      const position = (halfPixelCenters ? i + 0.5 : i) * scale;
      const lower = Math.min(alignCorners ? Math.round(position) : Math.floor(position), from - 1);
      return { lower, upper: lower, weight: 0 };
    }
    const position = Math.max(0, halfPixelCenters ? (i + 0.5) * scale - 0.5 : i * scale);
    const lower = Math.min(Math.floor(position), from - 1);
    return { lower, upper: Math.min(lower + 1, from - 1), weight: position - lower };
  });
}

function nearestTaps(from: number, to: number, { alignCorners, halfPixelCenters }: ResizeAttributes): ResizeTap[] {
  const scale = Math.fround(alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to);
  return Array.from({ length: to }, (_, i) => {
    const position = Math.fround((halfPixelCenters ? i + 0.5 : i) * scale);
    const lower = Math.min(alignCorners ? Math.round(position) : Math.floor(position), from - 1);
    return { lower, upper: lower, weight: 0 };
  });
}

function bilinearTaps(from: number, to: number, { alignCorners, halfPixelCenters }: ResizeAttributes): ResizeTap[] {
  const [span, steps] = alignCorners && to > 1 ? [from - 1, to - 1] : [from, to];
  const scale = Math.floor((1024 * span + Math.floor(steps / 2)) / steps);
  return Array.from({ length: to }, (_, i) => {
    const position = halfPixelCenters ? i * scale + Math.floor(scale / 2) - 512 : i * scale;
    const lower = Math.max(Math.trunc(position / 1024), 0);
    const upper = Math.min(Math.trunc((position + 1023) / 1024), from - 1);
    return { lower, upper, weight: lower === upper ? 0 : position - 1024 * lower };
  });
}
