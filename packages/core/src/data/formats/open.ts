/** Opens a data set: recognises its format, reads it, and reports what was not read. */
import { PhinetsError } from "../../tensor/index.js";
import { checkClasses } from "../files/limits.js";
import { isPictureFile } from "../files/picture-names.js";
import { Survey, type SurveyOptions } from "../files/survey.js";
import { extensionOf, type FileTree, folderOf } from "../files/tree.js";
import { type DatasetIndex, type PictureSize, type SplitName, splitNames } from "../types.js";
import type { DataHost, Format, FoundDataset, LabelPlaces, OpenContext, Problem, Recognition } from "./format.js";
import { type Counted, OpenLog } from "./open-log.js";
import { dataFormats, dataSetKinds } from "./registry.js";

export interface OpenTreeOptions extends SurveyOptions {
  /** Opens as this format (an id of `dataFormats`), whatever the files look like. */
  readonly format?: string;
  /** Lists pictures without labels in `OpenedTree.places` instead of reporting them as problems. Default false. */
  readonly keepUnlabelled?: boolean;
}

/** A data set, with messages about it. */
export interface OpenedTree extends DatasetIndex {
  readonly named: readonly SplitName[];
  /** Format and evidence, such as `Pascal VOC: Annotations, ImageSets/Main lists train val test`. */
  readonly recognised: string;
  readonly format: string;
  /** Sentences on how files were interpreted. */
  readonly notes: readonly string[];
  /** Corrections and omissions without loss, by kind. */
  readonly changes: readonly Counted[];
  /** Things that were present but not used, by kind. */
  readonly notRead: readonly Counted[];
  /** Problems of files and rows; each is left out. */
  readonly problems: readonly Problem[];
  /** Number of label rows read. */
  readonly rows: number;
  /** Locations of the labels; absent if the format's labels cannot be edited in place. */
  readonly places?: LabelPlaces;
}

interface Candidate extends Recognition {
  readonly format: Format;
  readonly survey: Survey;
}

/**
 * Recognises and opens a data set. Throws PhinetsError: `data.kind` if no format fits (listing what was seen and what
 * the nearest formats lack), otherwise whatever the format throws.
 */
export async function openTree(tree: FileTree, host: DataHost, options: OpenTreeOptions = {}): Promise<OpenedTree> {
  const survey = await Survey.of(tree, options);
  const chosen = await recognise(survey, host, options);
  const log = new OpenLog();
  const found = await chosen.format.open(chosen.survey, contextOf(chosen.survey, host, log, options));
  checkClasses(tree.name, found.classes);
  reportNotRead(survey, found, log);
  const place = chosen.survey.root === "" ? "" : ` in ${chosen.survey.root}/`;
  const { task, classes, splits, named, places } = found;
  return {
    task,
    classes,
    splits,
    named,
    format: chosen.format.id,
    recognised: `${chosen.format.title}${place}: ${chosen.from}`,
    notes: log.notes,
    changes: log.changes,
    notRead: log.unread,
    problems: log.problems,
    rows: log.rows,
    ...(places && { places }),
  };
}

/** Descends through at most this many nested folders that contain nothing else, as in an unpacked archive. */
const deepestWrapper = 3;

async function recognise(
  survey: Survey,
  host: DataHost,
  { format: wanted, keepUnlabelled = false }: OpenTreeOptions,
): Promise<Candidate> {
  const formats = wanted === undefined ? dataFormats : dataFormats.filter(({ id }) => id === wanted);
  if (formats.length === 0) {
    throw new PhinetsError(
      "data.format",
      `--data-format is ${wanted}; it is one of ${dataFormats.map(({ id }) => id).join(", ")}`,
    );
  }
  const nearest: Candidate[] = [];
  let place: Survey | undefined = survey;
  for (let depth = 0; place !== undefined && depth <= deepestWrapper; depth++) {
    const found: Candidate[] = [];
    for (const format of formats) {
      const recognition = await format.recognise(place, host, { keepUnlabelled });
      const other = place.chosen !== undefined && !recognition?.by?.includes(place.chosen);
      if (recognition !== undefined && !other) found.push({ ...recognition, format, survey: place });
    }
    const fitting = found.filter(({ missing }) => missing === undefined).sort((a, b) => b.score - a.score);
    if (fitting.length > 0) return fitting[0];
    nearest.push(...found);
    place = inside(place);
  }
  if (wanted !== undefined && nearest.length > 0) {
    const [best] = nearest;
    throw new PhinetsError(
      "data.kind",
      `${survey.tree.name}: is not ${best.format.title}: ${best.missing}`,
      survey.tree.name,
    );
  }
  throw unknownKind(survey, nearest);
}

/** The only subfolder of a folder without pictures of its own. */
function inside(survey: Survey): Survey | undefined {
  const folders = survey.foldersIn();
  const [only] = folders;
  return folders.length === 1 && !survey.filesIn().some(isPictureFile) ? survey.within(survey.path(only)) : undefined;
}

