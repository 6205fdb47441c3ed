/** ONNX operators that move pixels and channels: Concat, Slice, Split, Resize. */
import { type ResizeAttributes, realResizeTaps } from "../../graph/index.js";
import { formatShape, type Shape, sizeOf } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";
import type { OnnxNode } from "./file.js";
import type { OnnxNetwork } from "./network.js";
import { axesOf, type Layout, type OnnxValue, sameLayout } from "./value.js";

/** The graph's axis for one of ONNX's. A list of vectors, which int8 networks may have, is a map of one row. */
function graphAxis(layout: Layout, rank: number, axis: number): number {
  if (rank === 3) return axis + 1;
  return layout === "channelsFirst" && rank === 4 ? [0, 3, 1, 2][axis] : axis;
}

export function concat(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  if (node.inputs.length === 0) throw new Unsupported("has no inputs; export the network again");
  const values = node.inputs.map((name) => to.value(name));
  const [first] = values;
  const rank = first.shape.length;
  const given = node.attributes.int("axis", 0);
  const axis = given < 0 ? given + rank : given;
  const others = ({ shape }: OnnxValue): string => formatShape(shape.map((size, i) => (i === axis ? 0 : size)));
  const fits = (value: OnnxValue): boolean =>
    value.shape.length === rank && sameLayout(value.layout, first.layout) && others(value) === others(first);
  if (typeof first.layout !== "string" || !(axis >= 1 && axis < rank) || !values.every(fits))
    throw new Unsupported(
      `joins ${values.map(({ shape }) => formatShape(shape)).join(" and ")} along axis ${given}; maps of one order, along channels, height or width, can be imported`,
    );
  if (values.length === 1) return to.alias(node, first);
  const shape = first.shape.map((size, i) =>
    i === axis ? values.reduce((sum, value) => sum + value.shape[axis], 0) : size,
  );
  const inputs = values.map(({ make }) => make());
  const attributes = { axis: graphAxis(first.layout, rank, axis) };
  return to.made(node, shape, first.layout, to.graph.add("concat", node.outputs[0], inputs, attributes));
}

/** Range of elements taken along an axis. */
interface Cut {
  readonly begin: number;
  readonly count: number;
  readonly step: number;
}

/** Cuts a part out of a map; `cuts` follow ONNX's axes. */
function cut(to: OnnxNetwork, x: OnnxValue, cuts: readonly Cut[], output: string): OnnxValue {
  const { height, width, channel } = axesOf(x);
  if (cuts[channel].step > 1)
    throw new Unsupported(`takes every ${cuts[channel].step}th channel; all from one to another can be imported`);
  const shape = cuts.map(({ count }) => count);
  const sole = to.isSole(output);
  if (shape.join() === x.shape.join()) return { ...x, sole: x.sole && sole };
  const of = (key: keyof Cut) => [cuts[height][key], cuts[width][key], cuts[channel][key]] as const;
  const [down, across] = of("step");
  const name = to.graph.add("slice", output, [x.make()], {
    ...{ begin: of("begin"), size: of("count"), step: [down, across] },
  });
  return { shape, layout: x.layout, make: () => name, sole };
}

const all = (size: number): Cut => ({ begin: 0, count: size, step: 1 });

export function slice(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const [name, ...constants] = node.inputs;
  const x = to.value(name);
  const [starts, ends, axes, steps] = constants.map((each) => (each === "" ? undefined : to.constantOf(each)?.ints()));
  const isConstant = constants.every((each) => each === "" || to.constantOf(each) !== undefined);
  if (!isConstant || starts === undefined || ends === undefined || starts.length > 4)
    throw new Unsupported("takes a part that is no constant; export the network for one size");
  const cuts = x.shape.map(all);
  for (const [i, start] of starts.entries()) {
    const given = axes?.[i] ?? i;
    const axis = given < 0 ? given + x.shape.length : given;
    const size = x.shape[axis];
    const step = steps?.[i] ?? 1;
    if (size === undefined || !(step >= 1))
      throw new Unsupported(`takes steps of ${step} along axis ${given}; at least 1, along an axis, can be imported`);
    const inside = (at = size): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    const begin = inside(start);
    cuts[axis] = { begin, count: Math.max(0, Math.ceil((inside(ends[i]) - begin) / step)), step };
  }
  return cut(to, x, cuts, node.outputs[0]);
}

export function split(to: OnnxNetwork, node: OnnxNode): readonly OnnxValue[] {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const given = attributes.int("axis", 0);
  const axis = given < 0 ? given + x.shape.length : given;
  const size = x.shape[axis] ?? 0;
  const most = Math.ceil(size / outputs.length);
  const equal = outputs.map((_, i) => Math.max(0, Math.min(most, size - i * most)));
  const sizes = inputs[1] ? to.constantOf(inputs[1])?.ints() : equal;
  if (sizes?.length !== outputs.length || sizes.reduce((sum, each) => sum + each, 0) !== size)
    throw new Unsupported(
      `splits ${formatShape(x.shape)} along axis ${given} into ${sizes?.join() ?? "what is no constant"}; parts that make up the whole can be imported`,
    );
  let begin = 0;
  return outputs.map((output, i) => {
    const cuts = x.shape.map((each, at) => (at === axis ? { begin, count: sizes[i], step: 1 } : all(each)));
    begin += sizes[i];
    return cut(to, x, cuts, output);
  });
}

