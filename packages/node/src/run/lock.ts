/**
 * Lock of a run folder, so that only one process writes to it: `train.pid`, a name that earlier versions use too,
 * identifies the holder. The file is created atomically by a hard link. A dead process's lock is replaced by a rename
 * under a second lock, so that of several processes that find it only one succeeds.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, guardFolder, removeLeftovers, temporaryPath } from "../host/atomic.js";
import { type Holder, lifeOf, ownHolder, parseHolder } from "./holder.js";

export interface RunLock {
  /** Throws `run.removed` where this process no longer holds the folder's lock. */
  requireHeld(): void;
  release(): void;
}

/** What a command does in a run folder, shown to others that find it busy. */
export type Work = "training" | "shipping" | "sweeping" | "quantising" | "emulating" | "exporting" | "importing";

/** Nonces of the locks that this process holds. */
const held = new Set<string>();

/** An incomplete lock, or a takeover, that lasts longer was left by a process that was killed. */
const patienceMs = 2000;

/**
 * Locks an existing folder, or throws `run.busy` naming the holder. Temporary files of dead processes are removed.
 * Until `release` a removed folder is not made again: writes then fail with `run.removed`.
 */
export function lockRun(folder: string, work: Work = "training"): RunLock {
  const path = lockPath(folder);
  const nonce = acquire(path, folder, work);
  held.add(nonce);
  const requireHeld = (): void => {
    if (holderAt(path)?.nonce !== nonce) throw removed(folder, existsSync(folder));
  };
  const unguard = guardFolder(folder, requireHeld);
  removeLeftovers(folder);
  return {
    requireHeld,
    release() {
      unguard();
      if (!held.delete(nonce)) return;
      if (holderAt(path)?.nonce === nonce) rmSync(path, { force: true });
    },
  };
}

/**
 * Runs `act` while the folder is locked. If the folder was removed meanwhile, any failure is reported as `run.removed`.
 */
export async function withRunLock<T>(folder: string, work: Work, act: (lock: RunLock) => T | Promise<T>): Promise<T> {
  const lock = lockRun(folder, work);
  try {
    const result = await act(lock);
    lock.requireHeld();
    return result;
  } catch (error) {
    if ((error as Error)?.name !== "AbortError") lock.requireHeld();
    throw error;
  } finally {
    lock.release();
  }
}

/** The process that holds a folder's lock; undefined where there is none or it is dead. */
export function runHolder(folder: string): { readonly pid: number; readonly work: string } | undefined {
  const holder = holderAt(lockPath(folder));
  if (holder === undefined || lifeOf(holder, (nonce) => held.has(nonce)) === "dead") return undefined;
  return { pid: holder.pid, work: holder.work ?? "training" };
}

/** The run folder that `path` is or lies in, if any: a process that writes there must take its lock. */
export function runAround(path: string): string | undefined {
  for (let folder = resolve(path); ; folder = resolve(folder, "..")) {
    if (existsSync(join(folder, "network.json")) && existsSync(join(folder, "weights"))) return folder;
    if (folder === resolve(folder, "..")) return undefined;
  }
}

const lockPath = (folder: string): string => join(folder, "train.pid");

/** Makes the lock file; returns its nonce. */
function acquire(path: string, folder: string, work: Work): string {
  const nonce = randomBytes(12).toString("hex");
  const text = JSON.stringify(ownHolder(nonce, work));
  const begun = Date.now();
  for (;;) {
    if (create(path, text)) return nonce;
    const found = readLock(path, folder);
    if (found === undefined) continue; // released in the meantime
    const holder = parseHolder(found);
    const life = holder === undefined ? undefined : lifeOf(holder, (other) => held.has(other));
    if (holder !== undefined && life !== "dead") throw busy(folder, path, holder, life === "unknown");
    // An incomplete lock may be one that is being written, where the file system has no hard links.
    if (holder === undefined && Date.now() - begun < patienceMs) pause();
    else if (takeOver(path, found, text, folder)) return nonce;
    else if (Date.now() - begun > 5 * patienceMs) throw busy(folder, path, holder, true);
    else pause();
  }
}

/**
 * Replaces a dead process's lock, if `path` still holds it; false where another process is doing so. The takeover has a
 * lock of its own, which is taken over in the same way when its owner is killed.
 */
function takeOver(path: string, dead: string, text: string, folder: string): boolean {
  const mutex = `${path}.takeover`;
  const own = JSON.stringify(ownHolder(randomBytes(12).toString("hex"), "training"));
  const mine = temporaryPath(path);
  if (!create(mutex, own)) {
    const found = readLock(mutex, folder);
    const holder = found === undefined ? undefined : parseHolder(found);
    if (found !== undefined && holder !== undefined && lifeOf(holder, () => false) === "dead") {
      if (!takeOver(mutex, found, own, folder)) return false;
    } else return false;
  }
  try {
    if (readLock(path, folder) !== dead) return false;
    writeNew(mine, text);
    renameSync(mine, path);
    return true;
  } finally {
    rmSync(mine, { force: true });
    rmSync(mutex, { force: true });
  }
}

/** Creates a file with its full content in one step; false where it exists. */
function create(path: string, text: string): boolean {
  const temporary = temporaryPath(path);
  try {
    writeNew(temporary, text);
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS" || code === "EMLINK")
      return createInPlace(path, text);
    throw describeWriteError(error, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** For file systems without hard links (FAT, some network drives). */
function createInPlace(path: string, text: string): boolean {
  try {
    writeNew(path, text);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw describeWriteError(error, path);
  }
}

function writeNew(path: string, text: string): void {
  const descriptor = openSync(path, "wx");
  try {
    writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined where the lock does not exist. */
function readLock(path: string, folder: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && existsSync(folder)) return undefined;
    if (code === "ENOENT") throw removed(folder, false);
    throw new PhinetsError(
      "run.lock-file",
      `${path}: cannot be read (${code === "EISDIR" ? "it is a folder" : code}); no process can tell whether ${folder} is free: remove it`,
      path,
    );
  }
}

function holderAt(path: string): Holder | undefined {
  try {
    return parseHolder(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Sleeps briefly, because other processes are at work here. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

function busy(folder: string, path: string, holder: Holder | undefined, unknown: boolean): PhinetsError {
  const { pid, host, work = "training" } = holder ?? {};
  const where = unknown && host !== undefined ? ` on ${host}` : "";
  const who = pid === undefined ? "another process" : `process ${pid}${where}`;
  const remedy = unknown
    ? `it cannot be asked from here: wait for it or stop it there; if it is gone, remove ${path}`
    : `wait for it or stop it (if it is none of yours, remove ${path})`;
  return new PhinetsError("run.busy", `${folder}: ${who} is ${work} here; ${remedy}, or choose another --name`, folder);
}

function removed(folder: string, exists: boolean): PhinetsError {
  const what = exists ? "its lock (train.pid) was removed or taken by another process" : "the folder was removed";
  return new PhinetsError("run.removed", `${folder}: ${what} while it was being written; start the run again`, folder);
}
