/**
 * Finds sequences and tracks in the usual layouts: MOTChallenge's folders (SEQ/gt/gt.txt), flat files (SEQ.txt),
 * TrackEval's (mot_challenge/SPLIT/SEQ, seqmaps, TRACKER/data/SEQ.txt), VisDrone's (annotations, sequences) and KITTI's
 * (label_02, image_02).
 */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";
import { linesOf } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { isFile, isFolder, listFolder, missing, readText } from "./files.js";

export interface SequencePlace {
  readonly name: string;
  readonly file: string;
  /** Its seqinfo.ini, where the layout has one. */
  readonly info?: string;
  /** Folder of its pictures. */
  readonly pictures: string;
  /** Number of frames stated in a sequence map. */
  readonly frames?: number;
}

export interface TruthPlaces {
  readonly sequences: readonly SequencePlace[];
  /** Name of the folder of a benchmark's split, such as MOT17-train. */
  readonly split?: string;
}

/** Depth to which folders are searched. */
const deepest = 4;

/** @param wanted comma-separated names */
export function findSequences(gt: string, wanted: string | undefined): TruthPlaces {
  const all = allSequences(gt);
  if (wanted === undefined) return all;
  const names = wanted.split(",").map((name) => name.trim());
  const sequences = names.map((name) => {
    const found = all.sequences.find((sequence) => sequence.name === name);
    if (found) return found;
    throw missing(gt, `sequence "${name}"; it has ${all.sequences.map((sequence) => sequence.name).join(", ")}`);
  });
  return { ...all, sequences };
}

function allSequences(gt: string): TruthPlaces {
  if (isFile(gt)) {
    const folder = dirname(dirname(gt));
    if (basename(gt) === "gt.txt" && basename(dirname(gt)) === "gt") return { sequences: [nested(folder)] };
    return { sequences: [flat(gt)] };
  }
  if (isFile(join(gt, "gt/gt.txt"))) return { sequences: [nested(gt)] };
  if (!isFolder(gt)) throw missing(gt, "folder of sequences");
  const places = preferred([...foldersIn(gt, deepest)].filter((folder) => sequenceFiles(folder).length > 0));
  if (places.length === 0) {
    throw missing(
      gt,
      "sequence in this folder (SEQ/gt/gt.txt, SEQ.txt; of VisDrone annotations/SEQ.txt, of KITTI label_02/SEQ.txt)",
    );
  }
  if (places.length > 1) {
    throw new PhinetsError(
      "eval.gt",
      `${gt}: has sequences in ${places.map((place) => relative(gt, place) || ".").join(" and ")}; name one of these`,
      gt,
    );
  }
  const [folder] = places;
  return mapped(folder, sequenceFiles(folder));
}

/**
 * Of several candidates: those with SEQ/gt/gt.txt, else folders with the usual names of truths, because tracks may lie
 * beside them.
 */
function preferred(places: readonly string[]): readonly string[] {
  const nestedOnes = places.filter((folder) => sequenceFiles(folder)[0].info !== undefined);
  if (nestedOnes.length > 0) return nestedOnes;
  const named = places.filter((folder) => /^(?:annotations|label_02|gt)$/.test(basename(folder)));
  return named.length > 0 ? named : places;
}

/** A folder and its subfolders, outer ones first; folders of pictures, which are large, are skipped. */
function* foldersIn(folder: string, depth: number): Generator<string> {
  yield folder;
  if (depth === 0) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (/^(?:\.|img1$|sequences$|image_0\d$|seqmaps$)/.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (isFolder(path) && !isFile(join(path, "gt/gt.txt"))) yield* foldersIn(path, depth - 1);
  }
}

function sequenceFiles(folder: string): SequencePlace[] {
  const names = listFolder(folder, "sequences");
  const inFolders = names.filter((name) => isFile(join(folder, name, "gt/gt.txt")));
  if (inFolders.length > 0) return inFolders.map((name) => nested(join(folder, name)));
  return names
    .filter((name) => /\.txt$/i.test(name) && !/^readme|seqmap/i.test(name) && looksLikeRows(join(folder, name)))
    .map((name) => flat(join(folder, name)));
}

