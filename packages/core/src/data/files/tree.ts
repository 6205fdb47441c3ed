/**
 * Files of a data set, wherever they are: a folder on disk, a zip archive, a folder dropped on a page, memory. Formats
 * see these only, so the same code opens all of them.
 */
import { PhinetsError } from "../../tensor/index.js";
import { checkBytes, mostFileBytes } from "./limits.js";

export type Awaitable<T> = T | Promise<T>;

/** Names in one folder, in the order of their code units (the same on every machine). */
export interface FolderEntries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Links that lead nowhere, or in a circle. */
  readonly brokenLinks: readonly string[];
  /** What cannot be read as a file: pipes, sockets, devices, names that are no Unicode. */
  readonly others?: readonly string[];
}

export interface ReadOptions {
  /** A file of more bytes is an error (`data.size`), before it is read. Default: `mostFileBytes`. */
  readonly most?: number;
  /** Only so many bytes from the beginning; `most` does not matter then. */
  readonly first?: number;
}

/** Paths are relative to the tree's root, with `/`; `""` is the root. */
export interface FileTree {
  /** As the user named it; stands in front of paths in messages. */
  readonly name: string;
  /** Entries of a folder, hidden ones left out; undefined where there is no such folder. Links to folders are followed. */
  list(folder: string): Awaitable<FolderEntries | undefined>;
  /** Content of a file. Throws PhinetsError `data.file` where it cannot be read, `data.size` where it is too large. */
  read(file: string, options?: ReadOptions): Awaitable<Uint8Array>;
  /** The path under which the surface opens this file later; what `Sample.file` holds. */
  locate(file: string): string;
  /**
   * The folder at a path that may lie outside: absolute, or beginning with `../`. Undefined where there is none or where
   * the surface cannot reach it (an archive, a page).
   */
  outside?(folder: string): Awaitable<FileTree | undefined>;
  /** The path in this tree of a path that is absolute or begins with `../`; undefined where it leads elsewhere. */
  inside?(path: string): string | undefined;
  /** The same text for paths that lead to the same file over links; undefined where no link leads to a folder. */
  identity?(file: string): string | undefined;
}

/** Whether an entry is of no interest to anyone: hidden, or a mark that an operating system left. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX" || name === "Thumbs.db" || name === "desktop.ini";
}

export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Joins path parts with `/`, resolving `.` and `..`; leading `..` stay. Backslashes are taken as `/`. */
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

/** `a/b/c.jpg` is in `a/b`; a file of the root is in `""`. */
export function folderOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "" : path.slice(0, at);
}

/** Last part of a path with `/` or `\`. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** `.jpg` of `a/b.JPG`, in small letters; `""` without one. */
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

/** The same key for names that differ in case or in Unicode's form only, as a Mac and Windows write them. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Files in memory: what tests, writers and pages use. Keys are paths with `/`. */
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
