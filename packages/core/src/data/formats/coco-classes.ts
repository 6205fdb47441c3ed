/** Maps COCO's category ids, which have gaps and differ from file to file, to class indexes. */
import { PhinetsError } from "../../tensor/index.js";
import { byCodeUnits } from "../files/tree.js";
import { someOf } from "../files/values.js";
import { type CocoCategory, type CocoFile, type CocoId, cocoCode } from "./coco-file.js";
import type { OpenLog } from "./open-log.js";

export interface CocoClasses {
  readonly classes: readonly string[];
  /** For each file, class index by category id. */
  readonly indexes: readonly IdMap[];
}

/** Looks up ids as number or string: `7` and `"7"` are the same. */
export class IdMap {
  readonly #numbers = new Map<number, number>();
  readonly #texts = new Map<string, number>();

  set(id: CocoId, value: number): void {
    this.#texts.set(String(id), value);
    const number = typeof id === "number" ? id : numberOf(id);
    if (number !== undefined) this.#numbers.set(number, value);
  }

  get(id: CocoId): number | undefined {
    return typeof id === "number" ? this.#numbers.get(id) : this.#texts.get(id);
  }
}

/** The number that a string spells in canonical form. */
function numberOf(text: string): number | undefined {
  const number = Number(text);
  return String(number) === text ? number : undefined;
}

/**
 * Classes in the order of their ids, first those of the first file. The same name is the same class in all files. A
 * super-category that export tools list as category 0 is left out if it has no boxes.
 * @param files with names for messages
 */
export function cocoClasses(
  files: readonly { readonly file: string; readonly content: CocoFile }[],
  log: OpenLog,
): CocoClasses {
  const used = new Set<string>();
  for (const { content } of files) {
    const ids = new Set(content.boxes.category.map(String));
    for (const category of content.categories) if (ids.has(String(category.id))) used.add(nameOf(category));
  }
  const classes: string[] = [];
  const indexOf = new Map<string, number>();
  const indexes = files.map(({ file, content }, n) => {
    const own = new IdMap();
    const names = new Map<string, string>();
    const added: string[] = [];
    const parents = new Set(content.categories.map((each) => each.supercategory));
    for (const category of sortById(checkIds(content.categories, file))) {
      const name = nameOf(category);
      if (parents.has(name) && category.supercategory !== name && !used.has(name)) {
        log.note(
          `category ${category.id} "${name}" is the super-category of others and no box is of it; it is left out`,
        );
        continue;
      }
      const twin = names.get(name);
      if (twin !== undefined) {
        log.note(`${file}: categories ${twin} and ${category.id} are both named "${name}"; they are one class`);
      }
      names.set(name, String(category.id));
      let index = indexOf.get(name);
      if (index === undefined) {
        index = classes.push(name) - 1;
        indexOf.set(name, index);
        added.push(name);
      }
      own.set(category.id, index);
    }
    if (n > 0 && added.length > 0) log.note(`${file} has categories that ${files[0].file} has not: ${someOf(added)}`);
    return own;
  });
  if (classes.length === 0) {
    const [{ file }] = files;
    throw new PhinetsError(cocoCode, `${file}: categories is empty or missing; it lists the classes`, file);
  }
  return { classes, indexes };
}

const nameOf = ({ id, name }: CocoCategory): string => name?.trim() || `class ${id}`;

/** Merges repeated categories. One id for two names is an error. */
function checkIds(categories: readonly CocoCategory[], file: string): CocoCategory[] {
  const byId = new Map<string, { readonly category: CocoCategory; readonly place: number }>();
  for (const [place, category] of categories.entries()) {
    const before = byId.get(String(category.id));
    if (before === undefined) byId.set(String(category.id), { category, place });
    else if (nameOf(before.category) !== nameOf(category)) {
      const [one, other] = [before.category, category].map(nameOf);
      throw new PhinetsError(
        cocoCode,
        `${file}: categories[${place}] "${other}" has the id ${category.id} of categories[${before.place}] "${one}"; ids differ`,
        file,
      );
    }
  }
  return [...byId.values()].map(({ category }) => category);
}

/** Numbers, including those written as strings, by value; other strings by their code units. */
function sortById(categories: readonly CocoCategory[]): CocoCategory[] {
  const numeric = categories.every(({ id }) => Number.isFinite(Number(id)) && String(id).trim() !== "");
  return [...categories].sort((a, b) =>
    numeric ? Number(a.id) - Number(b.id) : byCodeUnits(String(a.id), String(b.id)),
  );
}
