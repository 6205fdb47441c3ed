/** Shapes of a .tflite file as shapes of the graph, and what to say where there is none. */
import { formatShape, type Shape } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";

export function refuse(problem: string): never {
  throw new Unsupported(problem);
}

/**
 * The graph has maps and vectors of batch 1: a matrix or a list of vectors, as SSD's boxes are, is a map of one row. The last
 * axes are the same. Throws `Unsupported` for what is neither.
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

/** An axis of a tensor, counted from either end, as one of `graphShape`. */
export function graphAxis(shape: Shape, axis: number): number {
  return graphShape(shape).length - shape.length + (axis < 0 ? axis + shape.length : axis);
}
