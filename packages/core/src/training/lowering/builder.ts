/** State shared by the lowering of all nodes: the program so far, its buffers, and what is known about each value. */
import type { Opcode } from "../../kernels/index.js";
import { PhinetsError } from "../../tensor/index.js";
import type { TrainingGraph, TrainingNode } from "../differentiate.js";
import { isTraining, type MapLayout, mapLayout, type ParameterArena } from "../layout.js";
import { type Instruction, instruction, type Norm, type Word, type Words } from "../program.js";
import {
  type Epilogue,
  isGradient,
  isPlain,
  type Lazy,
  type Operand,
  operandWords,
  optional,
  plain,
} from "./operand.js";

/** A 1x1 convolution whose rows are computed on demand by the depthwise convolution that reads it. */
export interface Expansion {
  readonly x: readonly Word[];
  /** Words in the order of kernels/instructions.ts. */
  readonly words: readonly Word[];
  /** Floats per pixel of x. */
  readonly stride: number;
}

/** A convolution's backward instruction while its parts are collected. */
export interface ConvBackward {
  readonly index: number;
  dx: number | undefined;
  weightGradient: string | undefined;
  biasGradient: string | undefined;
  epilogue: Epilogue | undefined;
  addend: number | undefined;
  /** Whether its kernel supports an epilogue. */
  readonly fuses: boolean;
}

export class ProgramBuilder {
  readonly instructions: Instruction[] = [];
  /** Instructions that depend only on parameters. */
  readonly preparation: Instruction[] = [];
  /** Bytes per image of each buffer. */
  readonly buffers: number[] = [];
  readonly norms: Norm[] = [];
  /** Length in floats of the blocks of int8 parameters, by value. */
  readonly int8 = new Map<string, number>();
  /** Norms, by the name of the batch norm's mean value. */
  readonly normOf = new Map<string, Norm>();
  readonly externals = new Map<string, MapLayout>();
  readonly nodes = new Map<string, TrainingNode>();
  /** Expansions, by the value that is not stored. */
  readonly expansions = new Map<string, Expansion>();
  /** Backward convolutions, by the name of the forward node. */
  readonly backwardOf = new Map<string, ConvBackward>();
  /** The backward convolution that writes each buffer. */
  readonly #convOf = new Map<number, ConvBackward>();
  /** The instruction that writes each buffer. */
  readonly #producer: number[] = [];
  readonly #values = new Map<string, Lazy>();
  readonly #absorbed = new Set<string>();
  readonly #uses = new Map<string, number>();

  constructor(
    readonly graph: TrainingGraph,
    readonly parameters: ParameterArena,
    readonly fuse: boolean,
  ) {
    const use = (value: string): unknown => this.#uses.set(value, (this.#uses.get(value) ?? 0) + 1);
    for (const node of graph.nodes) {
      this.nodes.set(node.name, node);
      node.inputs.forEach(use);
    }
    graph.outputs.forEach(use);
  }

  layout(value: string): MapLayout {
    return mapLayout(this.graph.shapes[value]);
  }

  /** @param words called once epilogues are known */
  emit<O extends Opcode>(opcode: O, words: () => Words<O>, scratchBytes?: number): void {
    this.instructions.push(instruction(opcode, words, scratchBytes));
  }

  /** Emits an instruction that depends only on parameters: run once in inference, in every step in training. */
  prepare<O extends Opcode>(opcode: O, words: () => Words<O>): void {
    (isTraining(this.graph) ? this.instructions : this.preparation).push(instruction(opcode, words));
  }

