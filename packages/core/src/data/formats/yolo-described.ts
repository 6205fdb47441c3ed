/**
 * YOLO data sets described by a data.yaml, which is recognised by content because other programs use YAML files as
 * well.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostYamlBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { baseName, folderOf } from "../files/tree.js";
import { someOf } from "../files/values.js";
import { splitNames } from "../types.js";
import type { DataHost, OpenContext } from "./format.js";
import { hasLabelled, undescribedParts } from "./yolo-bare.js";
import { readNamesAt, severalSets } from "./yolo-darknet.js";
import { isNamesFile, parseNames } from "./yolo-names.js";
import { findPictures } from "./yolo-pictures.js";
import type { YoloFinding, YoloSet } from "./yolo-set.js";
import { describesYolo, parseYoloDataset, yoloFields } from "./yolo-yaml.js";

const usualName = /^data(set)?\.ya?ml$/i;
const anyYaml = /\.ya?ml$/i;

interface Yaml {
  readonly file: string;
  /** Undefined if the text is not YAML. */
  readonly value: unknown;
  readonly error?: string;
  readonly unreadable?: PhinetsError;
}

/** The data.yaml of a folder, or of the only subfolder that has one. */
export async function findYaml(survey: Survey, host: DataHost): Promise<YoloFinding | undefined> {
  const here = await Promise.all(survey.find(anyYaml).map((file) => readYaml(file, survey, host)));
  const sure = here.filter((yaml) => fits(yaml, survey));
  const usual = sure.filter(({ file }) => usualName.test(baseName(file)));
  const [best] = usual.length > 0 ? usual : sure;
  if (best !== undefined) {
    const rivals = usual.length > 0 ? [] : sure.slice(1);
    return finding(best, rivals, 0.95, survey);
  }
  const below = await Promise.all(
    survey
      .foldersIn()
      .flatMap((folder) => survey.find(usualName, survey.path(folder)))
      .map((file) => readYaml(file, survey, host)),
  );
  const [first, ...others] = below.filter(({ value }) => describesYolo(value));
  if (first !== undefined && survey.chosen === undefined) return finding(first, others, 0.85, survey);
  const [stray] = here;
  if (stray === undefined) return undefined;
  const from = `${baseName(stray.file)} with ${yoloFields(stray.value).join(", ") || "nothing of a data.yaml"}`;
  return {
    score: 0.1,
    from,
    by: [stray.file],
    missing: `it has no ${yoloFields(stray.value).includes("names") ? "train:" : "train: and names:"}`,
    load: never,
  };
}

const never = async (): Promise<never> => {
  throw new Error("this format does not open");
};

/**
 * A YAML file of any name must describe a data set. For a data.yaml, a split is enough, to report what is missing, or
 * class names if there are labelled pictures.
 */
function fits({ file, value, error, unreadable }: Yaml, survey: Survey): boolean {
  const failed = error !== undefined || unreadable !== undefined;
  if (describesYolo(value) || (failed && file === survey.chosen)) return true;
  if (!usualName.test(baseName(file))) return false;
  const fields = yoloFields(value);
  const some = ["train", "val", "valid", "validation", "test"].some((field) => fields.includes(field));
  return failed || some || (fields.includes("names") && hasLabelled(survey));
}

async function readYaml(file: string, survey: Survey, host: DataHost): Promise<Yaml> {
  try {
    return { file, value: await host.parseYaml(await survey.text(file, mostYamlBytes)) };
  } catch (error) {
    // A file that cannot be read has its own error; parser errors begin with a line.
    if (error instanceof PhinetsError) return { file, value: undefined, unreadable: error };
    return { file, value: undefined, error: (error as Error).message };
  }
}

function finding(yaml: Yaml, rivals: readonly Yaml[], score: number, survey: Survey): YoloFinding {
  const place = (file: string) => file.slice(survey.root.length).replace(/^\//, "");
  const has = yoloFields(yaml.value);
  return {
    score,
    from: `${place(yaml.file)} with ${has.join(", ") || "nothing that can be read"}`,
    by: [yaml, ...rivals].map(({ file }) => file),
    load(context) {
      if (rivals.length > 0)
        throw severalSets(
          survey,
          [yaml, ...rivals].map(({ file }) => place(file)),
        );
      return load(yaml, survey, context);
    },
  };
}

async function load({ file, value, error, unreadable }: Yaml, survey: Survey, context: OpenContext): Promise<YoloSet> {
  const shown = survey.show(file);
  const { log } = context;
  log.read(file);
  if (unreadable !== undefined) throw unreadable;
  if (error !== undefined) throw new PhinetsError("data.yaml", `${shown}:${error}`, shown);
  const fields = value as Record<string, unknown>;
  const base = folderOf(file);
  const known: Record<string, unknown> = { ...fields };
  if (typeof fields.names === "string") {
    known.names = await readNamesAt(fields.names, { shown, rules: { base } }, survey, context);
  } else if ((fields.names ?? undefined) === undefined && (fields.nc ?? undefined) !== undefined) {
    log.note(`${shown}: has no names: of the classes; they are called class0 and so on`);
  }
  const unsplit = splitNames.every((split) => (fields[split] ?? "") === "") && (fields.valid ?? "") === "";
  const bare = unsplit && known.names !== undefined ? await undescribedParts(survey, context) : undefined;
  const dataset = parseYoloDataset(bare === undefined ? known : { ...known, train: "-" }, shown);
  const { classes, missingLabels, keypoints, path } = dataset;
  await compareNames(classes, survey, base, context);
  // Class names in a separate file must be edited there by hand.
  const namesFile = typeof fields.names === "string" ? undefined : survey.tree.locate(file);
  const rules = { shown, classes, missingLabels, keypoints, namesFile };
  if (bare !== undefined) {
    log.note(`${shown}: has no train:; pictures with labels are looked for beside it`);
    return { ...rules, ...bare };
  }
  const parts = await findPictures(dataset, survey, context, { shown, rules: { base, path } });
  return { ...rules, parts, named: splitNames.filter((split) => dataset[split] !== undefined) };
}

/** Notes if a classes.txt beside the data.yaml differs from it, because one of the two is wrong. */
async function compareNames(
  classes: readonly string[],
  survey: Survey,
  base: string,
  { log }: OpenContext,
): Promise<void> {
  for (const file of survey.filesIn(base)) {
    if (!isNamesFile(file) || log.wasRead(file)) continue;
    log.read(file);
    const names = await namesOf(file, survey);
    if (names !== undefined && names.join("\n") !== classes.join("\n")) {
      log.note(
        `${survey.show(file)}: names other classes (${someOf(names)}) than the data.yaml (${someOf(classes)}); those of the data.yaml are taken`,
      );
    }
  }
}

async function namesOf(file: string, survey: Survey): Promise<string[] | undefined> {
  try {
    return parseNames(await survey.text(file), survey.show(file));
  } catch (error) {
    if (error instanceof PhinetsError) return undefined;
    throw error;
  }
}
