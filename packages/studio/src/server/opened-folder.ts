/** The folder that was opened: no request reaches a file that does not lie in it, over whatever links. */
import { realpathSync, statSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { holds } from "@phinets/node/files";
import { fileOnDisk } from "@phinets/node/picture";

export class OpenedFolder {
  /** Its path once links are followed. */
  readonly real: string;
  readonly name: string;

  /** @param path as the user named it; throws PhinetsError where it is no folder */
  constructor(readonly path: string) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw new PhinetsError("studio.folder", `${path}: is no folder; phinets studio takes one`, path);
    this.real = realpathSync.native(path);
    this.name = basename(this.real) || this.real;
  }

  /** The path of what `within` names, relative to the folder. Throws PhinetsError where it is not there or lies outside. */
  resolve(within: string): string {
    const path = resolve(this.real, within);
    this.require(path, within);
    return path;
  }

  /**
   * Throws where a file is not in the folder once links are followed; of an archive's or idx file's picture, where the file
   * that holds it is not.
   * @param shown what the error names
   */
  require(file: string, shown: string): void {
    let real: string;
    try {
      real = realpathSync.native(fileOnDisk(file));
    } catch {
      // Nothing is said of what exists outside.
      if (!holds(this.real, resolve(this.real, file))) throw outside(shown);
      throw new PhinetsError("studio.missing", `${shown}: there is no such file in ${this.name}`, shown);
    }
    if (!holds(this.real, real)) throw outside(shown);
  }

  /** As people should see it: within the folder by its path there, else whole. */
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
