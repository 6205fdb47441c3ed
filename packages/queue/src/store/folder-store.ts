/** A store in a folder, of this machine or mounted by many machines. */
import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeWriteError, temporaryPath } from "@phinets/node/host";
import { digestFile, missing, type OwnStore, requireOwnBytes, type Stored, type StoreOptions } from "./store.js";

export class FolderStore implements OwnStore {
  readonly name: string;

  constructor(readonly folder: string) {
    this.name = folder;
  }

  /** Path of a file in the store, whether it exists or not. */
  pathOf(sha256: string): string {
    return join(this.folder, "objects", sha256.slice(0, 2), sha256);
  }

  has(sha256: string): Promise<boolean> {
    return Promise.resolve(existsSync(this.pathOf(sha256)));
  }

  async remove(sha256: string): Promise<void> {
    try {
      rmSync(this.pathOf(sha256), { force: true });
    } catch {}
  }

  async get(file: Stored, path: string): Promise<void> {
    const source = this.pathOf(file.sha256);
    if (!existsSync(source)) throw missing(file.sha256, this.name);
    await copyWhole(source, path, async (copy) => {
      await requireOwnBytes(copy, file, this.name);
      return path;
    });
  }

  async put(path: string, options: StoreOptions = {}): Promise<Stored> {
    const known = await digestFile(path, options);
    if (existsSync(this.pathOf(known.sha256))) return known;
    // The copy is hashed, because the file may change while it is read.
    let stored = known;
    await copyWhole(path, this.pathOf(known.sha256), async (copy) => {
      stored = await digestFile(copy, options);
      return this.pathOf(stored.sha256);
    });
    return stored;
  }
}

/**
 * Copies a file to a temporary name and renames it once it is on disk.
 * @param nameOf checks the copy and returns its final name
 */
async function copyWhole(from: string, to: string, nameOf: (copy: string) => Promise<string>): Promise<void> {
  const temporary = temporaryPath(to);
  try {
    mkdirSync(dirname(to), { recursive: true });
    // File systems that support it share the blocks.
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    const name = await nameOf(temporary);
    nameWhole(temporary, name);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw describeWriteError(error, to);
  }
}

/** Flushes a written file to disk and renames it to its final name. */
export function nameWhole(temporary: string, name: string): void {
  const descriptor = openSync(temporary, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  mkdirSync(dirname(name), { recursive: true });
  renameSync(temporary, name);
}
