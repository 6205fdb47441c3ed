/**
 * Pictures that the paths of a data.yaml or a list stand for. Such paths are often those of another machine, so where
 * nothing is at the written place, the file with the same end of the path is taken, and that is said.
 */
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, extensionOf, folderOf, foldName, joinPath } from "../files/tree.js";
import { addTo } from "../files/values.js";
import type { SplitName } from "../types.js";
import type { OpenContext } from "./format.js";
import { splitOf } from "./splits.js";

/** A path of a survey: the data set's own, or one of a folder outside. */
export interface Place {
  readonly survey: Survey;
  readonly path: string;
  readonly kind: "folder" | "file";
}

/** How paths of a data set are written. */
export interface PathRules {
  /** Folder that they start at, that of the file which holds them. */
  readonly base: string;
  /** `path:` of a data.yaml: what they start at instead. */
  readonly path?: string;
  /** They start at a folder that the data set does not know, as darknet's do: one that fits better is no surprise. */
  readonly elsewhere?: boolean;
}

export interface FoundPlace {
  readonly place: Place;
  /** The path in full, with a data.yaml's `path:`. */
  readonly written: string;
  /** It is not where the path says. */
  readonly moved: boolean;
  /** The path led to another folder, which is there as well. */
  readonly passedOver?: string;
}

export interface LookedFor {
  /** Paths where was looked in vain, as messages show them. */
  readonly looked: readonly string[];
}

export const isAbsolute = (path: string): boolean => /^([A-Za-z]:)?\//.test(path);

/** A path with `/`, without blanks around it. */
export function tidyPath(text: string): string {
  const path = text.trim().replaceAll("\\", "/");
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

export class YoloPaths {
  #folders: Map<string, string[]> | undefined;
  #pictures: Map<string, string[]> | undefined;

  constructor(
    readonly survey: Survey,
    readonly context: Pick<OpenContext, "outside">,
    readonly rules: PathRules,
  ) {}

  /** The folder or file that an entry of a split stands for. */
  async find(entry: string): Promise<FoundPlace | LookedFor> {
    const { base, path } = this.rules;
    const text = tidyPath(entry);
    const written = isAbsolute(text) || path === undefined ? text : joinPath(tidyPath(path), text);
    const asWritten = isAbsolute(written) ? written : joinPath(base, written);
    // Exports say ../train/images for a folder beside the data.yaml; that one comes first.
    if (text.startsWith("../")) {
      const beside = this.#here(joinPath(base, text.replace(/^(\.\.\/)+/, "")));
      if (beside !== undefined) {
        const other = await this.#at(asWritten);
        const differs = other !== undefined && (other.survey !== this.survey || other.path !== beside.path);
        return { place: beside, written, moved: true, ...(differs && { passedOver: asWritten }) };
      }
    }
    const exact = await this.#at(asWritten);
    if (exact !== undefined) return { place: exact, written, moved: false };
    let last = asWritten;
    for (const tail of tailsOf(written, text)) {
      last = joinPath(base, tail);
      const found = this.#here(last);
      if (found !== undefined) return { place: found, written, moved: true };
    }
    return { looked: [...new Set([asWritten, last])].map((each) => this.show(each)) };
  }

  /**
   * The picture that a line of a list stands for.
   * @param list where the list lies: its folder is the second that lines may start at
   * @returns several paths where the same end of the path is there more than once
   */
  async findPicture(line: string, list: Place): Promise<FoundPlace | LookedFor | { readonly among: string[] }> {
    const { base, path } = this.rules;
    const text = tidyPath(line);
    const root = folderOf(list.path);
    const start = list.survey === this.survey ? root : joinPath(list.survey.tree.name, root);
    const top = tidyPath(path ?? "");
    const starts = [isAbsolute(top) ? top : joinPath(base, top), start];
    const looked = isAbsolute(text) ? [text] : [...new Set(starts.map((each) => joinPath(each, text)))];
    for (const each of looked) {
      const found = await this.#at(each);
      if (found?.kind === "file") return { place: found, written: text, moved: false };
    }
    const nearest = this.#nearestPictures(text);
    if (nearest.length > 1) return { among: nearest };
    if (nearest.length === 1) {
      return { place: { survey: this.survey, path: nearest[0], kind: "file" }, written: text, moved: true };
    }
    return { looked: looked.map((each) => this.show(each)) };
  }

  /** A path as messages show it. */
  show(path: string): string {
    const { name } = this.survey.tree;
    if (isAbsolute(path)) return path;
    return path.startsWith("../") && isAbsolute(name) ? joinPath(name, path) : this.survey.show(path);
  }

  /** What is at a path that may lead outside. */
  async #at(path: string): Promise<Place | undefined> {
    const leadsOut = isAbsolute(path) || path === ".." || path.startsWith("../");
    const inside = leadsOut ? this.survey.tree.inside?.(path) : path;
    if (inside !== undefined) return this.#here(inside);
    // Never the root of a disk: it would be listed whole.
    const folder = folderOf(path);
    const whole = path === "/" ? undefined : await this.context.outside(path);
    if (whole !== undefined) return { survey: whole, path: "", kind: "folder" };
    if (folder === "" || extensionOf(path) === "") return undefined;
    const around = await this.context.outside(folder);
    const file = around?.resolve(baseName(path));
    return around !== undefined && file !== undefined ? { survey: around, path: file, kind: "file" } : undefined;
  }

  /** What is at a path of the data set itself; case and Unicode form aside, where only one fits. */
  #here(path: string): Place | undefined {
    const { survey } = this;
    if (survey.hasFolder(path)) return { survey, path, kind: "folder" };
    const file = survey.resolve(path);
    if (file !== undefined) return { survey, path: file, kind: "file" };
    if (this.#folders === undefined) {
      this.#folders = new Map();
      for (const folder of survey.folders) addTo(this.#folders, foldName(folder), folder);
    }
    const folders = this.#folders.get(foldName(path)) ?? [];
    return folders.length === 1 ? { survey, path: folders[0], kind: "folder" } : undefined;
  }

  /** Pictures of the same name whose paths share the longest end with this one, never those of another split. */
  #nearestPictures(path: string): string[] {
    if (this.#pictures === undefined) {
      this.#pictures = new Map();
      for (const picture of this.survey.pictures) addTo(this.#pictures, foldName(baseName(picture)), picture);
    }
    const wanted = foldName(path).split("/").reverse();
    const split = splitOfFolders(path);
    let longest = 0;
    let nearest: string[] = [];
    for (const picture of this.#pictures.get(wanted[0]) ?? []) {
      const other = splitOfFolders(picture);
      if (split !== undefined && other !== undefined && split !== other) continue;
      const parts = foldName(picture).split("/").reverse();
      let same = 0;
      while (same < parts.length && parts[same] === wanted[same]) same++;
      if (same > longest) nearest = [];
      longest = Math.max(longest, same);
      if (same === longest) nearest.push(picture);
    }
    return nearest;
  }
}

