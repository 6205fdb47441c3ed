/**
 * Zip archives on disk. An archive stays open, with its directory in memory, because its pictures are read one by one;
 * it is opened again when the file changes.
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

/**
 * Random access to an archive's bytes. After `close` the next read opens the file again, because a tree may still use
 * it.
 */
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
/** Archives that are kept open, more than are used at a time; opening one more closes the one that was opened first. */
const mostOpen = 16;

/** Opens the archive at a path. Throws PhinetsError `data.zip` for a damaged one. */
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

/** Inflates a raw DEFLATE stream of exactly `size` bytes. Throws for any other; zlib stops at the limit. */
export function inflate(bytes: Uint8Array, size: number): Uint8Array {
  // zlib takes 0 as no limit.
  const content = inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  if (content.length !== size) throw new Error(`${content.length} bytes came out, ${size} were said`);
  return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
}

/** Throws where the bytes are not a gzip stream, or inflate to more than `limit` bytes. */
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
