/** Data sets opened to be labelled: pictures that have no labels yet are part of them, even where none has any. */
import { existsSync, statSync } from "node:fs";
import {
  byCodeUnits,
  type DatasetIndex,
  extensionOf,
  folderOf,
  labelFileOf,
  type Sample,
  type SplitName,
  Survey,
  splitNames,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { FolderTree } from "./folder-tree.js";
import { type OpenedDataset, openDataset } from "./open.js";

/** Format of a folder of pictures that nobody has labelled yet. */
export const bareFormat = "pictures";

/** What labels could be in: a folder that has some is no folder of pictures alone. */
const labelExtensions = new Set([".yaml", ".yml", ".xml", ".json", ".csv", ".data", ".names"]);

/**
 * As `openDataset` of one set with its own splits, what is wrong left out. A folder of pictures alone opens too.
 * @param path a folder or archive
 * @param within nothing outside this folder is read, as in `openDataset`
 */
export async function openToLabel(path: string, { within }: { readonly within?: string } = {}): Promise<OpenedDataset> {
  try {
    return await openDataset([path], { bad: "leave out", complete: false, keepUnlabelled: true, within });
  } catch (error) {
    const isUnknown = error instanceof PhinetsError && error.code === "data.kind" && statSync(path).isDirectory();
    const bare = isUnknown ? await openBare(path, within) : undefined;
    if (bare === undefined) throw error;
    return bare;
  }
}

/** Pictures below a folder, all of them to be labelled; undefined where there is more than pictures, or none. */
async function openBare(path: string, within: string | undefined): Promise<OpenedDataset | undefined> {
  const survey = await Survey.of(new FolderTree(path, within));
  const { pictures, tree } = survey;
  if (pictures.length === 0 || survey.files.some((file) => labelExtensions.has(extensionOf(file)))) return undefined;
  const files = new Map(pictures.map((file) => [tree.locate(file), tree.locate(labelFileOf(file))]));
  const labelled = (file: string) => existsSync(files.get(file)!);
  const all = [...files.keys()];
  const samples: Sample[] = all.filter(labelled).map((file) => ({ file, labels: [] }));
  const unlabelled = all.filter((file) => !labelled(file)).map((file) => ({ file, split: "train" as const }));
  const index: DatasetIndex = { task: "detect", classes: [], splits: { train: samples, val: [], test: [] } };
  const about = { path, format: bareFormat, recognised: "pictures without labels", named: [] };
  const nothing = { notes: [], changes: [], notRead: [], problems: [], rows: 0 };
  return { ...index, sets: [{ ...index, ...about, ...nothing, places: { files, unlabelled } }] };
}

/** Folders of a tree's pictures, as a data.yaml beside them names them. */
export function foldersOfPictures(paths: readonly string[]): string[] {
  if (paths.some((path) => folderOf(path) === "")) return ["."];
  return [...new Set(paths.map((path) => path.split("/")[0]))].sort(byCodeUnits);
}

/** All pictures of a set that is being labelled: its samples and, among them by their paths, those without labels. */
export function withUnlabelled({ splits, sets }: OpenedDataset): Record<SplitName, readonly Sample[]> {
  const unlabelled = sets.flatMap(({ places }) => places?.unlabelled ?? []);
  const of = (split: SplitName): readonly Sample[] => {
    const more = unlabelled.filter((each) => each.split === split).map(({ file }) => ({ file, labels: [] }));
    if (more.length === 0) return splits[split];
    return [...splits[split], ...more].sort((a, b) => byCodeUnits(a.file, b.file));
  };
  return Object.fromEntries(splitNames.map((split) => [split, of(split)])) as Record<SplitName, readonly Sample[]>;
}
