/** Expands the sources of `predict` to paths: a pattern such as 'pics/*.jpg' gives the files that match. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { append } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { byNaturalOrder, isPictureFile } from "./files.js";

const videoExtensions = [
  ".mp4",
  ".mov",
  ".m4v",
  ".avi",
  ".mkv",
  ".webm",
  ".mpg",
  ".mpeg",
  ".ts",
  ".mts",
  ".wmv",
  ".flv",
  ".3gp",
  ".mjpeg",
  ".mjpg",
  ".ogv",
  ".y4m",
]; // prettier-ignore

/**
 * Keeps each word that is a stream or exists; expands others to the pictures and videos that match, in natural order.
 */
export async function expandSources(words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const word of words) {
    if (isStream(word) || existsSync(word)) found.push(word);
    else if (/[*?[{]/.test(word)) append(found, await matches(word));
    else throw new PhinetsError("predict.source", `${word}: no such picture, folder, video or camera`, word);
  }
  return [...new Set(found)];
}

async function matches(pattern: string): Promise<string[]> {
  const { glob } = await import("tinyglobby");
  const parts = (process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern).split("/");
  const first = parts.findIndex((part) => /[*?[{]/.test(part));
  const folder = parts.slice(0, first).join("/") || (pattern.startsWith("/") ? "/" : "");
  const names = await glob(parts.slice(first).join("/"), { cwd: folder || ".", expandDirectories: false });
  const kept = names.filter((name) => isPictureFile(name) || videoExtensions.includes(extname(name).toLowerCase()));
  if (kept.length === 0) {
    const what =
      names.length > 0 ? `none of the ${names.length} files that match is a picture or a video` : "no file matches";
    throw new PhinetsError(
      "predict.source",
      `${pattern}: ${what}; ** stands for any folders, * for any part of a name`,
      pattern,
    );
  }
  return kept.sort(byNaturalOrder).map((name) => join(folder, name));
}

/** Names for output files, one per file, without folders and extension. They are unique, ignoring case. */
export function outputNames(files: readonly string[]): string[] {
  const stem = (file: string) => basename(file, extname(file));
  const count = new Map<string, number>();
  for (const file of files) count.set(stem(file).toLowerCase(), (count.get(stem(file).toLowerCase()) ?? 0) + 1);
  const taken = new Set<string>();
  const numbers = new Map<string, number>();
  return files.map((file) => {
    // a.png and a.jpg become a_png and a_jpg; equal names of different folders are numbered.
    const name = fitName(
      count.get(stem(file).toLowerCase()) === 1 ? stem(file) : basename(file).replaceAll(".", "_"),
      extensionBytes,
    );
    const key = name.toLowerCase();
    let unique = name;
    // Counts on from the last number, because very many files may have the same name.
    for (let n = numbers.get(key) ?? 2; taken.has(unique.toLowerCase()); n++) {
      unique = fitName(`${name}_${n}`, extensionBytes);
      numbers.set(key, n + 1);
    }
    taken.add(unique.toLowerCase());
    return unique;
  });
}

/** Bytes of .jpg, .png, .mp4. */
const extensionBytes = 4;
/** Limit on a file's name on all common file systems. */
const mostNameBytes = 255;

/** A name that leaves `room` bytes for an extension: a longer one is truncated and a digest keeps it unique. */
export function fitName(name: string, room: number): string {
  const most = mostNameBytes - room;
  if (Buffer.byteLength(name) <= most) return name;
  const mark = `~${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  let [cut, bytes] = ["", mark.length];
  for (const letter of name) {
    bytes += Buffer.byteLength(letter);
    if (bytes > most) break;
    cut += letter;
  }
  return cut + mark;
}

/** Whether `source` is a stream, without opening it. */
export function isStream(source: string): boolean {
  return (
    source === "-" ||
    (/^\d{1,3}$/.test(source) && !existsSync(source)) ||
    (process.platform === "linux" && /^\/dev\/video\d{1,3}$/.test(source)) ||
    /^[a-z][a-z0-9+.-]*:\/\//i.test(source)
  );
}
