/** A folder that was chosen or dropped, as core's tree of files. */
import {
  baseName,
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
  readonly #files = new Map<string, GivenFile>();
  readonly #folders = new Map<string, { folders: Set<string>; files: string[] }>();

  constructor(named: readonly GivenFile[]) {
    const [root] = named[0].path.split("/");
    const isFolder = named.every(({ path }) => path.startsWith(`${root}/`));
    this.name = isFolder ? root : "the files";
    this.#folder("");
    for (const file of named) this.#add(isFolder ? file.path.slice(root.length + 1) : file.path, file);
  }

  /** Adds a written file, with the name that `locate` returns. */
  add(file: GivenFile): void {
    this.#add(file.path.slice(this.name.length + 1), file);
  }

  #add(within: string, file: GivenFile): void {
    if (within.split("/").some(isHidden)) return;
    const isNew = !this.#files.has(within);
    this.#files.set(within, file);
    if (isNew) this.#folder(folderOf(within)).files.push(baseName(within));
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
    try {
      const content = await found.open();
      if (first === undefined) checkBytes(path, content.size, most);
      return new Uint8Array(await content.slice(0, first ?? content.size).arrayBuffer());
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new PhinetsError("data.file", `${path}: cannot be read (${error.name}); open the folder again`, path);
    }
  }

  locate(file: string): string {
    return `${this.name}/${file}`;
  }
}
