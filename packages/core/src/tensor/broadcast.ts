/** NumPy-style broadcasting between shapes of equal rank: a dimension of 1 is repeated. */
import { type Shape, sameShape, sizeOf } from "./tensor.js";

/** The common shape of two broadcast shapes; undefined if they are incompatible. */
export function broadcastShape(a: Shape, b: Shape): Shape | undefined {
  if (a.length !== b.length) return undefined;
  const shape = a.map((size, i) => (size === 1 ? b[i] : size));
  return b.every((size, i) => size === 1 || size === shape[i]) ? shape : undefined;
}

/**
 * Fills `to` with `from`, broadcast to a larger shape.
 * @param shape shape of `from`
 * @param as shape of `to`; each dimension of `shape` equals the one in `as` or is 1
 */
export function repeatInto<T extends Float32Array | Int8Array>(from: T, shape: Shape, to: T, as: Shape): void {
  if (sameShape(shape, as)) {
    to.set(from.subarray(0, to.length));
    return;
  }
  const [repeats] = as;
  const [own] = shape;
  const [size, step] = [sizeOf(as.slice(1)), own === 1 ? 0 : sizeOf(shape.slice(1))];
  for (let i = 0; i < repeats; i++) {
    const part = to.subarray(i * size, (i + 1) * size) as T;
    if (as.length === 1) part[0] = from[i * step];
    else repeatInto(from.subarray(i * step) as T, shape.slice(1), part, as.slice(1));
  }
}
