/** What an image takes of RAM beside its activations, and what a board's banks leave to these. */

import type { Bank } from "./banks.js";
import { type Board, banksOf, homeOf } from "./board.js";
import type { Lowering } from "./steps.js";

/** Bytes that the linker scripts reserve for the stack. */
export const stackBytes = 16 * 1024;
/** Boxes and tracks of a detector: `phinets_follower`, at its default sizes. */
export const followerBytes = 36_648;
/** `phinets_state` on a 32-bit target. */
export const stateBytes = 48;
/** Alignment of sections and the C library's own variables, at most. */
const otherBytes = 256;

export interface VariableBytes {
  /** The copy that the application reads. */
  readonly output: number;
  /** Where an inference stands: the next row of each step; and the line that is pushed. */
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
 * Bytes that are kept free of activations where stack and variables lie: those of a detector's image with this output and
 * context. It does not depend on what the image does, so that a network has one plan.
 */
export function keptBytes({ output, context }: VariableBytes): number {
  return stackBytes + followerBytes + output + context + otherBytes;
}

/** What a program's activations may take of each bank, fastest first. */
export function roomsFor(board: Board, lowering: Lowering, how: "whole" | "rows"): Required<Bank>[] {
  return roomsOf(board, keptBytes(variablesOf(lowering, how)));
}

/** Bytes that no program's activations exceed where they fit: all banks together, before output and context are known. */
export function roomBytes(board: Board): number {
  return roomsOf(board, keptBytes({ output: 0, context: 0 })).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * What activations may take of each bank, fastest first: its bytes without `reservedBytes`, and without the stack and
 * variables where they lie in it.
 * @param kept bytes of stack and variables (`keptBytes`)
 */
export function roomsOf(board: Board, kept: number): Required<Bank>[] {
  const home = homeOf(board);
  return banksOf(board).map((region) => {
    const left = region.bytes - (region.reservedBytes ?? 0) - (region === home ? kept : 0);
    return { region: region.name, bytes: Math.max(0, left) };
  });
}
