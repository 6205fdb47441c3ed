/** The boot requirements of chips whose boot ROM inspects an image before starting it. */
import type { Board, Region } from "../../target/index.js";

/** Address at which the RP2040 and the RP2350 map their flash. */
const flashWindow = 0x10000000;
/** Size of the RP2040's second boot stage, which precedes the image. */
const stageBytes = 256;

/** The region of an RP2040's second boot stage, which ends where the program begins; undefined on other boards. */
export function stageRegion({ regions }: Pick<Board, "regions">): Region | undefined {
  const program = regions.find(({ use }) => use === "program");
  return regions.find(
    ({ use, origin, bytes }) =>
      use === "free" && origin === flashWindow && bytes === stageBytes && program?.origin === origin + bytes,
  );
}

/**
 * The board's chip with a boot ROM, recognised by its memory map; its files are in firmware/boards/<chip>. Undefined
 * for chips that start at their vector table.
 */
export function bootOf(board: Pick<Board, "core" | "regions">): "rp2040" | "rp2350" | undefined {
  if (stageRegion(board) !== undefined) return "rp2040";
  const program = board.regions.find(({ use }) => use === "program");
  return board.core === "cortex-m33" && program?.origin === flashWindow ? "rp2350" : undefined;
}
