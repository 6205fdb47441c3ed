/**
 * Writes files atomically: the bytes go into a temporary file in the same folder, are flushed to disk, and a rename
 * gives them the final name. A reader sees either the old or the new file.
 */
import { randomBytes } from "node:crypto";
import * as nodeFs from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { processExists } from "./process.js";

/** The functions of node:fs that are used, so that a test can make them fail. */
export type FileSystem = Pick<
  typeof nodeFs,
  "openSync" | "writeSync" | "fsyncSync" | "closeSync" | "renameSync" | "rmSync" | "mkdirSync"
>;

let counter = 0;
/** Distinguishes this process from one with the same id in another container. */
const nonce = randomBytes(6).toString("hex");

/** Longest name, in bytes, that a temporary name includes. */
const longestName = 100;

/**
 * A temporary path in the same folder as `path` that no other process uses; the extension is kept. A long name is
 * replaced, because a longer one might exceed the file system's limit.
 */
export function temporaryPath(path: string): string {
  const name = Buffer.byteLength(basename(path)) <= longestName ? basename(path) : `part${extname(path).slice(0, 16)}`;
  return join(dirname(path), `.${process.pid}-${nonce}-${++counter}.${name}`);
}

/** Names made by `temporaryPath`, of this and earlier versions. */
const temporaryName = /^\.(\d+)-(?:([0-9a-f]{12})-)?\d+\../;
const dayMs = 24 * 3600_000;

/**
 * Removes temporary files of processes that have ended, and those older than a day, from a folder and its subfolders.
 */
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
    return []; // the folder does not exist
  }
}

/** Folders that must not be made again once they are removed, with a check that throws when they are gone. */
const guards = new Map<string, () => void>();

/**
 * From now on, a write below `folder` first calls `requireHeld` and makes subfolders only, never `folder` itself: a run
 * that was removed stays removed. Returns a function that ends this.
 */
export function guardFolder(folder: string, requireHeld: () => void): () => void {
  const path = resolve(folder);
  guards.set(path, requireHeld);
  return () => {
    if (guards.get(path) === requireHeld) guards.delete(path);
  };
}

/** Makes the folders in which a file will be written. */
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
 * Writes `data` to `path` atomically, making folders as needed. Throws PhinetsError (`run.disk-full`, `run.write`)
 * naming the path and the remedy; the old file is then intact and no temporary file is left.
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
      } catch {} // report the first error
    }
    try {
      fs.rmSync(temporary, { force: true });
    } catch {}
    throw describeWriteError(error, path, bytes.length);
  }
  // Flushing the folder makes the rename durable; where folders cannot be flushed (Windows) the order of writes is
  // still kept.
  try {
    const folder = fs.openSync(dirname(path), "r");
    try {
      fs.fsyncSync(folder);
    } finally {
      fs.closeSync(folder);
    }
  } catch {}
}

/**
 * A failed write as a PhinetsError that names the path and the remedy; errors without a system code are returned
 * unchanged.
 */
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
