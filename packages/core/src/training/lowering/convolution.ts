/** Convolutions and dense layers, forward and backward. */
import type { Opcode } from "../../kernels/index.js";
import type { TrainingNodeOf } from "../differentiate.js";
import { type ConvKernel, convKernel, type MapLayout } from "../layout.js";
import { none, type Word } from "../program.js";
import { normReading } from "./batch-norm.js";
import type { ConvBackward, ProgramBuilder } from "./builder.js";
import { epilogueWords, type Operand, operandWords, optional, plain } from "./operand.js";

type ConvNode = TrainingNodeOf<"conv2d"> | TrainingNodeOf<"dense">;

/** What both directions of a convolution have to know. */
interface Convolution {
  readonly kernel: ConvKernel;
  readonly x: Operand;
  readonly input: MapLayout;
  readonly output: MapLayout;
  /** height, width, out height, out width, kernel (2), stride (2), top, left; empty for a pointwise kernel. */
  readonly geometry: readonly number[];
  /** groups, inputs, filters of a grouped kernel. */
  readonly grouping: readonly number[];
}

function convolution(builder: ProgramBuilder, node: ConvNode): Convolution {
  const [value] = node.inputs;
  const shape = builder.graph.shapes[value];
  const kernel = node.op === "conv2d" ? convKernel(node.attributes, shape) : "pointwise";
  const x = readsLazily(kernel) ? builder.operand(value) : plain(builder.store(value));
  const base = { kernel, x, input: builder.layout(value), output: builder.layout(node.name) };
  if (node.op === "dense" || kernel === "pointwise") return { ...base, geometry: [], grouping: [] };
  const [, height, width, channels] = shape;
  const [, outHeight, outWidth] = builder.graph.shapes[node.name];
  const { kernel: window, stride, padding, groups, filters } = node.attributes;
  const geometry = [height, width, outHeight, outWidth, ...window, ...stride, padding.top, padding.left];
  return { ...base, geometry, grouping: kernel === "grouped" ? [groups, channels, filters] : [] };
}

/** Whether a kernel takes any operand for x, and an epilogue on its gradient. */
const readsLazily = (kernel: ConvKernel): boolean => kernel === "pointwise" || kernel === "depthwise";

const opcodesOf = {
  pointwise: { forward: "pointwiseForward", backward: "pointwiseBackward" },
  depthwise: { forward: "depthwiseForward", backward: "depthwiseBackward" },
  dense: { forward: "convForward", backward: "convBackward" },
  grouped: { forward: "groupedForward", backward: "groupedBackward" },
} as const satisfies Record<ConvKernel, Record<"forward" | "backward", Opcode>>;

export function convForward(builder: ProgramBuilder, node: ConvNode): void {
  const conv = convolution(builder, node);
  const { kernel, x, input, output, geometry, grouping } = conv;
  const buffer = builder.buffer(node.name);
  const { weight, bias } = node.parameters;
  const norm = normReading(builder, node.name);
  const block: Word = norm === undefined ? 0 : { norm: norm.index };
  const tails: Record<ConvKernel, Word[]> = {
    pointwise: [output.stride, output.pixels, chunkRows(conv), block],
    depthwise: [block],
    dense: [block, output.stride],
    grouped: [block, output.stride, ...grouping],
  };
  const words = (): Word[] => [
    ...operandWords(x),
    { buffer },
    { parameter: weight },
    bias === undefined ? 0 : { parameter: bias },
    input.stride,
    ...geometry,
    ...tails[kernel],
  ];
  builder.emit(opcodesOf[kernel].forward, words, scratchFloats(conv).forward * 4);
  builder.set(node.name, plain(buffer));
}

type ConvGradientOp = "conv2dGradInput" | "conv2dGradWeight" | "denseGradInput" | "denseGradWeight" | "biasGrad";

/** One instruction makes all gradients of a convolution: the first of its nodes emits it, the others join. */
export function convBackward(
  builder: ProgramBuilder,
  node: { [O in ConvGradientOp]: TrainingNodeOf<O> }[ConvGradientOp],
) {
  const forward = builder.nodes.get(node.of!) as ConvNode;
  const cotangent = node.inputs.at(-1)!;
  let record = builder.backwardOf.get(forward.name);
  if (record === undefined) {
    record = emitBackward(builder, forward, cotangent);
    builder.backwardOf.set(forward.name, record);
  }
  switch (node.op) {
    case "biasGrad":
      record.biasGradient = forward.parameters.bias;
      break;
    case "conv2dGradWeight":
    case "denseGradWeight":
      record.weightGradient = forward.parameters.weight;
      break;
    default:
      builder.makeConvResult(record, node.name);
  }
}

function emitBackward(builder: ProgramBuilder, node: ConvNode, cotangent: string): ConvBackward {
  const conv = convolution(builder, node);
  const { kernel, x, input, output, geometry, grouping } = conv;
  const dy = kernel === "grouped" ? plain(builder.store(cotangent)) : builder.operand(cotangent);
  const { weight } = node.parameters;
  const record: ConvBackward = {
    index: builder.instructions.length,
    dx: undefined,
    weightGradient: undefined,
    biasGradient: undefined,
    epilogue: undefined,
    addend: undefined,
    fuses: readsLazily(kernel),
  };
  const gradient = (name: string | undefined): Word => (name === undefined ? none : { gradient: name });
  const tails: Record<ConvKernel, Word[]> = {
    pointwise: [output.stride, output.pixels, chunkRows(conv)],
    depthwise: [],
    dense: [output.stride],
    grouped: [output.stride, ...grouping, builder.parameters.parameters[weight].size * 4],
  };
  const words = (): Word[] => [
    ...operandWords(x),
    ...operandWords(dy),
    ...epilogueWords(record.epilogue, record.addend),
    optional(record.dx),
    { parameter: weight },
    gradient(record.weightGradient),
    gradient(record.biasGradient),
    input.stride,
    ...geometry,
    ...tails[kernel],
  ];
  builder.emit(opcodesOf[kernel].backward, words, scratchFloats(conv).backward * 4);
  return record;
}

/** Rows of a chunk: both sides of the product stay in the second-level cache, tiles of 4. */
function chunkRows({ input, output }: Convolution): number {
  const rows = Math.floor(16384 / (input.stride + output.stride));
  return Math.max(16, Math.min(256, rows - (rows % 4)));
}

/** Scratch of each direction, as the kernels of kernels/assembly/{pointwise,depthwise,conv}.ts lay it out. */
function scratchFloats(conv: Convolution): { forward: number; backward: number } {
  const [inputs, outputs] = [conv.input.stride, conv.output.stride];
  const [, width, , outWidth, kh, kw, , across, , left] = conv.geometry;
  switch (conv.kernel) {
    case "pointwise": {
      const weights = inputs * outputs;
      const chunk = chunkRows(conv);
      return { forward: weights + chunk * inputs, backward: weights + chunk * (inputs + outputs) };
    }
    case "depthwise": {
      const columns = Math.max(left + width, (outWidth - 1) * across + kw);
      const dyColumns = kw - 1 + Math.max(outWidth, Math.floor((width - 1 + left) / across) + 1);
      return { forward: inputs * kh * columns, backward: inputs * kh * (columns + dyColumns + kw) };
    }
    case "dense": {
      const forward = kh * kw * inputs * (outputs + outWidth); // weights and a row of patches
      return { forward, backward: forward + outWidth * outputs };
    }
    case "grouped":
      return { forward: 0, backward: 0 };
  }
}
