/**
 * Finds pictures by the names in label files, which may contain another machine's folders, backslashes, or another
 * extension.
 */
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { baseName, folderOf, foldName, stemOf } from "../files/tree.js";
import { addTo } from "../files/values.js";
import type { SplitName } from "../types.js";
import { splitOfPath } from "./find-picture.js";
import { splitOf } from "./splits.js";

export interface FindOptions {
  /** Folders that names may be relative to, most likely first. */
  readonly folders: readonly string[];
  /** The picture's split; pictures in folders of other splits are excluded. */
  readonly split?: SplitName;
}

/** A picture's path, or why it was not found. */
export type FoundPicturePath = { readonly path: string } | { readonly problem: "absent" | "ambiguous" };

export class NamedPictures {
  #byName: Map<string, string[]> | undefined;
  #byStem: Map<string, string[]> | undefined;

  constructor(readonly survey: Survey) {}

  /**
   * Looks for the path as written below one of the folders; then for the picture whose path has the longest common end
   * with it, ignoring case and Unicode form; then for the same with another or no extension.
   */
  find(name: string, options: FindOptions): FoundPicturePath {
    const { folders, split } = options;
    const parts = partsOf(name);
    const exact = this.#exact(parts, folders);
    if (exact !== undefined) return { path: exact };
    const fits = (path: string) => {
      const of = split === undefined ? undefined : splitOfPath(this.survey, path);
      return of === undefined || of === split;
    };
    const base = parts.at(-1) ?? "";
    const named = this.#names().get(foldName(base)) ?? this.#stems().get(foldName(stemOfName(base))) ?? [];
    if (named.length > many) return this.#among(parts, options);
    const like = named.some(fits) ? named : (this.#stems().get(foldName(stemOfName(base))) ?? []);
    const found = pick(like.filter(fits), parts.slice(0, -1).map(foldName), folders);
    // The name may be percent-encoded, as part of a URL.
    const plain = "problem" in found && /%[0-9a-f]{2}/i.test(name) ? decoded(name) : name;
    return plain === name ? found : this.find(plain, options);
  }

  /** Looks for the path as written below one of the folders. */
  #exact(parts: readonly string[], folders: readonly string[]): string | undefined {
    const text = parts.join("/");
    for (const folder of folders) {
      const path = folder === "" ? text : `${folder}/${text}`;
      if (this.survey.has(path) && isPictureFile(path)) return path;
    }
    return undefined;
  }

  /**
   * If very many pictures share one name, as with one folder per picture, matches at least two folders from the end.
   */
  #among(parts: readonly string[], { folders }: FindOptions): FoundPicturePath {
    for (let start = 1; start < parts.length - 1; start++) {
      const path = this.#exact(parts.slice(start), [this.survey.root, ...folders]);
      if (path !== undefined) return { path };
    }
    return { problem: "ambiguous" };
  }

  #names(): Map<string, string[]> {
    this.#byName ??= groupBy(this.survey.pictures, (path) => foldName(baseName(path)));
    return this.#byName;
  }

  #stems(): Map<string, string[]> {
    this.#byStem ??= groupBy(this.survey.pictures, (path) => foldName(stemOf(baseName(path))));
    return this.#byStem;
  }
}

/** With more pictures of one name than this, they are not compared one by one. */
const many = 200;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function partsOf(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.replaceAll("\\", "/").split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts;
}

/** Strips only a picture's extension: `frame.12` may be a whole name. */
const stemOfName = (base: string): string => (isPictureFile(base) ? stemOf(base) : base);

/**
 * The path whose last folders agree longest with the named ones; of several, the only one in the first folder that
 * contains any.
 */
function pick(paths: readonly string[], folded: readonly string[], folders: readonly string[]): FoundPicturePath {
  if (paths.length === 0) return { problem: "absent" };
  if (paths.length === 1) return { path: paths[0] };
  const agree = (path: string) => {
    const own = path.split("/").slice(0, -1);
    let n = 0;
    while (n < folded.length && n < own.length && foldName(own[own.length - 1 - n]) === folded[folded.length - 1 - n])
      n++;
    return n;
  };
  const lengths = paths.map(agree);
  const most = lengths.reduce((a, b) => Math.max(a, b), 0);
  const best = paths.filter((_, i) => lengths[i] === most);
  if (best.length === 1) return { path: best[0] };
  for (const folder of folders) {
    const inside = best.filter((path) => folder === "" || path.startsWith(`${folder}/`));
    if (inside.length === 1) return { path: inside[0] };
  }
  return { problem: "ambiguous" };
}

function groupBy(paths: readonly string[], keyOf: (path: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const key = keyOf(path);
    addTo(groups, key, path);
  }
  return groups;
}

/**
 * Folders that may contain the pictures of a label file: its own and its parent, and in each those of its split,
 * `images` and the like.
 * @param file path of the label file
 */
export function likelyFolders(survey: Survey, file: string, split?: SplitName): string[] {
  const own = folderOf(file);
  const around = own === survey.root ? [] : [folderOf(own)];
  const found: string[] = [];
  for (const folder of [own, ...around]) {
    const path = (name: string) => (folder === "" ? name : `${folder}/${name}`);
    const names = survey.foldersIn(folder);
    const ofSplit = (list: readonly string[]) =>
      split === undefined ? [] : list.filter((name) => splitOf(name) === split);
    for (const name of ofSplit(names)) {
      found.push(path(name));
      for (const inner of survey.foldersIn(path(name)))
        if (imageFolder.test(inner)) found.push(path(`${name}/${inner}`));
    }
    found.push(folder);
    for (const name of names.filter((name) => imageFolder.test(name))) {
      for (const inner of [...ofSplit(survey.foldersIn(path(name))), "default"]) found.push(path(`${name}/${inner}`));
      found.push(path(name));
    }
  }
  return [...new Set(found)].filter((folder) => survey.hasFolder(folder));
}

const imageFolder = /^(images?|imgs?|pictures|photos|data|jpegimages)$/i;

/** Explains in a problem why a picture was not found. */
export const explainAbsent = (problem: "absent" | "ambiguous"): string =>
  problem === "absent"
    ? "is not there; put the picture there or remove it from the labels"
    : "is the name of several pictures; name it with its folder";
