/**
 * A tensor of an ONNX network as a value of our graph. ONNX's maps are NCHW and ours NHWC; a value keeps the file's
 * shape, and a layout that tells how it is stored in the graph.
 */
import type { Shape } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";

/**
 * same: as in the graph. channelsFirst: `[1, channels, height, width]` for the graph's `[1, height, width, channels]`.
 * flattened: `[1, features]` of a map in channelsFirst order, while the graph's vector has them in NHWC order.
 */
export type Layout =
  | "same"
  | "channelsFirst"
  | { readonly flattened: readonly [channels: number, height: number, width: number] };

/**
 * Stages of a hard-swish of x: x + 3, that clipped to 0..6, that divided by 6 (hard sigmoid), x times the clipped
 * value.
 */
export type GateStage = "plus3" | "clipped" | "gate" | "product";

export interface OnnxValue {
  /** Shape in ONNX's order. */
  readonly shape: Shape;
  readonly layout: Layout;
  /** Name of the graph's value; adds its nodes if they were held back. */
  readonly make: () => string;
  /** Whether nothing else reads the value. */
  readonly sole: boolean;
  readonly gate?: { readonly stage: GateStage; readonly of: OnnxValue };
}

/** Calls `make` on first use and keeps its result. */
export function lazily(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Positions of a map's axes in ONNX's shape. Throws Unsupported for a value that is not a map. */
export function axesOf({ shape, layout }: OnnxValue): { channel: number; height: number; width: number } {
  if (shape.length === 4 && layout === "channelsFirst") return { channel: 1, height: 2, width: 3 };
  if (shape.length === 4 && layout === "same") return { channel: 3, height: 1, width: 2 };
  throw new Unsupported(`has an input of shape [${shape}]; a map [1,channels,height,width] is needed`);
}

/** Sizes of a map in the order that convolutions and pools need. Throws Unsupported for another order. */
export function requireChannelsFirst(x: OnnxValue): { channels: number; height: number; width: number } {
  // The order does not matter for a single value.
  if (x.layout !== "channelsFirst" && x.shape.join() !== "1,1,1,1")
    throw new Unsupported(
      `has an input of shape [${x.shape}] that is no [1,channels,height,width]; maps in that order can be imported`,
    );
  const [, channels, height, width] = x.shape;
  if (x.shape.length !== 4) throw new Unsupported(`has an input of shape [${x.shape}]; a map is needed`);
  return { channels, height, width };
}

export const sameLayout = (a: Layout, b: Layout): boolean =>
  typeof a === "string" || typeof b === "string" ? a === b : a.flattened.join() === b.flattened.join();
