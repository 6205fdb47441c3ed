/**
 * A zip archive as a file tree, read in place: entries are unpacked on request and nothing is written to disk. A file
 * in it is located as `ARCHIVE.zip!/PATH`. Archives inside the archive are treated as ordinary files.
 */
import { crc32 } from "../../networks/checkpoint/zip.js";
import type { DataHost } from "../formats/format.js";
import { checkBytes } from "./limits.js";
import { byCodeUnits, type FileTree, type FolderEntries, folderOf, isHidden, type ReadOptions } from "./tree.js";
import {
  localBytes,
  localSignature,
  type RandomAccess,
  readZipDirectory,
  refuseZip,
  type ZipEntry,
} from "./zip-directory.js";

/** Separates an archive's path from the path inside it. */
const within = "!/";

/** Splits `ARCHIVE.zip!/a/b.jpg` into the archive's path and `a/b.jpg`; undefined for any other path. */
export function splitArchivePath(path: string): { readonly archive: string; readonly file: string } | undefined {
  const match = /^(.*?\.zip)!\/(.+)$/is.exec(path);
  return match === null ? undefined : { archive: match[1], file: match[2] };
}

export class ZipTree implements FileTree {
  readonly #files = new Map<string, ZipEntry>();
  readonly #folders = new Map<string, { folders: Set<string>; files: string[] }>();

  private constructor(
    readonly name: string,
    readonly source: RandomAccess,
    readonly host: Pick<DataHost, "inflate">,
    entries: readonly ZipEntry[],
  ) {
    this.#folder("");
    for (const entry of entries) {
      if (entry.folder) this.#folder(entry.path);
      else {
        this.#files.set(entry.path, entry);
        this.#folder(folderOf(entry.path)).files.push(lastPart(entry.path));
      }
    }
    for (const path of this.#folders.keys()) {
      if (this.#files.has(path)) refuseZip(name, `holds ${path} as a file and as a folder`);
    }
  }

  /**
   * Reads an archive's directory. Throws PhinetsError `data.zip` for a damaged, encrypted or dangerous archive.
   * @param name path of the archive as the user wrote it
   */
  static async open(name: string, source: RandomAccess, host: Pick<DataHost, "inflate">): Promise<ZipTree> {
    return new ZipTree(name, source, host, await readZipDirectory(source, name));
  }

  /** The entries of a folder; creates it and its parents if they are not known yet. */
  #folder(path: string): { folders: Set<string>; files: string[] } {
    let found = this.#folders.get(path);
    if (found === undefined) {
      found = { folders: new Set(), files: [] };
      this.#folders.set(path, found);
      if (path !== "") this.#folder(folderOf(path)).folders.add(lastPart(path));
    }
    return found;
  }

  list(folder: string): FolderEntries | undefined {
    const found = this.#folders.get(folder);
    if (found === undefined) return undefined;
    const shown = (names: Iterable<string>) => [...names].filter((name) => !isHidden(name)).sort(byCodeUnits);
    return { folders: shown(found.folders), files: shown(found.files), brokenLinks: [] };
  }

  async read(file: string, { most, first }: ReadOptions = {}): Promise<Uint8Array> {
    const entry = this.#files.get(file);
    const shown = this.locate(file);
    const damaged: string = "the archive is damaged; get it again";
    if (entry === undefined) return refuseZip(shown, "does not exist", "open the data set again");
    if (most !== undefined && first === undefined) checkBytes(shown, entry.size, most);
    const { source } = this;
    if (entry.offset + localBytes > source.size) return refuseZip(shown, "lies behind the archive's end", damaged);
    const header = await source.read(entry.offset, localBytes);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0, true) !== localSignature) {
      return refuseZip(shown, "is not where the archive's directory says", damaged);
    }
    const start = entry.offset + localBytes + view.getUint16(26, true) + view.getUint16(28, true);
    if (start + entry.packed > source.size) return refuseZip(shown, "is cut off", damaged);
    const packed = await source.read(start, entry.packed);
    let content = packed;
    if (entry.method !== 0) {
      try {
        content = await this.host.inflate(packed, entry.size);
      } catch (error) {
        return refuseZip(shown, `cannot be unpacked (${(error as Error).message})`, damaged);
      }
    }
    if (crc32(content) !== entry.crc) return refuseZip(shown, "does not have its checksum", damaged);
    return first === undefined ? content : content.subarray(0, first);
  }

  locate(file: string): string {
    return `${this.name}${within}${file}`;
  }
}

/** Entry names contain no backslashes here; `/` is the only separator. */
const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
