/** Finds the COCO files among a folder's JSON files, and which of them make up the data set. */
import type { Survey } from "../files/survey.js";
import { baseName, extensionOf, folderOf, stemOf } from "../files/tree.js";
import { addTo, extentOf } from "../files/values.js";
import { type SplitName, splitNames } from "../types.js";
import { type CocoKind, sniffCoco } from "./coco-file.js";
import { splitOfPath } from "./find-picture.js";
import { onePlace } from "./one-place.js";
import { splitIn } from "./splits.js";

export interface CocoFiles {
  /** Folders of several data sets, one of which the user must name; no file is used then. */
  readonly several?: readonly string[];
  /** Files that the data set is read from, in the order of the splits. */
  readonly used: readonly { readonly file: string; readonly split?: SplitName }[];
  /** Files with boxes that are not used because of better ones. */
  readonly beside: readonly { readonly file: string; readonly why: string }[];
  /** COCO files without boxes. */
  readonly others: readonly { readonly file: string; readonly kind: Exclude<CocoKind, "boxes"> }[];
}

const known = new WeakMap<Survey, Promise<CocoFiles>>();

/** @param keepUnlabelled whether to use files without annotations, whose pictures are still to be labelled */
export function findCocoFiles(survey: Survey, keepUnlabelled: boolean): Promise<CocoFiles> {
  let found = known.get(survey);
  if (found === undefined) {
    found = find(survey, keepUnlabelled);
    known.set(survey, found);
  }
  return found;
}

async function find(survey: Survey, keepUnlabelled: boolean): Promise<CocoFiles> {
  const boxes: string[] = [];
  const others: { file: string; kind: Exclude<CocoKind, "boxes"> }[] = [];
  for (const files of candidates(survey)) {
    let looked = 0;
    for (const file of files) {
      // If none of the first files is COCO's, the folder holds one JSON per picture, from another tool.
      if (looked >= mostLooks && boxes.length + others.length === 0) break;
      looked++;
      const kind = sniffCoco(await survey.bytes(file));
      if (kind === "boxes") boxes.push(file);
      else if (kind !== undefined) others.push({ file, kind });
    }
  }
  // Beside files with boxes, a file without annotations is a split of background pictures.
  const usable = boxes.length > 0 || keepUnlabelled;
  const empty = usable ? others.filter(({ kind }) => kind === "nothing").map(({ file }) => file) : [];
  const { files, several } = onePlace(survey, [...boxes, ...empty]);
  const rest = others.filter(({ file }) => !empty.includes(file));
  return { ...choose(survey, files), others: rest, ...(several !== undefined && { several }) };
}

const deepest = 4;
const many = 16;
const mostLooks = 64;
const usualName = /coco|instances|annotations?|keypoints|labels|result|train|val|test/i;

/** JSON files that may describe many pictures, grouped by folder. */
function candidates(survey: Survey): string[][] {
  const { chosen, root } = survey;
  if (chosen !== undefined) return extensionOf(chosen) === ".json" ? [[chosen]] : [];
  const folders = new Map<string, string[]>();
  for (const file of survey.files) {
    if (extensionOf(file) !== ".json") continue;
    const depth = file.slice(root.length).split("/").length;
    // A JSON file named after a picture describes only that picture.
    const own = survey.pictureOf(stemOf(file)) !== undefined || /\.(jpe?g|png|bmp|webp)\.json$/i.test(file);
    if (depth > deepest || own) continue;
    const folder = folderOf(file);
    addTo(folders, folder, file);
  }
  return [...folders.values()].map((files) =>
    files.length <= many ? files : files.filter((file) => usualName.test(baseName(file))),
  );
}

/** Rank of a file by its name; of several files for one split, those with the lowest rank are used. */
function rank(file: string): number {
  const name = baseName(file);
  if (/instances/i.test(name)) return 0;
  if (/keypoints|densepose/i.test(name)) return 2;
  return /stuff|panoptic|caption|lvis/i.test(name) ? 3 : 1;
}

function choose(survey: Survey, boxes: readonly string[]): Pick<CocoFiles, "used" | "beside"> {
  const splitOf = (file: string) =>
    survey.chosen === undefined ? (splitIn(stemOf(baseName(file))) ?? splitOfPath(survey, file)) : undefined;
  const all = boxes.map((file) => ({ file, split: splitOf(file), rank: rank(file) }));
  const beside: { file: string; why: string }[] = [];
  const used: { file: string; split?: SplitName }[] = [];
  const splits = splitNames.filter((split) => all.some((each) => each.split === split));
  for (const split of [...splits, undefined]) {
    const group = all.filter((each) => each.split === split);
    const [lowest] = extentOf(group.map((each) => each.rank));
    for (const { file, rank: own } of group) {
      if (split === undefined && splits.length > 0) {
        beside.push({ file, why: "COCO files of no split beside those of the splits" });
      } else if (own > lowest) beside.push({ file, why: "COCO files beside those of instances" });
      else used.push(split === undefined ? { file } : { file, split });
    }
  }
  return { used, beside };
}
