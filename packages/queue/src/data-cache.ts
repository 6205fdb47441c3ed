/**
 * Cache of the files that a worker has fetched, in its folder: each file is fetched once per machine, whatever trials
 * need it.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { indexedPath, parseWrittenIndex, writtenIndexFile } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, forEachConcurrently } from "@phinets/node/host";
import { saveNetwork } from "@phinets/node/run";
import { type OpenedData, openData } from "@phinets/node/steps";
import type { Trial } from "@phinets/node/sweep";
import type { JobDocument } from "./job.js";
import { FolderStore } from "./store/folder-store.js";
import type { Store, Stored } from "./store/store.js";

/** Number of files to fetch at a time. */
const atOnce = 8;
/** Data sets to keep open: each holds its labels in memory. */
const mostOpened = 4;

export interface FetchedData {
  /** Path of the index file, which identifies the data set. */
  readonly path: string;
  readonly data: OpenedData;
}

interface Fetching {
  readonly store: Store;
  readonly signal: AbortSignal;
}

export class DataCache {
  readonly #own: FolderStore;
  readonly #fetching = new Map<string, Promise<void>>();
  /** Ordered by last use, oldest first. */
  readonly #opened = new Map<string, Promise<FetchedData>>();

  /** @param folder the worker's folder */
  constructor(readonly folder: string) {
    this.#own = new FolderStore(folder);
  }

  /**
   * Opens a job's data set, after fetching what is missing.
   * @throws PhinetsError `queue.job` where the fetched data differs from the job's description
   */
  async open({ data, loading }: Pick<JobDocument, "data" | "loading">, fetching: Fetching): Promise<FetchedData> {
    const name = JSON.stringify([data, loading]);
    const opened = this.#opened.get(name) ?? this.#fetchData({ data, loading }, fetching);
    this.#opened.delete(name);
    this.#opened.set(name, opened);
    for (const oldest of this.#opened.keys()) if (this.#opened.size > mostOpened) this.#opened.delete(oldest);
    // Do not keep a failure: the next job tries again.
    opened.catch(() => this.#opened.delete(name));
    return opened;
  }

  async #fetchData({ data, loading }: Pick<JobDocument, "data" | "loading">, fetching: Fetching): Promise<FetchedData> {
    const folder = resolve(this.folder, "data", data.sha256);
    const path = join(folder, writtenIndexFile);
    const index = await this.fetch(data, fetching);
    const { files } = parseOf(readFileSync(index, "utf8"));
    await this.place(
      files.map((file) => ({ file, place: join(folder, indexedPath(file)) })),
      fetching,
    );
    if (!existsSync(path)) await link(index, path);
    const opened = await openData([path], { seed: 0, project: this.folder, loading, signal: fetching.signal });
    if (opened.key === data.key) return { path, data: opened };
    throw new PhinetsError(
      "queue.job",
      `its pictures have the key ${opened.key.slice(0, 12)} here, not ${data.key.slice(0, 12)} as the job says`,
    );
  }

  /** Fetches the weights to start from, and saves their run's network beside them. */
  async start(start: NonNullable<JobDocument["start"]>, fetching: Fetching): Promise<NonNullable<Trial["start"]>> {
    const { sha256, network } = start;
    const folder = resolve(this.folder, "starts", sha256);
    const file = join(folder, network === undefined ? "start.bin" : "weights/best.safetensors");
    if (!existsSync(file)) await link(await this.fetch(start, fetching), file);
    if (network !== undefined) saveNetwork(folder, network);
    return { file, sha256 };
  }

  /** Fetches files and links each to its place, unless it exists there. */
  async place(files: readonly { readonly file: Stored; readonly place: string }[], fetching: Fetching): Promise<void> {
    const lacking = files.filter(({ place }) => !existsSync(place));
    this.#requireRoom(lacking.map(({ file }) => file));
    await forEachConcurrently(
      lacking.length,
      atOnce,
      async (n) => link(await this.fetch(lacking[n].file, fetching), lacking[n].place),
      fetching.signal,
    );
  }

  /** Fetches a file into this machine's own store; returns its path there. */
  async fetch(file: Stored, { store, signal }: Fetching): Promise<string> {
    const path = this.#own.pathOf(file.sha256);
    if (existsSync(path)) return path;
    const fetching = this.#fetching.get(path) ?? store.get(file, path, { signal });
    this.#fetching.set(path, fetching);
    try {
      await fetching;
    } finally {
      this.#fetching.delete(path);
    }
    return path;
  }

  #requireRoom(files: readonly Stored[]): void {
    const lacking = files.filter(({ sha256 }) => !existsSync(this.#own.pathOf(sha256)));
    const needed = lacking.reduce((sum, { bytes }) => sum + bytes, 0);
    const { bavail, bsize } = statfsSync(this.folder);
    if (needed > bavail * bsize)
      throw new PhinetsError(
        "queue.room",
        `${this.folder}: the pictures need ${needed} bytes, and ${bavail * bsize} are free; free some, or name another --work`,
        this.folder,
      );
  }
}

function parseOf(text: string): ReturnType<typeof parseWrittenIndex> {
  try {
    return parseWrittenIndex(text, "its index of pictures");
  } catch (error) {
    throw new PhinetsError("queue.job", (error as Error).message);
  }
}

/** Links a file to another name; copies it where the file system has no hard links. */
async function link(from: string, to: string): Promise<void> {
  try {
    mkdirSync(dirname(to), { recursive: true });
    try {
      linkSync(from, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") return;
      await copyFile(from, to);
    }
  } catch (error) {
    rmSync(to, { force: true });
    throw describeWriteError(error, to);
  }
}
