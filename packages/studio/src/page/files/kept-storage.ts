/**
 * Label files in the browser's storage, where what was opened cannot be written: an archive, a dropped folder, a
 * browser without the File System Access API. They survive the page, and are downloaded when the user wants.
 */
import { baseName, type FileTree, folderOf, isPictureFile, Survey, ZipTree } from "@phinets/core/data";
import { computed, signal } from "@preact/signals";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { saveFile } from "../ui/save.js";
import { sha256 } from "./digest.js";
import { identityOf } from "./identity.js";
import { KeptTree } from "./kept-tree.js";
import type { KeptLabels, LabelStorage } from "./storage.js";

/** A file that replaces one of the opened data set. */
interface KeptFile {
  readonly bytes: Uint8Array;
  /** SHA-256 of the original file; "" where there was none. */
  readonly from: string;
}

interface Schema extends DBSchema {
  readonly files: { readonly key: [identity: string, path: string]; readonly value: KeptFile };
}

const database = (): Promise<IDBPDatabase<Schema>> =>
  openDB<Schema>("phinets-labels", 1, { upgrade: (made) => void made.createObjectStore("files") });

export class KeptStorage implements LabelStorage {
  readonly #opened: FileTree;
  readonly #data: IDBPDatabase<Schema>;
  readonly #paths = signal<ReadonlySet<string>>(new Set());
  readonly #outdated = signal(0);
  readonly kept: KeptLabels = {
    count: computed(() => this.#paths.value.size),
    outdated: this.#outdated,
    download: () => this.#download(),
    discard: async () => {
      await this.#data.delete("files", this.#all);
      await this.refresh();
    },
  };

  private constructor(
    readonly identity: string,
    { opened, data }: { readonly opened: FileTree; readonly data: IDBPDatabase<Schema> },
  ) {
    this.#opened = opened;
    this.#data = data;
  }

  /** Opens the storage with the files kept earlier for this data set. */
  static async open(opened: FileTree): Promise<KeptStorage> {
    const storage = new KeptStorage(await identityOf(opened), { opened, data: await database() });
    await storage.refresh();
    return storage;
  }

  get tree(): FileTree {
    return new KeptTree(this.#opened, { kept: this.#paths.value, read: (path) => this.#kept(path) });
  }

  /** Drops files that the data set has meanwhile, because they were downloaded and copied into it. */
  async refresh(): Promise<void> {
    const paths = new Set<string>();
    let outdated = 0;
    for (const key of await this.#data.getAllKeys("files", this.#all)) {
      const [, path] = key;
      const kept = await this.#data.get("files", key);
      if (kept === undefined) continue;
      const now = await this.#digestBelow(path);
      if (now === (await sha256(kept.bytes))) {
        await this.#data.delete("files", key);
        continue;
      }
      if (now !== kept.from) outdated++;
      paths.add(path);
    }
    this.#paths.value = paths;
    this.#outdated.value = outdated;
  }

  async begin(): Promise<void> {}

  async read(path: string): Promise<Uint8Array | undefined> {
    return (await this.#kept(path)) ?? this.#below(path);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const before = await this.#data.get("files", [this.identity, path]);
    const from = before?.from ?? (await this.#digestBelow(path));
    await this.#data.put("files", { bytes, from }, [this.identity, path]);
    if (this.#paths.value.size === 0) void navigator.storage?.persist?.();
    if (!this.#paths.value.has(path)) this.#paths.value = new Set(this.#paths.value).add(path);
  }

  get #all(): IDBKeyRange {
    return IDBKeyRange.bound([this.identity], [this.identity, []]);
  }

  /** Read from the storage itself, because another tab may have written it. */
  async #kept(path: string): Promise<Uint8Array | undefined> {
    return (await this.#data.get("files", [this.identity, path]))?.bytes;
  }

  async #below(path: string): Promise<Uint8Array | undefined> {
    const entries = await this.#opened.list(folderOf(path));
    return entries?.files.includes(baseName(path)) ? this.#opened.read(path) : undefined;
  }

  async #digestBelow(path: string): Promise<string> {
    const bytes = await this.#below(path);
    return bytes === undefined ? "" : sha256(bytes);
  }

  async #download(): Promise<void> {
    const isArchive = this.#opened instanceof ZipTree;
    const { files } = isArchive ? await Survey.of(this.tree) : { files: [...this.#paths.value] };
    const { name } = this.#opened;
    saveFile(isArchive ? name : `${name}-labels.zip`, await packed(this.tree, files), "application/zip");
  }
}

/** Files of a tree as a .zip; pictures are stored uncompressed, because they are compressed already. */
async function packed(tree: FileTree, files: readonly string[]): Promise<Blob> {
  const { Zip, ZipDeflate, ZipPassThrough } = await import("fflate");
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const archive = new Zip((error, part) => {
    if (error) throw error;
    parts.push(new Uint8Array(part));
  });
  for (const file of files) {
    const entry = isPictureFile(file) ? new ZipPassThrough(file) : new ZipDeflate(file);
    archive.add(entry);
    entry.push(await tree.read(file), true);
  }
  archive.end();
  return new Blob(parts, { type: "application/zip" });
}
