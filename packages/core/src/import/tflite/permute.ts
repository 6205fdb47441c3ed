/** Reorders axes with the operators that the graph has, by joining parts of a value in another order. */
import { formatShape, type Shape } from "../../tensor/index.js";
import type { NetworkBuilder } from "./network.js";
import { refuse } from "./shapes.js";

/** Most parts, since each is a separate copy when the network runs. */
const mostParts = 128;

/**
 * The value `[a, b, inner]` as `[b, a, inner]`, whatever its shape in the graph. Throws `Unsupported` where that takes
 * too many parts.
 */
export function swapped(to: NetworkBuilder, x: string, [a, b, inner]: readonly [number, number, number]): string {
  const shape = [1, b, a, inner];
  if (a === 1 || b === 1) return to.shapedValue(x, shape);
  const parts = Math.min(a, b);
  if (parts > mostParts)
    refuse(
      `exchanges axes of ${a} and ${b} elements, the shorter part by part; up to ${mostParts} can be imported: convert the network for NHWC`,
    );
  const map = to.shapedValue(x, [1, a, b, inner]);
  const isByColumn = b <= a;
  const pieces = Array.from({ length: parts }, (_, i) => {
    const begin = isByColumn ? ([0, i, 0] as const) : ([i, 0, 0] as const);
    const size = isByColumn ? ([a, 1, inner] as const) : ([1, b, inner] as const);
    const part = to.part(map, { begin, size });
    return to.shapedValue(part, isByColumn ? [1, 1, a, inner] : [1, b, 1, inner]);
  });
  return to.joined(pieces, isByColumn ? 1 : 2);
}

/** A value with its axes in another order. At most three axes may have more than one element. */
export function permuted(to: NetworkBuilder, x: string, shape: Shape, order: readonly number[]): string {
  const many = shape.flatMap((size, axis) => (size > 1 ? [axis] : []));
  const key = order.flatMap((axis) => (shape[axis] > 1 ? [many.indexOf(axis)] : [])).join();
  const [a = 1, b = 1, c = 1] = many.map((axis) => shape[axis]);
  if (many.length > 3)
    refuse(`orders the axes of ${formatShape(shape)}; three of more than one element can be imported`);
  switch (key) {
    case "1,0":
    case "1,0,2":
      return swapped(to, x, [a, b, c]);
    case "1,2,0":
      return swapped(to, x, [a, b * c, 1]);
    case "2,0,1":
      return swapped(to, x, [a * b, c, 1]);
    case "0,2,1":
      return swapped(to, swapped(to, x, [a * b, c, 1]), [c, a, b]);
    case "2,1,0":
      return swapped(to, swapped(to, x, [a, b, c]), [a * b, c, 1]);
    default:
      return x;
  }
}

/**
 * A value with the axes of `first` before the others, as `[first, others]` elements. The order among the axes of
 * `first` is arbitrary; the others keep theirs.
 */
export function broughtFirst(to: NetworkBuilder, x: string, shape: Shape, first: ReadonlySet<number>): string {
  // Merges adjacent axes of the same kind; at most three groups may remain.
  const runs: { size: number; isFirst: boolean }[] = [];
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue;
    const last = runs.at(-1);
    if (last?.isFirst === first.has(axis)) last.size *= size;
    else runs.push({ size, isFirst: first.has(axis) });
  }
  if (runs.length > 3) refuse(`is over some axes of ${formatShape(shape)}; batch 1 of maps can be imported`);
  const [a, b, c] = runs.map(({ size }) => size);
  if (runs.length < 2 || (runs.length === 2 && runs[0].isFirst)) return x;
  return runs[0].isFirst ? swapped(to, x, [a * b, c, 1]) : swapped(to, x, [a, b, c ?? 1]);
}
