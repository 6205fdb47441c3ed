/** ONNX operators that change a value's shape and layout but move nothing to another channel or pixel. */
import { formatShape, type Shape, sizeOf } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";
import type { OnnxNode } from "./file.js";
import type { OnnxNetwork } from "./network.js";
import { type Layout, lazily, type OnnxValue } from "./value.js";

/** A value with the same elements in another shape. */
export function reshaped(to: OnnxNetwork, x: OnnxValue, shape: Shape, wanted: string): OnnxValue {
  const refuse = (): never => {
    throw new Unsupported(
      `makes ${formatShape(shape)} of ${formatShape(x.shape)}; a map as a vector [1,features], a vector as a map, and a map with channels last can be imported`,
    );
  };
  if (sizeOf(shape) !== sizeOf(x.shape)) refuse();
  if (shape.join() === x.shape.join()) return x;
  const { sole, layout } = x;
  if (x.shape.length === 4 && shape.length === 2 && shape[0] === 1) {
    const [, channels, height, width] = layout === "channelsFirst" ? x.shape : [1, 1, 1, 1];
    const inOrder = channels === 1 || height * width === 1;
    const make = lazily(() => to.graph.add("flatten", wanted, [x.make()], {}));
    return { shape, make, sole, layout: inOrder ? "same" : { flattened: [channels, height, width] } };
  }
  if (x.shape.length === 2 && shape.length === 4 && shape.slice(2).every((side) => side === 1) && layout === "same") {
    const make = lazily(() => {
      const vector = x.make();
      return to.graph.asPixel(vector) ?? to.graph.add("reshape", wanted, [vector], { shape: [1, 1, shape[1]] });
    });
    return { shape, layout: "channelsFirst", make, sole };
  }
  // With one channel or one pixel, both orders are the same.
  const turned = turnedLayout(x.shape, shape, layout);
  if (turned !== undefined) return { ...x, shape, layout: turned };
  const [, channels, height, width] = x.shape;
  const isLinear = layout === "same" || (layout === "channelsFirst" && (channels === 1 || height * width === 1));
  // A list of vectors, which int8 networks may have, is a map of one row.
  const isMap = shape.length === 4 || (shape.length === 3 && layout === "same" && to.graph.arithmetic === "int8");
  if (!isLinear || !isMap || shape[0] !== 1 || shape.some((side) => !(side >= 1))) return refuse();
  // A map that keeps a single channel stays in its order.
  const isFirst = layout === "channelsFirst" && channels === 1 && shape[1] === 1;
  const own = isFirst ? [...shape.slice(2), 1] : [1, ...shape.slice(1)].slice(-3);
  const make = lazily(() => to.graph.add("reshape", wanted, [x.make()], { shape: own }));
  return { shape, layout: isFirst ? layout : "same", make, sole };
}

function turnedLayout(from: Shape, to: Shape, layout: Layout): Layout | undefined {
  if (from.length !== 4 || to.length !== 4) return undefined;
  if (layout === "same") {
    const [batch, height, width, channels] = from;
    const isTurned = to.join() === [batch, channels, height, width].join();
    return isTurned && (channels === 1 || height * width === 1) ? "channelsFirst" : undefined;
  }
  if (layout !== "channelsFirst") return undefined;
  const [batch, channels, height, width] = from;
  const isTurned = to.join() === [batch, height, width, channels].join();
  return isTurned && (channels === 1 || height * width === 1) ? "same" : undefined;
}

export function flatten(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const given = node.attributes.int("axis", 1);
  const axis = given < 0 ? given + x.shape.length : given;
  if (axis !== 1) throw new Unsupported(`flattens from axis ${given}; axis 1 can be imported`);
  return to.alias(node, reshaped(to, x, [x.shape[0], sizeOf(x.shape.slice(1))], node.outputs[0]));
}

export function reshape(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const target = to.constantOf(node.inputs[1])?.ints();
  if (target === undefined) throw new Unsupported("has a shape that is no constant; export the network for one size");
  if (target.length > 8) throw new Unsupported(`has a shape of ${target.length} sizes; 4 at most can be imported`);
  const allowsZero = node.attributes.int("allowzero", 0) !== 0;
  const shape = target.map((size, i) => (size === 0 && !allowsZero ? (x.shape[i] ?? 0) : size));
  const rest = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const free = shape.indexOf(-1);
  if (free >= 0) shape[free] = sizeOf(x.shape) / rest;
  return to.alias(node, reshaped(to, x, shape, node.outputs[0]));
}

/** The axes that Squeeze removes or Unsqueeze adds. */
function axesOfNode(to: OnnxNetwork, { inputs }: OnnxNode, rank: number): number[] {
  const axes = to.constantOf(inputs[1])?.ints();
  if (axes === undefined || axes.length > 4) throw new Unsupported("names no axes by a constant; export it again");
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

export function squeeze(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const axes = axesOfNode(to, node, x.shape.length);
  const shape = x.shape.filter((size, i) => size !== 1 || !axes.includes(i));
  return to.alias(node, reshaped(to, x, shape, node.outputs[0]));
}

export function unsqueeze(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const rank = x.shape.length + (to.constantOf(node.inputs[1])?.shape[0] ?? 0);
  const axes = axesOfNode(to, node, rank);
  const rest = [...x.shape];
  const shape = Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() ?? 0)));
  return to.alias(node, reshaped(to, x, shape, node.outputs[0]));
}

export function transpose(to: OnnxNetwork, node: OnnxNode): OnnxValue {
  const x = to.value(node.inputs[0]);
  const { shape, layout } = x;
  const order = node.attributes.ints("perm") ?? shape.map((_, i) => shape.length - 1 - i);
  const turned = order.map((axis) => shape[axis] ?? 0);
  const perm = order.join();
  if (perm === shape.map((_, i) => i).join()) return to.alias(node, x);
  const next: Layout | undefined =
    layout === "channelsFirst" && perm === "0,2,3,1"
      ? "same"
      : layout === "same" && perm === "0,3,1,2"
        ? "channelsFirst"
        : undefined;
  if (next === undefined)
    throw new Unsupported(`orders axes as ${perm} of ${formatShape(shape)}; NCHW to NHWC and back can be imported`);
  return to.alias(node, { ...x, shape: turned, layout: next });
}
