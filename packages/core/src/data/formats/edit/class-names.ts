/** Names of classes that are added, and lists of them in files. */
import { PhinetsError } from "../../../tensor/index.js";
import { checkClasses } from "../../files/limits.js";
import { linesOf } from "../../files/text.js";

/** Letters of a name: longer ones are a mistake. */
const longestName = 200;

/** Throws PhinetsError `data.classes` for a name that some format could not hold, or that is taken. */
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

/** A list of one name a line, with one more at its end. */
export function addToNames(text: string, name: string): string {
  const [end = "\n"] = /\r\n|\n|\r/.exec(text) ?? [];
  const lines = linesOf(text);
  // Empty lines at the end do not count, and would be a class without a name before the new one.
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  return [...lines, name].join(end) + end;
}
