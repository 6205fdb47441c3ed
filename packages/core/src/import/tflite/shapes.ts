/** Converts shapes of a .tflite file to shapes of the graph. */
import { formatShape, type Shape } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";

export function refuse(problem: string): never {
  throw new Unsupported(problem);
}

/**
 * The graph has maps and vectors of batch 1. A matrix or a list of vectors, such as SSD's boxes, becomes a map of one
 * row; the last axes stay. Throws `Unsupported` for other shapes.
 */
export function graphShape(shape: Shape): Shape {
  const [first = 1, ...rest] = shape;
  if (shape.length === 2 && first === 1) return shape;
  if (shape.length < 2) return [1, first];
  const inner = first === 1 && shape.length > 2 ? rest : shape;
  if (inner.length > 3)
    refuse(`has the shape ${formatShape(shape)}; a batch of 1, of maps or vectors, can be imported`);
  return [1, ...new Array<number>(3 - inner.length).fill(1), ...inner];
}

/** The axis of `graphShape` for an axis of a tensor, counted from either end. */
export function graphAxis(shape: Shape, axis: number): number {
  return graphShape(shape).length - shape.length + (axis < 0 ? axis + shape.length : axis);
}
