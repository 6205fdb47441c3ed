/** Reads the inputs of the evaluations, with their common errors. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { decodeText } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import type { Context } from "../../terminal/context.js";

export function missing(path: string, what: string): PhinetsError {
  return new PhinetsError("eval.missing", `${path}: there is no ${what}`, path);
}

export const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
export const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** Names in a folder, without hidden ones, sorted by code units. */
export function listFolder(folder: string, what: string): string[] {
  if (!isFolder(folder)) throw missing(folder, `folder of ${what}`);
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort();
}

/** A file's bytes; gzip is detected by content and unpacked. */
export function readBytes(file: string): Buffer {
  if (isFolder(file)) throw new PhinetsError("eval.folder", `${file}: is a folder; name a file in it`, file);
  if (!existsSync(file)) throw missing(file, "such file");
  const bytes = readFileSync(file);
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4) {
    throw new PhinetsError("eval.archive", `${file}: is a zip archive; unpack it and name the file in it`, file);
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PhinetsError("eval.gzip", `${file}: is packed with gzip and damaged (${reason}); copy it again`, file);
  }
}

export const readText = (file: string): string => decodeText(readBytes(file));

export function percent(value: number, digits = 1): string {
  return Number.isFinite(value) ? (100 * value).toFixed(digits) : "-";
}

type Pages = typeof import("@phinets/node/report");

export async function writePage(file: string, context: Context, render: (pages: Pages) => string): Promise<void> {
  writeFileAtomic(file, render(await import("@phinets/node/report")));
  context.note(`written to ${file}`);
}
