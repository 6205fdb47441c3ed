/**
 * Memory layout of values and parameters in the engine. A pixel's channels are padded with zeros to a multiple of 4, so
 * that kernels work in whole vectors; the padding stays zero during training because padded weights have zero
 * gradients. Weights are stored in the order in which the kernels read them.
 */
import { isPointwise, type OpAttributes, type ParameterKind } from "../graph/index.js";
import { PhinetsError, type Shape, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import type { TrainingGraph, TrainingNode } from "./differentiate.js";

/** Floats from pixel to pixel. */
export function channelStride(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}

/** A batched value: `[batch, height, width, channels]`, or `[batch, features]` as one pixel. */
export interface MapLayout {
  readonly pixels: number;
  readonly channels: number;
  readonly stride: number;
  /** Bytes per image. */
  readonly imageBytes: number;
}

export function mapLayout(shape: Shape): MapLayout {
  const channels = shape[shape.length - 1];
  const pixels = sizeOf(shape.slice(1, -1));
  const stride = channelStride(channels);
  return { pixels, channels, stride, imageBytes: pixels * stride * 4 };
}

export type ConvKernel = "pointwise" | "depthwise" | "dense" | "grouped";

/** Which kernel runs a convolution. */
export function convKernel(attributes: OpAttributes["conv2d"], inputShape: Shape): ConvKernel {
  const { groups, filters } = attributes;
  const channels = inputShape[3];
  if (groups === channels && filters === channels) return "depthwise";
  if (groups > 1) return "grouped";
  return channels > 1 && isPointwise({ attributes }) ? "pointwise" : "dense";
}

/** One parameter in the arena; logical index (o, h, w, i) is at `offset + o*strides[0] + h*strides[1] + ...` floats. */
export interface ParameterLayout {
  readonly kind: ParameterKind;
  readonly shape: Shape;
  readonly dimensions: readonly [number, number, number, number];
  readonly strides: readonly [number, number, number, number];
  /**
   * Columns of a matrix stored in panels, as its product reads it (kernels/assembly/gemm.ts); 0: stored row by row by
   * the strides. Training changes weights in every step, so it packs them where they are read; inference packs them
   * once.
   */
  readonly panelled: number;
  /** Floats, a multiple of 4. */
  readonly size: number;
  /** Floats from the arena's start. */
  offset: number;
}

/**
 * All parameters in one arena: weights, then biases, gamma and beta, then running statistics, then frozen parameters.
 */
export interface ParameterArena {
  readonly parameters: Readonly<Record<string, ParameterLayout>>;
  /** Floats of the parameters with weight decay; they come first. */
  readonly decayed: number;
  /** Floats of weights and biases, whose gradients are summed over the shards. */
  readonly summed: number;
  /** Floats of all trained parameters. */
  readonly trained: number;
  /** Floats of all parameters that training changes, running statistics included. */
  readonly moving: number;
  /** Floats in all. */
  readonly size: number;
}

const order: readonly ParameterKind[][] = [["weight"], ["bias"], ["gamma", "beta"], ["runningMean", "runningVariance"]];
/** Parameter kinds that training never changes. */
const unmoved: readonly ParameterKind[] = ["constant"];

/** Whether the graph trains any parameter. */
export const isTraining = (graph: TrainingGraph): boolean => Object.keys(graph.gradients).length > 0;

export function layParameters(graph: TrainingGraph): ParameterArena {
  const packs = !isTraining(graph);
  const layouts: Record<string, ParameterLayout> = {};
  for (const node of graph.nodes.slice(0, graph.forwardLength)) {
    for (const name of Object.values(node.parameters)) {
      const { kind, shape } = graph.network.parameters[name];
      layouts[name] = { kind, shape, offset: 0, ...placement(node, graph.shapes[node.inputs[0]], kind, shape, packs) };
    }
  }
  let offset = 0;
  const [decayed, summed, trained, moving, size] = [...order, "frozen" as const].map((kinds) => {
    for (const [name, layout] of Object.entries(layouts)) {
      const frozen = graph.frozen.has(name) || unmoved.includes(layout.kind);
      if (kinds === "frozen" ? !frozen : frozen || !kinds.includes(layout.kind)) continue;
      layout.offset = offset;
      offset += layout.size;
    }
    return offset;
  });
  return { parameters: layouts, decayed, summed, trained, moving, size };
}

function placement(
  node: TrainingNode,
  inputShape: Shape,
  kind: ParameterKind,
  shape: Shape,
  packs: boolean,
): Pick<ParameterLayout, "dimensions" | "strides" | "panelled" | "size"> {
  if (kind !== "weight") {
    const size = sizeOf(shape);
    return { dimensions: [size, 1, 1, 1], strides: [1, 0, 0, 0], panelled: 0, size: channelStride(size) };
  }
  const [o, h, w, i] = shape.length === 2 ? [shape[0], 1, 1, shape[1]] : shape;
  const dimensions = [o, h, w, i] as const;
  const os = channelStride(o);
  const is = channelStride(i);
  switch (node.op === "conv2d" ? convKernel(node.attributes, inputShape) : "pointwise") {
    case "depthwise":
      return { dimensions, strides: [1, w * os, os, 0], panelled: 0, size: h * w * os };
    case "grouped":
      return { dimensions, strides: [h * w * i, w * i, i, 1], panelled: 0, size: channelStride(o * h * w * i) };
    default:
      return { dimensions, strides: [1, w * is * os, is * os, os], panelled: packs ? os : 0, size: h * w * is * os };
  }
}

function eachElement(layout: ParameterLayout, visit: (logical: number, physical: number) => void): void {
  const [o, h, w, i] = layout.dimensions;
  const [so, sh, sw, si] = layout.strides;
  const { offset, panelled, size } = layout;
  const place = (at: number): number => offset + (panelled === 0 ? at : inPanels(at, panelled, size / panelled));
  let logical = 0;
  for (let a = 0; a < o; a++)
    for (let b = 0; b < h; b++)
      for (let c = 0; c < w; c++)
        for (let d = 0; d < i; d++) visit(logical++, place(a * so + b * sh + c * sw + d * si));
}

/** Position of a matrix element in panels of 8 columns, the last of which may have 4. */
function inPanels(at: number, columns: number, rows: number): number {
  const column = at % columns;
  const first = column - (column % 8);
  return first * rows + ((at - column) / columns) * Math.min(8, columns - first) + (column % 8);
}

/** Writes a tensor into an arena. Throws PhinetsError when it is missing or has another shape. */
export function packParameter(name: string, layout: ParameterLayout, value: Tensor | undefined, arena: Float32Array) {
  if (value === undefined) {
    throw new PhinetsError(
      "training.parameter",
      `parameter "${name}" [${layout.shape}] is missing in the weights; are they of another network?`,
    );
  }
  if (value.dtype !== "float32" || value.shape.join() !== layout.shape.join()) {
    throw new PhinetsError(
      "training.parameter",
      `parameter "${name}" is ${value.dtype} [${value.shape}] in the weights but the network needs float32 [${layout.shape}]`,
    );
  }
  const { data } = value;
  eachElement(layout, (logical, physical) => {
    arena[physical] = data[logical];
  });
}

/** Reads a tensor out of an arena. */
export function unpackParameter(layout: ParameterLayout, arena: Float32Array): Tensor<"float32"> {
  const result = tensor("float32", layout.shape);
  eachElement(layout, (logical, physical) => {
    result.data[logical] = arena[physical];
  });
  return result;
}
