/**
 * Reads regular files only, and at most a given number of bytes: a pipe would block until somebody writes, and a device
 * never ends. Problems are PhinetsErrors that name the path: `data.file`, or `data.size` for a file that is too large.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { checkBytes, mostFileBytes, type ReadOptions } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

/** Non-blocking, in case the path is a pipe after all. Windows has no such flag, and no pipes among its files. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Describes what is at a path that is not a regular file. */
export function describeKind(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return stats.isCharacterDevice() || stats.isBlockDevice() ? "a device" : "no regular file";
}

/** Opens a regular file; the caller closes it. */
export function openRegular(path: string): { readonly descriptor: number; readonly size: number } {
  return explained(path, () => {
    requireRegular(path, statSync(path)); // checked before it is opened: opening a device may have effects
    const descriptor = openSync(path, flags);
    try {
      const stats = fstatSync(descriptor);
      requireRegular(path, stats);
      return { descriptor, size: stats.size };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  });
}

/** Content of a file. */
export function readRegularSync(path: string, { most = mostFileBytes, first }: ReadOptions = {}): Uint8Array {
  const { descriptor, size } = openRegular(path);
  try {
    if (first === undefined) checkBytes(path, size, most);
    return explained(path, () => {
      const bytes = new Uint8Array(Math.min(size, first ?? size));
      let at = 0;
      while (at < bytes.length) {
        const count = readSync(descriptor, bytes, at, bytes.length - at, at);
        if (count === 0) break;
        at += count;
      }
      return bytes.subarray(0, at);
    });
  } finally {
    closeSync(descriptor);
  }
}

/** As `readRegularSync`, but asynchronous. */
export async function readRegular(path: string, { most = mostFileBytes }: ReadOptions = {}): Promise<Uint8Array> {
  try {
    requireRegular(path, statSync(path));
    const file = await open(path, flags);
    try {
      const stats = await file.stat();
      requireRegular(path, stats);
      checkBytes(path, stats.size, most);
      const bytes = new Uint8Array(stats.size);
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explain(path, error);
  }
}

function requireRegular(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  throw new PhinetsError("data.file", `${path}: is ${describeKind(stats)}, where a file belongs; put one there`, path);
}

function explained<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(path, error);
  }
}

function explain(path: string, error: unknown): unknown {
  if (error instanceof PhinetsError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const why = code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be read (${code})`;
  return new PhinetsError("data.file", `${path}: ${why}`, path);
}
