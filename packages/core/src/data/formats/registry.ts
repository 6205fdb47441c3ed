/** The formats of data sets: the one list. A new format is its file and its line here. */
import { classFolders } from "./class-folders.js";
import { coco } from "./coco.js";
import { createml } from "./createml.js";
import { edgeImpulse } from "./edge-impulse.js";
import type { Format } from "./format.js";
import { idxFiles } from "./idx.js";
import { kitti } from "./kitti.js";
import { labelme } from "./labelme.js";
import { labelsCsv } from "./labels-csv.js";
import { motChallenge } from "./motchallenge.js";
import { openImages } from "./open-images.js";
import { tensorflowCsv } from "./tensorflow-csv.js";
import { voc } from "./voc.js";
import { writtenIndex } from "./written-index.js";
import { yolo } from "./yolo.js";

/** Where two are as sure of a data set, the earlier opens it. */
export const dataFormats: readonly Format[] = [
  yolo,
  kitti,
  coco,
  openImages,
  edgeImpulse,
  motChallenge,
  voc,
  labelme,
  createml,
  tensorflowCsv,
  idxFiles,
  labelsCsv,
  classFolders,
  writtenIndex,
];

/** What `--data` takes, for messages. */
export const dataSetKinds = `a folder or .zip of pictures with their labels (${dataFormats.map(({ title }) => title).join(", ")})`;
