/**
 * Loads boards by name or file, and reads a run's target.json: the board that the run was made for, a built-in board by
 * its name, a custom one in full.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Board, boardNames, loadBoard, parseBoard } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { readJson } from "../host/document.js";

/** The board of a command that is given none. */
export const defaultTarget = "stm32h743";

export function saveTarget(folder: string, board: Board): void {
  const value = namesBoard(board) ? board.name : board;
  writeFileAtomic(join(folder, "target.json"), `${JSON.stringify(value, undefined, 1)}\n`);
}

/** Whether a board equals the built-in board of the same name. */
export function namesBoard(board: Board): boolean {
  return boardNames.includes(board.name) && JSON.stringify(loadBoard(board.name)) === JSON.stringify(board);
}

/** The board that `saveTarget` stored in a run folder; undefined where the run was made for no board. */
export function savedTarget(folder: string): Board | undefined {
  const path = join(folder, "target.json");
  if (!existsSync(path)) return undefined;
  const json = readJson(path, { code: "run.target", remedy: "restore it, or name the board with --target" });
  try {
    return typeof json === "string" ? loadBoard(json) : parseBoard(json, path);
  } catch (error) {
    const { message } = error as Error;
    const named = message.startsWith(path) ? message : `${path}: ${message}`;
    const short = named.length > 600 ? `${named.slice(0, 597)}...` : named;
    throw new PhinetsError("run.target", `${short}; or name the board with --target`, path);
  }
}

/** Whether a target is the path of a board file: it ends in .json or has a slash. */
function isBoardFile(target: string): boolean {
  return /\.json$|[\\/]/.test(target);
}

/** Runs `solve`; when no network fits a custom board, the error names the board's file. */
export async function namingTarget<T>(target: string | undefined, solve: () => T | Promise<T>): Promise<T> {
  try {
    return await solve();
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "scaling.impossible") throw error;
    if (target === undefined || !isBoardFile(target)) throw error;
    throw new PhinetsError(error.code, `${target}: ${error.message}`, target);
  }
}

/** A board by name, or from a custom board file. */
export function loadTarget(target: string): Board {
  if (!isBoardFile(target)) return loadBoard(target);
  const json = readJson(target, { code: "board.json", remedy: "--target takes a board's name or a board.json" });
  return parseBoard(json, target);
}

/** The board that --target names, or the board that the run was made for, or the STM32H743. */
export function targetOf(folder: string, target: string | undefined): Board {
  return target === undefined ? (savedTarget(folder) ?? loadBoard(defaultTarget)) : loadTarget(target);
}
