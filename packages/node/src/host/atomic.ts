/**
 * Files that are either the old one or the new one, never half of one: the bytes go into a temporary file in the same
 * folder, are flushed to the disk, and take the name by a rename.
 */
import { randomBytes } from "node:crypto";
import * as nodeFs from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { processExists } from "./process.js";

/** What is used of node:fs, so that a test can let it fail. */
export type FileSystem = Pick<
  typeof nodeFs,
  "openSync" | "writeSync" | "fsyncSync" | "closeSync" | "renameSync" | "rmSync" | "mkdirSync"
>;

let counter = 0;
/** In another container another process may have this one's number. */
const nonce = randomBytes(6).toString("hex");

/** Bytes of the longest name that a temporary name repeats. */
const longestName = 100;

/**
 * `path` with a name beside it that no other process gives, for bytes that are not finished yet; the extension is kept. Of
 * a long name nothing else is, as a longer one still might not be allowed.
 */
export function temporaryPath(path: string): string {
  const name = Buffer.byteLength(basename(path)) <= longestName ? basename(path) : `part${extname(path).slice(0, 16)}`;
  return join(dirname(path), `.${process.pid}-${nonce}-${++counter}.${name}`);
}

/** As `temporaryPath` names them, and versions before. */
const temporaryName = /^\.(\d+)-(?:([0-9a-f]{12})-)?\d+\../;
const dayMs = 24 * 3600_000;

/** Removes what processes that are dead left half-written in a folder, and in the folders in it. */
export function removeLeftovers(folder: string, depth = 2): void {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth > 0) removeLeftovers(path, depth - 1);
    const [, pid, owner] = temporaryName.exec(entry.name) ?? [];
    if (pid === undefined || !entry.isFile() || owner === nonce) continue;
    const age = Date.now() - (nodeFs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (!processExists(Number(pid)) || Number(pid) === process.pid || age > dayMs) nodeFs.rmSync(path, { force: true });
  }
}

function entriesOf(folder: string): nodeFs.Dirent[] {
  try {
    return nodeFs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // it is not there
  }
}

/** Folders that are not made anew, with what throws when they are gone. */
const guards = new Map<string, () => void>();

/**
 * From now on a write below `folder` first asks `requireHeld`, and makes folders below it only: a run that was removed
 * stays removed. Returns what ends this.
 */
export function guardFolder(folder: string, requireHeld: () => void): () => void {
  const path = resolve(folder);
  guards.set(path, requireHeld);
  return () => {
    if (guards.get(path) === requireHeld) guards.delete(path);
  };
}

/** Makes the folders of a file that is to be written. */
function makeFolder(folder: string, fs: FileSystem): void {
  const path = resolve(folder);
  for (const [root, requireHeld] of guards) {
    if (path !== root && !path.startsWith(root + sep)) continue;
    requireHeld();
    let made = root;
    for (const part of relative(root, path).split(sep).filter(Boolean)) {
      made = join(made, part);
      try {
        fs.mkdirSync(made);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
    return;
  }
  fs.mkdirSync(folder, { recursive: true });
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
    makeFolder(dirname(path), fs);
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
    ENOENT: "the folder is gone",
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
