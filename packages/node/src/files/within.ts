/** Files that lie in a folder once links are followed. */
import { realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";

/** Whether a path, as it is written, is the folder or lies in it. */
export function holds(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below === "" || (below !== ".." && !below.startsWith(`..${sep}`) && resolve(folder, below) === path);
}

/**
 * Whether a file leads into a folder; one that is not there does not lead outside.
 * @param folder its real path
 */
export function leadsInto(folder: string, path: string): boolean {
  try {
    return holds(folder, realpathSync.native(path));
  } catch {
    return holds(folder, resolve(path));
  }
}

/** Throws PhinetsError `data.outside` for a file that leads out of a folder. */
export function requireWithin(folder: string | undefined, path: string): void {
  if (folder === undefined || leadsInto(folder, path)) return;
  throw new PhinetsError(
    "data.outside",
    `${path}: leads out of ${folder}, and nothing outside of it is read; move it there, or open a folder that holds both`,
    path,
  );
}
