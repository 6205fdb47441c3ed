/**
 * Zip archives in the form that torch.save writes: entries stored, not compressed. Source: PKWARE's APPNOTE.TXT,
 * sections 4.3 and 4.4. Reading inflates nothing, so all entries together are never larger than the file.
 */
import { PhinetsError, utf8Encode } from "../../tensor/index.js";
import { ByteReader, refuseFile } from "./bytes.js";

export interface ZipEntry {
  readonly name: string;
  /** A view of the file. */
  readonly bytes: Uint8Array;
  /** CRC-32 stated in the archive. */
  readonly crc: number;
}

const endSignature = 0x06054b50;
const endBytes = 22;
const longestComment = 0xffff;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/** Entries by name. Throws PhinetsError for a damaged, compressed, encrypted or overlapping archive. */
export function readZip(bytes: Uint8Array, file: string): Map<string, ZipEntry> {
  const reader = new ByteReader(bytes, file);
  reader.position = findEnd(bytes, file);
  const end = reader.position;
  reader.take(10);
  const count = reader.uint16();
  reader.uint32();
  const start = reader.uint32();
  if (count === 0xffff || start === 0xffffffff)
    refuseFile(file, "the archive is in the zip64 format", "only files below 4 GiB are read");
  reader.position = Math.min(start, bytes.length);
  const entries = new Map<string, ZipEntry>();
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (reader.uint32() !== centralSignature) refuseFile(file, `entry ${i} of ${count} is missing from its directory`);
    reader.uint32();
    const flags = reader.uint16();
    const method = reader.uint16();
    reader.uint32();
    const crc = reader.uint32();
    const packed = reader.uint32();
    const size = reader.uint32();
    const [nameLength, extraLength, commentLength] = [reader.uint16(), reader.uint16(), reader.uint16()];
    reader.take(8);
    const offset = reader.uint32();
    const name = reader.text(nameLength);
    reader.take(extraLength + commentLength);
    if ((flags & 1) !== 0) refuseFile(file, `entry "${name}" is encrypted`, "decrypt it first");
    if (method !== 0 || packed !== size) {
      refuseFile(
        file,
        `entry "${name}" is compressed (method ${method}), which torch.save never does`,
        "pack the archive without compression, or get the original file",
      );
    }
    total += size;
    if (total > bytes.length) refuseFile(file, `entries up to "${name}" are larger than the file: they overlap`);
    if (entries.has(name)) refuseFile(file, `entry "${name}" is there twice`);
    entries.set(name, { name, crc, bytes: localData(bytes, file, name, offset, size, end) });
  }
  return entries;
}

/** Position of the end record: the last signature that is followed by exactly its comment. */
function findEnd(bytes: Uint8Array, file: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const least = Math.max(0, bytes.length - endBytes - longestComment);
  for (let at = bytes.length - endBytes; at >= least; at--) {
    if (view.getUint32(at, true) === endSignature && at + endBytes + view.getUint16(at + 20, true) === bytes.length)
      return at;
  }
  return refuseFile(file, "the archive has no directory at its end", "the file is cut off or damaged, get it again");
}

function localData(bytes: Uint8Array, file: string, name: string, offset: number, size: number, end: number) {
  const reader = new ByteReader(bytes.subarray(0, end), file);
  reader.position = Math.min(offset, end);
  if (reader.uint32() !== localSignature) refuseFile(file, `entry "${name}" is not where the directory says`);
  reader.take(22);
  const [nameLength, extraLength] = [reader.uint16(), reader.uint16()];
  reader.take(nameLength + extraLength);
  return reader.take(size);
}

/** The entry's bytes. Throws PhinetsError when their checksum is wrong. */
export function checkedBytes({ name, bytes, crc }: ZipEntry, file: string): Uint8Array {
  if (crc32(bytes) !== crc) refuseFile(file, `entry "${name}" does not have its checksum`);
  return bytes;
}

/** 1980-01-01, the format's first day. A fixed date makes archives of equal entries equal. */
const date = 0x21;

/**
 * Writes an archive of stored entries.
 * @param align each entry's bytes begin at a multiple of this many bytes, by an extra field that readers skip
 * Throws PhinetsError when the archive would need zip64.
 */
export function writeZip(entries: ReadonlyMap<string, Uint8Array>, align = 1): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const [name, bytes] of entries) {
    const path = utf8Encode(name);
    const crc = crc32(bytes);
    const offset = at;
    const plain = offset + 30 + path.length;
    // The extra field has a header of four bytes.
    const padding = (align - ((plain + 4) % align)) % align;
    const extra = align > 1 ? fields(["u16", 0x4246], ["u16", padding], ["zeros", padding]) : new Uint8Array(0);
    const common = [
      ...([
        ["u16", 20],
        ["u16", 0x800],
        ["u16", 0],
        ["u16", 0],
        ["u16", date],
      ] as const),
      ...([
        ["u32", crc],
        ["u32", bytes.length],
        ["u32", bytes.length],
        ["u16", path.length],
      ] as const),
    ];
    put(fields(["u32", localSignature], ...common, ["u16", extra.length]));
    for (const part of [path, extra, bytes]) put(part);
    directory.push(
      fields(["u32", centralSignature], ["u16", 20], ...common, ["zeros", 2 + 2 + 2 + 2 + 4], ["u32", offset]),
      path,
    );
  }
  const start = at;
  for (const part of directory) put(part);
  const size = at - start;
  if (at > 0xffffffff || entries.size > 0xfffe)
    throw new PhinetsError("networks.zip", `an archive of ${entries.size} entries and ${at} bytes needs zip64`);
  const counts = [
    ["u16", entries.size],
    ["u16", entries.size],
  ] as const;
  put(fields(["u32", endSignature], ["zeros", 4], ...counts, ["u32", size], ["u32", start], ["zeros", 2]));
  const archive = new Uint8Array(at);
  let to = 0;
  for (const part of parts) {
    archive.set(part, to);
    to += part.length;
  }
  return archive;
}

type Field = readonly [kind: "u16" | "u32" | "zeros", value: number];

/** Encodes little-endian fields one after the other; a `zeros` field is `value` zero bytes. */
function fields(...list: readonly Field[]): Uint8Array {
  const sizeOf = ([kind, value]: Field): number => (kind === "u16" ? 2 : kind === "u32" ? 4 : value);
  const view = new DataView(new ArrayBuffer(list.reduce((sum, field) => sum + sizeOf(field), 0)));
  let at = 0;
  for (const field of list) {
    const [kind, value] = field;
    if (kind === "u16") view.setUint16(at, value, true);
    else if (kind === "u32") view.setUint32(at, value, true);
    at += sizeOf(field);
  }
  return new Uint8Array(view.buffer);
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 as used by zip, gzip and PNG. */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
