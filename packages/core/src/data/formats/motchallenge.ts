/**
 * MOTChallenge's sequences as a detection data set (motchallenge.net/instructions): SEQUENCE/img1/000001.jpg, gt/gt.txt
 * with `frame,id,left,top,width,height,confidence,class,visibility` (pixels) and seqinfo.ini, in train/ and test/. The
 * only class is person. New splits keep each sequence whole.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, folderOf, stemOf } from "../files/tree.js";
import { append } from "../files/values.js";
import { type MotRows, parseMotRows } from "../score-files/mot.js";
import { type PictureSize, type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList } from "./box-list.js";
import { splitOfPath } from "./find-picture.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";

interface Sequence {
  readonly name: string;
  readonly folder: string;
  /** Folder of the pictures, if there are any. */
  readonly frames?: string;
  /** gt/gt.txt, if it exists. */
  readonly truth?: string;
}

/** Folders with gt/gt.txt or seqinfo.ini; their pictures are in img1 or the folder that seqinfo.ini states. */
async function sequencesOf(survey: Survey): Promise<Sequence[]> {
  const folders = new Set<string>();
  for (const file of survey.files) {
    if (/(^|\/)gt\/gt\.txt$/i.test(file)) folders.add(folderOf(folderOf(file)));
    else if (/(^|\/)seqinfo\.ini$/i.test(file)) folders.add(folderOf(file));
  }
  const found: Sequence[] = [];
  for (const folder of [...folders].sort()) {
    const path = (name: string) => (folder === "" ? name : `${folder}/${name}`);
    const info = survey.resolve(path("seqinfo.ini"));
    const named =
      info === undefined
        ? undefined
        : /^[ \t]*imDir[ \t]*[=:](.+)$/im.exec(await survey.text(info, mostInfoBytes))?.[1].trim();
    const candidates = [...(named === undefined ? [] : [named]), "img1", "img", "images"].map(path);
    const frames = candidates.find((each) => survey.picturesBelow(each).length > 0);
    const truth = survey.resolve(path("gt/gt.txt"));
    const name = baseName(folder) || baseName(survey.tree.name);
    found.push({ name, folder, ...(frames !== undefined && { frames }), ...(truth !== undefined && { truth }) });
  }
  return found;
}

/** Larger files are not a seqinfo.ini, which has ten lines. */
const mostInfoBytes = 65536;

/** MOT17 contains each sequence three times, with the boxes of three detectors. */
const sceneOf = ({ name, folder }: Sequence): string => `${folderOf(folder)}/${name.replace(/-(DPM|FRCNN|SDP)$/, "")}`;

export const motChallenge: Format = {
  id: "motchallenge",
  title: "MOTChallenge",
  looksFor: "sequences of img1/000001.jpg with gt/gt.txt and seqinfo.ini",
  async recognise(survey) {
    const sequences = await sequencesOf(survey);
    if (sequences.length === 0) return undefined;
    const names = sequences.map(({ name }) => name);
    const more = names.length > 4 ? ` and ${names.length - 4} more` : "";
    const from = `${names.length === 1 ? "sequence" : "sequences"} ${names.slice(0, 4).join(", ")}${more}`;
    const withPictures = sequences.filter(({ frames }) => frames !== undefined);
    if (withPictures.length === 0) return { score: 0.4, from, missing: "no sequence has its pictures in img1" };
    const labelled = withPictures.some(({ truth }) => truth !== undefined);
    return { score: 0.9, from, ...(!labelled && { missing: "no sequence with pictures has a gt/gt.txt" }) };
  },
  async open(survey, context) {
    const { log } = context;
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    const scenes = new Map<string, string>();
    let own = false;
    for (const sequence of await sequencesOf(survey)) {
      const { name, folder, truth } = sequence;
      const before = scenes.get(sceneOf(sequence));
      const why =
        truth === undefined || sequence.frames === undefined
          ? `sequences without ${truth === undefined ? "gt/gt.txt" : "pictures"}`
          : before === undefined
            ? undefined
            : "sequences that are another one again, with other detections";
      if (why !== undefined) {
        log.notRead(why, survey.show(folder));
        for (const file of survey.files) if (file.startsWith(`${folder}/`)) log.read(file);
        continue;
      }
      if (/-(DPM|FRCNN|SDP)$/.test(name)) {
        log.note(
          "MOT17 has each sequence once a detector (DPM, FRCNN, SDP), with the same pictures; each is used once",
        );
      }
      scenes.set(sceneOf(sequence), name);
      const split = splitOfPath(survey, `${folder}/`);
      own ||= split !== undefined;
      append(splits[split ?? "train"], await readSequence(survey, context, sequence));
    }
    const named = splitNames.filter((split) => own && splits[split].length > 0);
    return { task: "detect", classes: ["person"], splits, named } satisfies FoundDataset;
  },
};

