/** `phinets init`: writes a data.yaml where the data set needs one, and a phinets.yaml for --cfg. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { type DatasetIndex, splitNames } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { type OpenedDataset, openDataset } from "@phinets/node/dataset";
import { describeWriteError } from "@phinets/node/host";
import { isPictureFile } from "@phinets/node/picture";
import { shellQuote } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { configYaml, type DataYaml, dataYaml, describeFound, emptyDataYaml, sweepYaml } from "./init-files.js";
import { json } from "./shared-options.js";

const definition: VerbDefinition = {
  name: "init",
  description:
    "Looks at the pictures in a folder and writes a phinets.yaml for --cfg. For YOLO labels without a description it also writes a data.yaml. Existing files are not changed.",
  arguments: [
    {
      name: "[folder]",
      help: "folder of the data set (default: the current folder); a new or empty folder gets both files to fill in",
      completes: "path",
    },
  ],
  examples: [["phinets init my-parts", "then phinets ship --cfg my-parts/phinets.yaml"]],
  options: [
    {
      flags: "--sweep",
      help: "also write a sweep.yaml for phinets sweep",
      group: "Run folder",
    },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((folder: string | undefined, options: InitOptions) =>
    init(folder ?? ".", options, context),
  );
}

interface InitOptions {
  readonly sweep?: boolean;
}

type Found = OpenedDataset & { readonly format: string };

async function init(folder: string, { sweep }: InitOptions, context: Context): Promise<void> {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new PhinetsError("cli.usage", `${folder}: is a file; name the folder of the data set`, folder);
  const written: string[] = [];
  const kept: string[] = [];
  const found = isEmpty(folder) ? undefined : await understand(folder, written, context);
  const put = (name: string, text: string): void => {
    const path = join(folder, name);
    (writeNew(path, text) ? written : kept).push(path);
  };
  if (found === undefined) put("data.yaml", emptyDataYaml);
  const data = existsSync(join(folder, "data.yaml")) ? "data.yaml" : ".";
  put("phinets.yaml", configYaml(data, found));
  if (sweep === true) put("sweep.yaml", sweepYaml(data, found));
  const next =
    found === undefined ? ["phinets", "doctor", folder] : ["phinets", "ship", "--cfg", join(folder, "phinets.yaml")];
  const { format, task, classes, splits } = found ?? {};
  const pictures = splits && Object.fromEntries(splitNames.map((split) => [split, splits[split].length]));
  context.result({ folder, format, task, classes, pictures, written, kept, next: shellQuote(next) }, () =>
    [
      found === undefined
        ? `${folder}: no pictures yet; data.yaml says where they go`
        : `${folder}: ${describeFound(found)}`,
      ...written.map((path) => `written: ${path}`),
      ...kept.map((path) => `not changed: ${path}`),
      `next: ${shellQuote(next)}`,
    ].join("\n"),
  );
}

/** Opens the data set. For YOLO labels without a description it writes a data.yaml and adds it to `written`. */
async function understand(folder: string, written: string[], context: Context): Promise<Found> {
  const path = join(folder, "data.yaml");
  const described = readdirSync(folder).some((name) => /\.ya?ml$/i.test(name) && name !== "phinets.yaml");
  let found: Found;
  try {
    found = await lookAt([folder], context);
  } catch (error) {
    const nameless = error instanceof PhinetsError && error.code === "data.classes" && !described;
    if (!nameless || !writeNew(path, dataYaml(unnamedYolo(folder)))) throw error;
    try {
      found = await lookAt([path], context);
    } catch {
      rmSync(path);
      throw error; // the class names were not the problem
    }
    context.note(`note: the labels have numbers and no names: write the names of the classes into ${path}`);
    written.push(path);
    return found;
  }
  if (found.format === "yolo" && !described && (await describeYolo(path, found, context))) written.push(path);
  return found;
}

/** Opens a data set without its bad files and rows, and notes how many there are; the doctor lists them. */
async function lookAt(paths: readonly string[], { note, signal }: Pick<Context, "note" | "signal">): Promise<Found> {
  const opened = await openDataset(paths, { bad: "leave out", complete: false, signal });
  const [{ format, problems }] = opened.sets;
  if (problems.length > 0)
    note(`warning: ${problems.length} rows or files are wrong; phinets doctor ${paths[0]} lists them`);
  return { ...opened, format };
}

/**
 * Writes the data.yaml of a YOLO data set without a description. The file is kept only if the data set opened by it is
 * the same; otherwise (splits given by lists, labels in other places) the folder is used as it is.
 */
async function describeYolo(path: string, found: Found, { signal }: Context): Promise<boolean> {
  const { splits, classes } = found;
  const folders = splitNames.map((split) => [split, foldersOf(dirname(path), splits[split])] as const);
  const named = Object.fromEntries(folders.filter(([, list]) => list.length > 0));
  if (!writeNew(path, dataYaml({ splits: named, classes }))) return false;
  try {
    const again = await lookAt([path], { note: () => {}, signal });
    if (sameContent(found, again)) return true;
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
  }
  rmSync(path);
  return false;
}

/** Folders of the pictures, relative to `folder`. */
function foldersOf(folder: string, pictures: readonly { readonly file: string }[]): string[] {
  const place = ({ file }: { readonly file: string }) => relative(folder, dirname(file)).split(sep).join("/") || ".";
  return [...new Set(pictures.map(place))];
}

/**
 * A data.yaml from YOLO's usual folders, with as many classes as the labels have numbers; splits are recognised by
 * folder names.
 */
function unnamedYolo(folder: string): DataYaml {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => ({
    file: join(folder, name),
  }));
  const pictures = files.filter(({ file }) => isPictureFile(file));
  const splitOf = ({ file }: { readonly file: string }): string =>
    /(?:^|[\\/])(val|test)(?:id|idation|ing)?[\\/]/i.exec(relative(folder, file))?.[1].toLowerCase() ?? "train";
  const splits = splitNames.map((split) => [
    split,
    foldersOf(
      folder,
      pictures.filter((each) => splitOf(each) === split),
    ),
  ]);
  const numbers = files
    .filter(({ file }) => file.endsWith(".txt"))
    .flatMap(({ file }) => readFileSync(file, "utf8").split("\n"))
    .map((line) => Number(/^\s*(\d+)\s/.exec(line)?.[1] ?? 0));
  const most = numbers.reduce((a, b) => Math.max(a, b), 0);
  return {
    splits: Object.fromEntries(splits.filter(([, list]) => list.length > 0)),
    classes: Array.from({ length: most + 1 }, (_, n) => `class${n}`),
  };
}

function sameContent(a: DatasetIndex, b: DatasetIndex): boolean {
  const contentOf = ({ splits }: DatasetIndex) =>
    splitNames.map((split) => splits[split].map(({ file, labels }) => [file, labels]).sort());
  return JSON.stringify([a.classes, contentOf(a)]) === JSON.stringify([b.classes, contentOf(b)]);
}

/** Writes a file; false where it exists. */
function writeNew(path: string, text: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw describeWriteError(error, path);
  }
}

/** Whether a folder has nothing but what init writes. */
function isEmpty(folder: string): boolean {
  return !existsSync(folder) || readdirSync(folder).every((name) => /^(?:phinets|data)\.yaml$|^\./.test(name));
}
