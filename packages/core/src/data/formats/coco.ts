/**
 * COCO data sets (cocodataset.org/#format-data): one JSON of pictures, boxes and categories per split. Supports the
 * layouts of COCO itself (annotations/instances_train2017.json and train2017/), Roboflow
 * (train/_annotations.coco.json), CVAT (annotations/instances_default.json and images/), Label Studio (result.json and
 * images/), and one JSON beside pictures.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { baseName, folderOf } from "../files/tree.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { cocoClasses } from "./coco-classes.js";
import { cocoCode, readCocoFile } from "./coco-file.js";
import { findCocoFiles } from "./coco-files.js";
import { type CocoPart, type CocoSample, nothingThere, readCocoSamples } from "./coco-samples.js";
import { splitOfPath } from "./find-picture.js";
import type { Format, FoundDataset, LabelPlaces, OpenContext, UnlabelledPicture } from "./format.js";
import { explainSeveral } from "./one-place.js";

const missing = {
  results: "it is a list of results (image_id, score), which phinets eval takes; a data set has images and categories",
  captions: "its annotations are captions; boxes are in instances_*.json",
  panoptic: "its annotations are panoptic masks; boxes are in instances_*.json",
  classes: "its annotations have neither bbox nor segmentation",
  nothing: "its list of annotations is empty",
} as const;

const kindWords = {
  results: "COCO files of results",
  captions: "COCO files of captions",
  panoptic: "COCO files of panoptic masks",
  classes: "COCO files of classes without boxes",
  nothing: "COCO files without annotations",
} as const;

export const coco: Format = {
  id: "coco",
  title: "COCO",
  looksFor: "a JSON with images, annotations and categories, one a split",
  async recognise(survey, _host, { keepUnlabelled }) {
    const { used, beside, others, several } = await findCocoFiles(survey, keepUnlabelled);
    if (several !== undefined) {
      const from = listNames(
        survey,
        several.map((file) => ({ file })),
      );
      return { score: 0.5, from, missing: explainSeveral(survey, several) };
    }
    if (used.length > 0) {
      const by = [...used, ...beside].map(({ file }) => file);
      return { score: 0.92, from: listNames(survey, used), by };
    }
    if (others.length === 0) return undefined;
    return {
      score: 0.3,
      from: listNames(survey, others),
      by: others.map(({ file }) => file),
      missing: missing[others[0].kind],
    };
  },
  async open(survey, context) {
    const { log, keepUnlabelled } = context;
    const { used, beside, others } = await findCocoFiles(survey, keepUnlabelled);
    for (const { file, kind } of others) leaveUnread(survey, context, kindWords[kind], file);
    for (const { file, why } of beside) leaveUnread(survey, context, why, file);
    const contents = [];
    for (const { file } of used) {
      log.read(file);
      contents.push({ file: survey.show(file), content: readCocoFile(await survey.bytes(file), survey.show(file)) });
    }
    for (const { file, content } of contents) {
      if (content.rows === 0) log.note(`${file} has no annotations: its pictures are background`);
    }
    const { classes, indexes } = cocoClasses(contents, log);
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    const seen = new Map<string, CocoPart>();
    const places = new CocoPlaces(survey);
    for (const [n, each] of used.entries()) {
      const part: CocoPart = { ...each, content: contents[n].content, classes: indexes[n] };
      const { samples, pictures } = await samplesOf(survey, part, context);
      if (samples === undefined) {
        const error = nothingThere(survey, part);
        if (used.length === 1) throw error;
        log.problem("file", error.code, error.message, error.path ?? part.file);
        continue;
      }
      const rivals = used.filter(({ split }) => split === part.split).length > 1;
      if (rivals) for (const { sample } of samples) checkOnce(survey, seen, sample, part);
      const byFolder = part.split === undefined ? splitsByFolder(pictures, samples) : undefined;
      if (byFolder !== undefined) log.note("the splits are those of the pictures' folders");
      for (const [i, each] of samples.entries()) {
        const split = byFolder?.[i] ?? part.split ?? "train";
        splits[split].push(each.sample);
        places.add(each, { file: part.file, pictures, split });
      }
    }
    const named = splitNames.filter((split) => splits[split].length > 0);
    const made = used.every(({ split }) => split === undefined) && named.join() === "train";
    const own = places.all(context);
    return { task: "detect", classes, splits, named: made ? [] : named, places: own } satisfies FoundDataset;
  },
};

interface CocoPlace {
  /** Path of the JSON. */
  readonly file: string;
  readonly pictures: Survey;
  readonly split: SplitName;
}

