/** Operators of a .tflite file that move bytes. */
import type { OpAttributes } from "../../graph/index.js";
import { formatShape, type Shape } from "../../tensor/index.js";
import type { TfliteOperator, TfliteTensor } from "./file.js";
import type { NetworkBuilder } from "./network.js";
import type { OperatorRule } from "./operators.js";
import { permuted, swapped } from "./permute.js";
import type { OperatorReader } from "./reader.js";
import { slots } from "./schema.js";
import { graphAxis, graphShape, refuse } from "./shapes.js";

export const moveRules: Readonly<Record<string, OperatorRule>> = {
  RESIZE_NEAREST_NEIGHBOR: resize,
  RESIZE_BILINEAR: resize,

  SLICE(to, operator) {
    const [x] = to.inputsOf(operator, 3);
    slice(to, x, sliceCuts(to, operator), to.file.tensors[operator.outputs[0]]);
  },

  STRIDED_SLICE(to, operator) {
    const [x] = to.inputsOf(operator, 4);
    slice(to, x, stridedCuts(to, operator), to.file.tensors[operator.outputs[0]]);
  },

  /** A transpose that brings the input's channels to the end is left out; others move parts. */
  TRANSPOSE(to, operator) {
    const [x, order] = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const axes = [...to.int32s(order)];
    if ([...axes].sort((a, b) => a - b).join() !== x.shape.map((_, axis) => axis).join())
      refuse(`puts the axes of ${formatShape(x.shape)} in the order ${axes.join()}; convert the network again`);
    const moved = axes.filter((axis) => x.shape[axis] !== 1);
    const isShape = moved.every((axis, i) => i === 0 || moved[i - 1] < axis);
    if (isShape) to.reshape(x.index, output.index);
    else if (axes.join() !== "0,2,3,1" || !to.takeTransposed(x, output))
      to.take(output, permuted(to, to.value(x.index), x.shape, axes));
  },

  DEPTH_TO_SPACE(to, operator) {
    const { x, output, block } = blocks(to, operator);
    const [, height, width, channels] = x.shape;
    const row = channels / block;
    if (!Number.isInteger(row / block)) refuseBlocks(x, block);
    // A channel index consists of (row in the block, column, channel); its rows go between the map's.
    const rows = swapped(to, to.value(x.index), [height * width, block, row]);
    to.take(output, swapped(to, rows, [block, height, width * row]));
  },

  SPACE_TO_DEPTH(to, operator) {
    const { x, output, block } = blocks(to, operator);
    const [, height, width, channels] = x.shape.map((size, axis) => (axis === 1 || axis === 2 ? size / block : size));
    if (!Number.isInteger(height) || !Number.isInteger(width)) refuseBlocks(x, block);
    const row = block * channels;
    const rows = swapped(to, to.value(x.index), [height, block, width * row]);
    to.take(output, swapped(to, rows, [block, height * width, row]));
  },

  PACK(to, { inputs, outputs, options }) {
    const output = to.file.tensors[outputs[0]];
    const shape = graphShape(output.shape);
    const axis = graphAxis(output.shape, options?.int32(slots.pack.axis) ?? 0);
    const part = shape.map((size, each) => (each === axis ? 1 : size));
    if (shape[axis] !== inputs.length || axis === 0)
      refuse(`makes ${formatShape(output.shape)} of ${inputs.length} values; batch 1 of maps can be imported`);
    const { scale, zeroPoint } = to.quantizationOf(output);
    for (const each of inputs) {
      const { name, ...tensor } = to.file.tensors[each];
      const its = to.quantizationOf({ name, ...tensor });
      if (its.scale !== scale || its.zeroPoint !== zeroPoint)
        refuse(`has the input "${name.slice(0, 60)}" of another scale than its output; quantise the network again`);
    }
    const values = inputs.map((each) => to.shaped(each, part));
    to.take(output, to.joined(values, axis));
  },

  MIRROR_PAD(to, operator) {
    const [x, given] = to.inputsOf(operator, 2);
    const output = to.file.tensors[operator.outputs[0]];
    const isSymmetric = operator.options?.byte(slots.mirrorPad.mode) === 1;
    const sides = [...to.int32s(given)];
    const [b0, b1, top, bottom, left, right, c0, c1] = sides;
    if (x.shape.length !== 4 || sides.length !== 8 || b0 + b1 + c0 + c1 !== 0 || sides.some((side) => side < 0))
      refuse(`pads ${formatShape(x.shape)} by ${sides.join()}; height and width of a map can be imported`);
    const rows = mirrored(to, to.value(x.index), { axis: 1, before: top, after: bottom, isSymmetric });
    to.take(output, mirrored(to, rows, { axis: 2, before: left, after: right, isSymmetric }));
  },

  SPLIT: (to, operator) => parts(to, splitParts(to, operator)),
  SPLIT_V: (to, operator) => parts(to, splitParts(to, operator)),
  UNPACK: (to, operator) => parts(to, splitParts(to, operator)),
};

