/** Lowers convolutions and dense layers, forward and backward. */
import { arrange, layouts, type NameOf } from "../../kernels/index.js";
import type { TrainingNodeOf } from "../differentiate.js";
import { type ConvKernel, convKernel, type MapLayout } from "../layout.js";
import { none, type Word, type Words } from "../program.js";
import { normReading } from "./batch-norm.js";
import type { ConvBackward, Expansion, ProgramBuilder } from "./builder.js";
import { finishOf } from "./finish.js";
import { epilogueWords, operandWords, optional, plain } from "./operand.js";

type ConvNode = TrainingNodeOf<"conv2d"> | TrainingNodeOf<"dense">;

/** What both directions of a convolution need. */
interface Convolution {
  readonly kernel: ConvKernel;
  readonly input: MapLayout;
  readonly output: MapLayout;
  /** Whether the weights are stored in panels. */
  readonly packed: boolean;
  readonly expansion: Expansion | undefined;
  /** Undefined for a pointwise kernel. */
  readonly geometry?: Readonly<Record<NameOf<typeof layouts.geometry>, number>>;
  /** Words of both directions; each kernel uses some of them. */
  readonly words: Omit<
    Words<"pointwiseForward" | "groupedForward" | "depthwiseForward">,
    "out" | "bias" | "block" | "packed" | "finish"
  >;
}

function convolution(builder: ProgramBuilder, node: ConvNode): Convolution {
  const [value] = node.inputs;
  const shape = builder.graph.shapes[value];
  const kernel = node.op === "conv2d" ? convKernel(node.attributes, shape) : "pointwise";
  const expansion = builder.expansions.get(value);
  const x = expansion?.x ?? operandWords(readsLazily(kernel) ? builder.operand(value) : plain(builder.store(value)));
  const [input, output] = [builder.layout(value), builder.layout(node.name)];
  const map = { inputs: input.stride, outputs: output.stride, pixels: output.pixels, chunk: chunkRows(input, output) };
  const words = { x, weight: { parameter: node.parameters.weight }, ...map };
  const packed = builder.parameters.parameters[node.parameters.weight].panelled > 0;
  const base = { kernel, input, output, packed, expansion };
  if (node.op === "dense" || kernel === "pointwise")
    return { ...base, words: { ...words, geometry: [], groups: [], channels: [], filters: [], expansion: [] } };
  const [, height, width, channels] = shape;
  const [, outHeight, outWidth] = builder.graph.shapes[node.name];
  const { padding, groups, filters } = node.attributes;
  const [kernelHeight, kernelWidth] = node.attributes.kernel;
  const [down, across] = node.attributes.stride;
  const { top, left } = padding;
  const geometry = { height, width, outHeight, outWidth, kernelHeight, kernelWidth, down, across, top, left };
  const windows = arrange<typeof layouts.geometry, number>(layouts.geometry, geometry);
  const expanded = expansion?.words ?? new Array<number>(5).fill(0);
  return { ...base, geometry, words: { ...words, geometry: windows, groups, channels, filters, expansion: expanded } };
}

/** Whether a kernel accepts any operand as x, and an epilogue on its gradient. */
const readsLazily = (kernel: ConvKernel): boolean => kernel === "pointwise" || kernel === "depthwise";

/** Instruction names of the kernels, without their direction. */
const names = { pointwise: "pointwise", depthwise: "depthwise", dense: "conv", grouped: "grouped" } as const;

export function convForward(builder: ProgramBuilder, node: ConvNode): void {
  const conv = convolution(builder, node);
  const { bias } = node.parameters;
  const finish = conv.kernel === "grouped" ? undefined : finishOf(builder, node);
  if (finish !== undefined && expands(builder, conv, finish.value)) {
    const { x, inputs, weight } = conv.words;
    const words = [inputs, weight, bias === undefined ? 0 : { parameter: bias }, ...finish.words] as Word[];
    builder.expansions.set(finish.value, { x: x as Word[], words, stride: conv.input.stride });
    for (const value of finish.nodes) builder.absorb(value);
    return;
  }
  const buffer = builder.buffer(node.name);
  const norm = normReading(builder, node.name);
  const words = {
    ...conv.words,
    out: { buffer },
    bias: bias === undefined ? 0 : { parameter: bias },
    block: norm === undefined ? 0 : { norm: norm.index },
    packed: Number(conv.packed),
    finish: finish?.words ?? [],
  };
  builder.emit(`${names[conv.kernel]}Forward`, () => words, scratchFloats(conv).forward * 4);
  builder.set(node.name, plain(buffer));
  for (const value of finish?.nodes ?? []) builder.set(value, plain(buffer));
}

