/**
 * From a training graph to the flat program that the kernels run. Values are lowered lazily: batch norm, activation and
 * per-channel scales are not computed where they stand in the graph but become an operand (kernels/assembly/operand.ts)
 * that the reading kernel evaluates row by row; activation gradients and batch norm sums become the epilogue of the kernel
 * that makes the cotangent. What no kernel can read so is stored first ("materialised").
 */
import { activations, type Opcode, operandFlags } from "../kernels/index.js";
import { PhinetsError } from "../tensor/index.js";
import type { TrainingGraph, TrainingNode, TrainingNodeOf } from "./differentiate.js";
import { convKernel, type MapLayout, mapLayout, type ParameterArena } from "./layout.js";

/** A word of an instruction: a number, a float's bits, or an address that is known once memory is planned. */
export type Word =
  | number
  | { readonly buffer: number }
  | { readonly parameter: string }
  | { readonly gradient: string }
  | { readonly norm: number }
  | { readonly external: string }
  | { readonly float: number };

export interface Instruction {
  readonly opcode: Opcode;
  /** Called after lowering, when epilogues are known. */
  words(): Word[];
  /** Bytes of per-thread scratch memory. */
  scratchBytes: number;
}

/** Batch norm's vectors and sums; see kernels/assembly/norm.ts. */
export interface Norm {
  readonly index: number;
  /** Bytes of one vector. */
  readonly bytes: number;
  readonly channels: number;
}

/** A value as kernels read it. */
interface Operand {
  /** Buffer of x; undefined: x = 0. */
  readonly base: number | undefined;
  readonly norm?: Norm;
  readonly activation: number;
  /** Buffer of a factor per image and channel. */
  readonly scale?: number;
  readonly addend?: { readonly buffer: number; readonly factor: number };
  /** The batch norm's gradient: base is dz, this is u. */
  readonly gradientOf?: number;
}

/** dy * act'(z), not computed yet. */
interface ActivationGradient {
  readonly dy: Operand;
  readonly z: Operand;
  readonly activation: number;
}
type Lazy = Operand | ActivationGradient;

interface Epilogue {
  activation: number;
  u: number;
  norm: Norm;
  scale: number | undefined;
}

/** A convolution's backward instruction while its parts are collected. */
interface ConvBackward {
  readonly index: number;
  dx: number | undefined;
  weightGradient: string | undefined;
  biasGradient: string | undefined;
  epilogue: Epilogue | undefined;
  addend: number | undefined;
  /** Whether its kernel takes an epilogue. */
  readonly fuses: boolean;
}

export interface Lowered {
  readonly forward: readonly Instruction[];
  readonly backward: readonly Instruction[];
  /** Bytes an image of each buffer. */
  readonly buffers: readonly number[];
  readonly norms: readonly Norm[];
  /** Norm of each batch norm node by the name of its mean value. */
  readonly normOf: ReadonlyMap<string, Norm>;
  /** Values that live outside the arenas in logical layout: inputs, masks, outputs, cotangents. */
  readonly externals: ReadonlyMap<string, MapLayout>;
}

const plain = (base: number): Operand => ({ base, activation: activations.none });
const isGradient = (value: Lazy): value is ActivationGradient => "dy" in value;
const isPlain = (value: Lazy): value is Operand & { base: number } =>
  !isGradient(value) &&
  value.base !== undefined &&
  value.norm === undefined &&
  value.activation === activations.none &&
  value.scale === undefined &&
  value.addend === undefined;
const none = -1;

export function lower(graph: TrainingGraph, parameters: ParameterArena): Lowered {
  return new Lowering(graph, parameters).run();
}

class Lowering {
  readonly #instructions: Instruction[] = [];
  readonly #buffers: number[] = [];
  readonly #producer: number[] = []; // instruction that makes each buffer
  readonly #values = new Map<string, Lazy>();
  readonly #norms: Norm[] = [];
  readonly #normOf = new Map<string, Norm>();
  readonly #externals = new Map<string, MapLayout>();
  readonly #uses = new Map<string, number>();
  /** Backward convolution that writes each buffer. */
  readonly #convOf = new Map<number, ConvBackward>();
  readonly #backwardOf = new Map<string, ConvBackward>();
  readonly #nodes = new Map<string, TrainingNode>();

