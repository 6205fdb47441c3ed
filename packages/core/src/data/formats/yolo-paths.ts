/**
 * Resolves the paths in a data.yaml or a list. They often come from another machine, so if nothing exists at the
 * written path, the file whose path has the same end is used, and reported.
 */
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, extensionOf, folderOf, foldName, joinPath } from "../files/tree.js";
import { addTo } from "../files/values.js";
import type { SplitName } from "../types.js";
import type { OpenContext } from "./format.js";
import { splitOf } from "./splits.js";

/** A path in a survey: the data set's own, or that of an outside folder. */
export interface Place {
  readonly survey: Survey;
  readonly path: string;
  readonly kind: "folder" | "file";
}

/** How a data set's paths are to be resolved. */
export interface PathRules {
  /** Folder that paths are relative to: that of the file which contains them. */
  readonly base: string;
  /** `path:` of a data.yaml, which replaces `base`. */
  readonly path?: string;
  /** Paths are relative to an unknown folder, as in darknet, so a match by its end need not be reported. */
  readonly elsewhere?: boolean;
}

export interface FoundPlace {
  readonly place: Place;
  /** The full path, including a data.yaml's `path:`. */
  readonly written: string;
  /** Whether it was found in another place than written. */
  readonly moved: boolean;
  /** Another existing folder that the path as written leads to. */
  readonly passedOver?: string;
}

export interface LookedFor {
  /** Paths that do not exist, for messages. */
  readonly looked: readonly string[];
}

export const isAbsolute = (path: string): boolean => /^([A-Za-z]:)?\//.test(path);

/** Normalises a path: `/` as separator, trimmed. */
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

  /** The folder or file that a split's entry refers to. */
  async find(entry: string): Promise<FoundPlace | LookedFor> {
    const { base, path } = this.rules;
    const text = tidyPath(entry);
    const written = isAbsolute(text) || path === undefined ? text : joinPath(tidyPath(path), text);
    const asWritten = isAbsolute(written) ? written : joinPath(base, written);
    // Exports write ../train/images for a folder beside the data.yaml, so that folder is tried first.
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
   * The picture that a line of a list refers to.
   * @param list location of the list; lines may also be relative to its folder
   * @returns several paths if more than one has the same end
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

  /** A path for messages. */
  show(path: string): string {
    const { name } = this.survey.tree;
    if (isAbsolute(path)) return path;
    return path.startsWith("../") && isAbsolute(name) ? joinPath(name, path) : this.survey.show(path);
  }

  /** What exists at a path that may lead outside. */
  async #at(path: string): Promise<Place | undefined> {
    const leadsOut = isAbsolute(path) || path === ".." || path.startsWith("../");
    const inside = leadsOut ? this.survey.tree.inside?.(path) : path;
    if (inside !== undefined) return this.#here(inside);
    // Never surveys the root of a disk.
    const folder = folderOf(path);
    const whole = path === "/" ? undefined : await this.context.outside(path);
    if (whole !== undefined) return { survey: whole, path: "", kind: "folder" };
    if (folder === "" || extensionOf(path) === "") return undefined;
    const around = await this.context.outside(folder);
    const file = around?.resolve(baseName(path));
    return around !== undefined && file !== undefined ? { survey: around, path: file, kind: "file" } : undefined;
  }

  /** What exists at a path inside the data set; ignores case and Unicode form if only one path matches. */
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

  /** Pictures of the same name whose paths have the longest common end with this one, excluding other splits. */
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

/** Text `A does not exist` or `neither A nor B exists`. */
export function notThere(looked: readonly string[]): string {
  return looked.length === 1 ? `${looked[0]} does not exist` : `neither ${looked.join(" nor ")} exists`;
}

/**
 * Ends of a path, longest first. A component that names a split is never dropped: `b/train/images` may be found as
 * `train/images`, but not as `images`, which may belong to another split.
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

/** The split named by the innermost folder of a path that names one. */
export function splitOfFolders(path: string): SplitName | undefined {
  const folders = path.split("/").slice(0, -1);
  return folders.map(splitOf).findLast((split) => split !== undefined);
}

/** Paths in a list with their line numbers from 1; skips empty lines and comments. */
export function listedPaths(text: string): { readonly line: number; readonly path: string }[] {
  return linesOf(text).flatMap((line, n) => {
    const path = line.trim();
    return path === "" || path.startsWith("#") ? [] : [{ line: n + 1, path }];
  });
}

/** Whether a text lists pictures, as the .txt of a split at a data set's root may do. */
export function listsPictures(text: string): boolean {
  const [first] = listedPaths(text);
  return first !== undefined && isPictureFile(tidyPath(first.path));
}
