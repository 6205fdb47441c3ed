/** Lists all files of a tree once, as the basis for recognising its format. */
import { PhinetsError } from "../../tensor/index.js";
import { checkBytes, mostFileBytes, mostFiles, mostTextBytes } from "./limits.js";
import { isPictureFile } from "./picture-names.js";
import { decodeText } from "./text.js";
import {
  baseName,
  byCodeUnits,
  extensionOf,
  type FileTree,
  folderOf,
  foldName,
  joinPath,
  type ReadOptions,
  stemOf,
} from "./tree.js";
import { addTo } from "./values.js";

export interface SurveyOptions {
  /** The file that the user named, such as a data.yaml, in the tree's root. */
  readonly chosen?: string;
  /** Called from time to time with the number of files found so far. */
  readonly onProgress?: (files: number) => void;
  readonly signal?: { throwIfAborted(): void };
}

interface Listing {
  readonly files: readonly string[];
  readonly folders: ReadonlySet<string>;
  readonly brokenLinks: readonly string[];
  readonly others: readonly string[];
}

export class Survey {
  /** All files, sorted by the code units of their paths. */
  readonly files: readonly string[];
  /** Files with a picture's extension. */
  readonly pictures: readonly string[];
  readonly folders: ReadonlySet<string>;
  readonly brokenLinks: readonly string[];
  /** Entries that are not files: pipes, devices and the like. */
  readonly others: readonly string[];
  readonly #known: ReadonlySet<string>;
  #byStem: Map<string, string[]> | undefined;
  #byFolder: Map<string, string[]> | undefined;
  #byFolded: Map<string, string[]> | undefined;
  #foldersByFolder: Map<string, string[]> | undefined;

  private constructor(
    readonly tree: FileTree,
    listing: Listing,
    /** The folder of the tree that this survey covers; `""` for the whole tree. Paths stay relative to the tree. */
    readonly root: string,
    /** The file that the user named; similar files are ignored. */
    readonly chosen?: string,
  ) {
    this.files = listing.files;
    this.folders = listing.folders;
    this.brokenLinks = listing.brokenLinks;
    this.others = listing.others;
    this.pictures = listing.files.filter(isPictureFile);
    this.#known = new Set(listing.files);
  }

  static async of(tree: FileTree, options: SurveyOptions = {}): Promise<Survey> {
    const files: string[] = [];
    const folders = new Set<string>();
    const brokenLinks: string[] = [];
    const others: string[] = [];
    const walk = async (folder: string): Promise<void> => {
      options.signal?.throwIfAborted();
      const entries = await tree.list(folder);
      if (entries === undefined) return;
      const path = (name: string) => (folder === "" ? name : `${folder}/${name}`);
      for (const name of entries.files) files.push(path(name));
      for (const name of entries.brokenLinks) brokenLinks.push(path(name));
      for (const name of entries.others ?? []) others.push(path(name));
      if (files.length + folders.size > mostFiles) {
        throw new PhinetsError(
          "data.size",
          `${tree.name}: holds more than ${mostFiles} files and folders; name the data set's own folder`,
          tree.name,
        );
      }
      options.onProgress?.(files.length);
      for (const name of entries.folders) {
        folders.add(path(name));
        await walk(path(name));
      }
    };
    await walk("");
    files.sort(byCodeUnits);
    return new Survey(tree, { files, folders, brokenLinks, others }, "", options.chosen);
  }

  /** A survey of one folder, as if nothing else existed. */
  within(folder: string): Survey {
    if (folder === this.root) return this;
    const below = (path: string) => path.startsWith(`${folder}/`);
    const listing = {
      files: this.files.filter(below),
      folders: new Set([...this.folders].filter(below)),
      brokenLinks: this.brokenLinks.filter(below),
      others: this.others.filter(below),
    };
    return new Survey(this.tree, listing, folder);
  }

  /** A path as it is shown in messages. */
  show(path: string): string {
    return path === "" ? this.tree.name : `${this.tree.name}/${path}`;
  }

