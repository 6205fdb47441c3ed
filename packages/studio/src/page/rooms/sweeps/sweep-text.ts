/**
 * Reads and changes the keys of a sweep.yaml's text that have fields of their own; comments and all other keys are
 * kept.
 */
import { isMap, parseDocument } from "yaml";

export interface SweepFields {
  /** Path of the data set, as the file names it. */
  readonly data: string;
  /** Comma-separated boards. */
  readonly target: string;
  readonly search: string;
  /** "" where the file does not say. */
  readonly trials: string;
  readonly epochs: string;
}

/** Compact, as people write it. */
const format = { lineWidth: 0, flowCollectionPadding: false };

/** @param given.data path as the file names it */
export function startText({ data, epochs }: { readonly data: string; readonly epochs: number }): string {
  const document = parseDocument(`# Any option of train may stand here by its name; those below space are tried.
data: folder
target: stm32h743
epochs: ${epochs}
# A list of values, or a range.
space:
  lr: {min: 0.003, max: 0.03, scale: log}
  batch: [8, 16]
# asha halves the settings as they go; random trains all that are drawn, grid all combinations of lists.
search: asha
trials: 9
`);
  document.set("data", data);
  return document.toString(format);
}

/** Undefined while the text is not a YAML map. */
export function fieldsOf(text: string): SweepFields | undefined {
  const document = parseDocument(text);
  if (document.errors.length > 0 || !isMap(document.contents)) return undefined;
  const values = document.toJS({ maxAliasCount: 100 }) as Readonly<Record<string, unknown>>;
  const said = (name: string): string => {
    const value = values[name];
    if (Array.isArray(value)) return value.join(", ");
    return value === undefined || value === null ? "" : String(value);
  };
  const [data, target, search, trials, epochs] = ["data", "target", "search", "trials", "epochs"].map(said);
  return { data, target, search: search || "grid", trials, epochs };
}

/** Returns the text with a new value of a key, or without the key where the value is "". */
export function withField(text: string, name: keyof SweepFields, value: string): string {
  const document = parseDocument(text);
  const words = value.split(",").flatMap((word) => word.trim() || []);
  if (words.length === 0) document.delete(name);
  else if (name === "target" && words.length > 1) document.set(name, document.createNode(words, { flow: true }));
  else if (name === "trials" || name === "epochs") document.set(name, Number(value));
  else document.set(name, name === "target" ? words[0] : value);
  return document.toString(format);
}
