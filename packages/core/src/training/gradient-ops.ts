/**
 * The operators that only a training graph has, with the same kind of entry as graph/ops.ts: an arity, and one function
 * that validates and infers the output shapes. With them and the forward operators a training step is an ordinary
 * graph. `dy` is the cotangent: the gradient of the loss with respect to the forward operator's output.
 */
import type { OpAttributes, Padding, UnaryFunction } from "../graph/index.js";
import { formatShape, PhinetsError, type Shape } from "../tensor/index.js";

type Empty = Readonly<Record<string, never>>;

/** Value of the network whose int8 parameters are used. */
interface Int8Value {
  readonly value: string;
}

export interface GradientOpAttributes {
  /** (x) {gamma, beta} -> y, mean `[channels]`, biased variance `[channels]`, both over all axes but the last */
  batchNormTrain: { readonly epsilon: number };
  /** (x, mean, variance, dy) {gamma} -> dx, dgamma, dbeta */
  batchNormGrad: { readonly epsilon: number };
  /** (dy) {gamma, variance} -> dx of batch norm with running statistics */
  batchNormFrozenGrad: { readonly epsilon: number };
  /** (dy) {weight} -> dx */
  conv2dGradInput: OpAttributes["conv2d"] & { readonly inputShape: Shape };
  /** (x, dy) -> dweight, OHWI */
  conv2dGradWeight: OpAttributes["conv2d"];
  /** (dy) {weight} -> dx */
  denseGradInput: { readonly features: number };
  /** (x, dy) -> dweight `[units, features]` */
  denseGradWeight: Empty;
  /** (dy) -> sum over all but the last axis */
  biasGrad: Empty;
  /** (x, dy) -> dy where 0 < x < 6 */
  reluGrad: Empty;
  relu6Grad: Empty;
  /** (x, dy) */
  hardswishGrad: Empty;
  /** (y, dy) -> dy * y * (1 - y) */
  sigmoidGrad: Empty;
  /** (y, dy) -> y * (dy - sum(y * dy)) */
  softmaxGrad: Empty;
  /** (x, dy) -> sum of x * dy over the map, `[batch, 1, 1, channels]`: the gradient of multiply's broadcast input */
  multiplyGradScale: Empty;
  /** (dy) */
  globalAveragePoolGrad: { readonly height: number; readonly width: number };
  /** (x, y, dy) -> dx: dy goes to the first largest value of each window, in row order */
  maxPoolGrad: { readonly size: number; readonly stride: number };
  /** (x, y, dy) -> dx, like maxPoolGrad */
  maxWindowGrad: OpAttributes["maxWindow"];
  /** (dy) -> dx: dy is spread evenly over the pixels of a window that lie on the map */
  averagePoolGrad: OpAttributes["averagePool"] & { readonly inputShape: Shape };
  /** (dy) -> dx: dy is distributed over the taps by their weights */
  resizeGrad: OpAttributes["resize"] & { readonly inputShape: Shape };
  /** (dy) -> dx, 0 outside the slice */
  sliceGrad: OpAttributes["slice"] & { readonly inputShape: Shape };
  /** (dy) -> the part that belongs to one input, which starts at `begin` along the axis */
  concatGrad: { readonly axis: number; readonly begin: number; readonly inputShape: Shape };
  /** (x, dy) -> dy times the slope at x */
  unaryGrad: { readonly function: Exclude<UnaryFunction, "identity">; readonly alpha: number };
  /** (dy) -> -dy */
  negate: Empty;
  /** (dy): crop */
  padGrad: { readonly padding: Padding };
  /** (dy): reshape */
  flattenGrad: { readonly inputShape: Shape };
  /** (x) -> x rounded to int8 and back, as the integer network rounds `value`. */
  fakeQuantize: Int8Value;
  /** (x, dy) -> dy where x is inside the int8 range (straight through), else 0 */
  fakeQuantizeGrad: Int8Value;
  /** (x) -> the entry for x in the integer network's table of `value`, an activation; x is on its int8 grid */
  lookup: Int8Value;
  /** (x, dy) -> dy times the slope at x */
  lookupGrad: Int8Value;
}

export type GradientOpName = keyof GradientOpAttributes;

export interface GradientOpSpec<A> {
  readonly arity: number;
  infer(name: string, inputs: readonly Shape[], attributes: A): Shape[];
}

