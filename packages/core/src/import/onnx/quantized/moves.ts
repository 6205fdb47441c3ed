/** Operators of a QDQ network that move values: int8 networks have them, float ones have not. */
import { formatShape, type Shape } from "../../../tensor/index.js";
import { Unsupported } from "../../unsupported.js";
import type { OnnxNode } from "../file.js";
import type { OnnxNetwork } from "../network.js";
import { axesOf, type OnnxValue, requireChannelsFirst, sameLayout } from "../value.js";

function refuse(problem: string): never {
  throw new Unsupported(problem);
}

/** An axis of the file's as one of the graph's, in which a list of vectors is a map of one row. */
function graphAxis({ shape, layout }: OnnxValue, axis: number): number {
  if (shape.length === 3) return axis + 1;
  return shape.length === 4 && layout === "channelsFirst" ? [0, 3, 1, 2][axis] : axis;
}

export function concat(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const values = node.inputs.map((name) => to.value(name));
  const [first, ...others] = values;
  const rank = first.shape.length;
  const given = node.attributes.int("axis", 1);
  const axis = given < 0 ? given + rank : given;
  const misfit = others.find(
    ({ shape, layout }) =>
      shape.length !== rank ||
      !sameLayout(layout, first.layout) ||
      shape.some((size, each) => each !== axis && size !== first.shape[each]),
  );
  if (misfit !== undefined || !(axis >= 1 && axis < rank) || typeof first.layout !== "string")
    refuse(
      `is along axis ${given} of ${values.map(({ shape }) => formatShape(shape)).join(" and ")}; maps or vectors of one order can be imported`,
    );
  if (others.length === 0) return to.alias(node, first);
  const inputs = values.map((value) => value.make());
  const name = to.graph.add("concat", node.outputs[0], inputs, { axis: graphAxis(first, axis) });
  const sum = values.reduce((total, { shape }) => total + shape[axis], 0);
  const shape = first.shape.map((size, each) => (each === axis ? sum : size));
  return to.made(node, shape, first.layout, name);
}

const coordinates: Readonly<Record<string, { alignCorners: boolean; halfPixelCenters: boolean }>> = {
  align_corners: { alignCorners: true, halfPixelCenters: false },
  asymmetric: { alignCorners: false, halfPixelCenters: false },
  half_pixel: { alignCorners: false, halfPixelCenters: true },
  pytorch_half_pixel: { alignCorners: false, halfPixelCenters: true },
};

/** Height and width of a map, by sizes or scales. */
export function resize(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const { channels, height, width } = requireChannelsFirst(x);
  const sizes = inputs[3] ? to.constantOf(inputs[3])?.ints() : undefined;
  const scales = inputs[2] ? to.constantOf(inputs[2])?.floats() : undefined;
  const wanted = sizes ?? (scales && Array.from(scales, (scale, axis) => Math.floor(x.shape[axis] * scale)));
  if (wanted === undefined || wanted.length !== 4 || wanted[0] !== 1 || wanted[1] !== channels)
    refuse(
      `resizes ${formatShape(x.shape)} to ${wanted?.join() ?? "what is no constant"}; height and width of a map can be imported`,
    );
  const [mode, how] = [
    attributes.text("mode", "nearest"),
    attributes.text("coordinate_transformation_mode", "half_pixel"),
  ];
  if (
    !Object.hasOwn(coordinates, how) ||
    (mode !== "nearest" && mode !== "linear") ||
    attributes.int("antialias", 0) !== 0
  )
    refuse(
      `resizes by ${mode.slice(0, 30)} and ${how.slice(0, 30)}; nearest and linear of half_pixel, asymmetric and align_corners can be imported`,
    );
  const size = [wanted[2], wanted[3]] as const;
  if (mode === "nearest") requireRounding(node, how, [height, width], size);
  const options = { mode: mode === "nearest" ? "nearest" : "bilinear", size, ...coordinates[how] } as const;
  const name = to.graph.add("resize", outputs[0], [x.make()], options);
  return to.made(node, [1, channels, ...size], "channelsFirst", name);
}

