/** Lowers copies of boxes between maps (concat, slice, pad, and their gradients) and resizing. */
import { realResizeTaps } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import type { TrainingNodeOf } from "../differentiate.js";
import { mapLayout } from "../layout.js";
import type { Word } from "../program.js";
import type { ProgramBuilder } from "./builder.js";
import { stored } from "./maps.js";
import { plain } from "./operand.js";

type Place = readonly [row: number, column: number, channel: number];

/** Position of a box in a map. */
interface Side {
  readonly buffer: number;
  readonly shape: Shape;
  readonly at?: Place;
  readonly step?: readonly [vertical: number, horizontal: number];
}

/** A value as a map: height, width and channels. */
const sidesOf = (shape: Shape): Place => [1, 1, ...shape.slice(1)].slice(-3) as unknown as Place;

/** @param size rows, columns and channels */
function copyBox(builder: ProgramBuilder, source: Side, target: Side, size: Place, cleared: boolean): void {
  const [rows, columns, channels] = size;
  const place = ({ shape, at = [0, 0, 0], step = [1, 1] }: Side) => {
    const { stride, imageBytes } = mapLayout(shape);
    const [pixel, row] = [stride * 4, sidesOf(shape)[1] * stride * 4];
    return { at: at[0] * row + at[1] * pixel + at[2] * 4, pixel: step[1] * pixel, row: step[0] * row, imageBytes };
  };
  const [from, to] = [place(source), place(target)];
  // Whole pixels and their padding form one contiguous piece.
  const isWhole = [source, target].every(({ shape }) => shape.at(-1) === channels);
  const bytes = isWhole ? mapLayout(target.shape).stride * 4 : channels * 4;
  builder.emit("copyBox", () => ({
    ...{ x: { buffer: source.buffer }, out: { buffer: target.buffer }, rows, columns, channels: bytes },
    ...{ sourceAt: from.at, sourcePixel: from.pixel, sourceRow: from.row, sourceImage: from.imageBytes },
    ...{ targetAt: to.at, targetPixel: to.pixel, targetRow: to.row, targetImage: to.imageBytes },
    cleared: cleared ? to.imageBytes : 0,
  }));
}

/** Copies a box out of the input; padding that the copy does not cover is cleared. */
function take(
  builder: ProgramBuilder,
  { name, inputs: [x] }: { readonly name: string; readonly inputs: readonly string[] },
  box: Pick<Side, "at" | "step">,
): void {
  const { shapes } = builder.graph;
  const source = { buffer: builder.store(x), shape: shapes[x], ...box };
  const target = { buffer: builder.buffer(name), shape: shapes[name] };
  const isPadded = shapes[x].at(-1) !== shapes[name].at(-1) && builder.layout(name).stride !== shapes[name].at(-1);
  copyBox(builder, source, target, sidesOf(shapes[name]), isPadded);
  builder.set(name, plain(target.buffer));
}

/** Copies the input into a map of zeros. */
function put(
  builder: ProgramBuilder,
  { name, inputs: [x] }: { readonly name: string; readonly inputs: readonly string[] },
  box: Pick<Side, "at" | "step">,
): void {
  const { shapes } = builder.graph;
  const source = { buffer: builder.store(x), shape: shapes[x] };
  const target = { buffer: builder.buffer(name), shape: shapes[name], ...box };
  copyBox(builder, source, target, sidesOf(shapes[x]), true);
  builder.set(name, plain(target.buffer));
}

const cornerOf = ({ top, left }: { readonly top: number; readonly left: number }): Place => [top, left, 0];

export const pad = (builder: ProgramBuilder, node: TrainingNodeOf<"pad">): void =>
  put(builder, node, { at: cornerOf(node.attributes.padding) });

export const padGrad = (builder: ProgramBuilder, node: TrainingNodeOf<"padGrad">): void =>
  take(builder, node, { at: cornerOf(node.attributes.padding) });

export const slice = (builder: ProgramBuilder, node: TrainingNodeOf<"slice">): void =>
  take(builder, node, { at: node.attributes.begin, step: node.attributes.step });

export const sliceGrad = (builder: ProgramBuilder, node: TrainingNodeOf<"sliceGrad">): void =>
  put(builder, node, { at: node.attributes.begin, step: node.attributes.step });

/** A position along one axis of a shape. */
function along(shape: Shape, axis: number, at: number): Place {
  const place = [0, 0, 0];
  place[axis - shape.length + 3] = at;
  return place as unknown as Place;
}

export function concat(builder: ProgramBuilder, node: TrainingNodeOf<"concat">): void {
  const { name, inputs, attributes } = node;
  const { shapes } = builder.graph;
  const buffers = inputs.map((input) => builder.store(input));
  const buffer = builder.buffer(name);
  const shape = shapes[name];
  const { axis } = attributes;
  let begin = 0;
  for (const [i, input] of inputs.entries()) {
    const own = shapes[input];
    const isPadded = axis === shape.length - 1 && builder.layout(name).stride !== shape[axis];
    const target = { buffer, shape, at: along(shape, axis, begin) };
    copyBox(builder, { buffer: buffers[i], shape: own }, target, sidesOf(own), i === 0 && isPadded);
    begin += own[axis];
  }
  builder.set(name, plain(buffer));
}

export function concatGrad(builder: ProgramBuilder, node: TrainingNodeOf<"concatGrad">): void {
  const { axis, begin } = node.attributes;
  take(builder, node, { at: along(builder.graph.shapes[node.name], axis, begin) });
}

export function resize(builder: ProgramBuilder, node: TrainingNodeOf<"resize"> | TrainingNodeOf<"resizeGrad">): void {
  const [small, large] = node.op === "resize" ? [node.inputs[0], node.name] : [node.name, node.inputs[0]];
  const [, height, width] = builder.graph.shapes[small];
  const [, outHeight, outWidth] = builder.graph.shapes[large];
  const taps = [realResizeTaps(height, outHeight, node.attributes), realResizeTaps(width, outWidth, node.attributes)];
  const words = taps.flat().flatMap(({ lower, upper, weight }): Word[] => [lower, upper, { float: weight }]);
  const bytes = builder.layout(node.name).stride * 4;
  const opcode = node.op === "resize" ? "resizeForward" : "resizeGradient";
  stored(builder, node, opcode, { bytes, height, width, outHeight, outWidth, taps: words });
}
