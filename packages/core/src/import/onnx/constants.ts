/**
 * Folds constants that exporters compute in the graph, usually a few integers as the shape of a Reshape, in the way
 * that ONNX would.
 */
import { type Shape, sizeOf } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";
import type { ConstantQuantization, OnnxConstant, OnnxNode } from "./file.js";
import { dequantized, quantized } from "./quantized/constants.js";

/** Shapes have few numbers; larger constants are weights. */
const mostNumbers = 64;

/** A constant of integers. */
function integers(name: string, shape: Shape, values: readonly number[]): OnnxConstant {
  if (values.length > mostNumbers || shape.length > 8)
    throw new Unsupported(`makes a constant of ${values.length} numbers; export the network with constants folded`);
  return {
    ...{ name, shape, type: "int64" },
    ints: () => [...values],
    floats: () => Float32Array.from(values),
  };
}

/** A constant of floats. */
export function floats(
  name: string,
  shape: Shape,
  data: Float32Array,
  quantization?: ConstantQuantization,
): OnnxConstant {
  return {
    ...{ name, shape, type: "float32" },
    ...(quantization && { quantization }),
    floats: () => data,
    ints: () => {
      throw new Unsupported(
        `reads "${name.slice(0, 60)}", which is float32, where integers are needed; export it again`,
      );
    },
  };
}

const isIntegers = (x: OnnxConstant | undefined): boolean =>
  x !== undefined && x.type !== "float32" && sizeOf(x.shape) <= mostNumbers;

type Fold = (node: OnnxNode, inputs: readonly OnnxConstant[]) => OnnxConstant | undefined;

/** Result of an operator whose inputs are constants; undefined where this operator is not folded. */
export function foldConstant(node: OnnxNode, inputs: readonly OnnxConstant[]): OnnxConstant | undefined {
  return Object.hasOwn(folds, node.kind) ? folds[node.kind](node, inputs) : undefined;
}

/** The shape of a value as a constant. */
export const shapeConstant = (name: string, shape: Shape): OnnxConstant => integers(name, [shape.length], shape);

const folds: Readonly<Record<string, Fold>> = {
  Constant({ attributes, outputs: [name] }) {
    const given = attributes.tensor("value");
    if (given !== undefined) return { ...given, name };
    if (attributes.has("value_int")) return integers(name, [], [attributes.int("value_int", 0)]);
    const several = attributes.ints("value_ints");
    if (several !== undefined) return integers(name, [several.length], several);
    if (attributes.has("value_float")) return floats(name, [], Float32Array.of(attributes.float("value_float", 0)));
    const numbers = attributes.floats("value_floats");
    return numbers && floats(name, [numbers.length], Float32Array.from(numbers));
  },
  Identity: ({ outputs: [name] }, [x]) => ({ ...x, name }),
  Cast: ({ outputs: [name] }, [x]) => (isIntegers(x) ? { ...x, name } : undefined),
  Unsqueeze: ({ outputs: [name] }, [x]) => (isIntegers(x) ? integers(name, [sizeOf(x.shape)], x.ints()) : undefined),
  Squeeze: ({ outputs: [name] }, [x]) =>
    isIntegers(x) ? integers(name, sizeOf(x.shape) === 1 ? [] : [sizeOf(x.shape)], x.ints()) : undefined,
  Concat: ({ outputs: [name] }, inputs) => {
    if (!inputs.every(isIntegers)) return undefined;
    const values = inputs.flatMap((each) => each.ints());
    return integers(name, [values.length], values);
  },
  Gather: ({ outputs: [name] }, [x, at]) => {
    if (x === undefined || at === undefined || ![x, at].every(isIntegers) || x.shape.length !== 1) return undefined;
    const values = x.ints();
    return integers(
      name,
      at.shape,
      at.ints().map((i) => values[i < 0 ? i + values.length : i] ?? 0),
    );
  },
  Slice: ({ outputs: [name] }, [x, starts, ends, , steps]) => {
    if (x === undefined || starts === undefined || ends === undefined || !isIntegers(x)) return undefined;
    if (x.shape.length !== 1 || (steps !== undefined && steps.ints()[0] !== 1)) return undefined;
    const values = x.ints().slice(starts.ints()[0], ends.ints()[0]);
    return integers(name, [values.length], values);
  },
  /** Transposes a matrix of weights. */
  Transpose: ({ outputs: [name], attributes }, [x]) => {
    if (x.shape.length !== 2 || (attributes.ints("perm") ?? [1, 0]).join() !== "1,0") return undefined;
    const [rows, columns] = x.shape;
    const data = x.floats();
    const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
    const { quantization } = x;
    return floats(name, [columns, rows], turned, quantization && { ...quantization, axis: 1 - quantization.axis });
  },
  DequantizeLinear: ({ outputs: [name], attributes }, [x, scale, zero]) =>
    dequantized(name, x, { scale, zero, axis: attributes.int("axis", 1) }),
  QuantizeLinear: ({ outputs: [name], attributes }, [x, scale, zero]) =>
    quantized(name, x, { scale, zero, axis: attributes.int("axis", 1) }),
};