  /** Joins path parts below `root`. */
  path(...parts: readonly string[]): string {
    return joinPath(this.root, ...parts);
  }

  has(file: string): boolean {
    return this.#known.has(file);
  }

  hasFolder(folder: string): boolean {
    return folder === this.root || this.folders.has(folder);
  }

  /** Names of the folders directly in a folder (default: the root). */
  foldersIn(folder = this.root): string[] {
    if (this.#foldersByFolder === undefined) {
      this.#foldersByFolder = new Map();
      for (const each of this.folders) addTo(this.#foldersByFolder, folderOf(each), baseName(each));
    }
    return [...(this.#foldersByFolder.get(folder) ?? [])];
  }

  /** Paths of the files directly in a folder (default: the root). */
  filesIn(folder = this.root): readonly string[] {
    if (this.#byFolder === undefined) {
      this.#byFolder = new Map();
      for (const file of this.files) addTo(this.#byFolder, folderOf(file), file);
    }
    return this.#byFolder.get(folder) ?? [];
  }

  /** Paths of the pictures in a folder and its subfolders. */
  picturesBelow(folder: string): string[] {
    if (folder === "") return [...this.pictures];
    const start = `${folder}/`;
    let [low, high] = [0, this.pictures.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pictures[middle] < start) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < this.pictures.length && this.pictures[end].startsWith(start)) end++;
    return this.pictures.slice(low, end);
  }

  /**
   * Paths of the files with this name directly in a folder (default: the root), ignoring case and Unicode form. If the
   * user named a file, other files with its extension are left out.
   */
  find(name: string | RegExp, folder = this.root): string[] {
    const fits =
      typeof name === "string"
        ? (file: string) => foldName(baseName(file)) === foldName(name)
        : (file: string) => name.test(baseName(file));
    const { chosen } = this;
    const rival = (file: string) => extensionOf(file) === extensionOf(chosen as string) && file !== chosen;
    return this.filesIn(folder).filter((file) => fits(file) && (chosen === undefined || !rival(file)));
  }

  /**
   * The file at a path. If there is none, the only file whose path differs just in case or Unicode form. Undefined if
   * none or several do.
   */
  resolve(path: string): string | undefined {
    if (this.#known.has(path)) return path;
    if (this.#byFolded === undefined) {
      this.#byFolded = new Map();
      for (const file of this.files) addTo(this.#byFolded, foldName(file), file);
    }
    const found = this.#byFolded.get(foldName(path));
    return found?.length === 1 ? found[0] : undefined;
  }

  /** The picture with this stem (a path without extension), ignoring extension, case and Unicode form. */
  pictureOf(stem: string): string | undefined {
    if (this.#byStem === undefined) {
      this.#byStem = new Map();
      for (const file of this.pictures) addTo(this.#byStem, foldName(stemOf(file)), file);
    }
    const found = this.#byStem.get(foldName(stem)) ?? [];
    if (found.length <= 1) return found[0];
    const exact = found.filter((file) => stemOf(file) === stem);
    return exact.length === 1 ? exact[0] : undefined;
  }

  /** Content of a file, at most `most` bytes. */
  async bytes(file: string, most = mostFileBytes): Promise<Uint8Array> {
    return this.#read(file, { most });
  }

  /** The first bytes of a file. */
  async head(file: string, first: number): Promise<Uint8Array> {
    return this.#read(file, { first });
  }

  /** A file's text. Throws PhinetsError `data.size` if it has more than `most` bytes. */
  async text(file: string, most = mostTextBytes): Promise<string> {
    return decodeText(await this.#read(file, { most }));
  }

  async #read(file: string, options: ReadOptions): Promise<Uint8Array> {
    const bytes = await this.tree.read(file, options);
    if (options.first !== undefined) return bytes.length <= options.first ? bytes : bytes.subarray(0, options.first);
    checkBytes(this.show(file), bytes.length, options.most ?? mostFileBytes);
    return bytes;
  }
}
