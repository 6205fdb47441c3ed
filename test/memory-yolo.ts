/** YOLO data sets in memory for tests. */
import { MemoryTree, type OpenedTree, openTree, splitNames } from "@phinets/core/data";
import { memoryHost } from "./memory-set.js";

/** Text, bytes, or the content of a JSON (and therefore YAML) file. */
export type YoloFiles = Record<string, string | object>;

export function openYolo(files: YoloFiles, chosen?: string): Promise<OpenedTree> {
  const encoder = new TextEncoder();
  const bytes = (content: string | object) =>
    content instanceof Uint8Array
      ? content
      : encoder.encode(typeof content === "string" ? content : JSON.stringify(content));
  const entries = Object.entries(files).map(([path, content]) => [path, bytes(content)] as const);
  return openTree(new MemoryTree("set", entries), memoryHost, { chosen, format: "yolo" });
}

/** The message of the error, or the messages of the problems, one per line. */
export async function yoloFailure(files: YoloFiles, chosen?: string): Promise<string> {
  try {
    const { problems } = await openYolo(files, chosen);
    return problems.map(({ error }) => error.message).join("\n");
  } catch (error) {
    return (error as Error).message;
  }
}

/** A label row; tests compare the box that it describes. */
export const yoloRow = "0 0.5 0.25 0.125 0.5";
export const yoloBox = { class: 0, x: 0.5, y: 0.25, width: 0.125, height: 0.5 };

/** Pictures 0.jpg, 1.jpg, ... in a folder's `images`, each with a label file in `labels`. */
export function labelled(folder: string, count = 2, text = yoloRow): YoloFiles {
  const files: YoloFiles = {};
  const start = folder === "" ? "" : `${folder}/`;
  for (let n = 0; n < count; n++) {
    files[`${start}images/${n}.jpg`] = "";
    files[`${start}labels/${n}.txt`] = text;
  }
  return files;
}

/** Pictures 0.jpg, 1.jpg, ... with their label files beside them. */
export function labelledBeside(folder: string, count = 2, text = yoloRow): YoloFiles {
  const files: YoloFiles = {};
  for (let n = 0; n < count; n++) {
    files[`${folder}/${n}.jpg`] = "";
    files[`${folder}/${n}.txt`] = text;
  }
  return files;
}

/** Paths of the pictures of train, val and test. */
export const filesBySplit = (set: OpenedTree): string[][] =>
  splitNames.map((split) => set.splits[split].map(({ file }) => file.slice("set/".length)));

export const countsBySplit = (set: OpenedTree): number[] => splitNames.map((split) => set.splits[split].length);
