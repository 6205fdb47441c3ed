/**
 * Boards by name or file, and a run's target.json: the board that it was made for, a built-in one by its name, a user's own
 * as a whole.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Board, boardNames, loadBoard, parseBoard } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { readJson } from "../host/document.js";

/** The board of a command that names none. */
export const defaultTarget = "stm32h743";

export function saveTarget(folder: string, board: Board): void {
  const value = namesBoard(board) ? board.name : board;
  writeFileAtomic(join(folder, "target.json"), `${JSON.stringify(value, undefined, 1)}\n`);
}

/** Whether a board is the built-in one of its name. */
export function namesBoard(board: Board): boolean {
  return boardNames.includes(board.name) && JSON.stringify(loadBoard(board.name)) === JSON.stringify(board);
}

/** The board that `saveTarget` left in a run folder; undefined where the run was made for none. */
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

/** Whether a target is a user's own file: anything that ends in .json or has a slash. */
function isBoardFile(target: string): boolean {
  return /\.json$|[\\/]/.test(target);
}

/** Runs `solve`; when nothing fits a user's own board, the error names its file. */
export async function namingTarget<T>(target: string | undefined, solve: () => T | Promise<T>): Promise<T> {
  try {
    return await solve();
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "scaling.impossible") throw error;
    if (target === undefined || !isBoardFile(target)) throw error;
    throw new PhinetsError(error.code, `${target}: ${error.message}`, target);
  }
}

/** A board by name, or a user's own file. */
export function loadTarget(target: string): Board {
  if (!isBoardFile(target)) return loadBoard(target);
  const json = readJson(target, { code: "board.json", remedy: "--target takes a board's name or a board.json" });
  return parseBoard(json, target);
}

/** The board that --target names; else the one that the run was made for; else the STM32H743. */
export function targetOf(folder: string, target: string | undefined): Board {
  return target === undefined ? (savedTarget(folder) ?? loadBoard(defaultTarget)) : loadTarget(target);
}
