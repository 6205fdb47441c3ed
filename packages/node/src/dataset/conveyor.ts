/**
 * Writes the synthetic conveyor as files: a YOLO data set whose test split is an unseen clip, also in MOTChallenge
 * format.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type ConveyorFrame,
  conveyorClasses,
  conveyorSize,
  formatYoloLabels,
  type PictureSize,
  renderConveyorClip,
  renderConveyorPicture,
} from "@phinets/core/data";
import { describeWriteError } from "../host/atomic.js";
import { encodePng } from "../picture/files.js";

export interface ConveyorOptions {
  /** Default 0. The clip's own seed is derived from it. */
  readonly seed?: number;
  /** Number of training pictures. Default 2000: a small network memorises 800. */
  readonly train?: number;
  /** Number of validation pictures. Default 100. */
  readonly val?: number;
  /** Number of frames in the unseen clip, the test split. Default 150. */
  readonly clipFrames?: number;
  /** Default 160 x 120. */
  readonly size?: PictureSize;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Most pictures waiting to be compressed and written. */
const mostSaving = 8;

/**
 * Renders into `folder`: data.yaml; train and val with images/ and labels/; clip/ with images/000001.png, labels/,
 * gt/gt.txt and seqinfo.ini. A folder that already has the same rendering is left as it is.
 * @returns path of the data.yaml
 */
export async function writeConveyorDataset(folder: string, options: ConveyorOptions = {}): Promise<string> {
  const { seed = 0, train = 2000, val = 100, clipFrames = 150, size = conveyorSize } = options;
  const yaml = join(folder, "data.yaml");
  // Identifies the renderer by its first picture: when the renderer changes, old pictures are rendered again.
  const first = createHash("sha256")
    .update(renderConveyorPicture(seed, 0, size).picture.data)
    .digest("hex")
    .slice(0, 16);
  const asked = { first, seed, train, val, clipFrames, width: size.width, height: size.height };
  const recipe = `${JSON.stringify(asked)}\n`;
  const recipeFile = join(folder, "conveyor.json");
  if (existsSync(recipeFile) && existsSync(yaml) && readFileSync(recipeFile, "utf8") === recipe) return yaml;
  // Removed first and written last, so that an interrupted rendering starts again.
  rmSync(recipeFile, { force: true });
  const total = train + val + clipFrames;
  let done = 0;
  const save = async (split: string, name: string, frame: ConveyorFrame) => {
    options.signal?.throwIfAborted();
    write(join(folder, split, "images", `${name}.png`), await encodePng(frame.picture));
    write(join(folder, split, "labels", `${name}.txt`), formatYoloLabels(frame.labels));
    options.onProgress?.(++done, total);
  };
  for (const split of ["train", "val", "clip"]) {
    for (const kind of ["images", "labels"]) rmSync(join(folder, split, kind), { recursive: true, force: true });
  }
  // Other threads compress pictures while the next ones are rendered.
  const saving: Promise<void>[] = [];
  const saveNext = async (split: string, name: string, frame: ConveyorFrame): Promise<void> => {
    const one = save(split, name, frame);
    one.catch(() => {}); // thrown when it is awaited
    saving.push(one);
    if (saving.length > mostSaving) await saving.shift();
  };
  for (let n = 0; n < train + val; n++) {
    const split = n < train ? "train" : "val";
    await saveNext(split, String(n).padStart(6, "0"), renderConveyorPicture(seed, n, size));
  }
  const clip = renderConveyorClip(seed, clipFrames, size);
  for (const [t, frame] of clip.entries()) await saveNext("clip", String(t + 1).padStart(6, "0"), frame);
  await Promise.all(saving);
  write(join(folder, "clip", "gt", "gt.txt"), formatMotTruth(clip));
  const sequence = [
    "[Sequence]",
    "name=clip",
    "imDir=images",
    "frameRate=30",
    `seqLength=${clipFrames}`,
    `imWidth=${size.width}`,
    `imHeight=${size.height}`,
    "imExt=.png",
  ];
  write(join(folder, "clip", "seqinfo.ini"), `${sequence.join("\n")}\n`);
  const names = conveyorClasses.map((name, n) => `  ${n}: ${name}\n`).join("");
  write(yaml, `train: train/images\nval: val/images\ntest: clip/images\nnames:\n${names}`);
  write(recipeFile, recipe);
  return yaml;
}

function write(path: string, data: string | Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  } catch (error) {
    throw describeWriteError(error, path, data.length);
  }
}

/** Rows `frame,id,left,top,width,height,1,class,visibility`, pixels, frames and classes from 1. */
function formatMotTruth(clip: readonly ConveyorFrame[]): string {
  const rows: string[] = [];
  for (const [t, { picture, labels }] of clip.entries()) {
    for (const label of labels) {
      const left = (label.x - label.width / 2) * picture.width;
      const top = (label.y - label.height / 2) * picture.height;
      const box = [left, top, label.width * picture.width, label.height * picture.height].map((v) => v.toFixed(2));
      const visible = ((1 - label.occlusion) * (1 - label.truncation)).toFixed(3);
      rows.push([t + 1, label.trackId, ...box, 1, label.class + 1, visible].join(","));
    }
  }
  return `${rows.join("\n")}\n`;
}