/** TensorFlow's kernels take the pixel that a position is in; where ONNX rounds otherwise, only whole factors agree. */
function requireRounding({ attributes }: OnnxNode, how: string, from: Shape, size: Shape): void {
  const rounding = attributes.text("nearest_mode", "round_prefer_floor");
  const isWhole = size.every((each, axis) => each % from[axis] === 0);
  const agrees =
    how === "asymmetric"
      ? rounding === "floor"
      : rounding === "round_prefer_ceil" || (how !== "align_corners" && isWhole && rounding === "round_prefer_floor");
  if (!agrees)
    refuse(
      `takes the nearest by ${rounding.slice(0, 30)} of ${how}; floor of asymmetric, and round_prefer_floor of half_pixel by whole factors, can be imported`,
    );
}

/** A part of a map; steps along height and width. */
export function slice(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const { channel, height, width } = axesOf(x);
  const [starts, ends, given, steps] = node.inputs.slice(1, 5).map((name) => to.constantOf(name)?.ints());
  if (starts === undefined || ends === undefined || starts.length !== ends.length || starts.length > 4)
    refuse("has bounds that are no constants; export the network with constants folded");
  const axes = (given ?? starts.map((_, i) => i)).map((axis) => (axis < 0 ? axis + 4 : axis));
  const cuts = x.shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    if (i < 0) return { begin: 0, count: size, step: 1 };
    const step = steps?.[i] ?? 1;
    if (step < 1) refuse(`takes every ${step}th; at least 1 can be imported`);
    const inside = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    return { begin: inside(starts[i]), count: Math.ceil((inside(ends[i]) - inside(starts[i])) / step), step };
  });
  if (cuts[channel].step > 1 || cuts[0].count !== 1 || cuts.some(({ count }) => !(count > 0)))
    refuse(`takes ${cuts.map(({ count }) => count).join()} of ${formatShape(x.shape)}; parts of a map can be imported`);
  return part(to, node.outputs[0], x, [cuts[height], cuts[width], cuts[channel]]);
}

interface Cut {
  readonly begin: number;
  readonly count: number;
  readonly step: number;
}

function part(to: OnnxNetwork, wanted: string, x: OnnxValue, [rows, columns, channels]: readonly Cut[]): OnnxValue {
  const name = to.graph.add("slice", wanted, [x.make()], {
    begin: [rows.begin, columns.begin, channels.begin],
    size: [rows.count, columns.count, channels.count],
    step: [rows.step, columns.step],
  });
  const sizes = { ...axesOf(x) };
  const shape = x.shape.map((size, axis) =>
    axis === sizes.height
      ? rows.count
      : axis === sizes.width
        ? columns.count
        : axis === sizes.channel
          ? channels.count
          : size,
  );
  return { shape, layout: x.layout, make: () => name, sole: to.isSole(wanted) };
}

/** Parts of a map that lie behind each other along an axis. */
export function split(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const own = axesOf(x);
  const given = node.attributes.int("axis", 0);
  const axis = given < 0 ? given + 4 : given;
  const { outputs } = node;
  const equal = x.shape[axis] / outputs.length;
  const sizes = node.inputs[1] ? to.constantOf(node.inputs[1])?.ints() : outputs.map(() => equal);
  const total = sizes?.reduce((sum, size) => sum + size, 0);
  if (
    sizes === undefined ||
    sizes.length !== outputs.length ||
    axis === 0 ||
    total !== x.shape[axis] ||
    !sizes.every((size) => Number.isInteger(size) && size > 0)
  )
    refuse(
      `splits axis ${given} of ${formatShape(x.shape)} into ${sizes?.join() ?? "what is no constant"}; parts of a map can be imported`,
    );
  let begin = 0;
  const parts = sizes.map((count, i) => {
    const whole = (each: number): Cut => ({ begin: 0, count: x.shape[each], step: 1 });
    const cuts = [own.height, own.width, own.channel].map((each) =>
      each === axis ? { begin, count, step: 1 } : whole(each),
    );
    begin += count;
    return part(to, outputs[i], x, cuts);
  });
  for (const [i, each] of parts.slice(1).entries()) to.define(outputs[1 + i], each);
  return parts[0];
}