  /** The nodes that read a value, if there are exactly `count` and the value is not an output; otherwise none. */
  readersInside(value: string, count: number): readonly TrainingNode[] {
    if (this.#uses.get(value) !== count) return [];
    const readers = this.graph.nodes.filter(({ inputs }) => inputs.includes(value));
    return readers.length === count && !this.graph.outputs.includes(value) ? readers : [];
  }

  /** A new buffer of a value's size, written by instruction `producer`, by default the next one. */
  buffer(value: string, producer = this.instructions.length): number {
    return this.space(this.layout(value).imageBytes, producer);
  }

  /** A new buffer of this many bytes per image. */
  space(imageBytes: number, producer = this.instructions.length): number {
    this.buffers.push(imageBytes);
    this.#producer.push(producer);
    return this.buffers.length - 1;
  }

  set(name: string, value: Lazy): void {
    this.#values.set(name, value);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Marks a node that another node's kernel computes and whose value is not stored. */
  absorb(name: string): void {
    this.#absorbed.add(name);
  }

  isAbsorbed(name: string): boolean {
    return this.#absorbed.has(name);
  }

  value(name: string): Lazy {
    const value = this.#values.get(name);
    if (value === undefined) throw new PhinetsError("training.order", `value "${name}" is read before it is made`);
    return value;
  }

  /** The value as an operand. An activation gradient is stored first. */
  operand(name: string): Operand {
    const value = this.value(name);
    return isGradient(value) ? plain(this.store(name)) : value;
  }

  /** The value's buffer. Computes the value first if it is lazy. */
  store(name: string): number {
    const value = this.value(name);
    if (isPlain(value)) return value.base;
    const { pixels, stride } = this.layout(name);
    const buffer = this.buffer(name);
    if (isGradient(value)) {
      const [dy, z] = [operandWords(value.dy), operandWords(value.z)];
      const { activation } = value;
      this.emit(
        "activationGradient",
        () => ({ dy, z, out: { buffer }, activation, bytes: stride * 4, pixels }),
        rowsScratchBytes(stride),
      );
    } else this.materialise(value, name, buffer);
    this.set(name, plain(buffer));
    return buffer;
  }

  /** Writes an operand of a value's size, plus `addend`, into a buffer. */
  materialise(operand: Operand, value: string, buffer: number, addend?: number): void {
    const { pixels, stride } = this.layout(value);
    const [x, out] = [operandWords(operand), { buffer }];
    this.emit("materialise", () => ({ x, out, addend: optional(addend), bytes: stride * 4, pixels }));
  }

  newNorm(value: string): Norm {
    const { channels, stride } = this.layout(value);
    const norm = { index: this.norms.length, bytes: stride * 4, channels };
    this.norms.push(norm);
    return norm;
  }

  /** Allocates the buffer of a backward convolution's result. */
  makeConvResult(conv: ConvBackward, value: string): void {
    conv.dx = this.buffer(value, conv.index);
    if (conv.fuses) this.#convOf.set(conv.dx, conv);
    this.set(value, plain(conv.dx));
  }

  /** The backward convolution that writes a buffer, if it supports an epilogue and has none yet. */
  openConv(buffer: number | undefined): ConvBackward | undefined {
    const conv = buffer === undefined || !this.fuse ? undefined : this.#convOf.get(buffer);
    return conv?.epilogue === undefined ? conv : undefined;
  }

  /** Whether a buffer is written before a convolution runs. */
  isReadyFor(conv: ConvBackward, buffer: number): boolean {
    return this.#producer[buffer] < conv.index;
  }

  /** Whether every value from this cotangent back to the stored one it derives from is read only once. */
  singleUse(name: string): boolean {
    if ((this.#uses.get(name) ?? 0) > 1) return false;
    const node = this.nodes.get(name);
    switch (node?.op) {
      case "reluGrad":
      case "relu6Grad":
      case "hardswishGrad":
        return this.singleUse(node.inputs[1]);
      case "multiply":
      case "flattenGrad":
        return this.singleUse(node.inputs[0]);
      default:
        return true;
    }
  }
}

/** Scratch for the rows that a kernel of assembly/maps.ts processes at a time. */
export const rowsScratchBytes = (stride: number): number => Math.max(16384, stride * 4);
