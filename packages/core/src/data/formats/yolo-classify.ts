/** YOLO's classification data sets: a data.yaml whose splits contain class folders, `train/bolt/1.jpg`. */

import type { Survey } from "../files/survey.js";
import { folderOf, foldName } from "../files/tree.js";
import { someOf } from "../files/values.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import type { FoundDataset, OpenContext } from "./format.js";
import { labelFileOf } from "./yolo-rows.js";
import type { YoloSet } from "./yolo-set.js";

/**
 * The data set as a classification data set; undefined if its training pictures have label files or are not in folders
 * named after classes.
 */
export function asClasses(set: YoloSet, { log }: Pick<OpenContext, "log">): FoundDataset | undefined {
  const { classes } = set;
  const train = set.parts.find(({ split }) => split === "train");
  if (train === undefined || classes === undefined || train.folders.length === 0) return undefined;
  const numbers = new Map(classes.map((name, n) => [foldName(name), n]));
  const named = ({ survey, path }: { survey: Survey; path: string }) => {
    const folder = train.folders.find((each) => each.survey === survey && isBelow(path, each.path));
    return folder !== undefined && numbers.has(foldName(classFolder(path, folder.path)));
  };
  const { pictures } = train;
  if (!pictures.some(named) || pictures.some(({ survey, path }) => survey.has(labelFileOf(path)))) return undefined;
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const { split, pictures: own, folders } of set.parts) {
    for (const { survey, path } of own) {
      const folder = folders.find((each) => each.survey === survey && isBelow(path, each.path));
      const name = folder === undefined ? "" : classFolder(path, folder.path);
      const shown = survey.show(path);
      const number = numbers.get(foldName(name));
      if (number !== undefined) splits[split].push({ file: survey.tree.locate(path), class: number });
      else if (name === "") log.notRead("pictures in no class folder", shown);
      else {
        log.problem(
          "picture",
          "data.class",
          `${shown}: lies in the folder ${name}, which ${set.shown} does not name; the classes are ${someOf(classes)}`,
          shown,
        );
      }
    }
  }
  return { task: "classify", classes, splits, named: splitNames.filter((split) => splits[split].length > 0) };
}

const isBelow = (path: string, folder: string): boolean => folder === "" || path.startsWith(`${folder}/`);

/** The class folder: `bolt` for `train/bolt/new/1.jpg` below `train`; `""` for a picture directly in `train`. */
function classFolder(path: string, folder: string): string {
  const below = folderOf(folder === "" ? path : path.slice(folder.length + 1));
  return below.split("/")[0];
}
