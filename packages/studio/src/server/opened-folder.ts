/** The opened folder: no request reaches a file outside it, whatever links there are. */
import { realpathSync, statSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { holds } from "@phinets/node/files";
import { fileOnDisk } from "@phinets/node/picture";

export class OpenedFolder {
  /** Its path once links are resolved. */
  readonly real: string;
  readonly name: string;

  /** @param path as the user named it; throws PhinetsError where it is not a folder */
  constructor(readonly path: string) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new PhinetsError("studio.folder", `${path}: is no folder; phinets studio takes one`, path);
    this.real = realpathSync.native(path);
    this.name = basename(this.real) || this.real;
  }

  /**
   * The full path of `within`, which is relative to the folder. Throws PhinetsError where it does not exist or lies
   * outside.
   */
  resolve(within: string): string {
    const path = resolve(this.real, within);
    this.require(path, within);
    return path;
  }

  /**
   * Throws where a file is outside the folder once links are resolved; for a picture in an archive or idx file, where
   * that file is outside.
   * @param shown the name in the error
   */
  require(file: string, shown: string): void {
    let real: string;
    try {
      real = realpathSync.native(fileOnDisk(file));
    } catch {
      // Do not reveal what exists outside.
      if (!holds(this.real, resolve(this.real, file))) throw outside(shown);
      throw new PhinetsError("studio.missing", `${shown}: there is no such file in ${this.name}`, shown);
    }
    if (!holds(this.real, real)) throw outside(shown);
  }

  /** The path to show: relative to the folder for a file in it, else the full path. */
  shorten(file: string): string {
    for (const root of [this.real, this.path]) {
      const start = join(root, sep);
      if (file.startsWith(start)) return file.slice(start.length);
    }
    return file;
  }
}

export function outside(shown: string): PhinetsError {
  return new PhinetsError(
    "studio.outside",
    `${shown}: lies outside the opened folder; open a folder that holds it too`,
    shown,
  );
}
