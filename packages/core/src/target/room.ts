/** RAM that an image needs in addition to its activations, and the room that a board's banks leave to activations. */

import type { Bank } from "./banks.js";
import { type Board, banksOf, homeOf } from "./board.js";
import type { Lowering } from "./steps.js";

/** Bytes that the linker scripts reserve for the stack. */
export const stackBytes = 16 * 1024;
/** Boxes and tracks of a detector: size of `phinets_follower` with its default limits. */
export const followerBytes = 36_648;
/** Size of `phinets_state` on a 32-bit target. */
export const stateBytes = 48;
/** Upper bound for the alignment of sections and the C library's own variables. */
const otherBytes = 256;

export interface VariableBytes {
  /** The copy of the outputs that the application reads. */
  readonly output: number;
  /** State of an inference: the next row of each step, and the input row that is pushed. */
  readonly context: number;
}

export function variablesOf({ values, steps, input, outputs }: Lowering, how: "whole" | "rows"): VariableBytes {
  const sizeOf = (name: string): number => {
    const { height, width, channels } = values.get(name)!;
    return height * width * channels;
  };
  const output = outputs.reduce((sum, name) => sum + sizeOf(name), 0);
  const { width, channels } = values.get(input)!;
  return { output, context: stateBytes + 2 * steps.length + (how === "rows" ? width * channels : 0) };
}

/**
 * Bytes kept free of activations where stack and variables lie: the needs of a detector's image with this output and
 * context. The value does not depend on the image's task, so that a network has one plan.
 */
export function keptBytes({ output, context }: VariableBytes): number {
  return stackBytes + followerBytes + output + context + otherBytes;
}

/** Room for a program's activations in each bank, fastest first. */
export function roomsFor(board: Board, lowering: Lowering, how: "whole" | "rows"): Required<Bank>[] {
  return roomsOf(board, keptBytes(variablesOf(lowering, how)));
}

/**
 * Upper bound for the activations of any program that fits: the room in all banks, before output and context are known.
 */
export function roomBytes(board: Board): number {
  return roomsOf(board, keptBytes({ output: 0, context: 0 })).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Room for activations in each bank, fastest first: its bytes minus `reservedBytes`, and minus stack and variables
 * where they lie in it.
 * @param kept bytes of stack and variables (`keptBytes`)
 */
export function roomsOf(board: Board, kept: number): Required<Bank>[] {
  const home = homeOf(board);
  return banksOf(board).map((region) => {
    const left = region.bytes - (region.reservedBytes ?? 0) - (region === home ? kept : 0);
    return { region: region.name, bytes: Math.max(0, left) };
  });
}
