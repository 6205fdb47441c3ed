/** `phinets boards`: the boards that come with the tool, and where their numbers come from. */
import { boardNames, loadBoard, type Region, unverifiedOf } from "@phinets/core/cost";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { formatBytes, formatHertz } from "../terminal/format.js";
import { formatPairs, formatTable } from "../terminal/table.js";
import { loadTarget } from "./training-options.js";

export function register(program: Command, context: Context): void {
  program
    .command("boards")
    .description("Lists the boards, or shows one: memory bank by bank, and the source of every number.")
    .argument("[board]", "a board's name, or the path of a board.json")
    .action((board: string | undefined) => {
      const { json, text } = boards(board);
      context.result(json, () => text);
    });
}

/** @param name one board, by name or file; all built-in ones when absent */
export function boards(name?: string): { json: unknown; text: string } {
  if (name !== undefined) return oneBoard(name);
  const list = boardNames.map(loadBoard);
  const rows = list.map((board) => [
    board.name,
    board.core,
    board.simd === "none" ? "" : board.simd,
    formatHertz(board.clockHz),
    formatBytes(board.flashBytes),
    formatBytes(sum(board.regions.filter(({ use }) => use !== "program"))),
    `${formatBytes(board.regions.find((region) => region.name === board.arenaRegion)!.bytes)} ${board.arenaRegion}`,
    unverifiedOf(board).length,
    board.title,
  ]);
  const text = formatTable(["board", "core", "SIMD", "clock", "flash", "RAM", "arena", "unverified", ""], rows);
  return {
    json: { boards: list },
    text: `${text}\n\n\`phinets boards NAME\` shows one. A copy of its JSON (\`--json\`) is a board of yours: --target ./board.json.\nUnverified: of 11 numbers, those whose datasheet was not at hand.`,
  };
}

function oneBoard(name: string): { json: unknown; text: string } {
  const board = loadTarget(name);
  const [low, high] = board.cyclesPerInstruction;
  const text = [
    formatPairs([
      [board.name, board.title],
      ["core", `${board.core}, ${formatHertz(board.clockHz)}, ${low} to ${high} cycles an instruction`],
      ["FPU, SIMD", `${board.fpu}, ${board.simd}`],
      ["energy", `${board.nanojoulesPerCycle} nJ a cycle, ${board.sleepMilliwatts} mW asleep`],
    ]),
    formatTable(
      ["region", { title: "origin", align: "right" }, "size", "use"],
      board.regions.map((region) => [
        region.name,
        `0x${region.origin.toString(16).padStart(8, "0")}`,
        formatBytes(region.bytes),
        region.use,
      ]),
    ),
    formatPairs(Object.entries(board.sources)),
  ].join("\n\n");
  return { json: board, text };
}

function sum(regions: readonly Region[]): number {
  return regions.reduce((total, region) => total + region.bytes, 0);
}
