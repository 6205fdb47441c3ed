/**
 * Files that are either the old one or the new one, never half of one: the bytes go into a temporary file in the same
 * folder, are flushed to the disk, and take the name by a rename.
 */
import * as nodeFs from "node:fs";
import { basename, dirname, join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";

/** What is used of node:fs, so that a test can let it fail. */
export type FileSystem = Pick<
  typeof nodeFs,
  "openSync" | "writeSync" | "fsyncSync" | "closeSync" | "renameSync" | "rmSync" | "mkdirSync"
>;

let counter = 0;

/** `path` with a name of its own beside it, for bytes that are not finished yet; the extension is kept. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${process.pid}-${++counter}.${basename(path)}`);
}

/**
 * Writes `data` to `path`, making folders as needed. Throws PhinetsError (`run.disk-full`, `run.write`) naming the path
 * and the remedy; the old file is then intact and no temporary file is left.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array, fs: FileSystem = nodeFs): void {
  const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  const temporary = temporaryPath(path);
  let descriptor: number | undefined;
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    descriptor = fs.openSync(temporary, "wx");
    for (let written = 0; written < bytes.length; ) {
      written += fs.writeSync(descriptor, bytes, written, bytes.length - written);
    }
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    descriptor = undefined;
    fs.renameSync(temporary, path);
  } catch (error) {
    if (descriptor !== undefined) {
      try {
        fs.closeSync(descriptor);
      } catch {} // the first error is the one to tell
    }
    try {
      fs.rmSync(temporary, { force: true });
    } catch {}
    throw describeWriteError(error, path, bytes.length);
  }
  // The rename itself reaches the disk with its folder; where folders cannot be flushed (Windows) it is still ordered.
  try {
    const folder = fs.openSync(dirname(path), "r");
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  } catch {}
}

/** A failed write as a PhinetsError that names the path and the remedy; errors without a system code come back as they are. */
export function describeWriteError(error: unknown, path: string, bytes?: number): unknown {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === undefined || error instanceof PhinetsError) return error;
  const size = bytes === undefined ? "" : ` (${bytes} bytes)`;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new PhinetsError(
      "run.disk-full",
      `${path}${size}: ${code === "EDQUOT" ? "the disk quota is used up" : "the disk is full"}; free some space or choose another folder, then run again (training: with --resume); what was there is unchanged`,
      path,
    );
  }
  const reasons: Record<string, string> = {
    EACCES: "no permission to write here",
    EPERM: "no permission to write here",
    EROFS: "the file system is read-only",
    ENOTDIR: "a part of the path is a file, not a folder",
    EEXIST: "a part of the path is a file, not a folder",
    EISDIR: "a folder has this name",
    ENAMETOOLONG: "the name is too long",
    EFBIG: "the file is larger than the file system takes",
    EIO: "the disk reported an error",
  };
  return new PhinetsError(
    "run.write",
    `${path}${size}: cannot write: ${reasons[code] ?? code}; choose another folder or fix it and run again`,
    path,
  );
}
