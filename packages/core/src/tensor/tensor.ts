/** Dense tensors over typed arrays, row-major. Maps are NHWC: `[batch, height, width, channels]`. */
import { PhinetsError } from "./errors.js";

export type DType = "float32" | "int8" | "uint8" | "int32";
export type Shape = readonly number[];

export interface TypedArrays {
  float32: Float32Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int32: Int32Array;
}

export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: TypedArrays[D];
}

const constructors = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array } as const;

export const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, int8: 1, uint8: 1, int32: 4 };

/** Number of elements of a shape; 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** A shape as `[1,96,96,3]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/**
 * `[n, height, width, channels]` as `[n, channels, height, width]`: NHWC to NCHW, OHWI to OIHW. Other shapes are
 * unchanged.
 */
export function channelsFirstShape(shape: Shape): Shape {
  return shape.length === 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/**
 * Allocates a tensor of zeros, or wraps `data`. Throws PhinetsError `tensor.size` when `data` has another length than
 * the shape.
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data?: TypedArrays[D]): Tensor<D> {
  for (const dimension of shape) {
    if (!Number.isInteger(dimension) || dimension < 0) {
      throw new PhinetsError(
        "tensor.shape",
        `tensor: shape ${formatShape(shape)} has dimension ${dimension}; dimensions are integers of at least 0`,
      );
    }
  }
  const size = sizeOf(shape);
  if (data !== undefined && data.length !== size) {
    throw new PhinetsError(
      "tensor.size",
      `tensor: data has ${data.length} elements but shape ${formatShape(shape)} needs ${size}`,
    );
  }
  return { dtype, shape, data: data ?? (new constructors[dtype](size) as TypedArrays[D]) };
}

/** Concatenates one or more arrays of one kind. */
export function joined<T extends Float32Array | Float64Array>(parts: readonly T[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new (parts[0].constructor as new (length: number) => T)(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Named tensors: the weights of a network, keyed by parameter name. */
export type Weights = Record<string, Tensor>;
/** Named float32 tensors. */
export type FloatWeights = Record<string, Tensor<"float32">>;
