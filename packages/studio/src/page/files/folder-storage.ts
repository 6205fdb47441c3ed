/** Label files in the folder that the user picked, written in place. */
import { baseName, folderOf } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { FilesTree } from "./files-tree.js";
import { filesIn, type PickedFolder } from "./given-files.js";
import { identityOf } from "./identity.js";
import type { LabelStorage } from "./storage.js";

export class FolderStorage implements LabelStorage {
  #tree: FilesTree;
  readonly #folder: PickedFolder;

  private constructor(
    readonly identity: string,
    { tree, folder }: { readonly tree: FilesTree; readonly folder: PickedFolder },
  ) {
    this.#tree = tree;
    this.#folder = folder;
  }

  static async open(tree: FilesTree, folder: PickedFolder): Promise<FolderStorage> {
    return new FolderStorage(await identityOf(tree), { tree, folder });
  }

  get tree(): FilesTree {
    return this.#tree;
  }

  async refresh(): Promise<void> {
    this.#tree = new FilesTree(await filesIn(this.#folder));
  }

  async begin(): Promise<void> {
    const mode = { mode: "readwrite" } as const;
    const folder = this.#folder;
    if ((await folder.queryPermission(mode)) === "granted") return;
    if ((await folder.requestPermission(mode)) === "granted") return;
    throw new PhinetsError(
      "data.edit",
      `${folder.name}: the browser may not write into it; allow it, or drop the folder onto the page: boxes are then kept in the browser`,
      folder.name,
    );
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#explained(path, async () => {
      try {
        const handle = await (await this.#folderOf(path)).getFileHandle(baseName(path));
        return new Uint8Array(await (await handle.getFile()).arrayBuffer());
      } catch (error) {
        if ((error as Error).name === "NotFoundError") return undefined;
        throw error;
      }
    });
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#explained(path, async () => {
      const folder = await this.#folderOf(path, { create: true });
      const handle = await folder.getFileHandle(baseName(path), { create: true });
      // The browser writes a temporary file and replaces the original when it is closed.
      const writer = await handle.createWritable();
      await writer.write(new Uint8Array(bytes));
      await writer.close();
    });
    this.#tree.add({ path: this.#tree.locate(path), open: async () => this.#open(path) });
  }

  async #open(path: string): Promise<File> {
    return (await (await this.#folderOf(path)).getFileHandle(baseName(path))).getFile();
  }

  async #folderOf(path: string, options?: FileSystemGetDirectoryOptions): Promise<FileSystemDirectoryHandle> {
    let folder: FileSystemDirectoryHandle = this.#folder;
    for (const name of folderOf(path).split("/")) {
      if (name !== "") folder = await folder.getDirectoryHandle(name, options);
    }
    return folder;
  }

  async #explained<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      const shown = this.#tree.locate(path);
      throw new PhinetsError(
        "run.write",
        `${shown}: the browser cannot open it for writing (${error.name}); allow it, and it is saved again`,
        shown,
      );
    }
  }
}
