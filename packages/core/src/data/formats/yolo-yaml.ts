/**
 * The data.yaml of a YOLO data set, as documented by Ultralytics (docs.ultralytics.com/datasets): the locations of each
 * split's pictures, and the class names.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostClasses } from "../files/limits.js";
import { showValue } from "../files/values.js";
import type { SplitName } from "../types.js";
import { checkClassNames } from "./yolo-names.js";
import type { Keypoints } from "./yolo-rows.js";

/** A validated data.yaml. Paths are as written: relative to `path`, which is relative to the file itself. */
export interface YoloDataset {
  readonly path?: string;
  /** Folders, .txt lists or pictures; `val` and `test` are absent if the file does not name them. */
  readonly train: readonly string[];
  readonly val?: readonly string[];
  readonly test?: readonly string[];
  readonly classes: readonly string[];
  /** How a picture without a label file is treated: as an error, or as background. Default "error". */
  readonly missingLabels: "error" | "background";
  /** For pose estimation labels (`kpt_shape`). */
  readonly keypoints?: Keypoints;
}

/** Keys of each split in a data.yaml. */
const splitKeys: Readonly<Record<SplitName, readonly string[]>> = {
  train: ["train"],
  val: ["val", "valid", "validation"],
  test: ["test"],
};

/**
 * Validates the content of a data.yaml. `names: FILE` is not followed here: pass the names instead.
 * @param value the parsed YAML
 * @param file its name for messages
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

/** Only the class names of a data.yaml that may lack everything else. Throws as `parseYoloDataset` does. */
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

/** The data.yaml fields that a YAML document contains. */
export function yoloFields(value: unknown): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const fields = value as Record<string, unknown>;
  return ["path", "train", "val", "valid", "validation", "test", "names", "nc", "kpt_shape"].filter(
    (field) => fields[field] !== undefined,
  );
}

/**
 * Whether a YAML document is a data set's description: in other programs' files, `train:` is not a path, or names are
 * missing.
 */
export function describesYolo(value: unknown): boolean {
  const fields = yoloFields(value);
  const isPath = (entry: unknown) =>
    typeof entry === "string" || (Array.isArray(entry) && typeof entry[0] === "string");
  const named = fields.includes("names") || fields.includes("nc");
  const splits = ["train", "val", "valid", "test"].filter((field) => fields.includes(field));
  return named && splits.some((field) => isPath((value as Record<string, unknown>)[field]));
}