/** Whether a pointwise convolution's rows can be computed by a depthwise convolution that is its only reader. */
function expands(builder: ProgramBuilder, conv: Convolution, value: string): boolean {
  if (!conv.packed || conv.kernel !== "pointwise" || !builder.fuse) return false;
  const [reader] = builder.readersInside(value, 1);
  const shape = builder.graph.shapes[value];
  // Rows must be whole tiles.
  return reader?.op === "conv2d" && convKernel(reader.attributes, shape) === "depthwise" && shape[2] % 4 === 0;
}

type ConvGradientOp = "conv2dGradInput" | "conv2dGradWeight" | "denseGradInput" | "denseGradWeight" | "biasGrad";

/** One instruction computes all gradients of a convolution: the first of its nodes emits it, the others join. */
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
  const dy = conv.kernel === "grouped" ? plain(builder.store(cotangent)) : builder.operand(cotangent);
  const { weight } = node.parameters;
  const record: ConvBackward = {
    index: builder.instructions.length,
    dx: undefined,
    weightGradient: undefined,
    biasGradient: undefined,
    epilogue: undefined,
    addend: undefined,
    fuses: readsLazily(conv.kernel),
  };
  const gradient = (name: string | undefined): Word => (name === undefined ? none : { gradient: name });
  const words = () => ({
    ...conv.words,
    dy: operandWords(dy),
    epilogue: epilogueWords(record.epilogue, record.addend),
    dx: optional(record.dx),
    dweight: gradient(record.weightGradient),
    dbias: gradient(record.biasGradient),
    bytes: builder.parameters.parameters[weight].size * 4,
  });
  builder.emit(`${names[conv.kernel]}Backward`, words, scratchFloats(conv).backward * 4);
  return record;
}

/** Rows per chunk, a multiple of a tile's 4: both sides of the product stay in the second-level cache. */
function chunkRows(input: MapLayout, output: MapLayout): number {
  const rows = Math.floor(16384 / (input.stride + output.stride));
  return Math.max(16, Math.min(256, rows - (rows % 4)));
}

/** Scratch of each direction, in the layout of kernels/assembly/{pointwise,depthwise,conv}.ts. */
function scratchFloats(conv: Convolution): { forward: number; backward: number } {
  const [inputs, outputs] = [conv.input.stride, conv.output.stride];
  const { geometry } = conv;
  if (geometry === undefined) {
    const weights = inputs * outputs;
    const chunk = chunkRows(conv.input, conv.output);
    return { forward: (conv.packed ? 0 : weights) + chunk * inputs, backward: weights + chunk * (inputs + outputs) };
  }
  const { width, outWidth, kernelHeight: kh, kernelWidth: kw, across, left } = geometry;
  switch (conv.kernel) {
    case "depthwise": {
      const columns = Math.max(left + width, (outWidth - 1) * across + kw);
      const dyColumns = kw - 1 + Math.max(outWidth, Math.floor((width - 1 + left) / across) + 1);
      const row = conv.expansion === undefined ? 0 : width * conv.expansion.stride;
      return { forward: inputs * kh * columns + row, backward: inputs * kh * (columns + dyColumns + kw) };
    }
    case "dense": {
      const forward = kh * kw * inputs * ((conv.packed ? 0 : outputs) + outWidth); // weights and a row of patches
      return { forward, backward: forward + outWidth * outputs };
    }
    default:
      return { forward: 0, backward: 0 };
  }
}
