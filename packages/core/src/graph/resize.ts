/**
 * The input pixels that each pixel of a resized map depends on. Sources: TensorFlow's resize operators;
 * reference/resize_*.h.
 */
import { PhinetsError, type Shape } from "../tensor/index.js";

/** Along one axis: the two input pixels that make an output pixel, and the weight of the second. */
export interface ResizeTap {
  readonly lower: number;
  readonly upper: number;
  /** In 1/1024 (0..1023) for an int8 network, a real number in 0..1 for a float one; 0 for "nearest". */
  readonly weight: number;
}

export interface ResizeAttributes {
  readonly mode: "nearest" | "bilinear";
  readonly size: readonly [height: number, width: number];
  /** The centres of the corner pixels of input and output coincide; otherwise the outer corners of the maps do. */
  readonly alignCorners: boolean;
  /** A pixel's position is its centre; otherwise its top-left corner. Excludes `alignCorners`. */
  readonly halfPixelCenters: boolean;
}

/** The firmware keeps positions in int16. */
const mostPixels = 32767;

/**
 * Taps of an output's rows and columns as TensorFlow Lite Micro's int8 kernels compute them: in float32 for "nearest",
 * with ten fractional bits for "bilinear".
 * Throws PhinetsError where rounding leads outside the map, which happens only with very large factors.
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

/** Taps along one axis in real numbers, for float networks; weights are in 0..1. */
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
