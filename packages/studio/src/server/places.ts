/** The opened folder and the folder of all runs: all paths in requests must lie in one of them. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { holds } from "@phinets/node/files";
import { commandPath, parsePlace, placeId, type Root } from "../shared/places.js";
import { FolderWalk } from "./find.js";
import { OpenedFolder, outside } from "./opened-folder.js";

export interface Place {
  readonly id: string;
  /** Full path. */
  readonly path: string;
}

/** Undefined where it is gone in the meantime. */
function realpathOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** The real path of a path whose last folders may not exist yet. */
function placeOnDisk(path: string): string {
  let [there, rest] = [resolve(path), ""];
  while (realpathOf(there) === undefined && dirname(there) !== there)
    [there, rest] = [dirname(there), join(basename(there), rest)];
  return join(realpathOf(there) ?? there, rest);
}

export class Places {
  /** @param project path of the folder of all runs, as the user named it; it may not exist yet */
  constructor(
    readonly folder: OpenedFolder,
    readonly project: string,
  ) {}

  /**
   * Folders of a kind in both roots, each once: the folder of all runs may lie in the opened one. Links are not
   * followed.
   */
  below(isOne: (path: string) => boolean): Place[] {
    return this.walk({ one: isOne })().one;
  }

  /** As `below` for several kinds, for repeated calls: folders that have not changed are not read again. */
  walk<K extends string>(kinds: Readonly<Record<K, (path: string) => boolean>>): () => Record<K, Place[]> {
    const walks = new Map<string, FolderWalk<K>>();
    const names = Object.keys(kinds) as K[];
    return () => {
      const found = new Map(names.map((kind) => [kind, new Map<string, Place>()]));
      for (const root of ["project", "folder"] as const) {
        const opened = this.#root(root);
        if (opened === undefined) continue;
        const walk = walks.get(opened.real) ?? new FolderWalk(opened.real, kinds);
        walks.set(opened.real, walk);
        for (const [kind, all] of Object.entries(walk.find()) as [K, string[]][])
          for (const within of all) {
            // No link leads to it, so this is its real path.
            const path = join(opened.real, within);
            const known = found.get(kind)!;
            if (!known.has(path)) known.set(path, { id: placeId(root, within), path });
          }
      }
      return Object.fromEntries(names.map((kind) => [kind, [...found.get(kind)!.values()]])) as Record<K, Place[]>;
    };
  }

  /** Folders that hold a file named `marker`. */
  with(marker: string): Place[] {
    return this.below((path) => statSync(join(path, marker), { throwIfNoEntry: false }) !== undefined);
  }

  /**
   * The full path of an existing place, or of a file in it, inside its root once links are resolved. Throws
   * PhinetsError otherwise.
   */
  resolve(id: string, file = ""): string {
    const { root, within } = this.#parse(id);
    const opened = this.#root(root);
    if (opened === undefined)
      throw new PhinetsError("studio.missing", `${this.path(id)}: there is no such folder yet`, this.path(id));
    return opened.resolve(join(within, file) || ".");
  }

  /** The path for use in commands. Throws PhinetsError where the id names no place. */
  path(id: string): string {
    this.#parse(id);
    return commandPath(id, { path: this.folder.path, project: this.project });
  }

  /**
   * Throws where a file lies in neither root once links are resolved. For a missing file, its nearest existing folder
   * decides.
   * @param path full path
   */
  requireInside(path: string, shown: string): void {
    const real = placeOnDisk(path);
    if (![this.folder.real, placeOnDisk(this.project)].some((root) => holds(root, real))) throw outside(shown);
  }

  #parse(id: string): { readonly root: Root; readonly within: string } {
    const place = parsePlace(id);
    if (place !== undefined) return place;
    throw new PhinetsError(
      "studio.request",
      `${JSON.stringify(id.slice(0, 80))} names no folder; folder:PATH or project:PATH is needed`,
    );
  }

  /** Undefined where the folder of all runs does not exist yet. */
  #root(root: Root): OpenedFolder | undefined {
    if (root === "folder") return this.folder;
    return statSync(this.project, { throwIfNoEntry: false })?.isDirectory()
      ? new OpenedFolder(this.project)
      : undefined;
  }
}
