/** --out of track: writes only to a file that is new, empty, or has tracks. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";

/** A line of MOTChallenge text: frame, id, four box values. */
const trackLine = /^\s*\d+\s*,\s*-?\d+\s*(?:,\s*-?[\d.]+(?:e[+-]?\d+)?\s*){4}/i;

/** Throws PhinetsError `cli.out` where a file exists and does not begin like tracks. */
export function requireOwnTracks(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size === 0 || trackLine.test(bytesAt(file, 0, 1024))) return;
  throw new PhinetsError("cli.out", `${file}: exists and holds no tracks; name another file with --out`, file);
}

export function bytesAt(file: string, from: number, length: number): string {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, "r");
  try {
    return bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, length, from));
  } finally {
    closeSync(descriptor);
  }
}
