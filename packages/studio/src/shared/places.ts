/** Folders that the page and its server speak of by a short name: `folder:PATH` in the opened folder, `project:PATH` in the folder of all runs. */
import type { Session } from "./session.js";

export type Root = "folder" | "project";

/** @param within path in the root, "" for the root itself */
export const placeId = (root: Root, within: string): string => `${root}:${within}`;

/** Undefined for a text that names no place. */
export function parsePlace(id: string): { readonly root: Root; readonly within: string } | undefined {
  const [, root, within] = /^(folder|project):(.*)$/s.exec(id) ?? [];
  return root === undefined ? undefined : { root: root as Root, within };
}

/** For people: its path in its root. */
export const titleOf = (id: string): string => parsePlace(id)?.within || id.replace(/:$/, "");

/** `within` of a folder, as commands name it. */
export function joinPath(folder: string, within: string): string {
  if (within === "" || within === ".") return folder;
  return folder === "." ? within : `${folder.replace(/\/+$/, "")}/${within}`;
}

/** A place as commands name it. */
export function commandPath(id: string, { path, project }: Pick<Session, "path" | "project">): string {
  const { root, within } = parsePlace(id) ?? { root: "folder", within: id };
  return joinPath(root === "project" ? project : path, within);
}
