/**
 * Lowers a training graph to the flat program that the kernels run. Values are lowered lazily: batch norm, activation
 * and per-channel scales are not computed where they stand in the graph but become an operand
 * (kernels/assembly/operand.ts) that the reading kernel evaluates row by row; activation gradients and batch norm sums
 * become the epilogue of the kernel that computes the cotangent. Values that no kernel can read this way are stored
 * first ("materialised").
 */
import { activations } from "../../kernels/index.js";
import type { TrainingGraph, TrainingNodeOf, TrainingOpName } from "../differentiate.js";
import { isTraining, type ParameterArena } from "../layout.js";
import type { Lowered } from "../program.js";
import { batchNorm, batchNormFrozenGrad, batchNormGrad, batchNormTrain } from "./batch-norm.js";
import { ProgramBuilder } from "./builder.js";
import { convBackward, convForward } from "./convolution.js";
import {
  activation,
  activationGrad,
  add,
  combine,
  globalAveragePoolGrad,
  multiply,
  negate,
  unary,
  unaryGrad,
} from "./elementwise.js";
import { fakeQuantize, fakeQuantizeGrad, lookup, lookupGrad } from "./int8.js";
import {
  constant,
  flatten,
  globalAveragePool,
  input,
  multiplyGradScale,
  output,
  reshape,
  sigmoidOrSoftmax,
  stored,
} from "./maps.js";
import { concat, concatGrad, pad, padGrad, resize, slice, sliceGrad } from "./moves.js";
import { averagePoolGrad, maxPoolGrad, pool } from "./windows.js";

/** How each operator is lowered. Dropout never occurs here: `differentiate` turns it into a product with a mask. */
const lowerings: {
  readonly [O in Exclude<TrainingOpName, "dropout">]: (builder: ProgramBuilder, node: TrainingNodeOf<O>) => void;
} = {
  input,
  conv2d: convForward,
  dense: convForward,
  conv2dGradInput: convBackward,
  conv2dGradWeight: convBackward,
  denseGradInput: convBackward,
  denseGradWeight: convBackward,
  biasGrad: convBackward,
  batchNormTrain,
  batchNorm,
  batchNormGrad,
  batchNormFrozenGrad,
  relu: (builder, node) => activation(builder, node, activations.relu),
  reluGrad: (builder, node) => activationGrad(builder, node, activations.relu),
  relu6: (builder, node) => activation(builder, node, activations.relu6),
  relu6Grad: (builder, node) => activationGrad(builder, node, activations.relu6),
  hardswish: (builder, node) => activation(builder, node, activations.hardswish),
  hardswishGrad: (builder, node) => activationGrad(builder, node, activations.hardswish),
  sigmoid: (builder, node) => sigmoidOrSoftmax(builder, node, "sigmoidForward"),
  sigmoidGrad: (builder, node) =>
    stored(builder, node, "sigmoidGradient", { bytes: builder.layout(node.name).imageBytes }),
  softmax: (builder, node) => sigmoidOrSoftmax(builder, node, "softmaxForward"),
  softmaxGrad: (builder, node) => {
    const { pixels, stride } = builder.layout(node.name);
    stored(builder, node, "softmaxGradient", { bytes: stride * 4, pixels });
  },
  add,
  multiply,
  multiplyGradScale,
  globalAveragePool,
  globalAveragePoolGrad,
  averagePool: pool,
  averagePoolGrad,
  maxWindow: pool,
  maxWindowGrad: maxPoolGrad,
  maxPool: pool,
  maxPoolGrad,
  resize,
  resizeGrad: resize,
  slice,
  sliceGrad,
  concat,
  concatGrad,
  constant,
  maximum: combine,
  minimum: combine,
  subtract: combine,
  negate,
  reshape,
  unary,
  unaryGrad,
  pad,
  padGrad,
  flatten,
  flattenGrad: flatten,
  fakeQuantize,
  fakeQuantizeGrad,
  lookup,
  lookupGrad,
};

/** @param fuse false: every value is stored where it stands in the graph, and kernels do not do each other's work */
export function lower(graph: TrainingGraph, parameters: ParameterArena, fuse = true): Lowered {
  const builder = new ProgramBuilder(graph, parameters, fuse);
  const lowerAll = (nodes: TrainingGraph["nodes"]): void => {
    for (const node of nodes) {
      if (builder.has(node.name) || builder.isAbsorbed(node.name)) continue; // a convolution has done it (finish.ts)
      lowerings[node.op as keyof typeof lowerings](builder, node as never);
      if (!fuse && builder.has(node.name)) builder.store(node.name);
    }
  };
  lowerAll(graph.nodes.slice(0, graph.forwardLength));
  for (const value of new Set(graph.outputs)) output(builder, value);
  const forwardLength = builder.instructions.length;
  lowerAll(graph.nodes.slice(graph.forwardLength));
  if (isTraining(graph)) {
    builder.emit("barrier", () => ({}));
    builder.emit("reducePartials", () => ({
      sums: { external: "partials" },
      stride: { external: "partialsStride" },
      shards: { external: "shards" },
      target: { external: "gradients" },
      bytes: parameters.summed * 4,
    }));
  }
  const { instructions, buffers, norms, normOf, externals } = builder;
  const [forward, backward] = [instructions.slice(0, forwardLength), instructions.slice(forwardLength)];
  return { preparation: builder.preparation, forward, backward, buffers, norms, int8: builder.int8, normOf, externals };
}
