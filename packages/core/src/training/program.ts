/** The flat program that the kernels run (kernels/assembly/interpreter.ts), before its addresses are known. */
import { type Engine, type Opcode, opcodes } from "../kernels/index.js";
import type { MapLayout } from "./layout.js";

/** A word of an instruction: a number, a float's bits, or an address that is known once memory is planned. */
export type Word =
  | number
  | { readonly buffer: number }
  | { readonly parameter: string }
  | { readonly gradient: string }
  | { readonly norm: number }
  /** The network's value whose int8 parameters are used. */
  | { readonly int8: string }
  | { readonly external: string }
  | { readonly float: number };

/** In place of a buffer or a gradient that an instruction does without. */
export const none = -1;

export interface Instruction {
  readonly opcode: Opcode;
  /** Called after lowering, when epilogues are known. */
  words(): Word[];
  /** Bytes of per-thread scratch memory. */
  readonly scratchBytes: number;
}

/** Batch norm's vectors and sums; see kernels/assembly/norm.ts. */
export interface Norm {
  readonly index: number;
  /** Bytes of one vector. */
  readonly bytes: number;
  readonly channels: number;
}

/** A training graph as a program: what `lower` makes and Executor places in memory. */
export interface Lowered {
  readonly forward: readonly Instruction[];
  readonly backward: readonly Instruction[];
  /** Bytes an image of each buffer. */
  readonly buffers: readonly number[];
  readonly norms: readonly Norm[];
  /** Floats of the block of int8 parameters that a value has; see kernels/assembly/int8.ts. */
  readonly int8: ReadonlyMap<string, number>;
  /** Norm of each batch norm node by the name of its mean value; with running statistics, by its own. */
  readonly normOf: ReadonlyMap<string, Norm>;
  /** Values that live outside the arenas in logical layout: inputs, masks, outputs, cotangents. */
  readonly externals: ReadonlyMap<string, MapLayout>;
}

const headerWords = 16;

/**
 * Writes header and code of a program into the engine's memory; returns its address.
 * @param header shards, arena, arena stride, scratch, scratch stride, partials, partials stride, batch; what a program
 *   has no use for may be left out
 */
export function encodeProgram(
  engine: Engine,
  instructions: readonly Instruction[],
  header: readonly number[],
  resolve: (word: Exclude<Word, number>) => number,
  allocate: (bytes: number) => number,
): number {
  const code: number[] = [];
  for (const { opcode, words } of instructions) {
    const encoded = words().map((word) => (typeof word === "number" ? word : resolve(word)));
    code.push(opcodes[opcode], encoded.length + 2, ...encoded);
  }
  const program = allocate((headerWords + code.length) * 4);
  const start = program + headerWords * 4;
  engine.words(program, header.length).set(header);
  engine.words(program + 8 * 4, 2).set([start, start + code.length * 4]);
  engine.words(start, code.length).set(code);
  return program;
}
