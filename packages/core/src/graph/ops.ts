/**
 * The operators of the graph. Each has one entry: its arity, its parameters and one function that infers and validates
 * the output shapes. Maps are NHWC `[batch, height, width, channels]`; convolution weights are OHWI `[filters,
 * kernelHeight, kernelWidth, channels / groups]`; dense weights are `[units, features]`.
 */
import { broadcastShape, formatShape, PhinetsError, type Shape, showValue, sizeOf } from "../tensor/index.js";
import { type ResizeAttributes, resizeTaps } from "./resize.js";
import { type UnaryFunction, unaryFunctions } from "./unary.js";

/** Zeros (of the tensor's real value) added around a map, in pixels. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export const noPadding: Padding = { top: 0, bottom: 0, left: 0, right: 0 };
export const isPadded = (padding: Padding): boolean => Object.values(padding).some((side) => side !== 0);

/** Activation that a convolution or dense layer applies to its own output. */
export type FusedActivation = "none" | "relu6";

type Empty = Readonly<Record<string, never>>;

/** Attributes of every operator, by name. */
export interface OpAttributes {
  /** Graph input; its shape is the attribute. */
  input: { readonly shape: Shape };
  conv2d: {
    readonly filters: number;
    readonly kernel: readonly [height: number, width: number];
    readonly stride: readonly [vertical: number, horizontal: number];
    readonly padding: Padding;
    /** Equal to the input's channels for a depthwise convolution. */
    readonly groups: number;
    readonly bias: boolean;
    readonly activation: FusedActivation;
  };
  dense: { readonly units: number; readonly bias: boolean; readonly activation: FusedActivation };
  /** y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, per channel. */
  batchNorm: { readonly epsilon: number };
  /** max(x, 0) */
  relu: Empty;
  /** min(max(x, 0), 6) */
  relu6: Empty;
  /** x * min(max(x + 3, 0), 6) / 6 */
  hardswish: Empty;
  sigmoid: Empty;
  /** A function of each element. `alpha` is the slope of leakyRelu below 0, and 0 for the other functions. */
  unary: { readonly function: UnaryFunction; readonly alpha: number };
  /** Over the last axis. */
  softmax: Empty;
  /** Element by element. Dimensions of 1 in either input are repeated, here and in the next four operators. */
  add: Empty;
  multiply: Empty;
  subtract: Empty;
  /** The larger, or the smaller, of the two elements. */
  maximum: Empty;
  minimum: Empty;
  /** A parameter as a value, for use as an operand of the five operators above. Its batch is 1. */
  constant: { readonly shape: Shape };
  /** `[batch, height, width, channels]` to `[batch, 1, 1, channels]`. */
  globalAveragePool: Empty;
  /** Mean of the pixels of each window that lie on the map: padding is not counted. */
  averagePool: {
    readonly kernel: readonly [height: number, width: number];
    readonly stride: readonly [vertical: number, horizontal: number];
    readonly padding: Padding;
  };
  /**
   * Largest of the pixels of each window that lie on the map. Imported networks use it where `maxPool` does not fit.
   */
  maxWindow: OpAttributes["averagePool"];
  /** Window of `size` x `size`, stride `stride`, no padding, output size rounded down. */
  maxPool: { readonly size: number; readonly stride: number };
  pad: { readonly padding: Padding };
  resize: ResizeAttributes;
  /** `size` rows, columns and channels from `begin` on, every `step`-th of rows and columns. */
  slice: {
    readonly begin: readonly [row: number, column: number, channel: number];
    readonly size: readonly [height: number, width: number, channels: number];
    readonly step: readonly [vertical: number, horizontal: number];
  };
  /** Joins two or more inputs one behind the other along `axis` of their shape, which is not the batch. */
  concat: { readonly axis: number };
  /** Identity at inference. `spatial` drops whole channels. */
  dropout: { readonly rate: number; readonly spatial: boolean };
  /** `[batch, height, width, channels]` to `[batch, height * width * channels]`. */
  flatten: Empty;
  /** The same elements in the same order as a map `[height, width, channels]`; `shape` leaves out the batch. */
  reshape: { readonly shape: Shape };
}

