/**
 * YOLO data sets: one text file of boxes per picture, described by a data.yaml (Ultralytics, Roboflow), by darknet's
 * obj.data (also CVAT), or only by the layout of the files and a list of class names (Label Studio, LabelImg).
 */
import type { Survey } from "../files/survey.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import type { DataHost, Format, FoundDataset } from "./format.js";
import type { OpenLog } from "./open-log.js";
import { findBare } from "./yolo-bare.js";
import { asClasses } from "./yolo-classify.js";
import { findObjData } from "./yolo-darknet.js";
import { findYaml } from "./yolo-described.js";
import { readLabels } from "./yolo-labels.js";
import type { YoloFinding } from "./yolo-set.js";

export { formatYoloLabels, labelFileOf, parseYoloLabels } from "./yolo-rows.js";
export { parseYoloDataset, parseYoloNames, type YoloDataset } from "./yolo-yaml.js";

/** The description that opens a data set: the most certain one with nothing missing. */
async function findDescription(survey: Survey, host: DataHost): Promise<YoloFinding | undefined> {
  const yaml = await findYaml(survey, host);
  if (yaml !== undefined && yaml.missing === undefined && yaml.score > 0.9) return yaml;
  const found = [yaml, await findObjData(survey), await findBare(survey)].filter((each) => each !== undefined);
  const fitting = found.filter(({ missing }) => missing === undefined).sort((a, b) => b.score - a.score);
  return fitting[0] ?? yaml;
}

export const yolo: Format = {
  id: "yolo",
  title: "YOLO",
  looksFor: "data.yaml, obj.data or classes.txt, and a .txt of boxes for each picture",
  async recognise(survey, host) {
    const found = await findDescription(survey, host);
    if (found === undefined) return undefined;
    const { load: _, ...recognition } = found;
    return recognition;
  },
  async open(survey, context) {
    const found = await findDescription(survey, context.host);
    if (found === undefined) throw new Error("opened as YOLO without having been recognised");
    const set = await found.load(context);
    const classes = asClasses(set, context);
    if (classes !== undefined) return classes;
    const { samples, places } = await readLabels(set.parts, survey, context, set);
    noteShared(samples, context.log);
    const splits = { train: samples.train ?? [], val: samples.val ?? [], test: samples.test ?? [] };
    const named = set.named.filter((split) => samples[split] !== undefined);
    const { namesFile } = set;
    const index: FoundDataset = { task: "detect", classes: set.classes ?? [], splits, named };
    return places === undefined ? index : { ...index, places: { ...places, classes: namesFile } };
  },
};

/** Notes which pictures two splits share, because metrics on them say nothing about new pictures. */
function noteShared(samples: Partial<Record<SplitName, readonly Sample[]>>, log: OpenLog): void {
  for (const [n, split] of splitNames.entries()) {
    const own = new Set(samples[split]?.map(({ file }) => file));
    for (const other of splitNames.slice(n + 1)) {
      const others = samples[other] ?? [];
      const shared = others.filter(({ file }) => own.has(file)).length;
      if (shared === 0) continue;
      const share = shared === others.length ? `all ${shared}` : `${shared} of ${others.length}`;
      const meaning = split === "train" ? `; figures on ${other} say nothing about new pictures then` : "";
      log.note(`${share} pictures of ${other} are in ${split} as well${meaning}`);
    }
  }
}
