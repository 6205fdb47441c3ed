/**
 * The data.yaml of a YOLO data set, as Ultralytics documents it (docs.ultralytics.com/datasets): where the pictures of
 * each split are, and the class names.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostClasses } from "../files/limits.js";
import { showValue } from "../files/values.js";
import type { SplitName } from "../types.js";
import { checkClassNames } from "./yolo-names.js";
import type { Keypoints } from "./yolo-rows.js";

/** A validated data.yaml. Paths are as written: relative ones to `path`, and `path` to the file itself. */
export interface YoloDataset {
  readonly path?: string;
  /** Folders, .txt lists or pictures; a split the file does not name is absent. */
  readonly train: readonly string[];
  readonly val?: readonly string[];
  readonly test?: readonly string[];
  readonly classes: readonly string[];
  /** What a picture without a label file is: an error, or background. Default "error". */
  readonly missingLabels: "error" | "background";
  /** Of labels for pose estimation (`kpt_shape`). */
  readonly keypoints?: Keypoints;
}

/** Names under which each split is found in a data.yaml. */
const splitKeys: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train"],
  val: ["val", "valid", "validation"],
  test: ["test"],
};

/**
 * Checks the content of a data.yaml. `names: FILE` is not followed here: give the names in its place.
 * @param value the parsed YAML
 * @param file its name, for messages
 */
export function parseYoloDataset(value: unknown, file: string): YoloDataset {
  const fail = failIn(file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail("the file", "is not a mapping; it needs at least `train:` and `names:`");
  }
  const fields = value as Record<string, unknown>;
  const paths = (split: SplitName): string[] | undefined => {
    for (const field of splitKeys[split]) {
      const entry = fields[field];
      if (entry === undefined || entry === null || entry === "") continue;
      const list = Array.isArray(entry) ? entry : [entry];
      for (const item of list) {
        if (typeof item !== "string") fail(field, `is ${showValue(item)}; it is a path or a list of paths`);
      }
      if (list.length > 0) return list as string[];
    }
    return undefined;
  };
  if (fields.path !== undefined && fields.path !== null && typeof fields.path !== "string") {
    fail("path", `is ${showValue(fields.path)}; it is the folder that train, val and test are in`);
  }
  const missing = fields.missing_labels;
  if (missing !== undefined && missing !== "error" && missing !== "background") {
    fail("missing_labels", `is ${showValue(missing)}; it is error or background`);
  }
  const train = paths("train") ?? fail("train", "is missing; it names the folder of training pictures");
  return {
    path: typeof fields.path === "string" && fields.path.trim() !== "" ? fields.path.trim() : undefined,
    train,
    val: paths("val"),
    test: paths("test"),
    classes: classNames(fields, fail),
    missingLabels: missing === "background" ? "background" : "error",
    keypoints: keypointsOf(fields.kpt_shape, fail),
  };
}

/** Names of the classes alone, of a data.yaml that may lack all else. Throws as `parseYoloDataset` does. */
export function parseYoloNames(value: unknown, file: string): string[] {
  const fail = failIn(file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail("the file", "is not a mapping; it needs `names:`");
  }
  return classNames(value as Record<string, unknown>, fail);
}

type Fail = (field: string, problem: string) => never;

function failIn(file: string): Fail {
  return (field, problem) => {
    throw new PhinetsError("data.yaml", `${file}: ${field} ${problem}`, file);
  };
}

function classNames(fields: Record<string, unknown>, fail: Fail): string[] {
  const { names, nc } = fields;
  const count = typeof nc === "string" && nc.trim() !== "" ? Number(nc) : nc;
  let list: unknown[];
  if (Array.isArray(names)) {
    list = names;
  } else if (typeof names === "object" && names !== null) {
    const entries = Object.entries(names);
    if (entries.length > mostClasses) {
      fail("names", `has ${entries.length} names; at most ${mostClasses} classes are read`);
    }
    list = new Array(entries.length).fill(undefined);
    for (const [key, name] of entries) {
      const index = Number(key);
      if (!Number.isInteger(index) || index < 0 || index >= entries.length) {
        fail(
          "names",
          `has the key ${showValue(key)?.slice(1, -1)}; the ${entries.length} classes are numbered 0 to ${entries.length - 1}`,
        );
      }
      list[index] = name;
    }
  } else if ((names === undefined || names === null) && Number.isInteger(count) && (count as number) > 0) {
    if ((count as number) > mostClasses) fail("nc", `is ${count}; at most ${mostClasses} classes are read`);
    list = Array.from({ length: count as number }, (_, i) => `class${i}`);
  } else {
    return fail("names", `is ${showValue(names ?? undefined) ?? "missing"}; it lists the class names`);
  }
  const result = checkClassNames(list, (problem) => fail("names", problem));
  if (count !== undefined && count !== null && count !== result.length) {
    fail("nc", `is ${showValue(nc)} but names lists ${result.length}; leave nc out or make them agree`);
  }
  return result;
}

function keypointsOf(shape: unknown, fail: Fail): Keypoints | undefined {
  if (shape === undefined || shape === null) return undefined;
  const [count, values] = Array.isArray(shape) ? shape.map(Number) : [];
  if (!Number.isInteger(count) || count < 1 || (values !== 2 && values !== 3)) {
    return fail(
      "kpt_shape",
      `is ${showValue(shape)}; it is [number of points, 2 or 3 values each], as [17, 3]; leave it out for boxes`,
    );
  }
  return { count, values };
}

/** Fields of a data.yaml that a YAML document has. */
export function yoloFields(value: unknown): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const fields = value as Record<string, unknown>;
  return ["path", "train", "val", "valid", "validation", "test", "names", "nc", "kpt_shape"].filter(
    (field) => fields[field] !== undefined,
  );
}

/** Whether a YAML document of any name is a data set's: some other program's `train:` is no path, or lacks names. */
export function describesYolo(value: unknown): boolean {
  const fields = yoloFields(value);
  const isPath = (entry: unknown) =>
    typeof entry === "string" || (Array.isArray(entry) && typeof entry[0] === "string");
  const named = fields.includes("names") || fields.includes("nc");
  const splits = ["train", "val", "valid", "test"].filter((field) => fields.includes(field));
  return named && splits.some((field) => isPath((value as Record<string, unknown>)[field]));
}
