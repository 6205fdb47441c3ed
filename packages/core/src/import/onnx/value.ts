/**
 * What a tensor of an ONNX network is in ours. ONNX's maps are NCHW and ours NHWC: shapes and axes of the file are held
 * beside the layout that says how they lie in the graph.
 */
import type { Shape } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";

/**
 * same: as in the graph; channelsFirst: `[1, channels, height, width]` of the graph's `[1, height, width, channels]`;
 * flattened: `[1, features]`, the features of a map in channelsFirst's order, which the graph's vector has in NHWC's.
 */
export type Layout =
  | "same"
  | "channelsFirst"
  | { readonly flattened: readonly [channels: number, height: number, width: number] };

/** What a value is on the way to hardswish, from x: x + 3, that held to 0..6, that by 6 (hard sigmoid), x times the second. */
export type GateStage = "plus3" | "clipped" | "gate" | "product";

export interface OnnxValue {
  /** ONNX's. */
  readonly shape: Shape;
  readonly layout: Layout;
  /** Name of the graph's value; makes it where it waits to become a part of another. */
  readonly make: () => string;
  /** Nothing else reads it. */
  readonly sole: boolean;
  readonly gate?: { readonly stage: GateStage; readonly of: OnnxValue };
}

/** A value that is made when it is first asked for. */
export function lazily(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** ONNX's axes of a map. Throws Unsupported for what is none. */
export function axesOf({ shape, layout }: OnnxValue): { channel: number; height: number; width: number } {
  if (shape.length === 4 && layout === "channelsFirst") return { channel: 1, height: 2, width: 3 };
  if (shape.length === 4 && layout === "same") return { channel: 3, height: 1, width: 2 };
  throw new Unsupported(`has an input of shape [${shape}]; a map [1,channels,height,width] is needed`);
}

/** A map as convolutions and pools take it. */
export function requireChannelsFirst(x: OnnxValue): { channels: number; height: number; width: number } {
  // Of one value, any order is any other.
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