/** The ranges that SLICE takes, by the file's axes. */
export function sliceCuts(to: OperatorReader, operator: TfliteOperator): Cut[] {
  const [x, begins, sizes] = to.inputsOf(operator, 3);
  const [first, counts] = [to.int32s(begins), to.int32s(sizes)];
  return x.shape.map((size, axis): Cut => {
    const begin = first[axis];
    return { begin, count: counts[axis] === -1 ? size - begin : counts[axis], step: 1 };
  });
}

/** The ranges that STRIDED_SLICE takes, by the file's axes. */
export function stridedCuts(to: OperatorReader, operator: TfliteOperator): Cut[] {
  const [x, begins, ends, steps] = to.inputsOf(operator, 4);
  const [begin, end, stride] = [to.int32s(begins), to.int32s(ends), to.int32s(steps)];
  const at = slots.stridedSlice;
  const mask = (slot: number): number => operator.options?.int32(slot) ?? 0;
  if (mask(at.ellipsisMask) !== 0 || mask(at.newAxisMask) !== 0 || begin.length !== x.shape.length)
    refuse("has an ellipsis or new axes; begin, end and stride of each axis can be imported");
  return x.shape.map((size, axis): Cut => {
    const bit = (slot: number): boolean => ((mask(slot) >> axis) & 1) === 1;
    const step = stride[axis];
    if (!(step >= 1)) refuse(`has stride ${step}; at least 1 can be imported`);
    const inside = (i: number): number => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
    const from = bit(at.beginMask) ? 0 : inside(begin[axis]);
    if (bit(at.shrinkAxisMask)) return { begin: from, count: 1, step: 1 };
    const last = bit(at.endMask) ? size : inside(end[axis]);
    return { begin: from, count: Math.max(0, Math.ceil((last - from) / step)), step };
  });
}

/** A part of a tensor that an operator makes. */
export interface Part {
  readonly x: TfliteTensor;
  readonly cuts: readonly Cut[];
  /** Index of the tensor that holds the part. */
  readonly output: number;
}

/** The parts that SPLIT, SPLIT_V and UNPACK make, which lie one behind the other along an axis. */
export function splitParts(to: OperatorReader, operator: TfliteOperator): Part[] {
  const { outputs } = operator;
  const { x, axis, sizes } = splitOf(to, operator);
  if (sizes.length !== outputs.length)
    refuse(`has ${sizes.length} sizes and ${outputs.length} outputs; convert the network again`);
  const along = axis < 0 ? axis + x.shape.length : axis;
  let begin = 0;
  return outputs.map((output, i) => {
    const count = sizes[i];
    const cuts = x.shape.map(
      (size, each): Cut => (each === along ? { begin, count, step: 1 } : { begin: 0, count: size, step: 1 }),
    );
    begin += count;
    return { x, cuts, output };
  });
}

/** The tensor that is split, the axis, and the number of elements in each part. */
function splitOf(to: OperatorReader, operator: TfliteOperator) {
  const { kind, outputs, options } = operator;
  const equal = (count: number) => new Array<number>(outputs.length).fill(count);
  if (kind === "UNPACK")
    return { x: to.inputsOf(operator, 1)[0], axis: options?.int32(slots.unpack.axis) ?? 0, sizes: equal(1) };
  if (kind === "SPLIT") {
    const [axes, x] = to.inputsOf(operator, 2);
    const [axis] = Array.from(to.int32s(axes));
    const length = x.shape.at(axis) ?? 0;
    if (length % outputs.length !== 0)
      refuse(`splits ${length} of ${formatShape(x.shape)} into ${outputs.length}; convert the network again`);
    return { x, axis, sizes: equal(length / outputs.length) };
  }
  const [x, given, axes] = to.inputsOf(operator, 3);
  const [axis] = Array.from(to.int32s(axes));
  const counts = Array.from(to.int32s(given));
  const rest = (x.shape.at(axis) ?? 0) - counts.reduce((sum, size) => sum + Math.max(0, size), 0);
  return { x, axis, sizes: counts.map((size) => (size < 0 ? rest : size)) };
}

function parts(to: NetworkBuilder, made: readonly Part[]): void {
  for (const { x, cuts, output } of made) slice(to, x, cuts, to.file.tensors[output]);
}

/** Range of elements taken along an axis. */
export interface Cut {
  readonly begin: number;
  readonly count: number;
  readonly step: number;
}

function blocks(to: NetworkBuilder, operator: TfliteOperator) {
  const [x] = to.inputsOf(operator, 1);
  const output = to.file.tensors[operator.outputs[0]];
  const block = operator.options?.int32(slots.blocks.size) ?? 0;
  if (x.shape.length !== 4 || !(block >= 1)) refuseBlocks(x, block);
  return { x, output, block };
}

