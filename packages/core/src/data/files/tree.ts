/**
 * The interface to a data set's files, wherever they are: a folder on disk, a zip archive, a folder dropped on a page,
 * memory. Formats use only this interface, so the same code opens all of them.
 */
import { PhinetsError } from "../../tensor/index.js";
import { checkBytes, mostFileBytes } from "./limits.js";

export type Awaitable<T> = T | Promise<T>;

/** Names in one folder, sorted by their code units (the same order on every machine). */
export interface FolderEntries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Broken or circular links. */
  readonly brokenLinks: readonly string[];
  /** Entries that cannot be read as files: pipes, sockets, devices, names that are not valid Unicode. */
  readonly others?: readonly string[];
}

export interface ReadOptions {
  /** A larger file is an error (`data.size`), thrown before it is read. Default: `mostFileBytes`. */
  readonly most?: number;
  /** Reads only this many bytes from the beginning; `most` is then ignored. */
  readonly first?: number;
}

/** Paths are relative to the tree's root and use `/`; `""` is the root. */
export interface FileTree {
  /** Name as the user wrote it; prefixes paths in messages. */
  readonly name: string;
  /** Entries of a folder, without hidden ones; undefined if there is no such folder. Links to folders are followed. */
  list(folder: string): Awaitable<FolderEntries | undefined>;
  /** Content of a file. Throws PhinetsError `data.file` if it cannot be read, `data.size` if it is too large. */
  read(file: string, options?: ReadOptions): Awaitable<Uint8Array>;
  /** The path by which the host opens this file later; stored in `Sample.file`. */
  locate(file: string): string;
  /**
   * The folder at a path that may be outside the tree: absolute, or beginning with `../`. Undefined if there is none or
   * if the host cannot reach it (archive, page).
   */
  outside?(folder: string): Awaitable<FileTree | undefined>;
  /** The path within this tree of a path that is absolute or begins with `../`; undefined if it leads elsewhere. */
  inside?(path: string): string | undefined;
  /** A text that is equal for paths that reach the same file through links; undefined if no link leads to a folder. */
  identity?(file: string): string | undefined;
}

/** Whether an entry is to be ignored: hidden, or metadata left by an operating system. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX" || name === "Thumbs.db" || name === "desktop.ini";
}

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Joins path parts with `/` and resolves `.` and `..`; leading `..` stay. Backslashes are treated as `/`. */
export function joinPath(...parts: readonly string[]): string {
  const text = parts.join("/").replaceAll("\\", "/");
  const out: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && out.length > 0 && out.at(-1) !== "..") out.pop();
    else out.push(part);
  }
  return text.startsWith("/") && !(parts[0] === "" && parts.length > 1) ? `/${out.join("/")}` : out.join("/");
}

/** The folder of a path: `a/b` for `a/b/c.jpg`; `""` for a file in the root. */
export function folderOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "" : path.slice(0, at);
}

/** Last part of a path with `/` or `\`. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** The extension in lower case: `.jpg` for `a/b.JPG`; `""` if there is none. */
export function extensionOf(path: string): string {
  const name = baseName(path);
  const at = name.lastIndexOf(".");
  return at <= 0 ? "" : name.slice(at).toLowerCase();
}

/** A path without its extension. */
export function stemOf(path: string): string {
  const extension = extensionOf(path);
  return extension === "" ? path : path.slice(0, -extension.length);
}

/** A key that is equal for names that differ only in case or Unicode form, as macOS and Windows treat them. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Files in memory, for tests, writers and pages. Keys are paths with `/`. */
export class MemoryTree implements FileTree {
  readonly #files: Map<string, Uint8Array>;

  constructor(
    readonly name: string,
    files: Iterable<readonly [path: string, content: Uint8Array]>,
  ) {
    this.#files = new Map(files);
  }

  list(folder: string): FolderEntries | undefined {
    const start = folder === "" ? "" : `${folder}/`;
    const folders = new Set<string>();
    const files: string[] = [];
    let found = folder === "";
    for (const path of this.#files.keys()) {
      if (!path.startsWith(start)) continue;
      found = true;
      const [name, ...rest] = path.slice(start.length).split("/");
      if (isHidden(name)) continue;
      if (rest.length > 0) folders.add(name);
      else files.push(name);
    }
    return found
      ? { folders: [...folders].sort(byCodeUnits), files: files.sort(byCodeUnits), brokenLinks: [] }
      : undefined;
  }

  read(file: string, { most = mostFileBytes, first }: ReadOptions = {}): Uint8Array {
    const found = this.#files.get(file);
    if (found === undefined) throw new PhinetsError("data.file", `${this.name}/${file}: does not exist`, file);
    if (first !== undefined) return found.subarray(0, first);
    checkBytes(`${this.name}/${file}`, found.length, most);
    return found;
  }

  locate(file: string): string {
    return `${this.name}/${file}`;
  }
}
