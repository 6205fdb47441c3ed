/** Determines which folders of a tree are classes, and of which split; used by class-folders.ts. */
import type { Survey } from "../files/survey.js";
import { baseName, byCodeUnits, folderOf, foldName, stemOf } from "../files/tree.js";
import type { SplitName } from "../types.js";
import { splitOf } from "./splits.js";

export interface ClassFolder {
  /** The class name as the folder spells it. */
  readonly name: string;
  readonly folder: string;
  /** Absent if the data set has no splits. */
  readonly split?: SplitName;
}

export interface ClassLayout {
  /** Folders with pictures, sorted by path. */
  readonly classes: readonly ClassFolder[];
  /** Sibling folders without pictures. */
  readonly empty: readonly ClassFolder[];
  /** Names of the split folders as written. */
  readonly splitFolders: readonly string[];
  /** How pictures of other folders are treated, by folder; the text follows their count. */
  readonly others: ReadonlyMap<string, string>;
  /** How the layout was interpreted. */
  readonly notes: readonly string[];
  /** Why a folder cannot be identified as a class or a split. */
  readonly unclear?: { readonly folder: string; readonly why: string };
}

/**
 * Names of folders that usually hold pictures or labels of all classes, and are classes only beside other class
 * folders.
 */
const perhapsContainer = /^(image|img|label|annotation|mask)$/i;
const container =
  /^(images|imgs|jpegimages|pictures|photos|labels|annotations|masks|image_?sets|segmentation(class|object))$/i;

/** Folders, with the number of pictures directly in them and in their subfolders. */
class PictureFolders {
  readonly #direct = new Map<string, number>();
  readonly #below = new Map<string, number>();

