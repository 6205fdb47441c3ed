/** What a chip's boot ROM wants to see before it starts an image. */
import type { Board, Region } from "../../target/index.js";

/** Where the RP2040 and the RP2350 show their flash. */
const flashWindow = 0x10000000;
/** Bytes of the RP2040's second stage, which lies before the image. */
const stageBytes = 256;

/** The region of an RP2040's second stage, if the board has one: it ends where the program begins. */
export function stageRegion({ regions }: Pick<Board, "regions">): Region | undefined {
  const program = regions.find(({ use }) => use === "program");
  return regions.find(
    ({ use, origin, bytes }) =>
      use === "free" && origin === flashWindow && bytes === stageBytes && program?.origin === origin + bytes,
  );
}

/**
 * The chip whose boot ROM the board has, by its memory map: its files lie in firmware/boards/<chip>. Undefined for chips
 * that start at their vector table.
 */
export function bootOf(board: Pick<Board, "core" | "regions">): "rp2040" | "rp2350" | undefined {
  if (stageRegion(board) !== undefined) return "rp2040";
  const program = board.regions.find(({ use }) => use === "program");
  return board.core === "cortex-m33" && program?.origin === flashWindow ? "rp2350" : undefined;
}