function fail(op: string, name: string, problem: string): never {
  throw new PhinetsError(`graph.${op}`, `${op} "${name}": ${problem}`);
}

function requireEqual(op: string, name: string, a: Shape, b: Shape): void {
  if (formatShape(a) !== formatShape(b)) fail(op, name, `shapes ${formatShape(a)} and ${formatShape(b)} must be equal`);
}

const channels = (shape: Shape): Shape => [shape[shape.length - 1]];

/** An operator on a value and its cotangent; both have the result's shape. */
const elementwise = (op: GradientOpName): GradientOpSpec<unknown> => ({
  arity: 2,
  infer(name, [x, dy]) {
    requireEqual(op, name, x, dy);
    return [x];
  },
});

/** An operator on the cotangent alone; its result has the shape of the forward operator's input. */
const toInput: GradientOpSpec<{ readonly inputShape: Shape }> = {
  arity: 1,
  infer: (_, __, { inputShape }) => [inputShape],
};

export const gradientOps: { readonly [O in GradientOpName]: GradientOpSpec<GradientOpAttributes[O]> } = {
  batchNormTrain: {
    arity: 1,
    infer(name, [x], { epsilon }) {
      if (!(epsilon > 0)) fail("batchNormTrain", name, `epsilon is ${epsilon}; it must be positive`);
      return [x, channels(x), channels(x)];
    },
  },
  batchNormGrad: {
    arity: 4,
    infer(name, [x, mean, variance, dy]) {
      requireEqual("batchNormGrad", name, x, dy);
      requireEqual("batchNormGrad", name, mean, channels(x));
      requireEqual("batchNormGrad", name, variance, channels(x));
      return [x, channels(x), channels(x)];
    },
  },
  batchNormFrozenGrad: { arity: 1, infer: (_, [dy]) => [dy] },
  conv2dGradInput: { arity: 1, infer: (_, __, { inputShape }) => [inputShape] },
  conv2dGradWeight: {
    arity: 2,
    infer: (_, [x], { filters, kernel, groups }) => [[filters, kernel[0], kernel[1], x[3] / groups]],
  },
  denseGradInput: { arity: 1, infer: (_, [dy], { features }) => [[dy[0], features]] },
  denseGradWeight: { arity: 2, infer: (_, [x, dy]) => [[dy[1], x[1]]] },
  biasGrad: { arity: 1, infer: (_, [dy]) => [channels(dy)] },
  reluGrad: elementwise("reluGrad"),
  relu6Grad: elementwise("relu6Grad"),
  hardswishGrad: elementwise("hardswishGrad"),
  sigmoidGrad: elementwise("sigmoidGrad"),
  softmaxGrad: elementwise("softmaxGrad"),
  multiplyGradScale: {
    arity: 2,
    infer(name, [x, dy]) {
      requireEqual("multiplyGradScale", name, x, dy);
      return [[x[0], 1, 1, x[3]]];
    },
  },
  globalAveragePoolGrad: {
    arity: 1,
    infer: (_, [dy], { height, width }) => [[dy[0], height, width, dy[3]]],
  },
  maxPoolGrad: {
    arity: 3,
    infer(name, [x, y, dy]) {
      requireEqual("maxPoolGrad", name, y, dy);
      return [x];
    },
  },
  maxWindowGrad: {
    arity: 3,
    infer(name, [x, y, dy]) {
      requireEqual("maxWindowGrad", name, y, dy);
      return [x];
    },
  },
  averagePoolGrad: toInput,
  resizeGrad: toInput,
  sliceGrad: toInput,
  concatGrad: toInput,
  unaryGrad: elementwise("unaryGrad"),
  negate: { arity: 1, infer: (_, [dy]) => [dy] },
  padGrad: {
    arity: 1,
    infer: (_, [dy], { padding }) => [
      [dy[0], dy[1] - padding.top - padding.bottom, dy[2] - padding.left - padding.right, dy[3]],
    ],
  },
  flattenGrad: { arity: 1, infer: (_, __, { inputShape }) => [inputShape] },
  fakeQuantize: { arity: 1, infer: (_, [x]) => [x] },
  fakeQuantizeGrad: elementwise("fakeQuantizeGrad"),
  lookup: { arity: 1, infer: (_, [x]) => [x] },
  lookupGrad: elementwise("lookupGrad"),
};