/** The pedestrian class of MOT16 and later. */
const pedestrian = 1;
/**
 * Person on vehicle, static person, distractor, reflection: similar to people, so excluded from training and scoring.
 */
const alike = new Set([2, 7, 8, 12]);

async function readSequence(survey: Survey, context: OpenContext, sequence: Sequence): Promise<Sample[]> {
  const { log } = context;
  const { folder, name } = sequence;
  const [frames, truth] = [sequence.frames as string, sequence.truth as string];
  const shown = survey.show(truth);
  log.read(truth);
  const info = survey.resolve(folder === "" ? "seqinfo.ini" : `${folder}/seqinfo.ini`);
  if (info !== undefined) log.read(info);
  const pictures = survey.picturesBelow(frames);
  const size = await sizeOfFrames(survey, context, pictures, info);
  if (size === undefined) return [];
  const lists = new Map<number, BoxList>();
  const samples: Sample[] = [];
  for (const picture of pictures) {
    const number = /(\d+)$/.exec(stemOf(picture))?.[1];
    if (number === undefined || lists.has(Number(number))) {
      log.notRead("pictures that are no frame of a sequence", survey.show(picture));
      log.read(picture);
      continue;
    }
    const list = new BoxList({ log, size, outside: "clip" });
    lists.set(Number(number), list);
    samples.push({ file: survey.tree.locate(picture), labels: list.labels, group: name });
  }
  const absent = new Set<number>();
  for (const rows of readRows(await survey.text(truth), shown, log)) {
    // The eighth column of MOT15 is a world coordinate.
    const classes = rows.columns >= 8 && rows.columns <= 9;
    for (let n = 0; n < rows.count; n++) {
      const where = `${shown}:${rows.line[n]}`;
      const kind = classes && rows.class[n] >= 0 ? rows.class[n] : pedestrian;
      const ignored = alike.has(kind);
      if (!ignored && (kind !== pedestrian || rows.confidence[n] === 0)) {
        const what = kind === pedestrian ? "rows of confidence 0" : "rows of other classes than people";
        log.changed(`${what} are left out`, where);
        continue;
      }
      const frame = rows.frame[n];
      const list = lists.get(frame);
      if (list === undefined) {
        if (absent.has(frame)) continue;
        absent.add(frame);
        const problem = `frame ${frame} is not in ${survey.show(frames)}; put the picture there or remove its rows`;
        log.problem("picture", "data.mot", `${where}: ${problem}`, shown);
        continue;
      }
      const [left, top, width, height] = rows.boxes.subarray(4 * n, 4 * n + 4);
      list.add(
        { left, top, right: left + width, bottom: top + height },
        { class: 0, trackId: rows.id[n], ...(ignored && { ignore: "difficult" as const }) },
        where,
        shown,
      );
    }
  }
  return samples;
}

/** Reads all rows at once; if one is bad, row by row, logging the bad ones. */
function* readRows(text: string, shown: string, log: OpenContext["log"]): Generator<MotRows> {
  try {
    yield parseMotRows(text, shown);
    return;
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
  }
  const lines = linesOf(text);
  for (const [n, line] of lines.entries()) {
    try {
      const rows = parseMotRows(line, shown);
      yield { ...rows, line: rows.line.fill(n + 1) };
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      log.rows++;
      log.problem("row", error.code, `${shown}:${n + 1}: ${problemOf(line, shown)}; correct or remove the line`, shown);
    }
  }
}

/**
 * What is wrong with a row. It is parsed after a valid row, because a bad first row would be taken for column titles.
 */
function problemOf(line: string, shown: string): string {
  try {
    parseMotRows(`1,1,0,0,1,1\n${line}`, shown);
    return "is a row of titles";
  } catch (error) {
    return (error as Error).message.replace(`${shown}:2: `, "");
  }
}

/** All frames have the same size: the one in seqinfo.ini, else that of the first frame. */
async function sizeOfFrames(
  survey: Survey,
  context: OpenContext,
  pictures: readonly string[],
  info: string | undefined,
): Promise<PictureSize | undefined> {
  if (info !== undefined) {
    const text = await survey.text(info, mostInfoBytes);
    const side = (key: string) =>
      Number(new RegExp(`^[ \\t]*${key}[ \\t]*[=:][ \\t]*(\\d+)[ \\t]*\\r?$`, "im").exec(text)?.[1]);
    const [width, height] = [side("imWidth"), side("imHeight")];
    if (width > 0 && height > 0) return { width, height };
  }
  return context.pictureSize(pictures[0]);
}