function refuseBlocks({ shape }: TfliteTensor, block: number): never {
  return refuse(`moves blocks of ${block} of ${formatShape(shape)}; convert the network again`);
}

interface Mirror {
  readonly axis: 1 | 2;
  readonly before: number;
  readonly after: number;
  /** Whether the pixel at the edge is repeated too. */
  readonly isSymmetric: boolean;
}

/** A map of the graph extended by its own rows or columns, mirrored at the edges. */
function mirrored(to: NetworkBuilder, x: string, { axis, before, after, isSymmetric }: Mirror): string {
  const shape = to.shapeOf(x);
  const size = shape[axis];
  const edge = isSymmetric ? 0 : 1;
  if (Math.max(before, after) + edge > size || before + after > 128)
    refuse(
      `mirrors ${before} and ${after} of ${size} rows or columns; as many as there are, 128 at most, can be imported`,
    );
  const line = (at: number): string => {
    const begin: [number, number, number] = axis === 1 ? [at, 0, 0] : [0, at, 0];
    const [, height, width, channels] = shape;
    return to.part(x, { begin, size: axis === 1 ? [1, width, channels] : [height, 1, channels] });
  };
  const first = Array.from({ length: before }, (_, i) => line(before - 1 - i + edge));
  const last = Array.from({ length: after }, (_, i) => line(size - 1 - i - edge));
  return to.joined([...first, x, ...last], axis);
}

/**
 * Ranges by the file's axes as a `slice` of a map (`graphShape`), where a vector is a map of one pixel. Undefined where
 * they leave nothing out. Throws `Unsupported` for ranges outside the tensor.
 */
export function boxOf(shape: Shape, cuts: readonly Cut[]): OpAttributes["slice"] | undefined {
  const wrong = cuts.findIndex(
    ({ begin, count, step }, axis) => !(begin >= 0 && count > 0 && begin + (count - 1) * step < shape[axis]),
  );
  if (wrong >= 0)
    refuse(
      `takes ${cuts[wrong].count} from ${cuts[wrong].begin} on along axis ${wrong} of ${formatShape(shape)}; convert the network again`,
    );
  if (cuts.every(({ count }, axis) => count === shape[axis])) return undefined;
  // The last three axes are the map's; those before are batches of one.
  const all: Cut[] = [...new Array<Cut>(3).fill({ begin: 0, count: 1, step: 1 }), ...cuts];
  const [rows, columns, channels] = all.slice(-3);
  if (channels.step > 1) refuse(`takes every ${channels.step}th channel; all from one to another can be imported`);
  return {
    begin: [rows.begin, columns.begin, channels.begin],
    size: [rows.count, columns.count, channels.count],
    step: [rows.step, columns.step],
  };
}

function slice(to: NetworkBuilder, x: TfliteTensor, cuts: readonly Cut[], output: TfliteTensor): void {
  const attributes = boxOf(x.shape, cuts);
  if (attributes === undefined) {
    to.reshape(x.index, output.index);
    return;
  }
  const inner = graphShape(x.shape);
  const map = inner.length === 4 ? inner : [1, 1, 1, inner[1]];
  const name = to.nameOf(output);
  const inputs = [to.shaped(x.index, map)];
  to.addShaped({ name, op: "slice", inputs, parameters: {}, attributes }, output);
}

interface ResizeSlots {
  readonly alignCorners: number;
  readonly halfPixelCenters: number;
}

/** The graph's attributes of RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR. */
export function resizeOf(to: OperatorReader, operator: TfliteOperator): OpAttributes["resize"] {
  const isNearest = operator.kind === "RESIZE_NEAREST_NEIGHBOR";
  const at: ResizeSlots = isNearest ? slots.resizeNearest : slots.resizeBilinear;
  const [x, size] = to.inputsOf(operator, 2);
  const [height, width, ...more] = Array.from(to.int32s(size));
  if (more.length > 0 || x.shape.length !== 4)
    refuse(
      `resizes ${formatShape(x.shape)} to [${[height, width, ...more]}]; height and width of a map can be imported`,
    );
  const { options } = operator;
  const alignCorners = options?.byte(at.alignCorners) === 1;
  const halfPixelCenters = options?.byte(at.halfPixelCenters) === 1;
  if (alignCorners && halfPixelCenters)
    refuse("has align_corners and half_pixel_centers; at most one of them can be imported");
  return { mode: isNearest ? "nearest" : "bilinear", size: [height, width], alignCorners, halfPixelCenters };
}

function resize(to: NetworkBuilder, operator: TfliteOperator): void {
  const [x] = to.inputsOf(operator, 2);
  const output = to.file.tensors[operator.outputs[0]];
  const attributes = resizeOf(to, operator);
  const name = to.nameOf(output);
  to.add({ name, op: "resize", inputs: [to.value(x.index)], parameters: {}, attributes }, output);
  to.requireShape(output);
}
