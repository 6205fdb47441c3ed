/** The opened folder and the folder of all runs: what a request names lies in one of them. */
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { commandPath, parsePlace, placeId, type Root } from "../shared/places.js";
import { foldersBelow } from "./find.js";
import { OpenedFolder } from "./opened-folder.js";

export interface Place {
  readonly id: string;
  /** Whole path. */
  readonly path: string;
}

export class Places {
  /** @param project path of the folder of all runs, as the user named it; it need not be there yet */
  constructor(
    readonly folder: OpenedFolder,
    readonly project: string,
  ) {}

  /** Folders of a kind in both roots, each once: the folder of all runs may lie in the opened one. Links are not followed. */
  below(isOne: (path: string) => boolean): Place[] {
    const found = new Map<string, Place>();
    for (const root of ["project", "folder"] as const) {
      const opened = this.#root(root);
      if (opened === undefined) continue;
      for (const within of foldersBelow(opened.real, isOne)) {
        const path = realpathSync.native(join(opened.real, within));
        if (!found.has(path)) found.set(path, { id: placeId(root, within), path });
      }
    }
    return [...found.values()];
  }

  /** Folders that hold a file. */
  with(marker: string): Place[] {
    return this.below((path) => statSync(join(path, marker), { throwIfNoEntry: false }) !== undefined);
  }

  /** The whole path of a place, or of a file in it, that is there and lies in its root once links are followed. Throws PhinetsError. */
  resolve(id: string, file = ""): string {
    const { root, within } = this.#parse(id);
    const opened = this.#root(root);
    if (opened === undefined)
      throw new PhinetsError("studio.missing", `${this.path(id)}: there is no such folder yet`, this.path(id));
    return opened.resolve(join(within, file) || ".");
  }

  /** As commands name it. Throws PhinetsError for what names no place. */
  path(id: string): string {
    this.#parse(id);
    return commandPath(id, { path: this.folder.path, project: this.project });
  }

  #parse(id: string): { readonly root: Root; readonly within: string } {
    const place = parsePlace(id);
    if (place !== undefined) return place;
    throw new PhinetsError(
      "studio.request",
      `${JSON.stringify(id.slice(0, 80))} names no folder; folder:PATH or project:PATH is needed`,
    );
  }

  /** Undefined where the folder of all runs is not there yet. */
  #root(root: Root): OpenedFolder | undefined {
    if (root === "folder") return this.folder;
    return statSync(this.project, { throwIfNoEntry: false })?.isDirectory()
      ? new OpenedFolder(this.project)
      : undefined;
  }
}
