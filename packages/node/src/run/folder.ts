/** Makes run folders, `PROJECT/TASK/NAME`; an existing one is never overwritten by accident. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "../host/atomic.js";
import { shellQuote } from "../text/quote.js";

export interface RunFolderOptions {
  /** Default "runs". */
  readonly project?: string;
  /** "detect", "classify", "ship", "predict", "track"... */
  readonly task: string;
  /** The user's `--name`. Without one the folder is `defaultName`, or the first free `defaultName2`, `defaultName3`... */
  readonly name?: string;
  /** Default "run". */
  readonly defaultName?: string;
  /** `--exist-ok`, or resuming: an existing folder is used as it is. */
  readonly existOk?: boolean;
}

/**
 * Makes the folder of a new run and returns its path. Two runs that start together get two folders. Throws PhinetsError
 * when the user's own `--name` exists without `existOk`, is not a plain name, or the folder cannot be made.
 */
export function createRunFolder(options: RunFolderOptions): string {
  const { project = "runs", task, name, defaultName = "run", existOk = false } = options;
  if (name !== undefined && (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name))) {
    throw new PhinetsError(
      "run.name",
      `--name ${JSON.stringify(name)}: a run's name is one folder name, without / or \\`,
      name,
    );
  }
  const parent = join(project, task);
  make(parent, true);
  const wanted = join(parent, name ?? defaultName);
  if (existOk) {
    make(wanted, true);
    return wanted;
  }
  if (make(wanted, false) || (name !== undefined && isEmpty(wanted))) return wanted;
  if (name !== undefined) {
    throw new PhinetsError(
      "run.exists",
      `${wanted}: the run exists; choose another --name, continue it with --resume ${shellQuote([wanted])}, or write into it with --exist-ok`,
      wanted,
    );
  }
  for (let n = 2; ; n++) {
    const numbered = `${wanted}${n}`;
    if (make(numbered, false)) return numbered;
  }
}

/** Removes a run folder that a failed start left empty. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {} // it is not empty, or does not exist
}

/** Makes a folder; false when it exists and `existing` does not allow that. */
function make(path: string, existing: boolean): boolean {
  try {
    mkdirSync(path, { recursive: existing });
    return true;
  } catch (error) {
    if (!existing && (error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw describeWriteError(error, path);
  }
}

/** An empty folder may be reused under the user's own name: a run may have failed before its first file. */
function isEmpty(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0;
}

/**
 * The run folder that `path` names: the folder itself, or the folder of a file in it or in its `weights/`. Throws
 * PhinetsError where nothing exists there or it has no network.json.
 */
export function findRunFolder(path: string): string {
  if (!existsSync(path)) {
    throw new PhinetsError(
      "run.missing",
      `${path}: no such run; --model takes a run folder or its weights/best.safetensors`,
      path,
    );
  }
  if (statSync(path).isDirectory()) {
    if (existsSync(join(path, "network.json"))) return path;
    throw new PhinetsError(
      "run.missing",
      `${path}: no network.json here; --model takes a run folder, for example runs/detect/run`,
      path,
    );
  }
  for (const folder of [dirname(path), dirname(dirname(path))]) {
    if (existsSync(join(folder, "network.json"))) return folder;
  }
  throw new PhinetsError(
    "run.missing",
    `${path}: no network.json beside it or in the folder above; --model takes a run folder or a weights file in one`,
    path,
  );
}