export type OpName = keyof OpAttributes;

/** The kind of a parameter decides its initial value, its weight decay and whether it is trained. */
export type ParameterKind = "weight" | "bias" | "gamma" | "beta" | "runningMean" | "runningVariance" | "constant";

export interface OpParameter {
  readonly kind: ParameterKind;
  readonly shape: Shape;
}

export interface OpSpec<A> {
  /** Number of inputs, or how many there are at least. */
  readonly arity: number | { readonly least: number };
  /** Output shapes; throws PhinetsError naming the op, the argument and the sizes. */
  infer(name: string, inputs: readonly Shape[], attributes: A): Shape[];
  /** Parameters by role ("weight", "bias", "gamma", ...). Called after `infer` accepted the arguments. */
  parameters?(inputs: readonly Shape[], attributes: A): Record<string, OpParameter>;
}

function fail(op: string, name: string, problem: string): never {
  throw new PhinetsError(`graph.${op}`, `${op} "${name}": ${problem}`);
}

function requireMap(
  op: string,
  name: string,
  shape: Shape,
): asserts shape is readonly [number, number, number, number] {
  if (shape.length !== 4)
    fail(op, name, `input has shape ${formatShape(shape)}; a map [batch,height,width,channels] is needed`);
}

function requireInteger(op: string, name: string, argument: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    fail(op, name, `${argument} is ${showValue(value)}; an integer of at least ${least} is needed`);
}

/** Of windows: kernels, strides and padding are of 16 bits in the firmware. */
const mostOfWindow = 32767;

function requireOfWindow(op: string, name: string, argument: string, value: number, least = 1): void {
  requireInteger(op, name, argument, value, least);
  if (value > mostOfWindow) fail(op, name, `${argument} is ${value}; at most ${mostOfWindow} can be run`);
}

/** Output length of a sliding window along one axis. */
function windowed(
  op: string,
  name: string,
  axis: string,
  size: number,
  padding: number,
  kernel: number,
  stride: number,
): number {
  if (size + padding < kernel) {
    fail(
      op,
      name,
      `kernel ${axis} ${kernel} is larger than the input's ${size}${padding > 0 ? ` with padding ${padding}` : ""}; use a larger input resolution or fewer strides`,
    );
  }
  return Math.floor((size + padding - kernel) / stride) + 1;
}

function checkPadding(op: string, name: string, padding: Padding): void {
  for (const side of ["top", "bottom", "left", "right"] as const)
    requireOfWindow(op, name, `padding.${side}`, padding[side], 0);
}

/** Pools whose windows may leave the map. */
function pool(op: string): OpSpec<OpAttributes["averagePool"]> {
  return {
    arity: 1,
    infer(name, [x], { kernel, stride, padding }) {
      requireMap(op, name, x);
      for (const k of kernel) requireOfWindow(op, name, "kernel", k);
      for (const s of stride) requireOfWindow(op, name, "stride", s);
      checkPadding(op, name, padding);
      const { top, bottom, left, right } = padding;
      // So that each window has a pixel of the map.
      if (Math.max(top, bottom) >= kernel[0] || Math.max(left, right) >= kernel[1])
        fail(op, name, `padding ${[top, bottom, left, right]} is not below the window's ${kernel.join("x")}`);
      const h = windowed(op, name, "height", x[1], top + bottom, kernel[0], stride[0]);
      const w = windowed(op, name, "width", x[2], left + right, kernel[1], stride[1]);
      return [[x[0], h, w, x[3]]];
    },
  };
}
/** Of two inputs, element by element. */
const elementwise = (op: string) => ({
  arity: 2,
  infer(name: string, [a, b]: readonly Shape[]): Shape[] {
    const shape = broadcastShape(a, b);
    if (shape === undefined)
      fail(
        op,
        name,
        `inputs have shapes ${formatShape(a)} and ${formatShape(b)}; their dimensions must be equal, or 1 in either`,
      );
    return [shape];
  },
});

