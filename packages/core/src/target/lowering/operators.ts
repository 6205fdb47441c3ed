/** Lowers each operator to steps. */
import { type Int8Op, type Node, type NodeOf, type NodeWith, requireInt8, resizeTaps } from "../../graph/index.js";
import { PhinetsError, sameShape, sizeOf } from "../../tensor/index.js";
import type { Kernel } from "../kernels.js";
import { type Read, row } from "../steps.js";
import { type Lowerer, mapOf } from "./lowerer.js";

type ElementwiseNode = NodeWith<"add" | "multiply" | "subtract" | "maximum" | "minimum">;

const isElementwise = ({ op }: Node): boolean =>
  op === "add" || op === "multiply" || op === "subtract" || op === "maximum" || op === "minimum";

/** Lowers all nodes, in their order. Throws PhinetsError `target.op` for an operator without a kernel. */
export function lowerNodes(to: Lowerer): void {
  const skipped = to.fusedLookups;
  for (const node of to.graph.nodes) {
    requireInt8(node, "target.op");
    if (!skipped.has(node.name)) rules[node.op](to, node as never);
  }
}

const rules: { readonly [O in Int8Op]: (to: Lowerer, node: NodeOf<O>) => void } = {
  input: (to, { name }) => {
    to.value(name, "nhwc", to.graph.shapes[name]);
  },
  conv2d: (to, node) => to.linear(node),
  dense: (to, node) => to.linear(node),
  hardswish: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  sigmoid: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  relu: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  relu6: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  unary: (to, node) => to.rows(node, "lookup", to.read(node.inputs[0])),
  add: (to, node) => elementwise(to, node, to.options.dsp ? "dsp_add" : "add"),
  subtract: (to, node) => elementwise(to, node, "subtract"),
  maximum: (to, node) => elementwise(to, node, "maximum"),
  minimum: (to, node) => elementwise(to, node, "minimum"),
  constant: (to, { name }) => {
    // Readers keep the bytes among their own constants.
    const stray = to.readers(name).find((reader) => !isElementwise(reader));
    if (stray !== undefined || to.graph.outputs.includes(name))
      throw new PhinetsError(
        "target.op",
        `constant "${name}": ${stray === undefined ? "leaves the network" : `is read by ${stray.op} "${stray.name}"`}; C has constants for element-wise operators alone`,
      );
  },
  multiply: (to, node) => {
    const [a, b] = node.inputs;
    if (to.isScaled(a)) return; // the product that reads it computes it
    const { [a]: map, [b]: factor, [node.name]: product } = to.graph.shapes;
    const isFactor = sameShape(map, product) && factor.length === 4 && factor[1] * factor[2] === 1;
    if (isFactor && factor[3] === product[3] && !to.isConstant(a) && !to.isConstant(b))
      to.rows(node, "multiply", to.read(a), to.read(b, "whole"));
    else elementwise(to, node, "multiply");
  },
  globalAveragePool: (to, node) => {
    const [input] = node.inputs;
    const isMap8 = to.values.get(input)!.layout === "map8";
    if (isMap8) to.sums(node, "dsp_mean", { value: input, window: row });
    else to.sums(node, "mean", to.read(input));
  },
  averagePool: (to, node) => {
    const { kernel, stride, padding } = node.attributes;
    const { height, width } = mapOf(to.graph.shapes[node.inputs[0]]);
    const isMap = kernel[0] === height && kernel[1] === width && Object.values(padding).every((side) => side === 0);
    if (isMap) to.sums(node, "average_map", to.read(node.inputs[0]));
    else {
      const window = { size: kernel[0], stride: stride[0], before: padding.top };
      to.rows(node, "average_pool", to.read(node.inputs[0], window));
    }
  },
  softmax: (to, node) => to.rows(node, "softmax", to.read(node.inputs[0])),
  maxWindow: (to, node) => {
    const { kernel, stride, padding } = node.attributes;
    const window = { size: kernel[0], stride: stride[0], before: padding.top };
    to.rows(node, "max_window", to.read(node.inputs[0], window));
  },
  maxPool: (to, node) => {
    const { size, stride } = node.attributes;
    to.rows(node, "max_pool", to.read(node.inputs[0], { size, stride, before: 0 }));
  },
  pad: (to, node) => {
    const { top } = node.attributes.padding;
    to.rows(node, "pad", to.read(node.inputs[0], { size: 1, stride: 1, before: top }));
  },
  resize: (to, node) => {
    const [input] = node.inputs;
    const { rows } = resizeTaps(node.name, to.graph.shapes[input], node.attributes);
    const spans = rows.map(({ lower, upper }) => [lower, upper + 1] as const);
    to.rows(node, `resize_${node.attributes.mode}`, to.read(input, { spans }));
  },
  slice: (to, node) => {
    const { begin, step } = node.attributes;
    to.rows(node, "slice", to.read(node.inputs[0], { size: 1, stride: step[0], before: 0 - begin[0] }));
  },
  concat: (to, node) => {
    const { axis } = node.attributes;
    let before = 0;
    const reads = node.inputs.map((input) => {
      // A vector may be a flattened map.
      if (to.graph.shapes[node.name].length < 4) return to.read(input, "whole");
      if (axis > 1) return to.read(input);
      // Inputs lie one below the other, so each output row comes from one input.
      const read = to.read(input, { size: 1, stride: 1, before });
      before += to.graph.shapes[input][1];
      return read;
    });
    to.rows(node, "concat", ...reads);
  },
  reshape: (to, node) => to.rows(node, "reshape", to.read(node.inputs[0], "whole")),
  flatten: (to, { name, inputs }) => {
    // The bytes do not change, so readers use the map itself.
    to.values.set(name, to.values.get(to.nhwc(inputs[0]))!);
  },
};

/**
 * Reads an element-wise node's input, repeated where the output is larger. Rows of a constant are made along with those
 * of the other input.
 */
function operand(to: Lowerer, node: ElementwiseNode, input: 0 | 1): Read {
  const { shapes } = to.graph;
  const name = node.inputs[input];
  const isConstant = to.isConstant(name);
  if (!isConstant && sameShape(shapes[name], shapes[node.name])) return to.read(name);
  const other = node.inputs[1 - input];
  if (isConstant && to.isConstant(other))
    throw new PhinetsError("target.op", `${node.op} "${node.name}": is of two constants; fold them into one`);
  const made = `${node.name}:${input === 0 ? "first" : "second"}`;
  to.value(made, "nhwc", shapes[node.name]);
  const constantBytes = isConstant ? sizeOf(shapes[name]) : 0;
  const source = isConstant ? other : name;
  const { height } = mapOf(shapes[source]);
  const reads = [to.read(source, height === 1 ? "whole" : row)];
  to.steps.push({
    kernel: "repeat",
    node,
    reads,
    output: made,
    scratchBytes: 0,
    repeats: { input, constantBytes },
  });
  return { value: made, window: row };
}

function elementwise(to: Lowerer, node: ElementwiseNode, kernel: Kernel): void {
  to.rows(node, kernel, operand(to, node, 0), operand(to, node, 1));
}
