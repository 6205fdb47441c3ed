/**
 * Lowers batch norm. Its output is an operand of its input. Its sums are computed by the kernel that writes its input
 * (forward) or its cotangent (backward, as that kernel's epilogue) if there is such a kernel, else by a separate sweep.
 */
import { activations } from "../../kernels/index.js";
import type { TrainingNodeOf } from "../differentiate.js";
import type { Norm } from "../program.js";
import type { ConvBackward, ProgramBuilder } from "./builder.js";
import { type Epilogue, epilogueWords, isGradient, isPlain, type Operand, operandWords, plain } from "./operand.js";

/** The batch norm that reads a convolution's output in training, whose sums the convolution computes. */
export function normReading(builder: ProgramBuilder, value: string): Norm | undefined {
  const reader = builder.graph.nodes.find((node) => node.op === "batchNormTrain" && node.inputs[0] === value);
  if (reader === undefined || !builder.fuse) return undefined;
  const norm = builder.newNorm(value);
  builder.normOf.set(reader.outputs[1], norm);
  return norm;
}

export function batchNormTrain(builder: ProgramBuilder, node: TrainingNodeOf<"batchNormTrain">): void {
  const [x] = node.inputs;
  const buffer = builder.store(x);
  const { pixels, stride } = builder.layout(x);
  let norm = builder.normOf.get(node.outputs[1]);
  if (norm === undefined) {
    norm = builder.newNorm(x);
    builder.normOf.set(node.outputs[1], norm);
    const { index } = norm;
    builder.emit("moments", () => ({ u: { buffer }, block: { norm: index }, bytes: stride * 4, pixels }));
  }
  const { gamma, beta } = node.parameters;
  const { index, bytes } = norm;
  builder.emit("barrier", () => ({}));
  builder.emit("finishMoments", () => ({
    ...{ block: { norm: index }, bytes, pixels },
    ...{ gamma: { parameter: gamma }, beta: { parameter: beta }, epsilon: { float: node.attributes.epsilon } },
  }));
  builder.set(node.name, { base: buffer, norm, activation: activations.none });
}

/** Batch norm with running statistics. */
export function batchNorm(builder: ProgramBuilder, node: TrainingNodeOf<"batchNorm">): void {
  const base = builder.store(node.inputs[0]);
  builder.set(node.name, { base, norm: runningNorm(builder, node), activation: activations.none });
}

/** Scale and offset vectors of a batch norm with running statistics. */
export function runningNorm(builder: ProgramBuilder, node: TrainingNodeOf<"batchNorm">): Norm {
  const norm = builder.newNorm(node.name);
  builder.normOf.set(node.name, norm);
  const { gamma, beta, mean, variance } = node.parameters;
  builder.prepare("prepareNorm", () => ({
    ...{ block: { norm: norm.index }, bytes: norm.bytes, epsilon: { float: node.attributes.epsilon } },
    ...{ gamma: { parameter: gamma }, beta: { parameter: beta } },
    ...{ mean: { parameter: mean }, variance: { parameter: variance } },
  }));
  return norm;
}

/** dx = dy * scale: the operand of batch norm's gradient with A as the scale and B and C zero (assembly/norm.ts). */
export function batchNormFrozenGrad(builder: ProgramBuilder, node: TrainingNodeOf<"batchNormFrozenGrad">): void {
  const base = builder.store(node.inputs[0]);
  const norm = builder.normOf.get(node.of!)!;
  builder.set(node.name, { base, norm, activation: activations.none, gradientOf: base });
}

export function batchNormGrad(builder: ProgramBuilder, node: TrainingNodeOf<"batchNormGrad">): void {
  const [x, mean, , cotangent] = node.inputs;
  const norm = builder.normOf.get(mean)!;
  const u = builder.store(x);
  const { pixels, stride } = builder.layout(x);
  let value = builder.value(cotangent);
  // dy * act'(z) can be fused when z is this batch norm's own output.
  if (isGradient(value) && !(value.z.norm === norm && value.z.base === u && value.z.scale === undefined))
    value = plain(builder.store(cotangent));
  const [dy, activation] = isGradient(value) ? [value.dy, value.activation] : [value, activations.none];
  const epilogue: Epilogue = { activation, u, norm, scale: dy.scale };
  const conv = fusing(builder, cotangent, dy, activation);
  let dz: number;
  if (conv !== undefined) {
    conv.epilogue = epilogue;
    dz = dy.base!;
  } else {
    dz = builder.buffer(x);
    builder.emit("normGradientRows", () => ({
      dy: operandWords(dy),
      epilogue: epilogueWords({ ...epilogue, scale: undefined }),
      ...{ out: { buffer: dz }, bytes: stride * 4, pixels },
    }));
  }
  const rows = builder.graph.batch * pixels;
  const { gamma, beta } = (builder.nodes.get(node.of!) as TrainingNodeOf<"batchNormTrain">).parameters;
  builder.emit("barrier", () => ({}));
  builder.emit("finishGradient", () => ({
    ...{ block: { norm: norm.index }, bytes: norm.bytes, gamma: { parameter: gamma }, rows },
    ...{ dgamma: { external: `gradient:${gamma}` }, dbeta: { external: `gradient:${beta}` } },
  }));
  builder.set(node.name, { base: dz, norm, activation: activations.none, gradientOf: u });
}

/** The convolution that computes dy, if nothing else reads the values that its epilogue would overwrite. */
function fusing(builder: ProgramBuilder, cotangent: string, dy: Operand, activation: number): ConvBackward | undefined {
  const conv = builder.openConv(dy.base);
  if (conv === undefined || !isPlain({ ...dy, scale: undefined })) return undefined;
  const unchanged = activation === activations.none && dy.scale === undefined;
  if (!unchanged && !builder.singleUse(cotangent)) return undefined;
  return dy.scale === undefined || builder.isReadyFor(conv, dy.scale) ? conv : undefined;
}
