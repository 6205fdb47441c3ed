/** A folder on disk as a tree of files. Links to folders are followed once, never in circles. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { type FileTree, type FolderEntries, isHidden } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

export class FolderTree implements FileTree {
  /** Real paths of folders that a link led to: a second link to one is not followed. */
  readonly #followed = new Map<string, string>();

  /** @param name path of the folder, as the user named it */
  constructor(readonly name: string) {}

  list(folder: string): FolderEntries | undefined {
    const path = join(this.name, folder);
    const folders: string[] = [];
    const files: string[] = [];
    const brokenLinks: string[] = [];
    let entries: ReturnType<typeof readEntries>;
    try {
      entries = readEntries(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw new PhinetsError("data.file", `${path}: cannot be listed (${code}); allow reading it`, path);
    }
    for (const entry of entries) {
      if (isHidden(entry.name)) continue;
      if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isFile()) files.push(entry.name);
      else if (entry.isSymbolicLink()) {
        const kind = this.#kindOfLink(path, entry.name);
        (kind === "folder" ? folders : kind === "file" ? files : brokenLinks).push(entry.name);
      }
    }
    const order = (names: string[]) => names.sort((a, b) => (a < b ? -1 : 1));
    return { folders: order(folders), files: order(files), brokenLinks: order(brokenLinks) };
  }

  #kindOfLink(folder: string, name: string): "folder" | "file" | "broken" {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "broken";
    if (!stats.isDirectory()) return stats.isFile() ? "file" : "broken";
    const target = realpathSync(path);
    const here = realpathSync(folder);
    if (here === target || here.startsWith(join(target, "/"))) return "broken"; // it leads into itself
    const before = this.#followed.get(target);
    if (before !== undefined && before !== path) return "broken";
    this.#followed.set(target, path);
    return "folder";
  }

  read(file: string): Uint8Array {
    const path = join(this.name, file);
    try {
      const bytes = readFileSync(path);
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new PhinetsError(
        "data.file",
        `${path}: ${code === "ENOENT" ? "does not exist" : `cannot be read (${code})`}`,
        path,
      );
    }
  }

  locate(file: string): string {
    return join(this.name, file);
  }

  outside(folder: string): FileTree | undefined {
    const path = isAbsolute(folder) ? folder : resolve(this.name, folder);
    return existsSync(path) && statSync(path).isDirectory() ? new FolderTree(path) : undefined;
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

const readEntries = (path: string) => readdirSync(path, { withFileTypes: true });
