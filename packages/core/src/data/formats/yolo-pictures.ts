/** Collects the pictures of each split of a YOLO data set from the folders, lists and files in its description. */
import { PhinetsError } from "../../tensor/index.js";
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { extensionOf, joinPath } from "../files/tree.js";
import { type SplitName, splitNames } from "../types.js";
import type { OpenContext } from "./format.js";
import {
  type FoundPlace,
  isAbsolute,
  listedPaths,
  notThere,
  type PathRules,
  type Place,
  tidyPath,
  YoloPaths,
} from "./yolo-paths.js";

/** A picture in the data set's own survey or in that of an outside folder. */
export interface PlacedPicture {
  readonly survey: Survey;
  readonly path: string;
}

/** Pictures of one split. */
export interface YoloPart {
  readonly split: SplitName;
  readonly pictures: readonly PlacedPicture[];
  /** Folders named for the split. */
  readonly folders: readonly Place[];
}

export interface Entries extends Partial<Readonly<Record<SplitName, readonly string[]>>> {
  readonly train: readonly string[];
}

/**
 * Parts of a data set. A missing or empty val or test part is left out with a note; a missing train part is an error.
 * @param shown name of the file with the entries, for messages
 */
export async function findPictures(
  entries: Entries,
  survey: Survey,
  context: OpenContext,
  { shown, rules }: { readonly shown: string; readonly rules: PathRules },
): Promise<YoloPart[]> {
  const paths = new YoloPaths(survey, context, rules);
  const parts: YoloPart[] = [];
  const moved: string[] = [];
  for (const split of splitNames) {
    const pictures = new Map<string, PlacedPicture>();
    const folders: Place[] = [];
    for (const entry of entries[split] ?? []) {
      const found = await paths.find(entry);
      if ("looked" in found) {
        missing(split, entry, found.looked, paths, context, shown);
        continue;
      }
      const { place } = found;
      const at = place.survey.show(place.path);
      if (found.moved && !rules.elsewhere) {
        const beside = place.path === survey.root ? "its own folder" : place.path;
        moved.push(`${split} ${found.written} is read as ${beside}${passedOver(found, paths)}`);
      }
      if (place.kind === "folder") folders.push(place);
      const own = await picturesOf(place, split, paths, context, { shown, entry });
      for (const picture of own) {
        const key = picture.survey.tree.locate(picture.path);
        if (pictures.has(key)) context.log.changed("pictures named twice are read once", key);
        else pictures.set(key, picture);
      }
      if (own.length === 0) noPictures(place, at, split, context, shown);
    }
    if (pictures.size > 0) parts.push({ split, pictures: [...pictures.values()], folders });
    else if (split === "train") {
      const [{ error }] = context.log.problems.slice(-1);
      throw error;
    }
  }
  if (moved.length > 0) context.log.note(`${shown}: not every path is as written: ${moved.join("; ")}`);
  return parts;
}

function passedOver({ passedOver: other }: FoundPlace, paths: YoloPaths): string {
  return other === undefined ? "" : `, which is beside the file; ${paths.show(other)} is there too and is not read`;
}

function missing(
  split: SplitName,
  entry: string,
  looked: readonly string[],
  paths: YoloPaths,
  { log }: OpenContext,
  shown: string,
): void {
  const { base, path } = paths.rules;
  const nowhere = notThere(looked);
  if (split !== "train") {
    log.note(`${shown}: ${split} is ${entry}, but ${nowhere}; the data set has no ${split} pictures then`);
    return;
  }
  if (path !== undefined) {
    const start = joinPath(base, tidyPath(path));
    const gone = isAbsolute(tidyPath(path)) || !paths.survey.hasFolder(start);
    const because = isAbsolute(tidyPath(path)) ? "" : `, but ${paths.show(start)} does not exist,`;
    if (gone) {
      throw new PhinetsError(
        "data.yaml",
        `${shown}: path is ${path}${because} and train is ${entry}, but ${nowhere}; correct path, or leave it out for the file's own folder`,
        shown,
      );
    }
  }
  log.problem("file", "data.yaml", `${shown}: train is ${entry}, but ${nowhere}; correct the path`, shown);
}