  constructor(
    readonly graph: TrainingGraph,
    readonly parameters: ParameterArena,
  ) {
    for (const node of graph.nodes) {
      this.#nodes.set(node.name, node);
      for (const input of node.inputs) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
    }
    for (const output of graph.outputs) this.#uses.set(output, (this.#uses.get(output) ?? 0) + 1);
  }

  run(): Lowered {
    const { graph } = this;
    for (const node of graph.nodes.slice(0, graph.forwardLength)) this.#lower(node);
    for (const output of new Set(graph.outputs)) {
      const buffer = this.#store(output);
      const { pixels, channels, stride, imageBytes } = this.#layout(output);
      this.#externals.set(output, this.#layout(output));
      const bytes = channels * 4;
      this.#emit("repack", () => [
        { buffer },
        { external: output },
        pixels,
        channels,
        stride * 4,
        imageBytes,
        bytes,
        pixels * bytes,
        2,
      ]);
    }
    const forward = this.#instructions.length;
    for (const node of graph.nodes.slice(graph.forwardLength)) this.#lower(node);
    if (Object.keys(graph.gradients).length > 0) {
      this.#emit("barrier", () => []);
      this.#emit("reducePartials", () => [
        { external: "partials" },
        { external: "partialsStride" },
        { external: "shards" },
        { external: "gradients" },
        this.parameters.summed * 4,
      ]);
    }
    return {
      forward: this.#instructions.slice(0, forward),
      backward: this.#instructions.slice(forward),
      buffers: this.#buffers,
      norms: this.#norms,
      normOf: this.#normOf,
      externals: this.#externals,
    };
  }

  #layout(value: string): MapLayout {
    return mapLayout(this.graph.shapes[value]);
  }

  #emit(opcode: Opcode, words: () => Word[], scratchBytes = 0): number {
    this.#instructions.push({ opcode, words, scratchBytes });
    return this.#instructions.length - 1;
  }

  /** A new buffer, made by the next instruction. */
  #buffer(value: string): number {
    this.#buffers.push(this.#layout(value).imageBytes);
    this.#producer.push(this.#instructions.length);
    return this.#buffers.length - 1;
  }

  #value(name: string): Lazy {
    const value = this.#values.get(name);
    if (value === undefined) throw new PhinetsError("training.order", `value "${name}" is read before it is made`);
    return value;
  }

  /** The value as an operand: an activation gradient is stored first. */
  #operand(name: string): Operand {
    const value = this.#value(name);
    if (!isGradient(value)) return value;
    return plain(this.#store(name));
  }

  /** The value's buffer; computes it where it is lazy. */
  #store(name: string): number {
    const value = this.#value(name);
    if (isPlain(value)) return value.base;
    const { pixels, stride } = this.#layout(name);
    const buffer = this.#buffer(name);
    if (isGradient(value)) {
      const { dy, z, activation } = value;
      this.#emit(
        "activationGradient",
        () => [...operandWords(dy), ...operandWords(z), { buffer }, activation, stride * 4, pixels],
        Math.max(16384, stride * 4),
      );
    } else this.#materialise(value, buffer, undefined, stride, pixels);
    this.#values.set(name, plain(buffer));
    return buffer;
  }

  #materialise(value: Operand, buffer: number, addend: number | undefined, stride: number, pixels: number): void {
    const other: Word = addend === undefined ? none : { buffer: addend };
    this.#emit("materialise", () => [...operandWords(value), { buffer }, other, stride * 4, pixels]);
  }

  #lower(node: TrainingNode): void {
    switch (node.op) {
      case "input":
        this.#input(node);
        return;
      case "conv2d":
      case "dense":
        this.#convForward(node);
        return;
      case "batchNormTrain":
        this.#batchNormTrain(node);
        return;
      case "batchNorm":
        this.#batchNorm(node);
        return;
      case "relu6":
        this.#activation(node, activations.relu6);
        return;
      case "hardswish":
        this.#activation(node, activations.hardswish);
        return;
      case "add":
        this.#add(node);
        return;
      case "multiply":
        this.#multiply(node);
        return;
      case "globalAveragePool": {
        const x = this.#operand(node.inputs[0]);
        const { pixels, stride } = this.#layout(node.inputs[0]);
        const buffer = this.#buffer(node.name);
        this.#emit(
          "globalAveragePool",
          () => [...operandWords(x), { buffer }, stride * 4, pixels],
          Math.max(16384, stride * 4),
        );
        this.#values.set(node.name, plain(buffer));
        return;
      }
      case "globalAveragePoolGrad": {
        const { pixels } = this.#layout(node.name);
        const addend = { buffer: this.#store(node.inputs[0]), factor: 1 / pixels };
        this.#values.set(node.name, { base: undefined, activation: activations.none, addend });
        return;
      }
      case "multiplyGradScale": {
        const x = this.#operand(node.inputs[0]);
        const dy = this.#store(node.inputs[1]);
        const { pixels, stride } = this.#layout(node.inputs[0]);
        const buffer = this.#buffer(node.name);
        this.#emit(
          "channelDot",
          () => [...operandWords(x), { buffer: dy }, { buffer }, stride * 4, pixels],
          Math.max(16384, stride * 4),
        );
        this.#values.set(node.name, plain(buffer));
        return;
      }
      case "batchNormGrad":
        this.#batchNormGrad(node);
        return;
      case "relu6Grad":
        this.#activationGrad(node, activations.relu6);
        return;
      case "hardswishGrad":
        this.#activationGrad(node, activations.hardswish);
        return;
      case "conv2dGradInput":
      case "conv2dGradWeight":
      case "denseGradInput":
      case "denseGradWeight":
      case "biasGrad":
        this.#convBackward(node);
        return;
      case "sigmoid":
      case "softmax": {
        const { pixels, channels, stride } = this.#layout(node.name);
        const opcode = node.op === "sigmoid" ? "sigmoidForward" : "softmaxForward";
        this.#simple(node, opcode, [channels, stride * 4, pixels]);
        return;
      }
      case "sigmoidGrad":
        this.#simple(node, "sigmoidGradient", [this.#layout(node.name).imageBytes]);
        return;
      case "softmaxGrad": {
        const { pixels, stride } = this.#layout(node.name);
        this.#simple(node, "softmaxGradient", [stride * 4, pixels]);
        return;
      }
      case "maxPool":
      case "maxPoolGrad": {
        const [, height, width] = this.graph.shapes[node.inputs[0]];
        const [, outHeight, outWidth] = this.graph.shapes[node.op === "maxPool" ? node.name : node.inputs[1]];
        const { size, stride } = node.attributes;
        const bytes = this.#layout(node.name).stride * 4;
        const opcode = node.op === "maxPool" ? "maxPoolForward" : "maxPoolGradient";
        this.#simple(node, opcode, [bytes, height, width, outHeight, outWidth, size, stride]);
        return;
      }
      case "pad":
      case "padGrad": {
        const crop = node.op === "padGrad";
        const [inner, outer] = crop ? [node.name, node.inputs[0]] : [node.inputs[0], node.name];
        const [, height, width] = this.graph.shapes[inner];
        const [, outHeight, outWidth] = this.graph.shapes[outer];
        const { top, left } = node.attributes.padding;
        const bytes = this.#layout(node.name).stride * 4;
        const words = [bytes, height, width, top, left, outHeight, outWidth, crop ? 1 : 0];
        this.#simple(node, "padMaps", words);
        return;
      }
      case "flatten":
      case "flattenGrad": {
        const inverse = node.op === "flattenGrad";
        const map = this.#layout(inverse ? node.name : node.inputs[0]);
        if (map.pixels === 1) {
          this.#values.set(node.name, plain(this.#store(node.inputs[0])));
          return;
        }
        const flat = this.#layout(inverse ? node.inputs[0] : node.name);
        const mapSide = [map.stride * 4, map.imageBytes];
        const flatSide = [map.channels * 4, flat.imageBytes];
        const sides = inverse ? [...flatSide, ...mapSide] : [...mapSide, ...flatSide];
        this.#simple(node, "repack", [map.pixels, map.channels, ...sides, 0]);
        return;
      }
    }
  }

  /** A kernel that reads stored inputs and writes one buffer. */
  #simple(node: TrainingNode, opcode: Opcode, words: Word[]): void {
    const inputs = node.inputs.map((input): Word => ({ buffer: this.#store(input) }));
    const buffer = this.#buffer(node.name);
    this.#emit(opcode, () => [...inputs, { buffer }, ...words]);
    this.#values.set(node.name, plain(buffer));
  }

  #input(node: TrainingNode): void {
    const layout = this.#layout(node.name);
    this.#externals.set(node.name, layout);
    const { pixels, channels, stride, imageBytes } = layout;
    const buffer = this.#buffer(node.name);
    const bytes = channels * 4;
    const words: Word[] = [pixels, channels, bytes, pixels * bytes, stride * 4, imageBytes, 1];
    this.#emit("repack", () => [{ external: node.name }, { buffer }, ...words]);
    this.#values.set(node.name, plain(buffer));
  }

  // Convolutions and dense layers

  #geometry(node: TrainingNodeOf<"conv2d">): number[] {
    const [, height, width] = this.graph.shapes[node.inputs[0]];
    const [, outHeight, outWidth] = this.graph.shapes[node.name];
    const { kernel, stride, padding } = node.attributes;
    return [height, width, outHeight, outWidth, ...kernel, ...stride, padding.top, padding.left];
  }

  #convForward(node: TrainingNodeOf<"conv2d"> | TrainingNodeOf<"dense">): void {
    const inputShape = this.graph.shapes[node.inputs[0]];
    const input = this.#layout(node.inputs[0]);
    const output = this.#layout(node.name);
    const kernel = node.op === "conv2d" ? convKernel(node.attributes, inputShape) : "pointwise";
    const lazy = kernel === "pointwise" || kernel === "depthwise";
    const x = lazy ? this.#operand(node.inputs[0]) : plain(this.#store(node.inputs[0]));
    const buffer = this.#buffer(node.name);
    const weight: Word = { parameter: node.parameters.weight };
    const bias: Word = node.parameters.bias === undefined ? 0 : { parameter: node.parameters.bias };
    const norm = this.#normReading(node.name);
    const block: Word = norm === undefined ? 0 : { norm: norm.index };
    const start = (): Word[] => [...operandWords(x), { buffer }, weight, bias, input.stride];
    if (kernel === "pointwise") {
      const chunk = chunkRows(input.stride, output.stride);
      this.#emit(
        "pointwiseForward",
        () => [...start(), output.stride, output.pixels, chunk, block],
        4 * (input.stride * output.stride + chunk * input.stride),
      );
    } else {
      const geometry = this.#geometry(node as TrainingNodeOf<"conv2d">);
      const [, , , outWidth, kh, kw, , across, , left] = geometry;
      const patch = kh * kw * input.stride;
      if (kernel === "depthwise") {
        const columns = Math.max(left + geometry[1], (outWidth - 1) * across + kw);
        this.#emit("depthwiseForward", () => [...start(), ...geometry, block], 4 * kh * columns * input.stride);
      } else if (kernel === "dense") {
        this.#emit(
          "convForward",
          () => [...start(), ...geometry, block, output.stride],
          4 * patch * (output.stride + outWidth),
        );
      } else {
        const { groups, filters } = (node as TrainingNodeOf<"conv2d">).attributes;
        const tail = [output.stride, groups, input.channels, filters];
        this.#emit("groupedForward", () => [...start(), ...geometry, block, ...tail]);
      }
    }
    this.#values.set(node.name, plain(buffer));
  }

  #convBackward(node: TrainingNode & { of?: string }): void {
    const forward = this.#nodes.get(node.of!) as TrainingNodeOf<"conv2d"> | TrainingNodeOf<"dense">;
    const dyName = node.op === "conv2dGradWeight" || node.op === "denseGradWeight" ? node.inputs[1] : node.inputs[0];
    let record = this.#backwardOf.get(forward.name);
    if (record === undefined) {
      record = this.#emitConvBackward(forward, dyName);
      this.#backwardOf.set(forward.name, record);
    }
    if (node.op === "biasGrad") record.biasGradient = forward.parameters.bias;
    else if (node.op === "conv2dGradWeight" || node.op === "denseGradWeight")
      record.weightGradient = forward.parameters.weight;
    else {
      this.#buffers.push(this.#layout(node.name).imageBytes);
      this.#producer.push(record.index);
      record.dx = this.#buffers.length - 1;
      if (record.fuses) this.#convOf.set(record.dx, record);
      this.#values.set(node.name, plain(record.dx));
    }
  }

  #emitConvBackward(forward: TrainingNodeOf<"conv2d"> | TrainingNodeOf<"dense">, dyName: string): ConvBackward {
    const inputShape = this.graph.shapes[forward.inputs[0]];
    const kernel = forward.op === "conv2d" ? convKernel(forward.attributes, inputShape) : "pointwise";
    const input = this.#layout(forward.inputs[0]);
    const output = this.#layout(forward.name);
    const lazy = kernel === "pointwise" || kernel === "depthwise";
    const x = lazy ? this.#operand(forward.inputs[0]) : plain(this.#store(forward.inputs[0]));
    const dy = kernel === "grouped" ? plain(this.#store(dyName)) : this.#operand(dyName);
    const record: ConvBackward = {
      index: this.#instructions.length,
      dx: undefined,
      weightGradient: undefined,
      biasGradient: undefined,
      epilogue: undefined,
      addend: undefined,
      fuses: lazy,
    };
    const start = (): Word[] => [
      ...operandWords(x),
      ...operandWords(dy),
      ...epilogueWords(record.epilogue, record.addend),
      record.dx === undefined ? none : { buffer: record.dx },
      { parameter: forward.parameters.weight },
      record.weightGradient === undefined ? none : { gradient: record.weightGradient },
      record.biasGradient === undefined ? none : { gradient: record.biasGradient },
      input.stride,
    ];
    if (kernel === "pointwise") {
      const chunk = chunkRows(input.stride, output.stride);
      this.#emit(
        "pointwiseBackward",
        () => [...start(), output.stride, output.pixels, chunk],
        4 * (input.stride * output.stride + chunk * (input.stride + output.stride)),
      );
      return record;
    }
    const conv = forward as TrainingNodeOf<"conv2d">;
    const geometry = this.#geometry(conv);
    const [, width, , outWidth, kh, kw, , across, , left] = geometry;
    const patch = kh * kw * input.stride;
    if (kernel === "depthwise") {
      const columns = Math.max(left + width, (outWidth - 1) * across + kw);
      const dyColumns = kw - 1 + Math.max(outWidth, Math.floor((width - 1 + left) / across) + 1);
      const scratchBytes = 4 * input.stride * kh * (columns + dyColumns + kw);
      this.#emit("depthwiseBackward", () => [...start(), ...geometry], scratchBytes);
    } else if (kernel === "dense") {
      const scratchBytes = 4 * (patch * (output.stride + outWidth) + outWidth * output.stride);
      this.#emit("convBackward", () => [...start(), ...geometry, output.stride], scratchBytes);
    } else {
      const { groups, filters } = conv.attributes;
      const weightBytes = this.parameters.parameters[forward.parameters.weight].size * 4;
      const tail = [output.stride, groups, input.channels, filters, weightBytes];
      this.#emit("groupedBackward", () => [...start(), ...geometry, ...tail]);
    }
    return record;
  }

  // Batch norm

  #newNorm(value: string): Norm {
    const { channels, stride } = this.#layout(value);
    const norm = { index: this.#norms.length, bytes: stride * 4, channels };
    this.#norms.push(norm);
    return norm;
  }

  /** The batch norm that reads a value in training, whose sums the value's producer makes. */
  #normReading(value: string): Norm | undefined {
    const reader = this.graph.nodes.find((node) => node.op === "batchNormTrain" && node.inputs[0] === value);
    if (reader === undefined) return undefined;
    const norm = this.#newNorm(value);
    this.#normOf.set(reader.outputs[1], norm);
    return norm;
  }

  #batchNormTrain(node: TrainingNodeOf<"batchNormTrain">): void {
    const [x] = node.inputs;
    const buffer = this.#store(x);
    const { pixels, stride } = this.#layout(x);
    let norm = this.#normOf.get(node.outputs[1]);
    if (norm === undefined) {
      norm = this.#newNorm(x);
      this.#normOf.set(node.outputs[1], norm);
      const { index } = norm;
      this.#emit("moments", () => [{ buffer }, { norm: index }, stride * 4, pixels]);
    }
    const { gamma, beta } = node.parameters;
    const { index, bytes } = norm;
    const { epsilon } = node.attributes;
    this.#emit("barrier", () => []);
    this.#emit("finishMoments", () => [
      { norm: index },
      bytes,
      pixels,
      { parameter: gamma },
      { parameter: beta },
      { float: epsilon },
    ]);
    this.#values.set(node.name, { base: buffer, norm, activation: activations.none });
  }

  #batchNorm(node: TrainingNodeOf<"batchNorm">): void {
    const base = this.#store(node.inputs[0]);
    const norm = this.#newNorm(node.name);
    const { gamma, beta, mean, variance } = node.parameters;
    const roles = [gamma, beta, mean, variance].map((parameter): Word => ({ parameter }));
    const epsilon: Word = { float: node.attributes.epsilon };
    this.#emit("prepareNorm", () => [{ norm: norm.index }, norm.bytes, ...roles, epsilon]);
    this.#values.set(node.name, { base, norm, activation: activations.none });
  }

  #batchNormGrad(node: TrainingNodeOf<"batchNormGrad">): void {
    const [x, mean, , dyName] = node.inputs;
    const norm = this.#normOf.get(mean)!;
    const u = this.#store(x);
    const { pixels, stride } = this.#layout(x);
    let value = this.#value(dyName);
    // dy * act'(z) fuses when z is this batch norm's own output.
    if (isGradient(value) && !(value.z.norm === norm && value.z.base === u && value.z.scale === undefined))
      value = plain(this.#store(dyName));
    const [dy, activation] = isGradient(value) ? [value.dy, value.activation] : [value, activations.none];
    const epilogue: Epilogue = { activation, u, norm, scale: dy.scale };
    const conv = dy.base === undefined ? undefined : this.#convOf.get(dy.base);
    const unchanged = activation === activations.none && dy.scale === undefined;
    const early = (buffer: number): boolean => conv !== undefined && this.#producer[buffer] < conv.index;
    let dz: number;
    if (
      conv !== undefined &&
      conv.epilogue === undefined &&
      isPlain({ ...dy, scale: undefined }) &&
      (unchanged || this.#singleUse(dyName)) &&
      (dy.scale === undefined || early(dy.scale))
    ) {
      conv.epilogue = epilogue;
      dz = dy.base!;
    } else {
      dz = this.#buffer(x);
      this.#emit("normGradientRows", () => [
        ...operandWords(dy),
        ...epilogueWords({ ...epilogue, scale: undefined }, undefined),
        { buffer: dz },
        stride * 4,
        pixels,
      ]);
    }
    const rows = this.graph.batch * pixels;
    const { gamma, beta } = (this.#nodes.get(node.of!) as TrainingNodeOf<"batchNormTrain">).parameters;
    this.#emit("barrier", () => []);
    this.#emit("finishGradient", () => [
      { norm: norm.index },
      norm.bytes,
      { parameter: gamma },
      { external: `gradient:${gamma}` },
      { external: `gradient:${beta}` },
      rows,
    ]);
    this.#values.set(node.name, { base: dz, norm, activation: activations.none, gradientOf: u });
  }

  /** Whether every value from this cotangent back to the stored one it is computed from is read once. */
  #singleUse(name: string): boolean {
    if ((this.#uses.get(name) ?? 0) > 1) return false;
    const node = this.#nodes.get(name);
    if (node?.op === "relu6Grad" || node?.op === "hardswishGrad") return this.#singleUse(node.inputs[1]);
    if (node?.op === "multiply") return this.#singleUse(node.inputs[0]);
    if (node?.op === "flattenGrad") return this.#singleUse(node.inputs[0]);
    return true;
  }

  // Elementwise

  #activation(node: TrainingNode, activation: number): void {
    const x = this.#operand(node.inputs[0]);
    const free =
      x.activation === activations.none &&
      x.scale === undefined &&
      x.addend === undefined &&
      x.gradientOf === undefined &&
      x.base !== undefined;
    this.#values.set(node.name, { ...(free ? x : plain(this.#store(node.inputs[0]))), activation });
  }

  #activationGrad(node: TrainingNode, activation: number): void {
    const z = this.#operand(node.inputs[0]);
    this.#values.set(node.name, { dy: this.#operand(node.inputs[1]), z, activation });
  }

  #multiply(node: TrainingNode): void {
    const [first, second] = node.inputs;
    const { pixels, imageBytes } = this.#layout(first);
    if (this.#layout(second).pixels === pixels && pixels > 1) {
      const a = this.#store(first);
      const b = this.#store(second);
      const buffer = this.#buffer(node.name);
      this.#emit("multiplyMaps", () => [{ buffer: a }, { buffer: b }, { buffer }, imageBytes]);
      this.#values.set(node.name, plain(buffer));
      return;
    }
    const scale = this.#store(second);
    const x = this.#operand(first);
    const free = x.scale === undefined && x.addend === undefined && x.gradientOf === undefined && x.base !== undefined;
    this.#values.set(node.name, { ...(free ? x : plain(this.#store(first))), scale });
  }

  #add(node: TrainingNode): void {
    const [a, b] = node.inputs;
    const [left, right] = [this.#operand(a), this.#operand(b)];
    // A pooled gradient joins the other cotangent as a per-image addend.
    for (const [one, other] of [
      [left, right],
      [right, left],
    ]) {
      const pooled = one.base === undefined && one.addend !== undefined && one.scale === undefined;
      if (pooled && other.addend === undefined && other.gradientOf === undefined && other.base !== undefined) {
        this.#values.set(node.name, { ...other, addend: one.addend });
        return;
      }
    }
    // A convolution that makes one side adds the other while its rows are in cache.
    for (const [mine, name, other] of [
      [right, b, left],
      [left, a, right],
    ] as const) {
      const conv = isPlain(mine) ? this.#convOf.get(mine.base) : undefined;
      const ready = isPlain(other) && conv !== undefined && this.#producer[other.base] < conv.index;
      const free = conv !== undefined && conv.addend === undefined && conv.epilogue === undefined;
      if (conv !== undefined && free && ready && isPlain(other) && isPlain(mine) && this.#singleUse(name)) {
        conv.addend = other.base;
        this.#values.set(node.name, plain(mine.base));
        return;
      }
    }
    const { pixels, stride } = this.#layout(node.name);
    const [value, addend] = isPlain(left) ? [right, left.base] : [left, this.#store(b)];
    const buffer = this.#buffer(node.name);
    this.#materialise(value, buffer, addend, stride, pixels);
    this.#values.set(node.name, plain(buffer));
  }
}

