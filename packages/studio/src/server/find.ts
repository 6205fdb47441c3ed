/** Folders of a kind, and clips, below a folder. Links are not followed. */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { isHidden, isPictureFile } from "@phinets/core/data";
import type { OpenedFolder } from "./opened-folder.js";

/** Never looked into. */
const passed = new Set(["node_modules", "dist"]);
/** runs/ship/NAME, and one above it. */
const deepest = 5;
/** A folder of so many entries is one of files: pictures, labels. */
const mostEntries = 5000;

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // it is gone, or must not be read
  }
}

/**
 * Paths, within a folder ("" is that itself), of the folders in it that are of a kind; nothing is looked for below them.
 * @param root whole path
 */
export function foldersBelow(root: string, isOne: (path: string) => boolean): string[] {
  const look = (within: string, depth: number): string[] => {
    const path = join(root, within);
    if (isOne(path)) return [within];
    if (depth === deepest) return [];
    const entries = entriesOf(path);
    if (entries.length > mostEntries) return [];
    return entries
      .filter((entry) => entry.isDirectory() && !isHidden(entry.name) && !passed.has(entry.name))
      .flatMap(({ name }) => look(within === "" ? name : `${within}/${name}`, depth + 1));
  };
  return look("", 0);
}

const videos = /\.(mp4|mov|mkv|avi|webm|m4v|mjpe?g|gif)$/i;
const fewestFrames = 2;

/** Videos, and folders of pictures, which a clip's frames may be. */
export function clipsIn(folder: OpenedFolder): string[] {
  const look = (within: string, depth: number): string[] => {
    const entries = entriesOf(join(folder.real, within)).filter(({ name }) => !isHidden(name) && !passed.has(name));
    const at = (name: string) => (within === "" ? name : `${within}/${name}`);
    const own = entries.filter((entry) => entry.isFile() && videos.test(entry.name)).map(({ name }) => at(name));
    const frames = entries.filter((entry) => entry.isFile() && isPictureFile(entry.name));
    if (within !== "" && frames.length >= fewestFrames) own.unshift(within);
    if (depth === deepest || entries.length > mostEntries) return own;
    const below = entries.filter((entry) => entry.isDirectory());
    return [...own, ...below.flatMap(({ name }) => look(at(name), depth + 1))];
  };
  return look("", 0);
}
