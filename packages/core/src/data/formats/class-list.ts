/** Lists of class names beside label files, which define the order of the classes. */
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { byCodeUnits } from "../files/tree.js";
import type { OpenLog } from "./open-log.js";

const listFile = /^(labels?|classes|class_?names|label_?list|predefined_classes)\.txt$/i;
/** Lines that tools write into such lists and that are not object classes. */
const notAClass = new Set(["__ignore__", "_background_", "__background__", "background"]);

/** Like `classOrder`, but returns only the names. */
export async function orderClasses(...about: Parameters<typeof classOrder>): Promise<string[]> {
  return (await classOrder(...about)).names;
}

/**
 * Orders class names: by a labels.txt or classes.txt in the root or beside the label files, if it lists every class of
 * the boxes; otherwise by their code units.
 * @param found class names that occur in boxes
 * @param folders folders that may contain a list, besides the root
 * @returns the names, and the list that determined their order
 */
export async function classOrder(
  survey: Survey,
  log: OpenLog,
  found: ReadonlySet<string>,
  folders: Iterable<string> = [],
): Promise<{ readonly names: string[]; readonly file?: string }> {
  const sorted = [...found].sort(byCodeUnits);
  for (const folder of new Set([survey.root, ...folders])) {
    for (const file of survey.find(listFile, folder)) {
      const names = linesOf(await survey.text(file))
        .map((line) => line.trim())
        .filter((name) => name !== "" && (found.has(name) || !notAClass.has(name)));
      if (names.length === 0) continue;
      const shown = survey.show(file);
      log.read(file);
      const listed = new Set(names);
      const lacking = sorted.filter((name) => !listed.has(name));
      if (lacking.length > 0 || listed.size < names.length) {
        const why = lacking.length > 0 ? `lacks ${lacking.slice(0, 5).join(", ")}` : "has a name twice";
        log.note(`${shown} ${why}, so the classes are in alphabetical order`);
        continue;
      }
      const boxless = names.filter((name) => !found.has(name));
      const without = boxless.length === 0 ? "" : `; no box is a ${boxless.slice(0, 8).join(" or a ")}`;
      log.note(`the classes and their order are those of ${shown}${without}`);
      return { names, file };
    }
  }
  const folded = new Map<string, string>();
  for (const name of sorted) {
    const twin = folded.get(name.toLowerCase());
    if (twin !== undefined) log.note(`the classes ${twin} and ${name} differ in case only; they are two classes`);
    folded.set(name.toLowerCase(), name);
  }
  return { names: sorted };
}