/**
 * Records which JSON contains a picture, and under which name. A picture that is in no JSON belongs to its neighbours'.
 */
class CocoPlaces {
  readonly #files = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #folders = new Map<string, CocoPlace & { readonly before: string }>();

  constructor(readonly survey: Survey) {}

  add({ sample, path, name }: CocoSample, place: CocoPlace): void {
    this.#files.set(sample.file, this.survey.tree.locate(place.file));
    this.#names.set(sample.file, name);
    const own = baseName(path);
    if (place.pictures === this.survey && name.endsWith(own))
      this.#folders.set(folderOf(path), { ...place, before: name.slice(0, -own.length) });
  }

  all({ keepUnlabelled, log }: OpenContext): LabelPlaces {
    const unlabelled: UnlabelledPicture[] = [];
    const { tree, pictures } = this.survey;
    const known = new Set(this.#files.keys());
    for (const picture of keepUnlabelled ? pictures : []) {
      const [file, place] = [tree.locate(picture), this.#folders.get(folderOf(picture))];
      if (place === undefined || known.has(file) || log.wasRead(picture)) continue;
      log.read(picture);
      this.#files.set(file, tree.locate(place.file));
      this.#names.set(file, place.before + baseName(picture));
      unlabelled.push({ file, split: place.split });
    }
    return { files: this.#files, names: this.#names, unlabelled };
  }
}

function listNames(survey: Survey, files: readonly { readonly file: string }[]): string {
  const shown = files.slice(0, 4).map(({ file }) => file.slice(survey.root === "" ? 0 : survey.root.length + 1));
  return shown.join(", ") + (files.length > shown.length ? ` and ${files.length - shown.length} more` : "");
}

function leaveUnread(survey: Survey, { log }: OpenContext, what: string, file: string): void {
  log.notRead(what, survey.show(file));
  log.read(file);
}

/** Folder names for annotations only: a JSON that the user named may be in one, beside the picture folders. */
const ownFolder = /^(annotations?|anns?|labels?|jsons?|coco)$/i;

async function samplesOf(survey: Survey, part: CocoPart, context: OpenContext) {
  const samples = await readCocoSamples(survey, survey, part, context);
  const alone = survey.chosen !== undefined && ownFolder.test(baseName(survey.tree.name));
  if (samples !== undefined || !alone) return { samples, pictures: survey };
  const around = await context.outside("..");
  return { samples: around && (await readCocoSamples(survey, around, part, context)), pictures: around ?? survey };
}

/** Throws if two files of one split label the same picture, which would duplicate its boxes. */
function checkOnce(survey: Survey, seen: Map<string, CocoPart>, sample: Sample, part: CocoPart): void {
  const key = `${part.split ?? ""} ${sample.file}`;
  const before = seen.get(key);
  seen.set(key, part);
  if (before === undefined) return;
  const [one, other] = [before, part].map(({ file }) => survey.show(file));
  throw new PhinetsError(
    cocoCode,
    `${one} and ${other} both label ${sample.file}; name the one that is meant, as --data ${one}`,
    other,
  );
}

/** The split of every picture, if all are in folders named after splits. */
function splitsByFolder(pictures: Survey, samples: readonly CocoSample[]): SplitName[] | undefined {
  const splits = samples.map(({ path }) => splitOfPath(pictures, path));
  return splits.every((split) => split !== undefined) && new Set(splits).size > 1 ? (splits as SplitName[]) : undefined;
}