/** Rows of a chunk: both sides of the product stay in the second-level cache, tiles of 4. */
function chunkRows(inputs: number, outputs: number): number {
  const rows = Math.floor(16384 / (inputs + outputs));
  return Math.max(16, Math.min(256, rows - (rows % 4)));
}

function operandWords(operand: Operand): Word[] {
  const { base, norm, activation, scale, addend, gradientOf } = operand;
  const flags =
    (gradientOf !== undefined ? operandFlags.gradient : norm !== undefined ? operandFlags.norm : 0) |
    (scale !== undefined ? operandFlags.imageScale : 0) |
    (addend !== undefined ? operandFlags.imageAddend : 0) |
    (base === undefined ? operandFlags.zero : 0) |
    (activation << 8);
  return [
    flags,
    base === undefined ? 0 : { buffer: base },
    gradientOf === undefined ? 0 : { buffer: gradientOf },
    norm === undefined ? 0 : { norm: norm.index },
    scale === undefined ? 0 : { buffer: scale },
    addend === undefined ? 0 : { buffer: addend.buffer },
    addend === undefined ? 0 : { float: addend.factor },
    0,
  ];
}

function epilogueWords(epilogue: Epilogue | undefined, addend: number | undefined): Word[] {
  const other: Word = addend === undefined ? none : { buffer: addend };
  if (epilogue === undefined) return [0, 0, 0, 0, none, other];
  const { activation, u, norm, scale } = epilogue;
  return [1, activation, { buffer: u }, { norm: norm.index }, scale === undefined ? none : { buffer: scale }, other];
}