/** Whether the first non-empty row starts with two numbers. An empty file is a sequence without objects. */
function looksLikeRows(file: string): boolean {
  const [first = ""] = linesOf(readText(file)).filter((line) => line.trim() !== "");
  return first === "" || /^\s*-?\d+\s*[,;\s]\s*-?\d/.test(first) || /^"?frame/i.test(first);
}

function nested(folder: string): SequencePlace {
  return {
    name: basename(folder),
    file: join(folder, "gt/gt.txt"),
    info: join(folder, "seqinfo.ini"),
    pictures: join(folder, "img1"),
  };
}

function flat(file: string): SequencePlace {
  const folder = dirname(file);
  const name = basename(file, extname(file));
  const places = ["sequences", "image_02", "img1"].map((place) => join(dirname(folder), place, name));
  return { name, file, pictures: places.find(isFolder) ?? places[0] };
}

/**
 * The sequences that a sequence map lists, in its order: seqmaps/SPLIT.txt (TrackEval), evaluate_tracking.seqmap
 * (KITTI).
 */
function mapped(folder: string, sequences: readonly SequencePlace[]): TruthPlaces {
  const split = basename(folder);
  const file = join(dirname(folder), "seqmaps", `${split}.txt`);
  if (isFile(file)) {
    const [title, ...names] = linesOf(readText(file)).map((line) => line.trim());
    const wanted = (title === "name" ? names : [title, ...names]).filter((name) => name !== "");
    const chosen = wanted.flatMap((name) => sequences.find((sequence) => sequence.name === name) ?? []);
    if (chosen.length === 0) throw missing(folder, `sequence that ${file} names (${wanted.slice(0, 3).join(", ")})`);
    return { sequences: chosen, split };
  }
  const map = listFolder(dirname(folder), "sequences").find((name) => name.startsWith("evaluate_tracking.seqmap"));
  if (map === undefined || split !== "label_02") return { sequences, split };
  const rows = linesOf(readText(join(dirname(folder), map))).map((line) => line.trim().split(/\s+/));
  const chosen = rows.flatMap(([name, , , end]) => {
    const found = sequences.find((sequence) => sequence.name === name);
    return found ? [{ ...found, ...(Number(end) > 0 && { frames: Number(end) }) }] : [];
  });
  return { sequences: chosen.length > 0 ? chosen : sequences, split: basename(dirname(folder)) };
}

export function findTracks(pred: string, { sequences, split }: TruthPlaces): string[] {
  if (isFile(pred)) {
    if (sequences.length === 1) return [pred];
    throw new PhinetsError(
      "eval.pred",
      `${pred}: is one file for ${sequences.length} sequences; name a folder of SEQ.txt`,
      pred,
    );
  }
  if (!existsSync(pred)) throw missing(pred, "folder of tracks (SEQ.txt)");
  const has = (folder: string) => sequences.some(({ name }) => isFile(join(folder, `${name}.txt`)));
  const near = [pred, join(pred, "data"), join(pred, "label_02")].find(has);
  let folder = near ?? pred;
  if (near === undefined) {
    const all = [...foldersIn(pred, deepest)].filter(has);
    const own = all.filter((place) =>
      relative(pred, place)
        .split(/[/\\]/)
        .includes(split ?? ""),
    );
    const found = own.length > 0 ? own : all;
    if (found.length > 1) {
      throw new PhinetsError(
        "eval.pred",
        `${pred}: has tracks in ${found.map((place) => relative(pred, place)).join(" and ")}; name one of these`,
        pred,
      );
    }
    [folder = pred] = found;
  }
  return sequences.map(({ name }) => join(folder, `${name}.txt`));
}

/** Number of pictures in a folder; undefined where it does not exist. */
export function countPictures(folder: string): number | undefined {
  if (!isFolder(folder)) return undefined;
  const count = readdirSync(folder).filter((name) => /\.(?:jpe?g|png|bmp|webp)$/i.test(name)).length;
  return count > 0 ? count : undefined;
}

/** The first JPEG of a folder, for the report. */
export function firstJpeg(folder: string): string | undefined {
  if (!isFolder(folder)) return undefined;
  const name = listFolder(folder, "pictures").find((each) => /\.jpe?g$/i.test(each));
  return name === undefined ? undefined : join(folder, name);
}
