/**
 * Zip archives on disk. An archive stays open, with its directory in memory, as its pictures are asked for one by one; it is
 * opened again where the file has changed.
 */
import { closeSync, readSync, statSync } from "node:fs";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { type RandomAccess, type ReadOptions, splitArchivePath, ZipTree } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { openRegular, readRegular } from "./regular-file.js";

interface OpenArchive {
  readonly stamp: string;
  readonly file: ArchiveFile;
  readonly tree: Promise<ZipTree>;
}

/** The archive's bytes. Once closed it opens again by itself, as a tree of it may still be in use. */
class ArchiveFile implements RandomAccess {
  readonly size: number;
  #descriptor: number | undefined;

  constructor(readonly path: string) {
    this.size = statSync(path).size;
  }

  read(offset: number, length: number): Uint8Array {
    this.#descriptor ??= openRegular(this.path).descriptor;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(this.#descriptor, bytes, at, length - at, offset + at);
      if (count === 0) {
        const { path } = this;
        throw new PhinetsError("data.zip", `${path}: ends at ${offset + at}; open the data set again`, path);
      }
      at += count;
    }
    return bytes;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

const opened = new Map<string, OpenArchive>();
/** More archives than are used at a time; the one opened first is closed for another. */
const mostOpen = 16;

/** The archive at a path. Throws PhinetsError `data.zip` for a damaged one. */
export function openArchive(path: string): Promise<ZipTree> {
  const known = opened.get(path);
  const stamp = stampOf(path);
  if (known?.stamp === stamp) return known.tree;
  if (known !== undefined) forget(path, known);
  const file = new ArchiveFile(path);
  const archive = { stamp, file, tree: ZipTree.open(path, file, { inflate }) };
  opened.set(path, archive);
  archive.tree.catch(() => forget(path, archive));
  if (opened.size > mostOpen) {
    const [[first, oldest]] = opened;
    forget(first, oldest);
  }
  return archive.tree;
}

function forget(path: string, archive: OpenArchive): void {
  if (opened.get(path) === archive) opened.delete(path);
  archive.file.close();
}

function stampOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined)
    throw new PhinetsError("data.file", `${path}: does not exist; open the data set again`, path);
  return `${stats.size} ${stats.mtimeNs} ${stats.ino}`;
}

/** zlib never makes more than it was told, whatever the stream says. */
export function inflate(bytes: Uint8Array, size: number): Uint8Array {
  // A limit of 0 is none.
  const content = inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error(`${content.length} bytes came out, ${size} were said`);
  return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
}

/** Throws where the bytes are no gzip stream, or more than `limit` would come out. */
export function gunzip(bytes: Uint8Array, limit: number): Uint8Array {
  const content = gunzipSync(bytes, { maxOutputLength: limit });
  return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
}

/** Content of a file on disk or in an archive (`ARCHIVE.zip!/PATH`). Throws PhinetsError where it cannot be read. */
export async function readStored(file: string, options?: ReadOptions): Promise<Uint8Array> {
  const inside = splitArchivePath(file);
  if (inside === undefined) return readRegular(file, options);
  return (await openArchive(inside.archive)).read(inside.file, options);
}
