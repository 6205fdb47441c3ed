/**
 * Writes a graph into an ONNX model. ONNX convolves NCHW maps with OIHW weights, so inside the model maps are `[batch,
 * channels, height, width]`, whatever the graph's shapes are; vectors `[batch, features]` stay as they are.
 */
import { channelsFirstShape, type Shape, sizeOf } from "../../tensor/index.js";
import type { OnnxAttribute, OnnxModel } from "./model.js";

/** Supplies values and parameters that no earlier node has made. Each is requested once. */
export interface EmissionSource {
  /** Name of the tensor that holds a value; maps are NCHW. */
  value(name: string): string;
  /** Name of the tensor that holds a parameter; a convolution's weight is OIHW. */
  parameter(name: string): string;
}

export class Emission {
  readonly #values = new Map<string, string>();
  readonly #parameters = new Map<string, string>();

  constructor(
    readonly model: OnnxModel,
    /** NHWC shape of every value. */
    readonly shapes: Readonly<Record<string, Shape>>,
    readonly source: EmissionSource,
  ) {}

  /** The tensor that holds a value. */
  value(name: string): string {
    const tensor = this.#values.get(name) ?? this.source.value(name);
    this.#values.set(name, tensor);
    return tensor;
  }

  parameter(name: string): string {
    const tensor = this.#parameters.get(name) ?? this.source.parameter(name);
    this.#parameters.set(name, tensor);
    return tensor;
  }

  /** Sets the tensor that holds a value. */
  set(name: string, tensor: string): void {
    this.#values.set(name, tensor);
  }

  /** Whether a value has been made or requested. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  op(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    preferredName?: string,
  ): string {
    return this.model.node(op, inputs, attributes, preferredName);
  }

  reshape(tensor: string, shape: Shape, preferredName?: string): string {
    return this.op("Reshape", [tensor, this.model.int64s(shape)], {}, preferredName);
  }

  transpose(tensor: string, order: readonly number[], preferredName?: string): string {
    return this.op("Transpose", [tensor], { perm: { ints: order } }, preferredName);
  }

  /** Sum or mean over axes. */
  reduce(
    kind: "ReduceSum" | "ReduceMean",
    tensor: string,
    axes: readonly number[],
    keep: boolean,
    preferredName?: string,
  ) {
    return this.op(kind, [tensor, this.model.int64s(axes)], { keepdims: { int: keep ? 1 : 0 } }, preferredName);
  }

  /** Elements `starts..ends` (exclusive) along axes. */
  slice(
    tensor: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): string {
    const inputs = [starts, ends, axes, steps].map((each) => this.model.int64s(each));
    return this.op("Slice", [tensor, ...inputs]);
  }

  add(a: string, b: string, preferredName?: string): string {
    return this.op("Add", [a, b], {}, preferredName);
  }

  subtract(a: string, b: string, preferredName?: string): string {
    return this.op("Sub", [a, b], {}, preferredName);
  }

  multiply(a: string, b: string, preferredName?: string): string {
    return this.op("Mul", [a, b], {}, preferredName);
  }

  scale(a: string, factor: number, preferredName?: string): string {
    return this.multiply(a, this.model.scalar(factor), preferredName);
  }

  /** 1 where a < b, else 0. Uses a comparison and a cast, since Where and Sign take two to three times as long. */
  less(a: string, b: string): string {
    return this.op("Cast", [this.op("Less", [a, b])], { to: { int: 1 } });
  }
}

/**
 * Axes that batch statistics are computed over, the shape that broadcasts a vector of channels over a value, and the
 * number of elements per channel.
 */
export function channelAxes(shape: Shape): { axes: readonly number[]; column: Shape; count: number } {
  const channels = shape[shape.length - 1];
  const count = sizeOf(shape) / channels;
  return shape.length === 4
    ? { axes: [0, 2, 3], column: [1, channels, 1, 1], count }
    : { axes: [0], column: [1, channels], count };
}

/** Whether the elements of a map have different orders in NHWC and NCHW. */
export function reorders(shape: Shape): boolean {
  return shape.length === 4 && shape[3] > 1 && shape[1] * shape[2] > 1;
}

/** Converts NHWC to NCHW. `shape` is the NHWC shape; vectors stay as they are. */
export function toChannelsFirst(to: Emission, tensor: string, shape: Shape, preferredName?: string): string {
  if (shape.length !== 4) return tensor;
  return reorders(shape)
    ? to.transpose(tensor, [0, 3, 1, 2], preferredName)
    : to.reshape(tensor, channelsFirstShape(shape), preferredName);
}

/** Converts NCHW to NHWC in a node whose result is called `name`, and declares it an output of the model. */
export function giveChannelsLast(to: Emission, tensor: string, shape: Shape, name: string): void {
  const { model } = to;
  if (shape.length !== 4) model.result("Identity", [tensor], {}, name);
  else if (!reorders(shape)) model.result("Reshape", [tensor, model.int64s(shape)], {}, name);
  else model.result("Transpose", [tensor], { perm: { ints: channelsLast } }, name);
  model.output(name, shape);
}

export const channelsLast = [0, 2, 3, 1];
