/**
 * Reads the file of --cfg: options by name, as in a run's args.yaml or written by a user, with their places in the
 * file.
 */
import { readFileSync, statSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";
import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";
import { describeReadError } from "../host/document.js";
import { parseYaml } from "../text/yaml.js";

export interface OptionEntry {
  readonly key: string;
  /** Whether it stands below `recipe:`, where names are the recipe's. */
  readonly inRecipe: boolean;
  readonly value: unknown;
  /** Place of the key: "file.yaml:3:5". */
  readonly place: string;
}

/** A larger file is not a file of options. */
const mostBytes = 1 << 20;

/** Throws PhinetsError `cli.config` where the file cannot be read, is not YAML, or is not a map of options. */
export async function readOptionFile(file: string): Promise<OptionEntry[]> {
  const fail = (problem: string): never => {
    throw new PhinetsError("cli.config", `${file}${problem}`, file);
  };
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > mostBytes) fail(`: of ${size} bytes is no file of options; --cfg takes one like args.yaml of a run`);
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof PhinetsError) throw error;
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return fail(
      `: ${gone ? "there is no such file" : describeReadError(error)}; --cfg takes a file of options, such as args.yaml of a run`,
    );
  }
  try {
    await parseYaml(text); // refuses hostile documents and duplicate keys
  } catch (error) {
    return fail(`:${(error as Error).message}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) return fail(":1:1: is not options by their names; write lines like epochs: 30");
  const entriesOf = (map: YAMLMap, inRecipe: boolean): OptionEntry[] =>
    map.items.flatMap((pair: Pair) => {
      const { key, value } = pair as Pair<Node, Node | null>;
      const { line, col } = lines.linePos(key.range?.[0] ?? 0);
      const place = `${file}:${line}:${col}`;
      if (!isScalar(key)) throw new PhinetsError("cli.config", `${place}: a key is not a name`, file);
      if (!inRecipe && key.value === "recipe" && isMap(value)) return entriesOf(value, true);
      return { key: String(key.value), inRecipe, value: value?.toJS(document) ?? null, place };
    });
  return entriesOf(contents, false);
}
