/**
 * Reads the directory of a zip archive: its entries and their positions. Source: PKWARE's APPNOTE.TXT, sections 4.3 to
 * 4.5 (zip64 is 4.3.14, 4.3.15 and 4.5.3). Archives are untrusted: entries that could escape the archive, expand
 * without limit or be read in two ways are refused by name.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostFileBytes, mostFiles, mostRatio, ratioFrom } from "./limits.js";
import { decodeText } from "./text.js";
import type { Awaitable } from "./tree.js";

/** Random access to bytes, so that a large file is never entirely in memory. */
export interface RandomAccess {
  /** bytes */
  readonly size: number;
  /** Reads exactly `length` bytes from `offset`; the range must be within `size`. */
  read(offset: number, length: number): Awaitable<Uint8Array>;
}

export interface ZipEntry {
  /** Path with `/`, without a leading or trailing one. */
  readonly path: string;
  readonly folder: boolean;
  /** 0 stored, 8 deflate. */
  readonly method: number;
  readonly crc: number;
  /** size in the archive, bytes */
  readonly packed: number;
  /** size of the content, bytes */
  readonly size: number;
  /** position of its local header in the archive */
  readonly offset: number;
}

const endSignature = 0x06054b50;
const endBytes = 22;
const longestComment = 0xffff;
const locatorSignature = 0x07064b50;
const locatorBytes = 20;
const end64Signature = 0x06064b50;
const end64Bytes = 56;
const centralSignature = 0x02014b50;
const centralBytes = 46;
export const localSignature = 0x04034b50;
export const localBytes = 30;

const mostDirectoryBytes = 2 ** 30;
/** Maximum unpacked size of all entries together. */
const mostBytes = 2 ** 42;
const deepest = 100;

export function refuseZip(file: string, problem: string, remedy = "make the archive again"): never {
  throw new PhinetsError("data.zip", `${file}: ${problem}; ${remedy}`, file);
}

/** Entries in the archive's order. Throws PhinetsError `data.zip` for a damaged, encrypted or dangerous archive. */
export async function readZipDirectory(source: RandomAccess, file: string): Promise<ZipEntry[]> {
  const { count, start, bytes, base } = await findDirectory(source, file);
  if (count > mostFiles || bytes > mostDirectoryBytes) {
    refuseZip(file, `holds ${count} files; at most ${mostFiles} are read`, "name the data set's own archive");
  }
  const directory = await source.read(start, bytes);
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  let total = 0;
  for (let i = 0, at = 0; i < count; i++) {
    if (at + centralBytes > bytes || view.getUint32(at, true) !== centralSignature) {
      refuseZip(file, `entry ${i + 1} of ${count} is missing from its directory`, "it is damaged; get it again");
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + centralBytes + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > bytes) refuseZip(file, `entry ${i + 1} of ${count} is cut off`, "it is damaged; get it again");
    const name = decodeText(directory.subarray(at + centralBytes, at + centralBytes + nameLength));
    const extra = at + centralBytes + nameLength;
    const sizes = sizesOf(view, at, extra, extra + extraLength);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const folder = /[/\\]$/.test(name);
    const path = safePath(name, file);
    // Bit 0: encrypted; bit 6: strong encryption; bit 13: encrypted directory.
    if ((flags & 0x2041) !== 0) refuseZip(file, `${path} is encrypted`, "unpack it and name the folder");
    if (!folder && method !== 0 && method !== 8) {
      refuseZip(file, `${path} is compressed by method ${method}; deflate is read`, "pack it with zip's own method");
    }
    check(path, sizes, file);
    if (!folder && method === 0 && sizes.packed !== sizes.size) {
      refuseZip(file, `${path} is stored, but ${sizes.packed} bytes are said to be ${sizes.size}`);
    }
    if (!folder && seen.has(path)) refuseZip(file, `holds ${path} twice`);
    seen.add(path);
    total += sizes.size;
    if (total > mostBytes)
      refuseZip(file, `unpacks to more than ${mostBytes} bytes`, "name the data set's own archive");
    const offset = sizes.offset + base;
    entries.push({ path, folder, method, crc: view.getUint32(at + 16, true), ...sizes, offset });
    at = next;
  }
  checkOverlaps(entries, start, file);
  return entries;
}