type Position = (i: number, from: number, to: number) => number;

/** Position in the input of an output's pixel, by ONNX's coordinate_transformation_mode. */
const positions: Readonly<Record<string, Position>> = {
  asymmetric: (i, from, to) => (i * from) / to,
  half_pixel: (i, from, to) => ((i + 0.5) * from) / to - 0.5,
  pytorch_half_pixel: (i, from, to) => (to > 1 ? ((i + 0.5) * from) / to - 0.5 : 0),
  align_corners: (i, from, to) => (to > 1 ? (i * (from - 1)) / (to - 1) : 0),
};

/** Rounding of positions, by ONNX's nearest_mode. */
const roundings: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The kinds of resize that the graph has. */
const kinds = [
  { alignCorners: false, halfPixelCenters: true },
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
] as const;

/** Uses the graph's kind of resize that takes the same pixels as ONNX's mode, whatever their names. */
export function resize(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const { inputs, outputs, attributes } = node;
  const x = to.value(inputs[0]);
  const { channel, height, width } = axesOf(x);
  const size = sizesOf(to, node, x.shape);
  if (size[0] !== x.shape[0] || size[channel] !== x.shape[channel])
    throw new Unsupported(`makes ${formatShape(size)} of ${formatShape(x.shape)}; height and width can be changed`);
  const text = (name: string, absent: string): string => attributes.text(name, absent).slice(0, 40);
  const mode = text("mode", "nearest");
  const place = text("coordinate_transformation_mode", "half_pixel");
  const rounding = text("nearest_mode", "round_prefer_floor");
  const known = Object.hasOwn(positions, place) && Object.hasOwn(roundings, rounding);
  if ((mode !== "nearest" && mode !== "linear") || !known || attributes.int("antialias", 0) !== 0)
    throw new Unsupported(
      `has the mode ${mode}, ${place}${mode === "nearest" ? `, ${rounding}` : ""}${attributes.int("antialias", 0) === 0 ? "" : ", antialias"}; nearest and linear can be imported`,
    );
  const wanted = { mode: mode === "nearest" ? "nearest" : "bilinear", size: [size[height], size[width]] } as const;
  const isSame = (kind: (typeof kinds)[number]): boolean =>
    [height, width].every((axis) => {
      const [from, length] = [x.shape[axis], size[axis]];
      return realResizeTaps(from, length, { ...wanted, ...kind }).every(({ lower, upper, weight }, i) => {
        const exact = positions[place](i, from, length);
        const position = mode === "nearest" ? roundings[rounding](exact) : exact;
        const inside = Math.min(Math.max(position, 0), from - 1);
        return Math.abs(lower + weight * (upper - lower) - inside) < 1e-6 * from;
      });
    });
  const kind = wanted.size.every((side) => side >= 1 && side <= 32767) ? kinds.find(isSame) : undefined;
  if (kind === undefined)
    throw new Unsupported(
      `makes ${formatShape(size)} of ${formatShape(x.shape)} by ${mode}, ${place}${mode === "nearest" ? `, ${rounding}` : ""}, for which there is no kernel; asymmetric with floor, half_pixel and align_corners can be imported`,
    );
  const full: ResizeAttributes = { ...wanted, ...kind };
  return to.made(node, size, x.layout, to.graph.add("resize", outputs[0], [x.make()], full));
}

/** Sizes of a Resize's output, given directly or by factors. */
function sizesOf(to: OnnxNetwork, { inputs, attributes }: OnnxNode, shape: Shape): Shape {
  const given = (name: string | undefined) => {
    const constant = name ? to.constantOf(name) : undefined;
    return constant !== undefined && sizeOf(constant.shape) > 0 ? constant : undefined;
  };
  const [scales, sizes] = [given(inputs[2]), given(inputs[3])];
  if (attributes.has("axes") || (scales ?? sizes) === undefined || (scales ?? sizes)!.shape.join() !== "4")
    throw new Unsupported("has no sizes or scales of all four axes as a constant; export the network for one size");
  if (sizes !== undefined) return sizes.ints();
  const factors = scales!.floats();
  const size = shape.map((side, i) => Math.floor(side * factors[i] + 1e-4));
  const isWhole = size.every((side, i) => Math.abs(side - shape[i] * factors[i]) < 1e-3);
  if (!isWhole)
    throw new Unsupported(`scales ${formatShape(shape)} by ${[...factors].join()}, to no whole pixels; say sizes`);
  return size;
}
