/** Operators of a .tflite file that move bytes. */
import { formatShape } from "../../tensor/index.js";
import type { OperatorRule } from "./operators.js";
import { slots } from "./schema.js";
import { refuse } from "./shapes.js";

export const moveRules: Readonly<Record<string, OperatorRule>> = {
  RESIZE_NEAREST_NEIGHBOR: resize("nearest", slots.resizeNearest),
  RESIZE_BILINEAR: resize("bilinear", slots.resizeBilinear),
};

function resize(
  mode: "nearest" | "bilinear",
  at: { readonly alignCorners: number; readonly halfPixelCenters: number },
): OperatorRule {
  return (to, operator) => {
    const [x, size] = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const [height, width, ...more] = to.int32s(size);
    if (more.length > 0 || x.shape.length !== 4)
      refuse(
        `resizes ${formatShape(x.shape)} to [${[height, width, ...more]}]; height and width of a map can be imported`,
      );
    const { options } = operator;
    const attributes = {
      mode,
      size: [height, width],
      alignCorners: options?.byte(at.alignCorners) === 1,
      halfPixelCenters: options?.byte(at.halfPixelCenters) === 1,
    } as const;
    if (attributes.alignCorners && attributes.halfPixelCenters)
      refuse("has align_corners and half_pixel_centers; at most one of them can be imported");
    const name = to.nameOf(output);
    to.add({ name, op: "resize", inputs: [to.value(x.index)], parameters: {}, attributes }, output);
    to.requireShape(output);
  };
}