const sameAsInput = { arity: 1, infer: (_: string, [x]: readonly Shape[]): Shape[] => [x] };

export const ops: { readonly [O in OpName]: OpSpec<OpAttributes[O]> } = {
  input: {
    arity: 0,
    infer(name, _, { shape }) {
      if (shape.length === 0) fail("input", name, "shape [] has no batch dimension");
      for (const dimension of shape) requireInteger("input", name, `dimension of ${formatShape(shape)}`, dimension, 1);
      return [shape];
    },
  },
  conv2d: {
    arity: 1,
    infer(name, [x], { filters, kernel, stride, padding, groups }) {
      requireMap("conv2d", name, x);
      const [batch, height, width, channels] = x;
      requireInteger("conv2d", name, "filters", filters, 1);
      requireInteger("conv2d", name, "groups", groups, 1);
      for (const k of kernel) requireOfWindow("conv2d", name, "kernel", k);
      for (const s of stride) requireOfWindow("conv2d", name, "stride", s);
      checkPadding("conv2d", name, padding);
      if (channels % groups !== 0)
        fail("conv2d", name, `input channels ${channels} are not a multiple of groups ${groups}`);
      if (filters % groups !== 0) fail("conv2d", name, `filters ${filters} are not a multiple of groups ${groups}`);
      const h = windowed("conv2d", name, "height", height, padding.top + padding.bottom, kernel[0], stride[0]);
      const w = windowed("conv2d", name, "width", width, padding.left + padding.right, kernel[1], stride[1]);
      return [[batch, h, w, filters]];
    },
    parameters([x], { filters, kernel, groups, bias }): Record<string, OpParameter> {
      const weight: OpParameter = { kind: "weight", shape: [filters, kernel[0], kernel[1], x[3] / groups] };
      return bias ? { weight, bias: { kind: "bias", shape: [filters] } } : { weight };
    },
  },
  dense: {
    arity: 1,
    infer(name, [x], { units }) {
      if (x.length !== 2)
        fail("dense", name, `input has shape ${formatShape(x)}; [batch,features] is needed (use flatten)`);
      requireInteger("dense", name, "units", units, 1);
      return [[x[0], units]];
    },
    parameters([x], { units, bias }): Record<string, OpParameter> {
      const weight: OpParameter = { kind: "weight", shape: [units, x[1]] };
      return bias ? { weight, bias: { kind: "bias", shape: [units] } } : { weight };
    },
  },
  batchNorm: {
    arity: 1,
    infer(name, [x], { epsilon }) {
      if (!(epsilon > 0)) fail("batchNorm", name, `epsilon is ${epsilon}; it must be positive`);
      return [x];
    },
    parameters([x]) {
      const shape = [x[x.length - 1]];
      return {
        gamma: { kind: "gamma", shape },
        beta: { kind: "beta", shape },
        mean: { kind: "runningMean", shape },
        variance: { kind: "runningVariance", shape },
      };
    },
  },
  relu: sameAsInput,
  relu6: sameAsInput,
  hardswish: sameAsInput,
  sigmoid: sameAsInput,
  unary: {
    arity: 1,
    infer(name, [x], { function: of, alpha }) {
      if (!Object.hasOwn(unaryFunctions, of))
        fail("unary", name, `function is ${of}; known: ${Object.keys(unaryFunctions).join(", ")}`);
      if (!(alpha >= 0 && Number.isFinite(alpha))) fail("unary", name, `alpha is ${alpha}; at least 0 is needed`);
      return [x];
    },
  },
  softmax: sameAsInput,
  add: elementwise("add"),
  multiply: elementwise("multiply"),
  subtract: elementwise("subtract"),
  maximum: elementwise("maximum"),
  minimum: elementwise("minimum"),
  constant: {
    arity: 0,
    infer(name, _, { shape }) {
      for (const dimension of shape)
        requireInteger("constant", name, `dimension of ${formatShape(shape)}`, dimension, 1);
      if (shape[0] !== 1) fail("constant", name, `shape ${formatShape(shape)} has no batch of 1`);
      return [shape];
    },
    parameters: (_, { shape }) => ({ value: { kind: "constant", shape } }),
  },
  globalAveragePool: {
    arity: 1,
    infer(name, [x]) {
      requireMap("globalAveragePool", name, x);
      return [[x[0], 1, 1, x[3]]];
    },
  },
  averagePool: pool("averagePool"),
  maxWindow: pool("maxWindow"),
  maxPool: {
    arity: 1,
    infer(name, [x], { size, stride }) {
      requireMap("maxPool", name, x);
      requireOfWindow("maxPool", name, "size", size);
      requireOfWindow("maxPool", name, "stride", stride);
      const h = windowed("maxPool", name, "height", x[1], 0, size, stride);
      const w = windowed("maxPool", name, "width", x[2], 0, size, stride);
      return [[x[0], h, w, x[3]]];
    },
  },
  pad: {
    arity: 1,
    infer(name, [x], { padding }) {
      requireMap("pad", name, x);
      checkPadding("pad", name, padding);
      return [[x[0], x[1] + padding.top + padding.bottom, x[2] + padding.left + padding.right, x[3]]];
    },
  },
  resize: {
    arity: 1,
    infer(name, [x], attributes) {
      requireMap("resize", name, x);
      for (const size of attributes.size) requireInteger("resize", name, "size", size, 1);
      if (attributes.alignCorners && attributes.halfPixelCenters)
        fail("resize", name, "alignCorners and halfPixelCenters are both true; at most one can be");
      resizeTaps(name, x, attributes);
      return [[x[0], ...attributes.size, x[3]]];
    },
  },
  slice: {
    arity: 1,
    infer(name, [x], { begin, size, step }) {
      requireMap("slice", name, x);
      for (const each of step) requireOfWindow("slice", name, "step", each);
      for (let i = 0; i < 3; i++) {
        requireInteger("slice", name, "begin", begin[i], 0);
        requireInteger("slice", name, "size", size[i], 1);
        const last = begin[i] + (size[i] - 1) * (step[i] ?? 1);
        if (last >= x[1 + i])
          fail("slice", name, `takes element ${last} along axis ${1 + i} of ${formatShape(x)}; it has ${x[1 + i]}`);
      }
      return [[x[0], ...size]];
    },
  },
  concat: {
    arity: { least: 2 },
    infer(name, inputs, { axis }) {
      const [first] = inputs;
      if (!Number.isInteger(axis) || axis < 1 || axis >= first.length)
        fail("concat", name, `axis is ${axis}; 1 to ${first.length - 1} are those of ${formatShape(first)}`);
      const others = (shape: Shape) => formatShape(shape.filter((_, i) => i !== axis));
      for (const shape of inputs)
        if (shape.length !== first.length || others(shape) !== others(first))
          fail(
            "concat",
            name,
            `inputs have shapes ${inputs.map(formatShape).join(" and ")}; all but axis ${axis} must be equal`,
          );
      return [first.map((size, i) => (i === axis ? inputs.reduce((sum, shape) => sum + shape[axis], 0) : size))];
    },
  },
  dropout: {
    arity: 1,
    infer(name, [x], { rate }) {
      if (!(rate >= 0 && rate < 1)) fail("dropout", name, `rate is ${rate}; it must be in 0..1, 1 excluded`);
      return [x];
    },
  },
  flatten: {
    arity: 1,
    infer(name, [x]) {
      requireMap("flatten", name, x);
      return [[x[0], x[1] * x[2] * x[3]]];
    },
  },
  reshape: {
    arity: 1,
    infer(name, [x], { shape }) {
      for (const size of shape) requireInteger("reshape", name, `dimension of ${formatShape(shape)}`, size, 1);
      if (shape.length !== 3 || sizeOf(shape) !== sizeOf(x.slice(1)))
        fail(
          "reshape",
          name,
          `makes ${formatShape(shape)} of ${formatShape(x.slice(1))}; [height,width,channels] of as many elements is needed`,
        );
      return [[x[0], ...shape]];
    },
  },
};
