/** Finds the best run of a sweep, for commands that continue with it. */
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { z } from "zod";
import { problemOf, readJson } from "../host/document.js";

/** A run folder within the sweep's. */
export const sweepRun = z.string().regex(/^(detect|classify)\/[0-9a-f]{16}$/, "detect/HASH or classify/HASH");

const document = z.object({
  rows: z.array(
    z.object({
      target: z.string().optional(),
      score: z.number().optional(),
      runs: z.array(sweepRun).min(1),
    }),
  ),
});

/** sweep.json: the leaderboard in machine-readable form. */
export const sweepDocument = (folder: string): string => join(folder, "sweep.json");

/**
 * The run folder of the best setting, overall or for a board; of several seeds the first.
 * @throws PhinetsError `sweep.result` where the folder has no finished sweep, or none for the board
 */
export function bestRun(folder: string, target?: string): string {
  const path = sweepDocument(folder);
  const options = { code: "sweep.result", remedy: "name the folder of a sweep that has ended" };
  const found = readJson(path, options);
  const problem = problemOf(document, found);
  if (problem !== undefined) throw new PhinetsError(options.code, `${path}: ${problem}; ${options.remedy}`, path);
  const { rows } = document.parse(found);
  const best = rows.find((row) => row.score !== undefined && (target === undefined || row.target === target));
  if (best !== undefined) return join(folder, best.runs[0]);
  const boards = [...new Set(rows.flatMap((row) => row.target ?? []))];
  const known = boards.length === 0 ? "none of its settings was trained for a board" : `it has ${boards.join(", ")}`;
  throw new PhinetsError(options.code, `${path}: no setting for ${target ?? "any board"} was trained; ${known}`, path);
}
