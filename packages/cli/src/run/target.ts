/** A run's target.json: the board that it was made for, a built-in one by its name, a user's own as a whole. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Board, boardNames, loadBoard, parseBoard } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "./atomic.js";
import { readJson } from "./document.js";

export function saveTarget(folder: string, board: Board): void {
  const text = JSON.stringify(board, undefined, 1);
  const builtIn = boardNames.includes(board.name) && JSON.stringify(loadBoard(board.name), undefined, 1) === text;
  writeFileAtomic(join(folder, "target.json"), builtIn ? `${JSON.stringify(board.name)}\n` : `${text}\n`);
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
