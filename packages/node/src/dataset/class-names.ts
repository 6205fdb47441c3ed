/** Files that name the classes of a data set, with one more. */
import { checkClasses, linesOf } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { isMap, isScalar, isSeq, parseDocument, Scalar } from "yaml";
import { parseYaml } from "./yaml.js";

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

/**
 * A data.yaml whose `names` have one more at their end; comments and other fields stay.
 * @param shown the file, for messages
 * @param names those that it has now
 */
export async function addToYaml(
  text: string,
  name: string,
  { shown, names }: { readonly shown: string; readonly names: readonly string[] },
): Promise<string> {
  const document = parseDocument(text);
  const list = document.get("names");
  const value = new Scalar(name);
  value.type = Scalar.QUOTE_DOUBLE;
  if (isSeq(list)) list.add(value);
  else if (isMap(list)) list.set(names.length, value);
  else
    throw new PhinetsError(
      "data.classes",
      `${shown}: lists no names, so that a class cannot be added; write names: and the classes into it`,
      shown,
    );
  if (isScalar(document.get("nc", true))) document.set("nc", names.length + 1);
  const changed = document.toString({ lineWidth: 0, flowCollectionPadding: /\[ |\{ /.test(text) });
  const { names: found } = (await parseYaml(changed)) as { names: readonly string[] | Record<string, string> };
  const all = [...names, name];
  if (!all.every((each, n) => String((found as Record<string, string>)[n]) === each))
    throw new Error(`${shown}: the names would be ${JSON.stringify(found)}`);
  return changed;
}