function noPictures(place: Place, at: string, split: SplitName, { log }: OpenContext, shown: string): void {
  const kind = place.kind === "file" ? "lists no pictures that are there" : `has no pictures${butFiles(place)}`;
  if (split !== "train") log.note(`${at}: ${kind}; the data set has no ${split} pictures from it`);
  else if (log.problems.every(({ error }) => error.path !== at)) {
    log.problem(
      "file",
      "data.empty",
      `${at}: ${kind}; ${shown} names it as train; put pictures there or correct the path`,
      at,
    );
  }
}

/** Text such as `, but 8 .xyz files`, about a folder without pictures. */
function butFiles({ survey, path }: Place): string {
  const kinds = new Map<string, number>();
  for (const file of survey.files) {
    if (path !== "" && !file.startsWith(`${path}/`)) continue;
    const extension = extensionOf(file);
    kinds.set(extension, (kinds.get(extension) ?? 0) + 1);
  }
  const most = [...kinds].sort((a, b) => b[1] - a[1]).slice(0, 3);
  if (most.length === 0) return "";
  const shown = most.map(
    ([extension, n]) =>
      `${n} ${extension === "" ? "" : `${extension} `}${n === 1 ? "file" : "files"}${extension === "" ? " without extension" : ""}`,
  );
  return `, but ${shown.join(", ")}`;
}

async function picturesOf(
  place: Place,
  split: SplitName,
  paths: YoloPaths,
  context: OpenContext,
  { shown, entry }: { shown: string; entry: string },
): Promise<PlacedPicture[]> {
  const { survey, path, kind } = place;
  if (kind === "folder") return survey.picturesBelow(path).map((picture) => ({ survey, path: picture }));
  if (isPictureFile(path)) return [{ survey, path }];
  if (extensionOf(path) !== ".txt") {
    throw new PhinetsError(
      "data.yaml",
      `${shown}: ${split} is ${entry}; it is a folder, a .txt list or a picture`,
      shown,
    );
  }
  if (survey === paths.survey) context.log.read(path);
  return listedPictures(place, split, paths, context);
}

async function listedPictures(
  list: Place,
  split: SplitName,
  paths: YoloPaths,
  { log }: OpenContext,
): Promise<PlacedPicture[]> {
  const shown = list.survey.show(list.path);
  const lines = listedPaths(await list.survey.text(list.path));
  const pictures: PlacedPicture[] = [];
  const moved: string[] = [];
  const absent: { line: number; message: string }[] = [];
  for (const { line, path } of lines) {
    const found = await paths.findPicture(path, list);
    if ("place" in found) {
      pictures.push(found.place);
      if (found.moved && (!paths.rules.elsewhere || isAbsolute(tidyPath(path)))) {
        moved.push(`${path} is read as ${found.place.path}`);
      }
    } else {
      const where =
        "among" in found
          ? `may be ${found.among.slice(0, 3).join(" or ")}; write which`
          : `does not exist (looked for ${found.looked.join(" and ")}); correct the path or remove the line`;
      absent.push({ line, message: `${path} ${where}` });
    }
  }
  if (moved.length > 0) {
    log.note(
      `${shown}: ${moved.length} of ${lines.length} paths are not as written: ${moved[0]}${moved.length > 1 ? ", and so on" : ""}`,
    );
  }
  if (pictures.length === 0 && absent.length > 0) {
    const none = `${shown}: none of its ${absent.length} pictures is there; line ${absent[0].line}: ${absent[0].message}`;
    if (split !== "train") log.note(none);
    else log.problem("file", "data.list", none, shown);
    return [];
  }
  for (const { line, message } of absent) {
    log.problem("picture", "data.list", `${shown}:${line}: ${message}`, shown);
  }
  return pictures;
}
