/** The most recently written pictures of a data set: the only ones that a phone sees. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { fileOnDisk } from "@phinets/node/picture";
import type { Datasets } from "../datasets.js";

const most = 12;

export class NewestPictures {
  /** The result, and the list of files that it was computed from. */
  #found: { readonly of: readonly string[]; readonly files: ReadonlyMap<string, string> } | undefined;

  constructor(
    readonly datasets: Datasets,
    readonly set: string,
  ) {}

  /** Files by ids that reveal nothing about their names, newest first. */
  async list(): Promise<ReadonlyMap<string, string>> {
    const of = await this.datasets.files(this.set);
    if (this.#found?.of === of) return this.#found.files;
    const times = await Promise.all(of.map(async (file) => ({ file, time: await writtenAt(file) })));
    const newest = times.sort((a, b) => b.time - a.time || (a.file < b.file ? 1 : -1)).slice(0, most);
    const files = new Map(newest.map(({ file }) => [createHash("sha256").update(file).digest("hex"), file]));
    this.#found = { of, files };
    return files;
  }

  /** Throws PhinetsError where it is not one of the newest, or lies outside the opened folder. */
  async file(id: string): Promise<string> {
    const file = (await this.list()).get(id);
    if (file === undefined) throw new PhinetsError("studio.missing", "this picture is none of the newest");
    this.datasets.folder.require(file, "the picture");
    return file;
  }
}

/** Milliseconds since 1970; 0 for a file that is gone. */
async function writtenAt(file: string): Promise<number> {
  try {
    return (await stat(fileOnDisk(file))).mtimeMs;
  } catch {
    return 0;
  }
}
