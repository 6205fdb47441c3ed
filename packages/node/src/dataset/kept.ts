/**
 * Small files of the cache folder that store texts by path: JSON with a digest of itself, so that a damaged file is
 * discarded.
 */
import { createHash } from "node:crypto";
import { mostTextBytes } from "@phinets/core/data";
import { readRegularSync } from "../files/regular-file.js";
import { writeFileAtomic } from "../host/atomic.js";

/** A file with more entries is started anew, because it is read at each start. */
const mostKept = 200_000;

/** Texts by path; empty where the file is absent, damaged or of another kind. Each entry has `texts` texts. */
export function readKept(path: string, texts: number): Map<string, readonly string[]> {
  try {
    const { sha256, entries } = JSON.parse(
      Buffer.from(readRegularSync(path, { most: 2 * mostTextBytes })).toString("utf8"),
    );
    const kept = new Map<string, readonly string[]>();
    if (digestOf(entries) !== sha256) return kept;
    for (const entry of entries as unknown[]) {
      if (!isEntry(entry, texts)) return new Map();
      kept.set(entry[0], entry.slice(1));
    }
    return kept;
  } catch {
    return new Map();
  }
}

/**
 * Writes the file; a failure is ignored, because the texts can be computed again. `wanted`: entries to keep where there
 * are too many.
 */
export function writeKept(
  path: string,
  kept: ReadonlyMap<string, readonly string[]>,
  wanted: (key: string) => boolean,
): void {
  const all = [...kept].filter(([key]) => kept.size <= mostKept || wanted(key));
  const entries = all.map(([key, texts]) => [key, ...texts]);
  try {
    writeFileAtomic(path, JSON.stringify({ sha256: digestOf(entries), entries }));
  } catch {}
}

function isEntry(value: unknown, texts: number): value is string[] {
  return Array.isArray(value) && value.length === 1 + texts && value.every((each) => typeof each === "string");
}

const digestOf = (entries: unknown): string => createHash("sha256").update(JSON.stringify(entries)).digest("hex");
