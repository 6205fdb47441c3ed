/** What a worker has fetched, in its folder: once a machine, whatever trials ask for it. */
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

/** Files that are fetched at a time. */
const atOnce = 8;
/** Data sets that are kept open: each holds its labels. */
const mostOpened = 4;

export interface FetchedData {
  /** Of the index, which names the data set. */
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
  /** Last used last. */
  readonly #opened = new Map<string, Promise<FetchedData>>();

  /** @param folder the worker's */
  constructor(readonly folder: string) {
    this.#own = new FolderStore(folder);
  }

  /**
   * The data set of a job, fetched unless it is here.
   * @throws PhinetsError `queue.job` where what came is not what the job says
   */
  async open({ data, loading }: Pick<JobDocument, "data" | "loading">, fetching: Fetching): Promise<FetchedData> {
    const name = JSON.stringify([data, loading]);
    const opened = this.#opened.get(name) ?? this.#fetchData({ data, loading }, fetching);
    this.#opened.delete(name);
    this.#opened.set(name, opened);
    for (const oldest of this.#opened.keys()) if (this.#opened.size > mostOpened) this.#opened.delete(oldest);
    // What failed is tried again.
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

  /** Weights to start from, beside the network of their run. */
  async start(start: NonNullable<JobDocument["start"]>, fetching: Fetching): Promise<NonNullable<Trial["start"]>> {
    const { sha256, network } = start;
    const folder = resolve(this.folder, "starts", sha256);
    const file = join(folder, network === undefined ? "start.bin" : "weights/best.safetensors");
    if (!existsSync(file)) await link(await this.fetch(start, fetching), file);
    if (network !== undefined) saveNetwork(folder, network);
    return { file, sha256 };
  }

  /** Fetches files and puts each where it is to be, unless it is there. */
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

  /** Fetches a file into this machine's own store; returns where it is. */
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

/** The same file under another name; where the file system has no links, a copy. */
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
