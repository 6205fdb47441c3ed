/** Files of class names beside YOLO labels: classes.txt, obj.names and the like, one name per line. */
import { PhinetsError } from "../../tensor/index.js";
import { mostClasses } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, byCodeUnits, folderOf } from "../files/tree.js";
import { showValue } from "../files/values.js";

/**
 * The names as strings.
 * @param fail called with the problem, such as `has "a" twice; class names differ`
 */
export function checkClassNames(list: readonly unknown[], fail: (problem: string) => never): string[] {
  if (list.length === 0) fail("is empty; it lists at least one class name");
  if (list.length > mostClasses) fail(`has ${list.length} names; at most ${mostClasses} classes are read`);
  const names = list.map((name, i) => {
    if (typeof name !== "string" && typeof name !== "number") {
      return fail(`has ${showValue(name) ?? "nothing"} for class ${i}; a name is text`);
    }
    return String(name);
  });
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) fail(`has ${showValue(name)} twice; class names differ`);
    seen.add(name);
  }
  return names;
}

/** One name per line; trailing empty lines are ignored. */
export function parseNames(text: string, file: string): string[] {
  const fail = (problem: string): never => {
    throw new PhinetsError("data.classes", `${file}: ${problem}`, file);
  };
  const lines = linesOf(text).map((line) => line.trim());
  while (lines.at(-1) === "") lines.pop();
  const empty = lines.indexOf("");
  if (empty >= 0) {
    fail(`line ${empty + 1} is empty; each line is the name of a class, the first that of class 0; name it`);
  }
  return checkClassNames(lines, fail);
}

const namesFile =
  /^((obj|data|voc|coco|classes|class_names)\.names|_darknet\.labels|(classes|class_names|labels|obj_names|predefined_classes)\.txt)$/i;

/** Whether a file has a usual name for class names. */
export function isNamesFile(file: string): boolean {
  return namesFile.test(baseName(file)) || /\.names$/i.test(file);
}

/** Folders and their ancestors up to the root, those closest to the root first. */
export function foldersAround(survey: Survey, folders: Iterable<string>): string[] {
  const around = new Set<string>([survey.root]);
  for (const folder of folders) {
    for (let each = folder; each !== survey.root && each !== ""; each = folderOf(each)) around.add(each);
  }
  const depth = (folder: string) => (folder === "" ? 0 : folder.split("/").length);
  return [...around].sort((a, b) => depth(a) - depth(b) || byCodeUnits(a, b));
}

/** The class name files of these folders, those closest to the root first. */
export function findNamesFiles(survey: Survey, folders: Iterable<string>): string[] {
  return foldersAround(survey, folders).flatMap((folder) => survey.filesIn(folder).filter(isNamesFile));
}

/**
 * Class names from Label Studio's notes.json: `{"categories": [{"id": 0, "name": "bolt"}]}`. Undefined if it has none.
 */
export function parseNotes(text: string): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const categories = (value as { categories?: unknown } | null)?.categories;
  if (!Array.isArray(categories) || categories.length === 0) return undefined;
  const names = new Array<unknown>(categories.length).fill(undefined);
  for (const { id, name } of categories as { id?: unknown; name?: unknown }[]) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= names.length) return undefined;
    names[id as number] = name;
  }
  return names.every((name) => typeof name === "string") ? (names as string[]) : undefined;
}
