/**
 * SHA-256 of files' contents. Each file is read once: its digest is kept in the cache folder under its path, size and
 * times, so that the next start only asks for those. The same bytes have the same digest wherever they lie.
 */
import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream, readFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeFileAtomic } from "../run/atomic.js";
import { forEachConcurrently } from "./pool.js";

export interface DigestOptions {
  /** Where digests are kept, `PROJECT/.cache/phinets`; absent: they are not. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

/** Stands for the digest of a file that is not there or cannot be read. */
export const noDigest = "missing";

const fileName = "digests.json";
/** More than these and the file is begun anew: it would have to be read at each start. */
const mostKept = 200_000;

/** Files up to this size are read at once; an archive may be larger than memory. */
const wholeBytes = 2 ** 24;

/** By path as given. A file that cannot be read has `noDigest`. */
export async function digestFiles(
  paths: Iterable<string>,
  { folder, signal }: DigestOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const wanted = [...new Set(paths)];
  const kept = folder === undefined ? {} : readKept(join(folder, fileName));
  const digests = new Map<string, string>();
  let changed = false;
  const digest = async (path: string): Promise<string> => {
    const stats = await stat(path, { bigint: true });
    const stamp = stampOf(stats);
    const key = resolve(path);
    const [old, known] = kept[key] ?? [];
    if (old === stamp) return known;
    const hash = createHash("sha256");
    if (stats.size <= wholeBytes) hash.update(await readFile(path));
    else for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(part);
    const fresh = hash.digest("hex");
    kept[key] = [stamp, fresh];
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
      } catch {} // what is wrong with it is said by who decodes it
      digests.set(wanted[n], value);
    },
    signal,
  );
  if (folder !== undefined && changed) {
    try {
      const entries = Object.entries(kept);
      const all = entries.length <= mostKept ? entries : entries.filter(([key]) => digests.has(key));
      writeFileAtomic(join(folder, fileName), JSON.stringify(Object.fromEntries(all)));
    } catch {} // they are made again next time
  }
  return digests;
}

/** A file written again in place has other times, if not another size. */
function stampOf({ size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs}`;
}

function readKept(path: string): Record<string, [stamp: string, digest: string]> {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8"));
    return typeof kept === "object" && kept !== null && !Array.isArray(kept) ? kept : {};
  } catch {
    return {};
  }
}
