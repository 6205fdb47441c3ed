/** Whether label files are of one data set, or of several that lie beside each other. */
import type { Survey } from "../files/survey.js";
import { baseName, folderOf } from "../files/tree.js";
import { addTo } from "../files/values.js";
import { splitOf } from "./splits.js";

/** Folders within a data set that label files lie in. */
const inner = /^(annotations?|anns?|labels?|jsons?|coco|images?|imgs?|data|metadata|detections|csv)$/i;

/** The folder of the data set that a label file is of: above `train/`, `annotations/` and the like. */
function baseOf(survey: Survey, file: string): string {
  let folder = folderOf(file);
  while (folder !== survey.root && (splitOf(baseName(folder)) !== undefined || inner.test(baseName(folder)))) {
    folder = folderOf(folder);
  }
  return folder;
}

export interface OnePlace {
  /** Those of the one data set: of all bases the root, where it is one, or the only one. */
  readonly files: readonly string[];
  /** Folders of several data sets, where none is the root. */
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

/** `several` as what a format lacks. */
export function explainSeveral(survey: Survey, several: readonly string[]): string {
  const shown = several.slice(0, 3).map((folder) => survey.show(folder));
  const more = several.length > shown.length ? ` and ${several.length - shown.length} more` : "";
  return `its files are of ${several.length} data sets; name one of ${shown.join(", ")}${more}`;
}