  constructor(readonly survey: Survey) {
    for (const picture of survey.pictures) add(this.#direct, folderOf(picture), 1);
    for (const [folder, count] of this.#direct) {
      for (let above = folder; ; above = folderOf(above)) {
        add(this.#below, above, count);
        if (above === survey.root || above === "") break;
      }
    }
  }

  direct(folder: string): number {
    return this.#direct.get(folder) ?? 0;
  }

  /** Subfolders that contain pictures at any depth. */
  filled(folder: string): ClassFolder[] {
    return this.#inside(folder).filter((each) => this.#below.has(each.folder));
  }

  /** Those subfolders that may be classes. */
  classes(folder: string): ClassFolder[] {
    const all = this.filled(folder).filter(({ name }) => !container.test(name));
    return all.every(({ name }) => perhapsContainer.test(name)) ? [] : all;
  }

  /** Subfolders that would be classes if they contained pictures. */
  empty(folder: string): ClassFolder[] {
    return this.#inside(folder).filter((each) => !this.#below.has(each.folder) && !container.test(each.name));
  }

  /**
   * Descends through folders that contain only one folder of the same meaning: `seg_train/seg_train`, `train/images`;
   * without a split, also through a folder around everything.
   */
  unwrap(folder: string, split?: SplitName): string {
    const [only, ...more] = this.filled(folder);
    if (only === undefined || more.length > 0 || this.direct(folder) > 0) return folder;
    const same = container.test(only.name) || (split !== undefined && splitOf(only.name) === split);
    const wrapper = split === undefined && splitOf(only.name) === undefined && this.direct(only.folder) === 0;
    return same || wrapper ? this.unwrap(only.folder, split) : folder;
  }

  #inside(folder: string): ClassFolder[] {
    return this.survey.foldersIn(folder).map((name) => ({ name, folder: folder === "" ? name : `${folder}/${name}` }));
  }
}

function add(map: Map<string, number>, key: string, count: number): void {
  map.set(key, (map.get(key) ?? 0) + count);
}

/** A folder named after a split. */
interface SplitFolder {
  readonly name: string;
  readonly split: SplitName;
  /** The folder with its classes: itself or a subfolder. */
  readonly root: string;
  readonly classes: readonly ClassFolder[];
}

export function classLayout(survey: Survey): ClassLayout {
  const folders = new PictureFolders(survey);
  const base = folders.unwrap(survey.root);
  const tops = folders.filled(base);
  const splits = tops.flatMap(({ name, folder }): SplitFolder[] => {
    const split = splitOf(name);
    if (split === undefined) return [];
    const root = folders.unwrap(folder, split);
    return [{ name, split, root, classes: folders.classes(root) }];
  });
  const beside = folders.classes(base).filter(({ name }) => splitOf(name) === undefined);
  const others = new Map<string, string>();
  for (const { name, root, classes } of splits) {
    const some = classes.length === 0 || folders.direct(root) > 0;
    if (some) others.set(root, `pictures directly in ${name}, of no class`);
  }
  for (const { name, folder } of tops) {
    const known = splitOf(name) !== undefined || beside.some((each) => each.folder === folder);
    if (!known) others.set(folder, `pictures in ${name}, which is no class`);
  }
  const used = splits.filter(({ classes }) => classes.length > 0);
  if (used.length > 0) return splitLayout(folders, base, used, beside, others);

  const empty = folders.empty(base).filter(({ name }) => splitOf(name) === undefined);
  const found = turnedRound(beside, folders);
  if (found !== undefined) {
    const splitFolders = [...new Set(found.map(({ folder }) => baseName(folder)))].sort(byCodeUnits);
    return { classes: found, empty, splitFolders, others, notes: [] };
  }
  const splitFolders = beside.length === 0 ? splits.map(({ name }) => name) : [];
  const train = splits.find(({ split }) => split === "train");
  if (train === undefined || beside.length === 0) {
    return { classes: beside, empty, splitFolders, others, notes: [] };
  }
  const names = beside.map(({ name }) => name).join(", ");
  const why = `lies beside the class folders ${names}; if it is a class, rename it; if it is the training split, put a folder for each class into it`;
  return { classes: beside, empty, splitFolders, others, notes: [], unclear: { folder: train.root, why } };
}

/**
 * Layout `SPLIT/CLASS`. Class folders beside the splits form the training split if there is no other and the class
 * names agree. Otherwise a data set without a training split is treated as a whole.
 */
function splitLayout(
  folders: PictureFolders,
  base: string,
  used: readonly SplitFolder[],
  beside: readonly ClassFolder[],
  others: Map<string, string>,
): ClassLayout {
  const splitFolders = used.map(({ name }) => name);
  const names = splitFolders.join(", ");
  const classes: ClassFolder[] = used.flatMap(({ split, classes }) => classes.map((each) => ({ ...each, split })));
  const empty: ClassFolder[] = used.flatMap(({ root, split }) =>
    folders.empty(root).map((each) => ({ ...each, split })),
  );
  const known = new Set(classes.map(({ name }) => foldName(name)));
  const hasTrain = used.some(({ split }) => split === "train");
  if (!hasTrain && beside.some(({ name }) => known.has(foldName(name)))) {
    const train = beside.map((each) => ({ ...each, split: "train" as const }));
    const notes = [`the class folders beside ${names} are the training split`];
    return { classes: [...classes, ...train], empty: [...empty, ...folders.empty(base)], splitFolders, others, notes };
  }
  for (const { folder } of beside) others.set(folder, `pictures in folders beside ${names}`);
  if (hasTrain) return { classes, empty, splitFolders, others, notes: [] };
  const notes = [`there is no folder of training pictures, so all of ${names} is split anew`];
  return { classes: classes.map(({ name, folder }) => ({ name, folder })), empty, splitFolders, others, notes };
}

/** Classes that each contain only split folders: `bolt/train`, `bolt/test`, `nut/train`. */
function turnedRound(classes: readonly ClassFolder[], folders: PictureFolders): ClassFolder[] | undefined {
  const found: ClassFolder[] = [];
  for (const { name, folder } of classes) {
    const inner = folders.filled(folder);
    if (inner.length === 0 || folders.direct(folder) > 0) return undefined;
    for (const each of inner) {
      const split = splitOf(each.name);
      if (split === undefined) return undefined;
      found.push({ name, folder: each.folder, split });
    }
  }
  return found.some(({ split }) => split === "train") ? found : undefined;
}

/** Number of pictures that have a label file of the same name, and the most frequent extension of those files. */
export function picturesWithLabels(survey: Survey): { readonly count: number; readonly extension: string } {
  const labels = new Map<string, string>();
  for (const file of survey.files) {
    const extension = /\.(xml|json|txt)$/i.exec(file)?.[0];
    if (extension !== undefined) labels.set(foldName(baseName(stemOf(file))), extension.toLowerCase());
  }
  const kinds = new Map<string, number>();
  let count = 0;
  if (labels.size > 0) {
    for (const picture of survey.pictures) {
      const extension = labels.get(foldName(baseName(stemOf(picture))));
      if (extension === undefined) continue;
      count++;
      add(kinds, extension, 1);
    }
  }
  const [most] = [...kinds].sort((a, b) => b[1] - a[1]);
  return { count, extension: most?.[0] ?? "" };
}