/** `A does not exist` or `neither A nor B exists`. */
export function notThere(looked: readonly string[]): string {
  return looked.length === 1 ? `${looked[0]} does not exist` : `neither ${looked.join(" nor ")} exists`;
}

/**
 * Ends of a path, the longest first. A part of the entry that names a split is never dropped: `b/train/images` may be
 * `train/images`, not `images`, which may be another split's.
 */
function tailsOf(written: string, entry: string): string[] {
  const parts = joinPath(written)
    .split("/")
    .filter((part) => part !== "" && part !== "..");
  const own = tidyPath(entry).split("/");
  const naming = own.findLastIndex((part) => splitOf(part.replace(/\.txt$/i, "")) !== undefined);
  const least = naming < 0 ? 1 : own.length - naming;
  const tails: string[] = [];
  for (let start = 0; parts.length - start >= least; start++) tails.push(parts.slice(start).join("/"));
  return tails;
}

/** The split that the nearest folder of a path with such a name stands for. */
export function splitOfFolders(path: string): SplitName | undefined {
  const folders = path.split("/").slice(0, -1);
  return folders.map(splitOf).findLast((split) => split !== undefined);
}

/** Paths of a list, with their lines from 1; empty lines and comments left out. */
export function listedPaths(text: string): { readonly line: number; readonly path: string }[] {
  return linesOf(text).flatMap((line, n) => {
    const path = line.trim();
    return path === "" || path.startsWith("#") ? [] : [{ line: n + 1, path }];
  });
}

/** Whether a text lists pictures: what a split's .txt at the root of a data set may be. */
export function listsPictures(text: string): boolean {
  const [first] = listedPaths(text);
  return first !== undefined && isPictureFile(tidyPath(first.path));
}
