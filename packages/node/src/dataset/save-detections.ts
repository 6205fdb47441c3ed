/**
 * Saves detected boxes in formats that other tools read. Files in the folder: coco: coco.json; yolo: labels/NAME.txt
 * and classes.txt; voc: voc/comp4_det_SET_CLASS.txt; csv: detections.csv; labelme: labelme/NAME.json. (predictions.json
 * is the record of `phinets predict` itself.)
 */
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import {
  type FoundPicture,
  writeCocoResults,
  writeCsvResults,
  writeLabelmeResults,
  writeVocResults,
  writeYoloResults,
} from "@phinets/core/data";
import type { Detection } from "@phinets/core/detection";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { fitName } from "../picture/sources.js";

export const saveFormats = ["coco", "yolo", "voc", "csv", "labelme"] as const;
export type SaveFormat = (typeof saveFormats)[number];

/** Parses `coco,yolo` as formats, without repetitions. Throws `cli.usage` for an unknown one. */
export function parseSave(text: string): SaveFormat[] {
  const words = text.split(",").map((word) => word.trim().toLowerCase());
  const unknown = words.find((word) => !saveFormats.includes(word as SaveFormat));
  if (unknown !== undefined) {
    throw new PhinetsError(
      "cli.usage",
      `--save ${text}: ${unknown === "" ? "a format is missing" : `there is no format "${unknown}"`}; give some of ${saveFormats.join(",")} with commas between`,
    );
  }
  return [...new Set(words as SaveFormat[])];
}

/** The detections of a picture or video frame. */
export interface DetectionRecord {
  readonly file: string;
  /** Number of a video's frame, from 1. */
  readonly frame?: number;
  /** pixels */
  readonly width: number;
  readonly height: number;
  /** In pixels of the picture. */
  readonly boxes: readonly Detection[];
}

export interface SaveOptions {
  readonly folder: string;
  readonly formats: readonly SaveFormat[];
  readonly classNames: readonly string[];
  /** SET in the names of VOC's files. Default "test". */
  readonly set?: string;
}

/** Writes all formats, each file atomically; returns one path per format, a file or the folder of its files. */
export function saveDetections(records: readonly DetectionRecord[], options: SaveOptions): string[] {
  const { folder, formats, classNames, set = "test" } = options;
  const pictures = namePictures(records);
  const write: Record<SaveFormat, () => string> = {
    coco: () => save(join(folder, "coco.json"), writeCocoResults(pictures, classNames)),
    yolo: () => {
      for (const picture of pictures) save(join(folder, "labels", `${picture.name}.txt`), writeYoloResults(picture));
      save(join(folder, "classes.txt"), classNames.map((name) => `${name}\n`).join(""));
      return join(folder, "labels");
    },
    voc: () => {
      for (const [index, name] of classNames.entries()) {
        const file = `comp4_det_${set.replace(/[/\\_]/g, "-")}_${name.replace(/[/\\]/g, "-")}.txt`;
        save(join(folder, "voc", file), writeVocResults(pictures, index));
      }
      return join(folder, "voc");
    },
    csv: () => save(join(folder, "detections.csv"), writeCsvResults(pictures, classNames)),
    labelme: () => {
      for (const [i, picture] of pictures.entries()) {
        const file = join(folder, "labelme", `${picture.name}.json`);
        const path = relative(dirname(resolve(file)), resolve(records[i].file))
          .split(sep)
          .join("/");
        save(file, writeLabelmeResults(picture, classNames, path));
      }
      return join(folder, "labelme");
    },
  };
  return formats.map((format) => write[format]());
}

function save(file: string, text: string): string {
  writeFileAtomic(file, text);
  return file;
}

/**
 * Names of pictures: without folder and extension (for a video frame, with its number) where these are unique, else
 * with the folders in which they differ, else with the extension too, as `a_png`.
 */
export function namePictures(records: readonly DetectionRecord[]): FoundPicture[] {
  const alone = records.map(({ file }) => basename(file));
  const shared = sharedFolder(records.map(({ file }) => dirname(resolve(file))));
  const within = records.map(({ file }) => relative(shared, resolve(file)).split(sep).join("/"));
  const named = (files: readonly string[], withExtension = false) =>
    files.map((file, i) => {
      const extension = extname(file);
      const stem = extension === "" ? file : file.slice(0, -extension.length);
      const { frame } = records[i];
      return `${withExtension ? file.replaceAll(".", "_") : stem}${frame === undefined ? "" : `_${frame}`}`;
    });
  // File names that differ only in case are the same on Windows and macOS.
  const differ = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase())).size === names.length;
  const short = named(alone);
  const files = differ(short) || differ(named(alone, true)) ? alone : within;
  const plain = named(files);
  const names = differ(plain) ? plain : named(files, true);
  return records.map(({ width, height, boxes }, i) => ({
    ...{ name: names[i].split("/").map(fitting).join("/"), file: files[i], width, height, boxes },
  }));
}

/** Leaves room for .json and .txt. */
const fitting = (part: string): string => fitName(part, 5);

function sharedFolder(folders: readonly string[]): string {
  let [shared = ""] = folders;
  for (const folder of folders) {
    while (folder !== shared && !folder.startsWith(shared.endsWith(sep) ? shared : shared + sep)) {
      const parent = dirname(shared);
      if (parent === shared) break;
      shared = parent;
    }
  }
  return shared;
}
