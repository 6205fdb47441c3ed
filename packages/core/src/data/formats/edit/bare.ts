/** Unlabelled pictures: a folder of pictures alone, and the unlabelled pictures of a data set. */
import { Survey } from "../../files/survey.js";
import { byCodeUnits, extensionOf, type FileTree, folderOf } from "../../files/tree.js";
import { type DatasetIndex, type Sample, type SplitName, splitNames } from "../../types.js";
import type { LabelPlaces } from "../format.js";
import type { OpenedTree } from "../open.js";
import { labelFileOf } from "../yolo-rows.js";

/** Format id of a folder of unlabelled pictures. */
export const bareFormat = "pictures";

/** Extensions of possible label files; a folder with such files is not a folder of pictures alone. */
const labelExtensions = new Set([".yaml", ".yml", ".xml", ".json", ".csv", ".data", ".names"]);

/** The pictures of a tree, all of them unlabelled; undefined if there are no pictures or other relevant files. */
export async function openBare(tree: FileTree): Promise<OpenedTree | undefined> {
  const survey = await Survey.of(tree);
  const { pictures } = survey;
  if (pictures.length === 0 || survey.files.some((file) => labelExtensions.has(extensionOf(file)))) return undefined;
  const known = new Set(survey.files);
  const files = new Map(pictures.map((file) => [tree.locate(file), tree.locate(labelFileOf(file))]));
  const labelled = (file: string) => known.has(labelFileOf(file));
  const samples: Sample[] = pictures.filter(labelled).map((file) => ({ file: tree.locate(file), labels: [] }));
  const unlabelled = pictures
    .filter((file) => !labelled(file))
    .map((file) => ({ file: tree.locate(file), split: "train" as const }));
  const index: DatasetIndex = { task: "detect", classes: [], splits: { train: samples, val: [], test: [] } };
  const description = { file: tree.locate("data.yaml"), train: foldersOfPictures(pictures) };
  const about = { format: bareFormat, recognised: "pictures without labels", named: [] };
  const nothing = { notes: [], changes: [], notRead: [], problems: [], rows: 0 };
  return { ...index, ...about, ...nothing, places: { files, unlabelled, description } };
}

/** The folders of a tree's pictures, as a data.yaml beside them lists them. */
function foldersOfPictures(paths: readonly string[]): string[] {
  if (paths.some((path) => folderOf(path) === "")) return ["."];
  return [...new Set(paths.map((path) => path.split("/")[0]))].sort(byCodeUnits);
}

/** All pictures of a data set that is being labelled: its samples and its unlabelled pictures, merged in path order. */
export function withUnlabelled(
  splits: DatasetIndex["splits"],
  places: LabelPlaces | undefined,
): Record<SplitName, readonly Sample[]> {
  const of = (split: SplitName): readonly Sample[] => {
    const without = places?.unlabelled.filter((each) => each.split === split) ?? [];
    if (without.length === 0) return splits[split];
    const more = without.map(({ file }) => ({ file, labels: [] }));
    return [...splits[split], ...more].sort((a, b) => byCodeUnits(a.file, b.file));
  };
  return Object.fromEntries(splitNames.map((split) => [split, of(split)])) as Record<SplitName, readonly Sample[]>;
}
