/** The flat program that the kernels run (kernels/assembly/interpreter.ts), before its addresses are known. */
import {
  arrange,
  type Engine,
  instructions,
  layouts,
  type NameOf,
  type Opcode,
  offsetsOf,
  opcodes,
} from "../kernels/index.js";
import type { MapLayout } from "./layout.js";

/** A word of an instruction: a number, the bits of a float, or an address that memory planning will supply. */
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

/** Stands for a buffer or gradient that an instruction does not use. */
export const none = -1;

export interface Instruction {
  readonly opcode: Opcode;
  /** Called after lowering, once epilogues are known. */
  words(): Word[];
  /** Bytes of per-thread scratch memory. */
  readonly scratchBytes: number;
}

/** An instruction's words by name. */
export type Words<O extends Opcode> = Readonly<Record<NameOf<(typeof instructions)[O]>, Word | readonly Word[]>>;

/** @param words called after lowering */
export function instruction<O extends Opcode>(opcode: O, words: () => Words<O>, scratchBytes = 0): Instruction {
  return { opcode, words: () => arrange(instructions[opcode], words()), scratchBytes };
}

/** Batch norm's vectors and sums; see kernels/assembly/norm.ts. */
export interface Norm {
  readonly index: number;
  /** Bytes of one vector. */
  readonly bytes: number;
  readonly channels: number;
}

/** A training graph as a program, produced by `lower` and placed in memory by Executor. */
export interface Lowered {
  /** Instructions to run before `forward` when parameters have changed. */
  readonly preparation: readonly Instruction[];
  readonly forward: readonly Instruction[];
  readonly backward: readonly Instruction[];
  /** Bytes per image of each buffer. */
  readonly buffers: readonly number[];
  readonly norms: readonly Norm[];
  /** Length in floats of each value's block of int8 parameters; see kernels/assembly/int8.ts. */
  readonly int8: ReadonlyMap<string, number>;
  /** Norm of each batch norm node, by the name of its mean value, or by its own name with running statistics. */
  readonly normOf: ReadonlyMap<string, Norm>;
  /** Values that live outside the arenas in logical layout: inputs, masks, outputs, cotangents. */
  readonly externals: ReadonlyMap<string, MapLayout>;
}

const headerWords = 16;

/** The fields of a program's header about memory and batch; unused fields are 0. */
type Header = Partial<Readonly<Record<Exclude<NameOf<typeof layouts.header>, "code" | "codeEnd">, number>>>;

/** Writes a program's header and code into the engine's memory and returns its address. */
export function encodeProgram(
  engine: Engine,
  code: readonly Instruction[],
  header: Header,
  resolve: (word: Exclude<Word, number>) => number,
  allocate: (bytes: number) => number,
): number {
  const words = code.flatMap((each) => {
    const encoded = each.words().map((word) => (typeof word === "number" ? word : resolve(word)));
    return [opcodes[each.opcode], encoded.length + 2, ...encoded];
  });
  const program = allocate((headerWords + words.length) * 4);
  const start = program + headerWords * 4;
  const full = { ...header, code: start, codeEnd: start + words.length * 4 };
  const at = offsetsOf(layouts.header);
  const head = engine.words(program, headerWords);
  for (const name of Object.keys(full) as (keyof typeof full)[]) head[at[name]] = full[name] ?? 0;
  engine.words(start, words.length).set(words);
  return program;
}
