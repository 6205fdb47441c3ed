/** The list of data set formats. A new format needs its own file and a line here. */
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

/** Of two formats with equal scores, the earlier one opens the data set. */
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

/** Describes what `--data` accepts, for messages. */
export const dataSetKinds = `a folder or .zip of pictures with their labels (${dataFormats.map(({ title }) => title).join(", ")})`;
