/** Adds a class to a data.yaml. */
import type { YamlNames } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { parseYaml } from "./yaml.js";

/** Returns a data.yaml with one more entry at the end of `names`; comments and other fields are kept. */
export async function addToYaml(text: string, name: string, { shown, names }: YamlNames): Promise<string> {
  const { isMap, isScalar, isSeq, parseDocument, Scalar } = await import("yaml");
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
