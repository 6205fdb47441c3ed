/** Finds folders of a kind, and clips, below a folder. Links are not followed. */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isHidden, isPictureFile } from "@phinets/core/data";
import type { OpenedFolder } from "./opened-folder.js";

/** Folders that are never searched. */
const passed = new Set(["node_modules", "dist"]);
/** runs/ship/NAME, and one level above it. */
const deepest = 5;
/** A folder with more entries holds files, such as pictures or labels, and is not searched. */
const mostEntries = 5000;

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // it is gone, or must not be read
  }
}

interface Seen<K> {
  /** Times in milliseconds: when its entries were read, and its modification time then. */
  readonly readAt: number;
  readonly changedAt: number;
  readonly kinds: readonly K[];
  /** Names of its subfolders to search. */
  readonly below: readonly string[];
}

/**
 * File systems may round times to two seconds: a folder that was read this soon after a change may have changed again.
 */
const clockMs = 2500;

/**
 * Finds folders of several kinds in one walk, which can be repeated: it then reads only folders whose entries have
 * changed. The search for a kind does not continue below a folder of that kind.
 */
export class FolderWalk<K extends string> {
  #seen = new Map<string, Seen<K>>();

  /**
   * @param root full path
   * @param kinds tests whether a folder is of a kind, judging by its own entries
   */
  constructor(
    readonly root: string,
    readonly kinds: Readonly<Record<K, (path: string) => boolean>>,
  ) {}

  /** Paths relative to the root ("" is the root itself), by kind. */
  find(): Record<K, string[]> {
    const names = Object.keys(this.kinds) as K[];
    const found = Object.fromEntries(names.map((kind) => [kind, [] as string[]])) as Record<K, string[]>;
    const seen = new Map<string, Seen<K>>();
    const look = (within: string, depth: number, wanted: readonly K[]): void => {
      const path = join(this.root, within);
      const one = this.#look(path);
      if (one === undefined) return;
      seen.set(path, one);
      for (const kind of wanted) if (one.kinds.includes(kind)) found[kind].push(within);
      const left = wanted.filter((kind) => !one.kinds.includes(kind));
      if (depth === deepest || left.length === 0) return;
      for (const name of one.below) look(within === "" ? name : `${within}/${name}`, depth + 1, left);
    };
    look("", 0, names);
    this.#seen = seen;
    return found;
  }

  /** Undefined where it is gone. */
  #look(path: string): Seen<K> | undefined {
    const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (changedAt === undefined) return undefined;
    const known = this.#seen.get(path);
    if (known?.changedAt === changedAt && known.readAt - changedAt > clockMs) return known;
    const readAt = Date.now();
    const kinds = (Object.keys(this.kinds) as K[]).filter((kind) => this.kinds[kind](path));
    const entries = entriesOf(path);
    const below = entries.filter((entry) => entry.isDirectory() && isLookedAt(entry)).map(({ name }) => name);
    return { readAt, changedAt, kinds, below: entries.length > mostEntries ? [] : below };
  }
}

const isLookedAt = ({ name }: Dirent): boolean => !isHidden(name) && !passed.has(name);

/** Finds the folders of one kind, once. */
export function foldersBelow(root: string, isOne: (path: string) => boolean): string[] {
  return new FolderWalk(root, { one: isOne }).find().one;
}

/** File names of videos. */
export const clipName = /\.(mp4|mov|mkv|avi|webm|m4v|mpe?g|mjpe?g|gif)$/i;
const fewestFrames = 2;

/**
 * Videos in a folder and, on request, folders of pictures, which may be a clip's frames; paths relative to it.
 * @param options.frames whether folders of pictures count as clips
 */
export function clipsIn(folder: OpenedFolder, { frames }: { readonly frames: boolean }): string[] {
  const look = (within: string, depth: number): string[] => {
    const entries = entriesOf(join(folder.real, within)).filter(isLookedAt);
    const at = (name: string) => (within === "" ? name : `${within}/${name}`);
    const own = entries.filter((entry) => entry.isFile() && clipName.test(entry.name)).map(({ name }) => at(name));
    const pictures = entries.filter((entry) => entry.isFile() && isPictureFile(entry.name));
    if (frames && within !== "" && pictures.length >= fewestFrames) own.unshift(within);
    if (depth === deepest || entries.length > mostEntries) return own;
    const below = entries.filter((entry) => entry.isDirectory());
    return [...own, ...below.flatMap(({ name }) => look(at(name), depth + 1))];
  };
  return look("", 0);
}
