/**
 * A zip archive as a tree of files, read in place: an entry is unpacked when it is asked for, nothing is written. A file in
 * it is located as `ARCHIVE.zip!/PATH`. Archives within the archive are files like others.
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

/** Between an archive's path and the path within. */
const within = "!/";

/** `ARCHIVE.zip!/a/b.jpg` -> the archive's path and `a/b.jpg`; undefined for a path that names no archive's file. */
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
   * Reads the directory of an archive. Throws PhinetsError `data.zip` for one that is damaged, encrypted or dangerous.
   * @param name path of the archive, as the user named it
   */
  static async open(name: string, source: RandomAccess, host: Pick<DataHost, "inflate">): Promise<ZipTree> {
    return new ZipTree(name, source, host, await readZipDirectory(source, name));
  }

  /** The folder's entries; it and those around it are made where they are not known. */
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

/** A zip entry's name may have no backslash any more: only `/` parts it. */
const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
