/**
 * A folder on disk as a tree of files. Links to folders are followed, but never in cycles, and a target that is met
 * within linked folders is followed only once: a few folders that link to each other would otherwise make a huge tree.
 */
import { type Dirent, existsSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import {
  byCodeUnits,
  type FileTree,
  type FolderEntries,
  folderOf,
  isHidden,
  type ReadOptions,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "../files/regular-file.js";
import { leadsInto, requireWithin } from "../files/within.js";

type Kind = "folders" | "files" | "brokenLinks" | "others";

export class FolderTree implements FileTree {
  /** Targets (real paths) of links within linked folders: a second link to the same target is not followed. */
  readonly #nested = new Map<string, string>();
  /** Real paths of the targets of links in the tree, by the links' paths. */
  readonly #targets = new Map<string, string>();
  #realRoot: string | undefined;

  /**
   * @param name path of the folder, as the user gave it
   * @param within real path of a folder outside of which nothing is read, whatever links say. Default: no limit
   */
  constructor(
    readonly name: string,
    readonly within?: string,
  ) {}

  list(folder: string): FolderEntries | undefined {
    const path = join(this.name, folder);
    let entries: Dirent[];
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new PhinetsError("data.file", `${path}: cannot be listed (${code}); allow reading it`, path);
    }
    const found: Record<Kind, string[]> = { folders: [], files: [], brokenLinks: [], others: [] };
    for (const entry of entries) if (!isHidden(entry.name)) found[this.#kindOf(entry, folder)].push(entry.name);
    for (const names of Object.values(found)) names.sort(byCodeUnits);
    return found;
  }

  #kindOf(entry: Dirent, folder: string): Kind {
    // A file name that is not UTF-8 is read with this replacement character, and no file has the resulting name.
    if (entry.name.includes("\ufffd") && !existsSync(join(this.name, folder, entry.name))) return "others";
    if (entry.isDirectory()) return "folders";
    if (entry.isFile()) return "files";
    return entry.isSymbolicLink() ? this.#kindOfLink(folder, entry.name) : "others";
  }

  #kindOfLink(folder: string, name: string): Kind {
    const path = join(this.name, folder, name);
    let stats: Stats | undefined;
    let target: string;
    try {
      stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return "brokenLinks";
      if (!stats.isDirectory() && !stats.isFile()) return "others";
      target = realpathSync.native(path);
    } catch {
      return "brokenLinks"; // a link to itself, or into a folder that must not be read
    }
    if (stats.isDirectory() && this.within !== undefined && !leadsInto(this.within, target)) return "brokenLinks";
    if (stats.isDirectory() && !this.#mayFollow(folder, path, target)) return "brokenLinks";
    this.#targets.set(folder === "" ? name : `${folder}/${name}`, target);
    return stats.isDirectory() ? "folders" : "files";
  }

  /** False where the link's target contains a folder on the current path: that would be a cycle. */
  #mayFollow(folder: string, path: string, target: string): boolean {
    let nested = false;
    for (let above = folder; ; above = folderOf(above)) {
      const real = this.#realPath(above);
      if (real === target || real.startsWith(join(target, "/"))) return false;
      if (above === "") break;
      nested ||= this.#targets.has(above);
    }
    if (!nested) return true;
    const before = this.#nested.get(target);
    if (before === undefined) this.#nested.set(target, path);
    return before === undefined || before === path;
  }

  #realPath(path: string): string {
    for (let above = path; above !== ""; above = folderOf(above)) {
      const target = this.#targets.get(above);
      if (target !== undefined) return join(target, path.slice(above.length));
    }
    this.#realRoot ??= realpathSync.native(this.name);
    return join(this.#realRoot, path);
  }

  identity(file: string): string | undefined {
    return this.#targets.size === 0 ? undefined : this.#realPath(file);
  }

  read(file: string, options?: ReadOptions): Uint8Array {
    const path = join(this.name, file);
    requireWithin(this.within, path);
    return readRegularSync(path, options);
  }

  locate(file: string): string {
    return join(this.name, file);
  }

  outside(folder: string): FileTree | undefined {
    const path = isAbsolute(folder) ? folder : resolve(this.name, folder);
    if (this.within !== undefined && !leadsInto(this.within, path)) return undefined;
    return existsSync(path) && statSync(path).isDirectory() ? new FolderTree(path, this.within) : undefined;
  }

  inside(path: string): string | undefined {
    const root = resolve(this.name);
    for (const start of [root, existsSync(root) ? realpathSync(root) : root]) {
      const below = relative(start, isAbsolute(path) ? path : resolve(root, path));
      if (below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below)) return below.split(sep).join("/");
    }
    return undefined;
  }
}
