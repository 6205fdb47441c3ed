/**
 * Class folders: `CLASS/picture.jpg`, `SPLIT/CLASS/picture.jpg` with split folders of any usual name, or
 * `CLASS/SPLIT/picture.jpg`. Subfolders of a class belong to it. The classes are the folders' names in the training
 * split, sorted by their code units.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { byCodeUnits, folderOf, foldName } from "../files/tree.js";
import { addTo } from "../files/values.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { type ClassFolder, type ClassLayout, classLayout, picturesWithLabels } from "./class-layout.js";
import type { Format, FoundDataset } from "./format.js";
import type { OpenLog } from "./open-log.js";

export const classFolders: Format = {
  id: "folders",
  title: "class folders",
  looksFor: "a folder of pictures for each class, inside folders train, val, test or not",
  recognise(survey) {
    const total = survey.pictures.length;
    // If a folder wraps everything, other formats first get to see its content.
    if (total === 0 || isWrapped(survey)) return undefined;
    const layout = classLayout(survey);
    const names = classesOf(layout);
    const { splitFolders } = layout;
    const inSplits = splitFolders.length > 0 ? `${splitFolders.join(", ")} with ` : "";
    if (names.length === 0) {
      const where =
        splitFolders.length > 0
          ? `pictures directly in ${splitFolders.join(", ")}`
          : `${total} ${total === 1 ? "picture" : "pictures"}`;
      return { score: 0.1, from: where, missing: "it has no folder for each class" };
    }
    const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
    const from = `${inSplits}folders ${names.slice(0, 5).join(", ")}${more}`;
    const labelled = picturesWithLabels(survey);
    if (labelled.count * 2 >= total) {
      const missing = `${labelled.count} of ${total} pictures have a ${labelled.extension} file of their own, as objects have`;
      return { score: 0.1, from, missing };
    }
    if (names.length === 1) {
      const missing = `it has one class (${names[0]}), and a classifier tells at least 2 apart (add a folder with pictures of another)`;
      return { score: 0.2, from, missing };
    }
    return { score: 0.6, from };
  },
  async open(survey, { log }) {
    const layout = classLayout(survey);
    if (layout.unclear !== undefined) {
      const shown = survey.show(layout.unclear.folder);
      throw new PhinetsError("data.class", `${shown}: ${layout.unclear.why}`, shown);
    }
    const classes = classesOf(layout);
    for (const note of layout.notes) log.note(note);
    noteEmpty(survey, layout, log);
    noteTwins(classes, log);
    const places = placesOf(survey, layout, classes, log);
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    for (const picture of survey.pictures) {
      const place = placeOf(places, folderOf(picture), survey.root);
      const shown = survey.show(picture);
      if (place === undefined) log.notRead("pictures in no class folder", shown);
      else if ("what" in place) log.notRead(place.what, shown);
      else if ("problem" in place) log.problem("picture", "data.class", `${shown}: ${place.problem}`, shown);
      else splits[place.split].push({ file: survey.tree.locate(picture), class: place.class });
    }
    const named = splitNames.filter((split) => layout.classes.some((each) => each.split === split));
    return { task: "classify", classes, splits, named } satisfies FoundDataset;
  },
};

/** Whether the root holds only one folder, which is not a split, and no pictures or other relevant files of its own. */
function isWrapped(survey: Survey): boolean {
  const [only, ...more] = survey.foldersIn();
  if (only === undefined || more.length > 0) return false;
  const folder = survey.path(only);
  const direct = (path: string) => survey.pictures.some((picture) => folderOf(picture) === path);
  return !direct(survey.root) && !direct(folder) && classLayout(survey).splitFolders.length === 0;
}

/** Names of the training classes, or of all classes if there are no splits. */
function classesOf({ classes }: ClassLayout): string[] {
  const naming = classes.filter(({ split }) => split === undefined || split === "train");
  return [...new Set(naming.map(({ name }) => name))].sort(byCodeUnits);
}

/** How the pictures of a folder are treated. */
type Place =
  | { readonly split: SplitName; readonly class: number }
  /** Left out; `what` follows the count in a message. */
  | { readonly what: string }
  /** Wrong; `problem` follows the picture's path in a message. */
  | { readonly problem: string };

function placesOf(survey: Survey, layout: ClassLayout, classes: readonly string[], log: OpenLog): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [folder, what] of layout.others) places.set(folder, { what });
  const index = new Map(classes.map((name, n) => [name, n]));
  const folded = new Map<string, number[]>();
  for (const [n, name] of classes.entries()) {
    addTo(folded, foldName(name), n);
  }
  const emptyInTrain = new Set(layout.empty.filter(({ split }) => split === "train").map(({ name }) => foldName(name)));
  for (const { name, folder, split = "train" } of layout.classes) {
    const exact = index.get(name);
    const alike = folded.get(foldName(name)) ?? [];
    if (exact === undefined && alike.length === 1) {
      log.changed("folders are matched to a class whose name differs in case", survey.show(folder));
    }
    const found = exact ?? (alike.length === 1 ? alike[0] : undefined);
    if (found !== undefined) places.set(folder, { split, class: found });
    else {
      const why = emptyInTrain.has(foldName(name)) ? "has no pictures in train" : "has no folder in train";
      const problem = `its class "${name}" ${why}, whose classes are ${listed(classes)}; add pictures there or remove it`;
      places.set(folder, { problem });
    }
  }
  return places;
}

/** The treatment of a folder, or of its nearest known ancestor. Caches the result. */
function placeOf(places: Map<string, Place>, folder: string, root: string): Place | undefined {
  const known = places.get(folder);
  if (known !== undefined || folder === root || folder === "") return known;
  const found = placeOf(places, folderOf(folder), root);
  if (found !== undefined) places.set(folder, found);
  return found;
}

function noteEmpty(survey: Survey, { empty }: ClassLayout, log: OpenLog): void {
  const files = (folder: string) => survey.files.filter((file) => file.startsWith(`${folder}/`)).length;
  const describe = ({ folder }: ClassFolder) => {
    const count = files(folder);
    return count === 0 ? survey.show(folder) : `${survey.show(folder)} (${count} other files)`;
  };
  if (empty.length === 0) return;
  const more = empty.length > 3 ? ` and ${empty.length - 3} more folders` : "";
  const shown = empty.slice(0, 3).map(describe).join(", ");
  log.note(
    `${shown}${more} ${empty.length === 1 ? "has no pictures: it is no class" : "have no pictures: they are no classes"}`,
  );
}

function noteTwins(classes: readonly string[], log: OpenLog): void {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const twin = seen.get(foldName(name));
    if (twin !== undefined) log.note(`the classes ${twin} and ${name} differ in case only; they are two classes`);
    seen.set(foldName(name), name);
  }
}

function listed(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 7).join(", ")} and ${names.length - 7} more`;
}
