/** One process trains in a run folder at a time: `train.pid` says which. One that was killed leaves a stale one behind. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "./atomic.js";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, where the system tells: another process may have the number now. */
  readonly started?: string;
}

export interface RunLock {
  release(): void;
}

/** Paths that this process holds. */
const held = new Set<string>();
/** A lock of another machine, whose processes cannot be asked, is stale when nobody has touched it for so long. */
const [touchMs, staleMs] = [60_000, 15 * 60_000];

/** Takes the folder, or throws `run.busy` naming who has it. Released by `release`; a killed process's is taken over. */
export function lockRun(folder: string): RunLock {
  const path = join(folder, "train.pid");
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  while (!create(path, JSON.stringify(own))) {
    requireFree(folder);
    rmSync(path, { force: true });
  }
  held.add(path);
  const timer = setInterval(() => touch(path), touchMs);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      held.delete(path);
      if (read(path)?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/** Throws `run.busy` where another process trains. */
export function requireFree(folder: string): void {
  const path = join(folder, "train.pid");
  const holder = read(path);
  if (holder !== undefined && isAlive(holder, path)) throw busy(folder, path, holder);
}

function create(path: string, text: string): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "wx");
    writeSync(descriptor, text);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    if (descriptor !== undefined) rmSync(path, { force: true });
    throw describeWriteError(error, path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Undefined when it is gone, or not a lock: a process killed while it wrote. */
function read(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder> | null;
    return typeof holder?.pid === "number" && typeof holder.host === "string" ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host, started }: Holder, path: string): boolean {
  if (host !== hostname()) {
    const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return touched !== undefined && Date.now() - touched < staleMs;
  }
  if (pid === process.pid) return held.has(path);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return started === undefined || startOf(pid) === undefined || started === startOf(pid);
}

/** Clock ticks from the boot to the process's start (Linux). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {} // the folder is gone: the next checkpoint says so
}

function busy(folder: string, path: string, { pid, host }: Holder): PhinetsError {
  const other = host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
  return new PhinetsError(
    "run.busy",
    `${folder}: ${other} is training here; wait for it or stop it (if it is none of yours, remove ${path}), or choose another --name`,
    folder,
  );
}
