/** A tree in which some files are replaced and some are added. */
import {
  baseName,
  byCodeUnits,
  checkBytes,
  type FileTree,
  type FolderEntries,
  folderOf,
  mostFileBytes,
  type ReadOptions,
} from "@phinets/core/data";

export class KeptTree implements FileTree {
  readonly name: string;
  readonly #below: FileTree;
  /** Paths of the files that replace others. */
  readonly #kept: ReadonlySet<string>;
  readonly #read: (path: string) => Promise<Uint8Array | undefined>;

  constructor(
    below: FileTree,
    {
      kept,
      read,
    }: { readonly kept: ReadonlySet<string>; readonly read: (path: string) => Promise<Uint8Array | undefined> },
  ) {
    this.name = below.name;
    this.#below = below;
    this.#kept = kept;
    this.#read = read;
  }

  async list(folder: string): Promise<FolderEntries | undefined> {
    const own = await this.#below.list(folder);
    const start = folder === "" ? "" : `${folder}/`;
    const within = [...this.#kept].filter((path) => path.startsWith(start));
    if (within.length === 0) return own;
    const files = new Set(own?.files);
    const folders = new Set(own?.folders);
    for (const path of within) {
      if (folderOf(path) === folder) files.add(baseName(path));
      else folders.add(path.slice(start.length).split("/")[0]);
    }
    const sorted = (names: ReadonlySet<string>) => [...names].sort(byCodeUnits);
    return { brokenLinks: [], ...own, folders: sorted(folders), files: sorted(files) };
  }

  async read(file: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const found = this.#kept.has(file) ? await this.#read(file) : undefined;
    if (found === undefined) return this.#below.read(file, options);
    const { most = mostFileBytes, first } = options;
    if (first !== undefined) return found.subarray(0, first);
    checkBytes(this.locate(file), found.length, most);
    return found;
  }

  locate(file: string): string {
    return this.#below.locate(file);
  }
}
