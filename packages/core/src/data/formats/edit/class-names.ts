/** Checks the names of new classes and adds them to lists in files. */
import { PhinetsError } from "../../../tensor/index.js";
import { checkClasses } from "../../files/limits.js";
import { linesOf } from "../../files/text.js";

/** Maximum length of a class name. */
const longestName = 200;

/** Throws PhinetsError `data.classes` for a name that some format cannot hold, or that is already used. */
export function checkNewClass(name: string, classes: readonly string[]): void {
  const fail = (problem: string): never => {
    const shown = JSON.stringify(name.slice(0, 80));
    throw new PhinetsError("data.classes", `the class ${shown} ${problem}`);
  };
  if (name.trim() !== name) fail("begins or ends with a blank; leave it out");
  if (name.length > longestName) fail(`has ${name.length} letters; at most ${longestName} are taken`);
  checkClasses("the new class", [name]);
  if (classes.includes(name)) fail("is there already; choose it from the list");
}

/** Appends a name to a list with one name per line. */
export function addToNames(text: string, name: string): string {
  const [end = "\n"] = /\r\n|\n|\r/.exec(text) ?? [];
  const lines = linesOf(text);
  // Trailing empty lines would become an unnamed class before the new one.
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  return [...lines, name].join(end) + end;
}
