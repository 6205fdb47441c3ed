/** Makes zip archives for tests, valid and invalid ones. Layout: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../packages/core/src/networks/checkpoint/zip.js";

export interface ZipFile {
  /** A folder's name ends in `/`. */
  readonly name: string;
  readonly content?: Uint8Array;
  readonly deflate?: boolean;
  /** Values for the central directory in place of the right ones. */
  readonly flags?: number;
  readonly method?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly offset?: number;
}

export interface ZipOptions {
  /** Whether sizes and offsets have 64 bits. */
  readonly zip64?: boolean;
  readonly comment?: string;
  /** Bytes before the archive, which its offsets do not count. */
  readonly front?: Uint8Array;
  /** Number of entries that the end record states. */
  readonly count?: number;
}

export function buildZip(files: readonly ZipFile[], options: ZipOptions = {}): Uint8Array {
  const { zip64 = false, comment = "", front = new Uint8Array(0), count = files.length } = options;
  const none = new Uint8Array(0);
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const file of files) {
    const content = file.content ?? none;
    const packed = file.deflate === true ? new Uint8Array(deflateRawSync(content)) : content;
    const name = new TextEncoder().encode(file.name);
    const { flags = 0, crc = crc32(content), size = content.length, offset = at } = file;
    const method = file.method ?? (file.deflate === true ? 8 : 0);
    const common = (lengths: number[]) => [u16(20), u16(flags), u16(method), u32(0), u32(crc), ...lengths.map(u32)];
    const local = joinBytes([
      u32(0x04034b50),
      ...common([packed.length, content.length]),
      u16(name.length),
      u16(0),
      name,
      packed,
    ]);
    const extra = zip64 ? joinBytes([u16(1), u16(24), u64(size), u64(packed.length), u64(offset)]) : none;
    const most = 0xffffffff;
    directory.push(
      joinBytes([
        u32(0x02014b50),
        u16(45),
        ...common(zip64 ? [most, most] : [packed.length, size]),
        ...[name.length, extra.length, 0, 0, 0].map(u16),
        u32(0),
        u32(zip64 ? most : offset),
        name,
        extra,
      ]),
    );
    parts.push(local);
    at += local.length;
  }
  const central = joinBytes(directory);
  const end64 = joinBytes([
    u32(0x06064b50),
    u64(44),
    u16(45),
    u16(45),
    u32(0),
    u32(0),
    ...[count, count, central.length, at].map(u64),
    u32(0x07064b50),
    u32(0),
    u64(at + central.length),
    u32(1),
  ]);
  const counts = zip64 ? [0xffff, 0xffff] : [count, count];
  const end = joinBytes([
    u32(0x06054b50),
    u16(0),
    u16(0),
    ...counts.map(u16),
    u32(zip64 ? 0xffffffff : central.length),
    u32(zip64 ? 0xffffffff : at),
    u16(comment.length),
    new TextEncoder().encode(comment),
  ]);
  return joinBytes([front, ...parts, central, ...(zip64 ? [end64] : []), end]);
}

function bytesOf(value: bigint, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, n) => Number((value >> BigInt(8 * n)) & 255n));
}

const u16 = (value: number): Uint8Array => bytesOf(BigInt(value), 2);
const u32 = (value: number): Uint8Array => bytesOf(BigInt(value), 4);
const u64 = (value: number): Uint8Array => bytesOf(BigInt(value), 8);

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** An archive of a folder's files. */
export function zipOf(folder: string): Uint8Array {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return buildZip(
    entries.map((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      return { name: relative(folder, path), content: readFileSync(path), deflate: true };
    }),
  );
}
