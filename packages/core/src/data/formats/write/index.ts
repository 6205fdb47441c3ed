/** Registry of the formats in which data sets can be written. */
import { PhinetsError } from "../../../tensor/index.js";
import { cocoWriter } from "./coco.js";
import { foldersWriter } from "./folders.js";
import { vocWriter } from "./voc.js";
import type { DatasetWriter, WriteInput, WrittenDataset } from "./writer.js";
import { yoloWriter } from "./yolo.js";

export { fitName } from "./names.js";
export type { DatasetWriter, WriteInput, WrittenDataset } from "./writer.js";
export { yoloDescription } from "./yolo.js";

export const datasetWriters: readonly DatasetWriter[] = [cocoWriter, yoloWriter, vocWriter, foldersWriter];

/** The writer of a format. Throws PhinetsError `data.write` if the format cannot hold the task's labels. */
export function writerFor(id: string, task: DatasetWriter["task"]): DatasetWriter {
  const writer = datasetWriters.find((each) => each.id === id);
  const fitting = datasetWriters.filter((each) => each.task === task).map((each) => each.id);
  if (writer?.task === task) return writer;
  const what = task === "detect" ? "boxes" : "a class for each picture";
  const holds = writer === undefined ? "is not known" : `does not hold ${what}`;
  throw new PhinetsError(
    "data.write",
    `--to ${id} ${holds}; the data set has ${what}, so --to is ${fitting.join(", ")}`,
  );
}

/** A data set's texts and pictures in a format. No path leads out of the new folder. */
export function writeDataset(writer: DatasetWriter, input: WriteInput): WrittenDataset {
  const written = writer.write(input);
  for (const path of [...written.files.map((each) => each.path), ...written.pictures.map((each) => each.to)]) {
    if (
      path.startsWith("/") ||
      path.includes("\\") ||
      path.split("/").some((part) => part === ".." || part === "" || part === ".")
    )
      throw new Error(`${writer.id}: would write to ${JSON.stringify(path)}`);
  }
  return written;
}
