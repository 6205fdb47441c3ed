/**
 * The file of a shard of decoded pictures: 8 bytes of magic, the header's length (uint32, little-endian), a SHA-256 of
 * header and pixels, the header as JSON, the pixels. Pictures of an incomplete or damaged file are decoded again.
 */
import { createHash } from "node:crypto";
import { closeSync, readSync, utimesSync } from "node:fs";
import type { PixelFile } from "@phinets/core/data";
import { openRegular } from "../files/regular-file.js";
import { writeFileAtomic } from "../host/atomic.js";

/** Number of pictures that use little of their depth, and the message about the first. */
export interface Hinted {
  readonly count: number;
  readonly first: string;
}

export interface ShardRows {
  /** For each picture: offset, width, height, width and height of the original; or why it could not be decoded. */
  readonly rows: readonly (readonly number[] | string)[];
  readonly hinted?: Hinted;
}

export interface Shard extends ShardRows {
  readonly pixels: SharedArrayBuffer | PixelFile;
}

export interface DecodedShard extends ShardRows {
  readonly pixels: SharedArrayBuffer;
}

export interface ReadShardOptions {
  /** Number of pictures that it must hold. */
  readonly pictures: number;
  readonly channels: number;
  /** Whether to load the pixels into memory or leave them on disk. */
  readonly cache: "ram" | "disk";
}

const magic = "PHINPIC2";
const digestBytes = 32;
const startBytes = 12 + digestBytes;
/** A row of a picture has about fifty bytes, that of a bad picture a sentence. */
const mostHeaderBytes = 2 ** 22;
/** Bytes to read at a time where the pixels stay on the disk. */
const partBytes = 2 ** 22;

/** Reads a shard; undefined where there is none, "damaged" where it differs from what was written. */
export function readShard(path: string, options: ReadShardOptions): Shard | "damaged" | undefined {
  let opened: ReturnType<typeof openRegular>;
  try {
    opened = openRegular(path);
  } catch {
    return undefined;
  }
  const { descriptor, size: fileSize } = opened;
  const read = (bytes: Uint8Array, position: number): boolean => {
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(descriptor, bytes, at, bytes.length - at, position + at);
      if (count === 0) return false;
      at += count;
    }
    return true;
  };
  try {
    const start = Buffer.alloc(startBytes);
    if (!read(start, 0) || start.toString("latin1", 0, 8) !== magic) return "damaged";
    const headerBytes = start.readUInt32LE(8);
    const begin = startBytes + headerBytes;
    if (headerBytes > mostHeaderBytes || begin > fileSize) return "damaged";
    const header = Buffer.alloc(headerBytes);
    if (!read(header, startBytes)) return "damaged";
    const hash = createHash("sha256").update(header);
    const size = fileSize - begin;
    let pixels: Shard["pixels"] = { path, start: begin };
    if (options.cache === "ram") {
      pixels = new SharedArrayBuffer(size);
      const bytes = new Uint8Array(pixels);
      if (!read(bytes, begin)) return "damaged";
      hash.update(bytes);
    } else {
      const part = new Uint8Array(Math.min(size, partBytes));
      for (let at = 0; at < size; at += part.length) {
        const some = part.subarray(0, size - at);
        if (!read(some, begin + at)) return "damaged";
        hash.update(some);
      }
    }
    if (!hash.digest().equals(start.subarray(12, startBytes))) return "damaged";
    const { rows, hinted } = JSON.parse(header.toString("utf8")) as ShardRows;
    if (!areRows(rows, size, options)) return "damaged";
    const now = new Date();
    utimesSync(path, now, now); // marks it as used, so that it is not removed
    return { rows, pixels, ...(hinted && { hinted }) };
  } catch {
    return "damaged";
  } finally {
    closeSync(descriptor);
  }
}

/** Whether there is a row for each expected picture, with its pixels inside the file. */
function areRows(rows: unknown, size: number, { pictures, channels }: ReadShardOptions): boolean {
  if (!Array.isArray(rows) || rows.length !== pictures) return false;
  return rows.every((row) => {
    if (typeof row === "string") return true;
    if (!Array.isArray(row) || row.length !== 5 || !row.every((n) => Number.isSafeInteger(n) && n >= 0)) return false;
    const [offset, width, height] = row as number[];
    return offset + width * height * channels <= size;
  });
}

/** Writes a shard; returns where its pixels lie in the file. Throws PhinetsError where it cannot be written. */
export function writeShard(path: string, { rows, hinted, pixels }: DecodedShard): PixelFile {
  const header = Buffer.from(JSON.stringify({ rows, hinted }));
  const bytes = new Uint8Array(pixels);
  const start = Buffer.alloc(12);
  start.write(magic, "latin1");
  start.writeUInt32LE(header.length, 8);
  const digest = createHash("sha256").update(header).update(bytes).digest();
  writeFileAtomic(path, Buffer.concat([start, digest, header, bytes]));
  return { path, start: startBytes + header.length };
}
