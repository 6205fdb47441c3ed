/** A folder that was chosen or dropped, as core's tree of files. */
import {
  byCodeUnits,
  checkBytes,
  type FileTree,
  type FolderEntries,
  folderOf,
  isHidden,
  mostFileBytes,
  type ReadOptions,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import type { GivenFile } from "./given-files.js";

export class FilesTree implements FileTree {
  readonly name: string;
  readonly #files = new Map<string, File>();
  readonly #folders = new Map<string, { folders: Set<string>; files: string[] }>();

  constructor(named: readonly GivenFile[]) {
    const [root] = named[0].path.split("/");
    const isFolder = named.every(({ path }) => path.startsWith(`${root}/`));
    this.name = isFolder ? root : "the files";
    this.#folder("");
    for (const { file, path } of named) {
      const within = isFolder ? path.slice(root.length + 1) : path;
      if (within.split("/").some(isHidden)) continue;
      this.#files.set(within, file);
      this.#folder(folderOf(within)).files.push(within.split("/").at(-1)!);
    }
  }

  #folder(path: string): { folders: Set<string>; files: string[] } {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const made = { folders: new Set<string>(), files: [] };
    this.#folders.set(path, made);
    if (path !== "") this.#folder(folderOf(path)).folders.add(path.split("/").at(-1)!);
    return made;
  }

  list(folder: string): FolderEntries | undefined {
    const entry = this.#folders.get(folder);
    if (entry === undefined) return undefined;
    return { folders: [...entry.folders].sort(byCodeUnits), files: entry.files.sort(byCodeUnits), brokenLinks: [] };
  }

  async read(file: string, { most = mostFileBytes, first }: ReadOptions = {}): Promise<Uint8Array> {
    const found = this.#files.get(file);
    const path = this.locate(file);
    if (found === undefined) throw new PhinetsError("data.file", `${path}: does not exist`, path);
    if (first === undefined) checkBytes(path, found.size, most);
    return new Uint8Array(await found.slice(0, first ?? found.size).arrayBuffer());
  }

  locate(file: string): string {
    return `${this.name}/${file}`;
  }
}
