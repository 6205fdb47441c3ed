/**
 * Fixes all sizes of a file whose input has open sizes: infers each tensor's from the input's, operator by operator,
 * and turns computations on shapes (SHAPE and so on) into constants.
 */
import { broadcastShape, formatShape, PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { type ImportOptions, resolveInputShape } from "../input-shape.js";
import { Unsupported } from "../unsupported.js";
import { cutTflite } from "./cut.js";
import type { TfliteFile, TfliteOperator, TfliteTensor } from "./file.js";
import { sliceCuts, stridedCuts } from "./moves.js";
import { windows } from "./operators.js";
import { OperatorReader } from "./reader.js";
import { slots } from "./schema.js";
import { refuse } from "./shapes.js";

/**
 * The file to import: it ends at the requested outputs, and all its sizes are fixed.
 * Throws PhinetsError `import.outputs` as `cutTflite`, `import.shape` as `resolveInputShape`, `import.operators` where
 * an operator does not fit its sizes.
 */
export function preparedTflite(whole: TfliteFile, { shape, outputs }: ImportOptions): TfliteFile {
  return withFixedSizes(cutTflite(whole, outputs), shape);
}

function withFixedSizes(file: TfliteFile, given: ImportOptions["shape"]): TfliteFile {
  const input = file.tensors[file.inputs[0]];
  if (input === undefined || file.inputs.length !== 1) return file; // the importers report this
  const { name, signature = input.shape } = input;
  const sizes = resolveInputShape({ file: file.file, name, shape: signature }, given);
  const isFixed = signature.every((size, axis) => size > 0 || axis === 0) && sizes.join() === input.shape.join();
  if (isFixed && !file.operators.some(({ kind }) => kind === "SHAPE")) return file;
  return new Sizes(file, sizes).infer();
}

/** Shapes have few numbers; larger constants are weights. */
const mostNumbers = 64;

class Sizes {
  readonly #tensors: TfliteTensor[];
  readonly #reader: OperatorReader;
  /** Tensors with known sizes. */
  readonly #known = new Set<number>();

  constructor(
    readonly file: TfliteFile,
    sizes: Shape,
  ) {
    this.#tensors = [...file.tensors];
    this.#reader = new OperatorReader({ ...file, tensors: this.#tensors });
    this.#fix(file.inputs[0], sizes);
    for (const { index, data } of file.tensors) if (data !== undefined) this.#known.add(index);
  }

  infer(): TfliteFile {
    const left = this.file.operators.filter((operator) => {
      try {
        return !this.#isConstant(operator);
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        const { index, kind, outputs } = operator;
        const shown = this.#tensors[outputs[0]]?.name.slice(0, 60) ?? "";
        const { file } = this.file;
        throw new PhinetsError(
          "import.operators",
          `${file}: operator ${index} ${kind} ("${shown}"): ${error.message}`,
          file,
        );
      }
    });
    return { ...this.file, tensors: this.#tensors, operators: left };
  }

  #fix(index: number, shape: Shape): void {
    this.#tensors[index] = { ...this.#tensors[index], shape };
    this.#known.add(index);
  }

  /**
   * Infers the sizes of an operator's results; returns whether they are constants. Results of unknown operators keep
   * the file's sizes, since such operators are refused later.
   */
  #isConstant(operator: TfliteOperator): boolean {
    const { kind, inputs, outputs } = operator;
    const read = inputs.filter((each) => each !== -1);
    if (outputs.length === 0 || read.length === 0 || !read.every((each) => this.#known.has(each))) return false;
    const tensors = read.map((each) => this.#tensors[each]);
    const isFolded = kind === "SHAPE" || tensors.every((each) => each.type === "int32" && each.data !== undefined);
    if (isFolded && Object.hasOwn(folds, kind)) {
      const values = kind === "SHAPE" ? [] : tensors.map((each) => [...this.#reader.int32s(each)]);
      const { shape, data } = folds[kind](operator, values, tensors, this.#reader);
      if (data.length > mostNumbers || data.length !== sizeOf(shape))
        refuse(`makes ${data.length} numbers as ${formatShape(shape)}; convert the network with constants folded`);
      const bytes = new DataView(new ArrayBuffer(4 * data.length));
      for (const [i, value] of data.entries()) bytes.setInt32(4 * i, value, true);
      this.#fix(outputs[0], shape);
      this.#tensors[outputs[0]] = { ...this.#tensors[outputs[0]], type: "int32", data: new Uint8Array(bytes.buffer) };
      return true;
    }
    if (!Object.hasOwn(rules, kind)) return false;
    const shapes = rules[kind](operator, tensors, this.#reader);
    outputs.forEach((output, i) => {
      const shape = shapes[Math.min(i, shapes.length - 1)];
      if (shape.length > 8 || !shape.every((size) => Number.isInteger(size) && size >= 1 && size <= 2 ** 31))
        refuse(
          `makes ${formatShape(shape.slice(0, 9))} of ${tensors.map((each) => formatShape(each.shape)).join(" and ")}; give a larger --shape`,
        );
      this.#fix(output, shape);
    });
    return false;
  }
}

type Rule = (operator: TfliteOperator, inputs: readonly TfliteTensor[], reader: OperatorReader) => readonly Shape[];

const same: Rule = (_, [x]) => [x.shape];

/** An axis that may be counted from the end, as one from the start. */
function axisOf(axis: number, rank: number): number {
  const own = axis < 0 ? axis + rank : axis;
  return own >= 0 && own < rank ? own : refuse(`is along axis ${axis} of ${rank}; convert the network again`);
}

function windowed(
  operator: TfliteOperator,
  reader: OperatorReader,
  filter: Shape,
  at: Parameters<typeof windows>[2],
): Shape {
  const { kernel, stride, padding } = windows(reader, operator, at, filter);
  const [batch, height, width, channels] = reader.file.tensors[operator.inputs[0]].shape;
  const { top, bottom, left, right } = padding;
  const rows = Math.floor((height + top + bottom - kernel[0]) / stride[0]) + 1;
  const columns = Math.floor((width + left + right - kernel[1]) / stride[1]) + 1;
  return [batch, rows, columns, channels];
}

function convolved(at: typeof slots.conv2d | typeof slots.depthwise, filterAxis: 0 | 3): Rule {
  return (operator, [, filters], reader) => {
    if (filters === undefined || filters.shape.length !== 4)
      refuse("has no weights of a map; convert the network again");
    const [first, height, width, last] = filters.shape;
    const spread = (size: number, slot: number) => (size - 1) * (operator.options?.int32(slot, 1) ?? 1) + 1;
    const kernel = [first, spread(height, at.dilationHeight), spread(width, at.dilationWidth), last];
    const [batch, rows, columns] = windowed(operator, reader, kernel, at);
    return [[batch, rows, columns, filters.shape[filterAxis]]];
  };
}

const pooled: Rule = (operator, _, reader) => {
  const filter = [slots.pool.filterHeight, slots.pool.filterWidth].map((slot) => operator.options?.int32(slot) ?? 0);
  return [windowed(operator, reader, [0, ...filter], slots.pool)];
};

const elementwise: Rule = (_, [a, b]) => {
  if (b === undefined) refuse("has one input; convert the network again");
  const rank = Math.max(a.shape.length, b.shape.length);
  const of = ({ shape }: TfliteTensor) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const shape = broadcastShape(of(a), of(b));
  return shape === undefined
    ? refuse(`is of ${formatShape(a.shape)} and ${formatShape(b.shape)}; give a --shape of which they agree`)
    : [shape];
};

const padded: Rule = (_, [x, sides], reader) => {
  const numbers = sides === undefined ? [] : reader.int32s(sides);
  return [x.shape.map((size, axis) => size + numbers[2 * axis] + numbers[2 * axis + 1])];
};

const reduced: Rule = ({ options }, [x, axes], reader) => {
  if (axes === undefined) refuse("names no axes; convert the network again");
  const over = new Set(Array.from(reader.int32s(axes), (axis) => axisOf(axis, x.shape.length)));
  if (options?.byte(slots.reducer.keepDims)) return [x.shape.map((size, axis) => (over.has(axis) ? 1 : size))];
  return [x.shape.filter((_, axis) => !over.has(axis))];
};

const resized: Rule = (_, [x, size], reader) => {
  const [height, width] = size === undefined ? [] : reader.int32s(size);
  return [[x.shape[0], height, width, x.shape[3]]];
};

const rules: Readonly<Record<string, Rule>> = {
  ABS: same,
  ADD: elementwise,
  AVERAGE_POOL_2D: pooled,
  CONCATENATION: ({ options }, inputs) => {
    const [first] = inputs;
    const along = axisOf(options?.int32(slots.concatenation.axis) ?? 0, first.shape.length);
    const sum = inputs.reduce((total, { shape }) => total + (shape[along] ?? 0), 0);
    return [first.shape.map((size, axis) => (axis === along ? sum : size))];
  },
  CONV_2D: convolved(slots.conv2d, 0),
  DEPTH_TO_SPACE: ({ options }, [{ shape }]) => {
    const block = options?.int32(slots.blocks.size) ?? 0;
    return [[shape[0], shape[1] * block, shape[2] * block, shape[3] / block ** 2]];
  },
  DEPTHWISE_CONV_2D: convolved(slots.depthwise, 3),
  DEQUANTIZE: same,
  ELU: same,
  EXPAND_DIMS: (_, [x, axes], reader) => {
    const axis = axes === undefined ? 0 : axisOf(reader.int32s(axes)[0], x.shape.length + 1);
    return [[...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]];
  },
  FULLY_CONNECTED: ({ options }, [x, filters]) => {
    if (filters === undefined || filters.shape.length !== 2)
      refuse("has no matrix of weights; convert the network again");
    const [units, features] = filters.shape;
    if (options?.byte(slots.fullyConnected.keepDims)) return [[...x.shape.slice(0, -1), units]];
    if (sizeOf(x.shape) % features !== 0)
      refuse(`has weights of ${features} features for ${formatShape(x.shape)}; give the --shape that they are for`);
    return [[sizeOf(x.shape) / features, units]];
  },
  HARD_SWISH: same,
  LEAKY_RELU: same,
  LOGISTIC: same,
  MAXIMUM: elementwise,
  MAX_POOL_2D: pooled,
  MEAN: reduced,
  MINIMUM: elementwise,
  MUL: elementwise,
  MIRROR_PAD: padded,
  PACK: ({ options }, inputs) => {
    const [{ shape }] = inputs;
    const axis = axisOf(options?.int32(slots.pack.axis) ?? 0, shape.length + 1);
    return [[...shape.slice(0, axis), inputs.length, ...shape.slice(axis)]];
  },
  PAD: padded,
  PADV2: padded,
  QUANTIZE: same,
  RELU: same,
  RELU6: same,
  RELU_N1_TO_1: same,
  RESHAPE: ({ options, outputs }, [x, target], reader) => {
    const given = target === undefined ? (options?.int32s(slots.reshape.newShape) ?? []) : [...reader.int32s(target)];
    // Where no shape is given, the file's own applies, if its size matches.
    const wanted = given.length > 0 ? given : [...reader.file.tensors[outputs[0]].shape];
    const rest = wanted.reduce((product, size) => (size === -1 ? product : product * size), 1);
    const shape = wanted.map((size) => (size === -1 ? sizeOf(x.shape) / rest : size));
    if (sizeOf(shape) !== sizeOf(x.shape))
      refuse(`makes ${formatShape(wanted)} of ${formatShape(x.shape)}; give the --shape that it is for`);
    return [shape];
  },
  RESIZE_BILINEAR: resized,
  RESIZE_NEAREST_NEIGHBOR: resized,
  SLICE: (operator, _, reader) => [sliceCuts(reader, operator).map(({ count }) => count)],
  SOFTMAX: same,
  SPACE_TO_DEPTH: ({ options }, [{ shape }]) => {
    const block = options?.int32(slots.blocks.size) ?? 0;
    return [[shape[0], shape[1] / block, shape[2] / block, shape[3] * block ** 2]];
  },
  SPLIT: ({ outputs }, [axes, x], reader) => {
    if (x === undefined) refuse("has one input; convert the network again");
    const along = axisOf(reader.int32s(axes)[0], x.shape.length);
    return outputs.map(() => x.shape.map((size, axis) => (axis === along ? size / outputs.length : size)));
  },
  SPLIT_V: ({ outputs }, [x, sizes, axes], reader) => {
    if (axes === undefined) refuse("has too few inputs; convert the network again");
    const along = axisOf(reader.int32s(axes)[0], x.shape.length);
    const given = reader.int32s(sizes);
    const rest = x.shape[along] - given.reduce((sum, size) => sum + Math.max(0, size), 0);
    const sizeAt = (i: number) => (given[i] < 0 ? rest : given[i]);
    return outputs.map((_, i) => x.shape.map((size, axis) => (axis === along ? sizeAt(i) : size)));
  },
  SQUEEZE: ({ options }, [x]) => {
    const given = options?.int32s(slots.squeeze.axes) ?? [];
    const axes = given.map((axis) => axisOf(axis, x.shape.length));
    return [x.shape.filter((size, axis) => size !== 1 || (axes.length > 0 && !axes.includes(axis)))];
  },
  STRIDED_SLICE: (operator, _, reader) => {
    const shrunk = operator.options?.int32(slots.stridedSlice.shrinkAxisMask) ?? 0;
    const counts = stridedCuts(reader, operator).map(({ count }) => count);
    return [counts.filter((_, axis) => ((shrunk >> axis) & 1) === 0)];
  },
  SUB: elementwise,
  TANH: same,
  TRANSPOSE: (_, [x, order], reader) => {
    const axes = order === undefined ? [] : [...reader.int32s(order)];
    return [axes.map((axis) => x.shape[axis])];
  },
  UNPACK: ({ options }, [x]) => {
    const along = axisOf(options?.int32(slots.unpack.axis) ?? 0, x.shape.length);
    return [x.shape.filter((_, axis) => axis !== along)];
  },
};

type Fold = (
  operator: TfliteOperator,
  values: readonly (readonly number[])[],
  tensors: readonly TfliteTensor[],
  reader: OperatorReader,
) => { readonly shape: Shape; readonly data: readonly number[] };

/** Folds an operator on few integers; a single one is repeated. */
function folded(of: (a: number, b: number) => number): Fold {
  return (_, [a, b = []], [first, second]) => {
    const length = Math.max(a.length, b.length);
    const at = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : i];
    const data = Array.from({ length }, (_, i) => of(at(a, i), at(b, i)));
    if (!data.every(Number.isInteger)) refuse("computes sizes that are no integers; convert the network again");
    return { shape: a.length === length ? first.shape : second.shape, data };
  };
}

/** Keeps the values and infers the shape by the operator's rule. */
const keeps: Fold = (operator, [values], [tensor], reader) => {
  const [shape] = rules[operator.kind](
    operator,
    [tensor, ...reader.inputsOf(operator, operator.inputs.length).slice(1)],
    reader,
  );
  return { shape, data: values };
};

const folds: Readonly<Record<string, Fold>> = {
  ADD: folded((a, b) => a + b),
  CONCATENATION: (_, values) => ({ shape: [values.flat().length], data: values.flat() }),
  EXPAND_DIMS: keeps,
  MUL: folded((a, b) => a * b),
  PACK: (_, values, [{ shape }]) => ({ shape: [values.length, ...shape], data: values.flat() }),
  RESHAPE: keeps,
  SHAPE: (_, __, [{ shape }]) => ({ shape: [shape.length], data: shape }),
  SQUEEZE: keeps,
  STRIDED_SLICE: (operator, [values], [x], reader) => {
    if (x.shape.length !== 1) refuse(`takes a part of ${formatShape(x.shape)} integers; convert the network again`);
    const [{ begin, count, step }] = stridedCuts(reader, operator);
    const [shape] = rules.STRIDED_SLICE(operator, [x], reader);
    return { shape, data: Array.from({ length: count }, (_, i) => values[begin + i * step] ?? 0) };
  },
  SUB: folded((a, b) => a - b),
};