function unknownKind(survey: Survey, nearest: readonly Candidate[]): PhinetsError {
  const { tree, files } = survey;
  if (files.length === 0) {
    return new PhinetsError(
      "data.empty",
      `${tree.name}: the data set is empty; --data takes ${dataSetKinds}`,
      tree.name,
    );
  }
  const sorted = [...nearest].sort((a, b) => b.score - a.score);
  const near = sorted
    .filter(({ format }, n) => sorted.findIndex((other) => other.format === format) === n)
    .slice(0, 3)
    .map(({ format, from, missing }) => `${format.title} (${from}) but ${missing}`);
  const most = near.length === 0 ? "" : `; nearest: ${near.join("; ")}`;
  const place = survey.chosen === undefined ? tree.name : survey.show(survey.chosen);
  const seen = survey.chosen === undefined ? `: ${describeFiles(files)}` : "";
  const areBare = files.every((file) => isPictureFile(file) && !file.includes("/"));
  const labels = areBare
    ? `; for labels draw boxes with "phinets studio ${tree.name}", or put each class's pictures into a folder of its own`
    : "";
  return new PhinetsError(
    "data.kind",
    `${place}: is no data set that is known${seen}${most}${labels}; --data takes ${dataSetKinds}`,
    place,
  );
}

/** A summary such as `335 files: 272 .xml, 61 .jpg, 2 .csv`. */
export function describeFiles(files: readonly string[]): string {
  const kinds = new Map<string, number>();
  for (const file of files) {
    const extension = extensionOf(file) || "without extension";
    kinds.set(extension, (kinds.get(extension) ?? 0) + 1);
  }
  const sorted = [...kinds].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const shown = sorted.slice(0, 6).map(([extension, count]) => `${count} ${extension}`);
  if (sorted.length > shown.length) shown.push(`${sorted.length - shown.length} other kinds`);
  return `${files.length} ${files.length === 1 ? "file" : "files"}: ${shown.join(", ")}`;
}

function contextOf(survey: Survey, host: DataHost, log: OpenLog, options: OpenTreeOptions): OpenContext {
  const { tree } = survey;
  const others = new Map<string, Survey | undefined>();
  return {
    log,
    host,
    keepUnlabelled: options.keepUnlabelled ?? false,
    async pictureSize(file): Promise<PictureSize | undefined> {
      try {
        return await host.pictureSize(tree, file);
      } catch (error) {
        if (!(error instanceof PhinetsError)) throw error;
        log.problem("picture", error.code, error.message, error.path ?? file);
        return undefined;
      }
    },
    async outside(folder) {
      if (!others.has(folder)) {
        const other = await tree.outside?.(folder);
        others.set(folder, other && (await Survey.of(other, options)));
      }
      return others.get(folder);
    },
  };
}

/** Files beside data sets that are ignored silently. */
const beside = /^(readme|license|licence|notes?|changelog|citation|dataset_info)\b|\.cache$/i;

/** Counts what no format used: pictures, other files by extension, empty folders, broken links. */
function reportNotRead(survey: Survey, found: FoundDataset, log: OpenLog): void {
  const { tree } = survey;
  const used = new Set(splitNames.flatMap((split) => found.splits[split].map(({ file }) => file)));
  const linked = usedOverLinks(survey, log, used);
  const bad = new Set(log.problems.map(({ error }) => error.path));
  for (const file of survey.files) {
    const located = tree.locate(file);
    const shown = survey.show(file);
    if (log.wasRead(file) || log.wasRead(shown) || used.has(located) || bad.has(located) || bad.has(shown)) continue;
    if (linked?.has(tree.identity?.(file) as string)) continue;
    if (beside.test(file.slice(folderOf(file).length).replace(/^\//, ""))) continue;
    const extension = extensionOf(file);
    const kind = isPictureFile(file)
      ? "pictures"
      : `${extension === "" ? "files without extension" : `${extension} files`}`;
    log.notRead(kind, shown);
  }
  for (const folder of survey.folders) {
    const empty = survey.filesIn(folder).length === 0 && survey.foldersIn(folder).length === 0;
    if (empty && !log.wasRead(folder)) log.notRead("empty folders", survey.show(folder));
  }
  for (const link of survey.brokenLinks) log.notRead("links that lead nowhere", survey.show(link));
  for (const other of survey.others) log.notRead("entries that are no readable files", survey.show(other));
}

/** Files used under any of their paths, if links give a file several; undefined if there are no such links. */
function usedOverLinks(survey: Survey, log: OpenLog, used: ReadonlySet<string>): ReadonlySet<string> | undefined {
  const { tree, files } = survey;
  if (files.length === 0 || tree.identity?.(files[0]) === undefined) return undefined;
  const read = files.filter((file) => log.wasRead(file) || used.has(tree.locate(file)));
  return new Set(read.map((file) => tree.identity?.(file) as string));
}
