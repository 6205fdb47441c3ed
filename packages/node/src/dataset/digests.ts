/**
 * SHA-256 of files' contents. Each file is read once: its digest is stored in the cache folder under its path, size and
 * times, so that later starts only check those. Equal bytes have equal digests wherever the files lie.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readRegular } from "../files/regular-file.js";
import { forEachConcurrently } from "../host/concurrency.js";
import { readKept, writeKept } from "./kept.js";

export interface DigestOptions {
  /** Folder in which digests are stored, `PROJECT/.cache/phinets`; absent: they are not stored. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

/** Digest of a file that does not exist or cannot be read. */
export const noDigest = "missing";

const fileName = "digests-2.json";

/** Files up to this size are read in one piece; an archive may be larger than memory. */
const wholeBytes = 2 ** 24;

/** Digests by path as given; `noDigest` for a file that cannot be read. */
export async function digestFiles(
  paths: Iterable<string>,
  { folder, signal }: DigestOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const wanted = [...new Set(paths)];
  const kept = folder === undefined ? new Map<string, readonly string[]>() : readKept(join(folder, fileName), 2);
  const digests = new Map<string, string>();
  let changed = false;
  const digest = async (path: string): Promise<string> => {
    const stats = await stat(path, { bigint: true });
    const stamp = stampOf(stats);
    const key = resolve(path);
    const [old, known] = kept.get(key) ?? [];
    if (old === stamp) return known;
    const hash = createHash("sha256");
    if (!stats.isFile() || stats.size <= wholeBytes) hash.update(await readRegular(path));
    else for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(part);
    const fresh = hash.digest("hex");
    kept.set(key, [stamp, fresh]);
    changed = true;
    return fresh;
  };
  await forEachConcurrently(
    wanted.length,
    8,
    async (n) => {
      let value = noDigest;
      try {
        value = await digest(wanted[n]);
      } catch {} // the decoder reports what is wrong with it
      digests.set(wanted[n], value);
    },
    signal,
  );
  if (folder !== undefined && changed) {
    const keys = new Set(wanted.map((path) => resolve(path)));
    writeKept(join(folder, fileName), kept, (key) => keys.has(key));
  }
  return digests;
}

/** Rewriting a file in place changes its times, if not its size. */
function stampOf({ size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs}`;
}
