/** Decides whether label files belong to one data set, or to several data sets beside each other. */
import type { Survey } from "../files/survey.js";
import { baseName, folderOf } from "../files/tree.js";
import { addTo } from "../files/values.js";
import { splitOf } from "./splits.js";

/** Names of folders inside a data set that contain label files. */
const inner = /^(annotations?|anns?|labels?|jsons?|coco|images?|imgs?|data|metadata|detections|csv)$/i;

/** The root folder of the data set that a label file belongs to: above `train/`, `annotations/` and the like. */
function baseOf(survey: Survey, file: string): string {
  let folder = folderOf(file);
  while (folder !== survey.root && (splitOf(baseName(folder)) !== undefined || inner.test(baseName(folder)))) {
    folder = folderOf(folder);
  }
  return folder;
}

export interface OnePlace {
  /** Files of the chosen data set: the one at the root if there is one, or the only one. */
  readonly files: readonly string[];
  /** Folders of several data sets, if none is at the root. */
  readonly several?: readonly string[];
}

export function onePlace(survey: Survey, files: readonly string[]): OnePlace {
  const bases = new Map<string, string[]>();
  for (const file of files) {
    const base = baseOf(survey, file);
    addTo(bases, base, file);
  }
  const [only] = bases.size === 1 ? bases.values() : [bases.get(survey.root)];
  if (only !== undefined) return { files: only };
  return bases.size === 0 ? { files: [] } : { files: [], several: [...bases.keys()] };
}

/** Describes `several` as what a format lacks. */
export function explainSeveral(survey: Survey, several: readonly string[]): string {
  const shown = several.slice(0, 3).map((folder) => survey.show(folder));
  const more = several.length > shown.length ? ` and ${several.length - shown.length} more` : "";
  return `its files are of ${several.length} data sets; name one of ${shown.join(", ")}${more}`;
}
