/** Finds and reads the label files of a YOLO data set's pictures, and checks what all rows have in common. */
import { PhinetsError } from "../../tensor/index.js";
import { mostLabelBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { baseName, extensionOf, folderOf, joinPath, stemOf } from "../files/tree.js";
import type { BoxLabel, Sample, SplitName } from "../types.js";
import { BoxList } from "./box-list.js";
import type { LabelPlaces, OpenContext, UnlabelledPicture } from "./format.js";
import type { OpenLog } from "./open-log.js";
import { isNamesFile } from "./yolo-names.js";
import type { PlacedPicture, YoloPart } from "./yolo-pictures.js";
import { type Keypoints, labelFileOf, type ReadRow, readYoloRows, rowError, shorten } from "./yolo-rows.js";
import { RowStatistics } from "./yolo-statistics.js";

export interface LabelRules {
  /** The description's name for messages. */
  readonly shown: string;
  /** Undefined if no file lists the classes: an error that tells which class numbers occur. */
  readonly classes?: readonly string[];
  readonly keypoints?: Keypoints;
  readonly missingLabels: "error" | "background";
}

interface LabelFile {
  readonly survey: Survey;
  readonly path: string;
}

interface Labelled {
  readonly picture: PlacedPicture;
  /** Undefined if there is none. */
  readonly file: LabelFile | undefined;
}

interface LabelledPart {
  readonly split: SplitName;
  readonly pictures: readonly Labelled[];
}

/** Fractions need no size, but BoxList requires one. */
const unit = { width: 1, height: 1 };

interface ReadParts {
  readonly samples: Partial<Record<SplitName, Sample[]>>;
  /** Absent if rows contain more than boxes. */
  readonly places?: LabelPlaces;
}

/** Samples of the parts. A val or test part without any labels is left out with a note. */
export async function readLabels(
  parts: readonly YoloPart[],
  own: Survey,
  context: OpenContext,
  rules: LabelRules,
): Promise<ReadParts> {
  const labelled: LabelledPart[] = [];
  for (const part of parts) {
    const found = await labelFilesOf(part, own, context, rules);
    if (found !== undefined) labelled.push(found);
  }
  const { contents, keypoints, failed } = await readAll(labelled, rules);
  if (keypoints !== undefined && keypoints !== rules.keypoints) {
    const { count, values } = keypoints;
    context.log.note(
      `${rules.shown}: every label row fits a box with ${count} ${count === 1 ? "keypoint" : "keypoints"} of ${values} values, so the boxes are read and the keypoints not; kpt_shape in a data.yaml would say so`,
    );
  }
  // Undefined if every row is bad: without its boxes the picture would be learnt as background.
  const labels = new Map<Survey, Map<string, readonly BoxLabel[] | undefined>>();
  for (const [survey, files] of contents) {
    const ofSurvey = new Map<string, readonly BoxLabel[] | undefined>();
    labels.set(survey, ofSurvey);
    for (const [path, rows] of files) {
      const good = labelsOf(rows, survey.show(path), context.log);
      ofSurvey.set(path, good.length === 0 && rows.some(({ problem }) => problem !== undefined) ? undefined : good);
      if (survey === own) context.log.read(path);
    }
  }
  for (const { file, error } of failed) {
    context.log.problem("picture", error.code, error.message, file.survey.show(file.path));
    if (file.survey === own) context.log.read(file.path);
  }
  const samples: Partial<Record<SplitName, Sample[]>> = {};
  const places = new Map<string, string>();
  const unlabelled: UnlabelledPicture[] = [];
  for (const { split, pictures } of labelled) {
    samples[split] = pictures.flatMap(({ picture, file }) => {
      const located = picture.survey.tree.locate(picture.path);
      const place = file ?? { survey: picture.survey, path: labelFileOf(picture.path) };
      places.set(located, place.survey.tree.locate(place.path));
      if (file !== undefined) {
        const boxes = labels.get(file.survey)?.get(file.path);
        if (boxes !== undefined) return { file: located, labels: boxes };
        context.log.notRead("pictures without a good label row", picture.survey.show(picture.path));
        if (picture.survey === own) context.log.read(picture.path);
        return [];
      }
      if (rules.missingLabels === "background") return { file: located, labels: [] };
      if (context.keepUnlabelled) unlabelled.push({ file: located, split });
      return [];
    });
  }
  reportOrphans(contents, own, context.log);
  return keypoints === undefined ? { samples, places: { files: places, unlabelled } } : { samples };
}

/** The label file of every picture; undefined if the part is left out. */
async function labelFilesOf(
  { split, pictures }: YoloPart,
  own: Survey,
  context: OpenContext,
  rules: LabelRules,
): Promise<LabelledPart | undefined> {
  const { log } = context;
  const found: Labelled[] = [];
  const exact = new Set(pictures.map(({ survey, path }) => `${survey.tree.name}/${labelFileOf(path)}`));
  for (const picture of pictures) {
    const file = await labelFileFor(picture, own, context);
    // a.txt belongs to A.jpg only if there is no a.jpg.
    const another =
      file !== undefined &&
      file.path !== labelFileOf(picture.path) &&
      exact.has(`${file.survey.tree.name}/${file.path}`);
    found.push({ picture, file: another ? undefined : file });
  }
  const without = found.flatMap(({ picture, file }) => (file === undefined ? [picture] : []));
  if (without.length === 0) return { split, pictures: found };
  if (context.keepUnlabelled) {
    for (const { survey, path } of without) if (survey === own) log.read(path);
    return { split, pictures: found };
  }
  const none = without.length === found.length;
  const noFolder = without.filter(({ survey, path }) => !survey.hasFolder(folderOf(labelFileOf(path))));
  if (none && split !== "train" && (rules.missingLabels === "error" || noFolder.length > 0)) {
    const all =
      found.length === 1 ? "its only picture has no label file" : `its ${found.length} pictures have no label files`;
    log.note(`${split} is left out: ${all}, as ${whereLabels(without[0], own)} would be`);
    for (const { survey, path } of without) {
      if (survey !== own) continue;
      log.notRead(`${split} pictures without labels`, survey.show(path));
      log.read(path);
    }
    return undefined;
  }
  const folders = new Map(noFolder.map((picture) => [folderOf(whereLabels(picture, own)), picture]));
  for (const [folder, { survey, path }] of folders) {
    const error = new PhinetsError(
      "data.labels",
      `${folder}: does not exist; the labels of ${folderOf(survey.show(path))} belong there, one .txt a picture`,
      folder,
    );
    if (none) throw error;
    log.problem("file", error.code, error.message, folder);
  }
  if (rules.missingLabels === "background") return { split, pictures: found };
  for (const { survey, path } of without) if (survey === own) log.read(path);
  const reported = new Set(noFolder);
  for (const picture of without) {
    if (reported.has(picture)) continue;
    const file = whereLabels(picture, own);
    const { survey, path } = picture;
    const what = survey.hasFolder(labelFileOf(path)) ? "is a folder, where the label file belongs" : "is missing";
    const message = `${file}: ${what}; write it (empty if ${survey.show(path)} shows nothing), or put "missing_labels: background" into data.yaml`;
    if (none) {
      throw new PhinetsError("data.labels", `${message} (none of ${found.length} ${split} pictures has one)`, file);
    }
    log.problem("picture", "data.labels", message, file);
  }
  log.note(`${without.length} of ${found.length} ${split} pictures have no label file`);
  return { split, pictures: found };
}

/** The expected location of a picture's labels, for messages. A folder outside may have a sibling folder `labels`. */
function whereLabels({ survey, path }: PlacedPicture, own: Survey): string {
  const within = labelFileOf(path);
  return survey === own || folderOf(within) !== folderOf(path) ? survey.show(within) : labelFileOf(survey.show(path));
}

/**
 * The label file: in Ultralytics' place, beside the picture, or in a folder `labels` beside or inside the picture's
 * folder.
 */
async function labelFileFor(
  picture: PlacedPicture,
  own: Survey,
  { log, outside }: OpenContext,
): Promise<LabelFile | undefined> {
  const { survey, path } = picture;
  const usual = labelFileOf(path);
  if (survey.has(usual)) return { survey, path: usual };
  const name = `${baseName(stemOf(path))}.txt`;
  const folder = folderOf(path);
  const others = [`${stemOf(path)}.txt`, joinPath(folder, "../labels", name), joinPath(folder, "labels", name)];
  for (const candidate of [usual, ...others]) {
    const file = survey.resolve(candidate);
    if (file === undefined) continue;
    if (file !== candidate) {
      log.changed("label files are found though case or Unicode form of their names differs", survey.show(file));
    } else if (folderOf(candidate) !== folder) {
      log.note(`labels of ${survey.show(folder)} are read from ${survey.show(folderOf(candidate))}`);
    }
    return { survey, path: file };
  }
  if (survey === own) return undefined;
  const other = await outside(folderOf(whereLabels(picture, own)));
  const file = other?.resolve(name);
  return other !== undefined && file !== undefined ? { survey: other, path: file } : undefined;
}

interface Contents {
  readonly contents: ReadonlyMap<Survey, ReadonlyMap<string, readonly ReadRow[]>>;
  readonly keypoints: Keypoints | undefined;
  /** Files that cannot be read; their pictures have no labels. */
  readonly failed: readonly { readonly file: LabelFile; readonly error: PhinetsError }[];
}

/** Rows of all label files. They are read again if together they show that they contain keypoints. */
async function readAll(
  parts: readonly LabelledPart[],
  rules: LabelRules,
  keypoints = rules.keypoints,
): Promise<Contents> {
  const statistics = new RowStatistics();
  const contents = new Map<Survey, Map<string, ReadRow[]>>();
  const failed = new Map<string, Contents["failed"][number]>();
  for (const { pictures } of parts) {
    for (const { file } of pictures) {
      if (file === undefined) continue;
      const { survey, path } = file;
      const ofSurvey = contents.get(survey) ?? new Map<string, ReadRow[]>();
      contents.set(survey, ofSurvey);
      const shown = survey.show(path);
      if (ofSurvey.has(path) || failed.has(shown)) continue;
      try {
        const text = await survey.text(path, mostLabelBytes);
        ofSurvey.set(path, readYoloRows(text, { classes: rules.classes, keypoints }, statistics));
      } catch (error) {
        if (!(error instanceof PhinetsError)) throw error;
        failed.set(shown, { file, error });
      }
    }
  }
  const found = statistics.keypoints;
  if (keypoints === undefined && found !== undefined) return readAll(parts, rules, found);
  checkAlike(statistics, contents, rules);
  return { contents, keypoints, failed: [...failed.values()] };
}

/** Throws a single error for a problem that affects the labels of the whole data set. */
function checkAlike(statistics: RowStatistics, contents: Contents["contents"], rules: LabelRules): void {
  const { rows, pixelRows, lowestClass, highestClass } = statistics;
  const { classes, shown } = rules;
  if (classes === undefined) {
    const ids = rows === 0 ? "" : `; the class numbers in them go up to ${highestClass}`;
    throw new PhinetsError(
      "data.classes",
      `${shown}: has YOLO labels but no names of classes${ids}; write ${rows === 0 ? "the names" : `the ${highestClass + 1} names`}, one a line, into ${shown}/classes.txt, or a data.yaml`,
      shown,
    );
  }
  if (lowestClass === 1 && highestClass === classes.length) {
    const last = classes.length === 1 ? "the only class is 0" : `the classes are 0 to ${classes.length - 1}`;
    throw new PhinetsError(
      "data.label",
      `${shown}: all class ids are 1 too high: the labels have 1 to ${highestClass}, ${last} (${shorten(classes)}); subtract 1 from the first column of every label file`,
      shown,
    );
  }
  if (pixelRows > rows / 2) {
    for (const [survey, files] of contents) {
      for (const [path, read] of files) {
        const bad = read.find(({ problem }) => problem?.includes("pixels"));
        if (bad === undefined) continue;
        throw new PhinetsError(
          "data.label",
          `${survey.show(path)}:${bad.line}: ${bad.problem}; ${pixelRows} of ${rows} rows are like that: divide x and width by the picture's width, y and height by its height`,
          survey.show(path),
        );
      }
    }
  }
}

/** @param shown the label file's name for messages */
function labelsOf(rows: readonly ReadRow[], shown: string, log: OpenLog): readonly BoxLabel[] {
  const boxes = new BoxList({ log, size: unit });
  for (const { line, label, problem, kind } of rows) {
    const where = `${shown}:${line}`;
    if (kind === "polygon") log.changed("polygons are read as the boxes around them", where);
    if (kind === "confidence") log.changed("rows have a confidence (column 6), which is not used", where);
    if (label !== undefined) {
      boxes.addLabel(label, where);
      continue;
    }
    log.rows++;
    if (problem === undefined) log.changed("boxes without an area are left out", where);
    else {
      const error = rowError(shown, line, problem);
      log.problem("row", error.code, error.message, shown);
    }
  }
  return boxes.labels;
}

/** Counts the .txt files in label folders that belong to no picture. */
function reportOrphans(contents: Contents["contents"], own: Survey, log: OpenLog): void {
  const folders = new Set([...(contents.get(own)?.keys() ?? [])].map(folderOf));
  for (const folder of folders) {
    for (const file of own.filesIn(folder)) {
      if (extensionOf(file) !== ".txt" || log.wasRead(file) || isNamesFile(file)) continue;
      log.notRead("label files without a picture", own.show(file));
      log.read(file);
    }
  }
}
