/** Checks that files lie in a folder once symbolic links are resolved. */
import { realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";

/** Whether a path, as written, is the folder or lies in it. */
export function holds(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below === "" || (below !== ".." && !below.startsWith(`..${sep}`) && resolve(folder, below) === path);
}

/**
 * Whether a file lies in a folder once links are resolved; a missing file counts as inside.
 * @param folder its real path
 */
export function leadsInto(folder: string, path: string): boolean {
  try {
    return holds(folder, realpathSync.native(path));
  } catch {
    return holds(folder, resolve(path));
  }
}

/** Throws PhinetsError `data.outside` for a file that lies outside of the folder. */
export function requireWithin(folder: string | undefined, path: string): void {
  if (folder === undefined || leadsInto(folder, path)) return;
  throw new PhinetsError(
    "data.outside",
    `${path}: leads out of ${folder}, and nothing outside of it is read; move it there, or open a folder that holds both`,
    path,
  );
}
