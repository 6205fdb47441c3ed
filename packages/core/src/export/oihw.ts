/** Converts weights to the element order of PyTorch and ONNX. */
import type { Shape } from "../tensor/index.js";

/** Elements of a weight of `shape` (OHWI) in OIHW order; vectors and matrices stay as they are. */
export function toOihw<T extends Float32Array | Int8Array | Int32Array>(data: T, shape: Shape): T {
  if (shape.length !== 4) return data;
  const [filters, height, width, channels] = shape;
  const pixels = height * width;
  const reordered = data.slice() as T;
  for (let at = 0, filter = 0; filter < filters; filter++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        reordered[at++] = data[(filter * pixels + pixel) * channels + channel];
      }
    }
  }
  return reordered;
}
