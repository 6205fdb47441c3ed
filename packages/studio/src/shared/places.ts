/**
 * Short ids of folders, shared by page and server: `folder:PATH` in the opened folder, `project:PATH` in the folder of
 * all runs.
 */
import type { Session } from "./session.js";

export type Root = "folder" | "project";

/** @param within path relative to the root, "" for the root itself */
export const placeId = (root: Root, within: string): string => `${root}:${within}`;

/** Undefined for a text that is not an id of a place. */
export function parsePlace(id: string): { readonly root: Root; readonly within: string } | undefined {
  const [, root, within] = /^(folder|project):(.*)$/s.exec(id) ?? [];
  return root === undefined ? undefined : { root: root as Root, within };
}

/** Title to show: its path in its root. */
export const titleOf = (id: string): string => parsePlace(id)?.within || id.replace(/:$/, "");

/** Path of `within` in a folder, for use in commands. */
export function joinPath(folder: string, within: string): string {
  if (within === "" || within === ".") return folder;
  return folder === "." ? within : `${folder.replace(/\/+$/, "")}/${within}`;
}

/** Path of a place, for use in commands. */
export function commandPath(id: string, { path, project }: Pick<Session, "path" | "project">): string {
  const { root, within } = parsePlace(id) ?? { root: "folder", within: id };
  return joinPath(root === "project" ? project : path, within);
}
