/** Layers of the portable kernels as C. */
import { foldedBias, type IntegerLookup } from "../../quantization/index.js";
import { checkAccumulators, type Linear, outputTable } from "./linear.js";
import { arrayDefinition, mapLiteral } from "./literals.js";

export function portableLinear(
  node: Linear,
  kernel: "conv2d" | "depthwise" | "pointwise",
  constant: string,
  lookup: IntegerLookup | undefined,
): string[] {
  checkAccumulators(node);
  const layer = constant.replace(/_convolution$/, "");
  const spec =
    node.op === "conv2d"
      ? node
      : { kernel: [1, 1] as const, stride: [1, 1] as const, padding: { top: 0, left: 0, bottom: 0, right: 0 } };
  const constants = [
    arrayDefinition("int8_t", `${layer}_weights`, node.weights),
    arrayDefinition("int32_t", `${layer}_bias`, kernel === "pointwise" ? foldedBias(node) : node.bias),
    arrayDefinition("int32_t", `${layer}_multiplier`, node.multipliers),
    arrayDefinition("int8_t", `${layer}_shift`, node.shifts),
  ];
  const table = outputTable(node, lookup);
  if (table !== undefined) constants.push(arrayDefinition("int8_t", `${layer}_table`, table));
  constants.push(
    `static const phinets_convolution ${constant} = {
  .input = ${mapLiteral(node.inputShapes[0])},
  .output = ${mapLiteral(node.outputShape)},
  .kernel_height = ${spec.kernel[0]},
  .kernel_width = ${spec.kernel[1]},
  .stride_y = ${spec.stride[0]},
  .stride_x = ${spec.stride[1]},
  .pad_top = ${spec.padding.top},
  .pad_left = ${spec.padding.left},
  .input_zero_point = ${node.inputZeroPoint},
  .weights = ${layer}_weights,
  .requantization = {
    .bias = ${layer}_bias,
    .multiplier = ${layer}_multiplier,
    .shift = ${layer}_shift,
    .zero_point = ${node.outputZeroPoint},
    .table = ${table === undefined ? "NULL" : `${layer}_table`},
  },
};`,
  );
  return constants;
}