/** Locates the directory. `base` is the length of data before the archive, such as a self-extractor's program. */
async function findDirectory(source: RandomAccess, file: string) {
  const length = Math.min(source.size, endBytes + longestComment);
  const from = source.size - length;
  const tail = await source.read(from, length);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let at = length - endBytes;
  // Finds the last record whose comment ends exactly at the end of the file.
  while (
    at >= 0 &&
    (view.getUint32(at, true) !== endSignature || at + endBytes + view.getUint16(at + 20, true) !== length)
  ) {
    at--;
  }
  if (at < 0) refuseZip(file, "has no directory at its end", "it is cut off, damaged or no zip archive; get it again");
  let count = view.getUint16(at + 10, true);
  let bytes = view.getUint32(at + 12, true);
  let start = view.getUint32(at + 16, true);
  let end = from + at;
  const disks = view.getUint16(at + 4, true);
  if (disks !== 0 && disks !== 0xffff) refuseZip(file, "is one of several parts", "join the parts to one archive");
  if (count === 0xffff || bytes === 0xffffffff || start === 0xffffffff) {
    const found = await findDirectory64(source, end, file);
    if (found !== undefined) ({ count, bytes, start, end } = found);
  }
  const base = end - bytes - start;
  if (base < 0) refuseZip(file, `its directory is said to be at ${start}`, "it is cut off or damaged; get it again");
  if (count * centralBytes > bytes) refuseZip(file, `its directory of ${bytes} bytes cannot list ${count} entries`);
  return { count, bytes, start: start + base, base };
}

/** @param end position of the plain end record, which the locator precedes */
async function findDirectory64(source: RandomAccess, end: number, file: string) {
  if (end < locatorBytes) return undefined;
  const locator = viewOf(await source.read(end - locatorBytes, locatorBytes));
  if (locator.getUint32(0, true) !== locatorSignature) return undefined;
  const said = Number(locator.getBigUint64(8, true));
  // If data precedes the archive, the record is still directly before its locator.
  for (const at of [said, end - locatorBytes - end64Bytes]) {
    if (at < 0 || at + end64Bytes > end) continue;
    const record = viewOf(await source.read(at, end64Bytes));
    if (record.getUint32(0, true) !== end64Signature) continue;
    return {
      count: Number(record.getBigUint64(32, true)),
      bytes: Number(record.getBigUint64(40, true)),
      start: Number(record.getBigUint64(48, true)),
      end: at,
    };
  }
  return refuseZip(file, "its zip64 directory is not where it is said to be", "it is damaged; get it again");
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Sizes and position, from the zip64 field if they do not fit the plain fields. */
function sizesOf(view: DataView, at: number, extra: number, extraEnd: number) {
  let packed = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  let offset = view.getUint32(at + 42, true);
  for (let field = extra; field + 4 <= extraEnd; ) {
    const length = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) {
      let value = field + 4;
      const next = () => {
        if (value + 8 > Math.min(extraEnd, field + 4 + length)) return Number.NaN;
        value += 8;
        return Number(view.getBigUint64(value - 8, true));
      };
      if (size === 0xffffffff) size = next();
      if (packed === 0xffffffff) packed = next();
      if (offset === 0xffffffff) offset = next();
    }
    field += 4 + length;
  }
  return { packed, size, offset };
}

function check(path: string, { packed, size, offset }: { packed: number; size: number; offset: number }, file: string) {
  if (![packed, size, offset].every(Number.isSafeInteger)) refuseZip(file, `${path} has no size or place`);
  if (size > mostFileBytes) {
    refuseZip(file, `${path} unpacks to ${size} bytes; at most ${mostFileBytes} are read`, "unpack it");
  }
  if (size > ratioFrom && size > mostRatio * packed) {
    refuseZip(file, `${path} unpacks from ${packed} to ${size} bytes, which no picture or label does`, "leave it out");
  }
}

/** Converts Windows' backslashes to `/` and refuses names that lead out of the archive. */
function safePath(name: string, file: string): string {
  const text = name.replaceAll("\\", "/").replace(/\/+$/, "");
  const parts = text.split("/").filter((part) => part !== ".");
  if (text.startsWith("/") || /^[a-z]:/i.test(text) || parts.includes("..")) {
    refuseZip(file, `holds "${name}", which leads out of the archive`);
  }
  if (parts.length > deepest) refuseZip(file, `holds "${text.slice(0, 60)}...", ${parts.length} folders deep`);
  if (text.includes("\0") || parts.includes("")) refuseZip(file, `holds an entry named ${JSON.stringify(name)}`);
  return parts.join("/");
}

/** Overlapping entries would allow a small archive to unpack to a very large one. */
function checkOverlaps(entries: readonly ZipEntry[], directory: number, file: string): void {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  for (const [i, entry] of sorted.entries()) {
    const next = i + 1 < sorted.length ? sorted[i + 1].offset : directory;
    if (entry.offset + localBytes + entry.packed > next) refuseZip(file, `${entry.path} overlaps what follows it`);
  }
}
