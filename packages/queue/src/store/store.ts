/**
 * Interface of stores, in which the machines of a sweep share files: pictures, checkpoints, results. A file's name is
 * the SHA-256 of its bytes, so equal files are stored once, and readers can verify what they get.
 */
import { createHash } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";

export interface Stored {
  readonly sha256: string;
  readonly bytes: number;
}

export interface StoreOptions {
  /** When aborted, the transfer ends and the promise rejects. */
  readonly signal?: AbortSignal;
}

export interface Store {
  /** Name for messages: a folder, or an address without its token. */
  readonly name: string;

  has(sha256: string, options?: StoreOptions): Promise<boolean>;

  /**
   * Copies a file out of the store. Afterwards `path` has exactly the requested bytes, or is unchanged.
   * @throws PhinetsError `store.missing` where the store does not have it, `store.corrupt` where its bytes differ
   */
  get(file: Stored, path: string, options?: StoreOptions): Promise<void>;

  /** Copies a file into the store, unless it is there. */
  put(path: string, options?: StoreOptions): Promise<Stored>;
}

/** The store of the requesting side, which also removes files that are no longer needed. */
export interface OwnStore extends Store {
  /** A file that cannot be removed stays; that is not an error. */
  remove(sha256: string): Promise<void>;
}

export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** SHA-256 and size of a file of any size. */
export async function digestFile(path: string, { signal }: StoreOptions = {}): Promise<Stored> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20, signal })) {
    hash.update(part);
    bytes += part.length;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** Removes a received file and throws, unless it is the requested one. */
export async function requireOwnBytes(path: string, { sha256, bytes }: Stored, store: string): Promise<void> {
  const found = await digestFile(path);
  if (found.sha256 === sha256 && found.bytes === bytes) return;
  rmSync(path, { force: true });
  throw new PhinetsError(
    "store.corrupt",
    `${store}: what it has as ${sha256.slice(0, 12)}, ${bytes} bytes, is ${found.sha256.slice(0, 12)}, ${found.bytes} bytes; remove it there, and it is made again`,
    sha256,
  );
}

export function missing(sha256: string, store: string): PhinetsError {
  return new PhinetsError(
    "store.missing",
    `${store}: has no ${sha256.slice(0, 12)}; run the sweep again, which puts its files there`,
    sha256,
  );
}
