/**
 * Adds a picture to a data set, as a file of its own among the training pictures, or to a folder that becomes a data
 * set.
 */
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { splitArchivePath } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, writeFileAtomic } from "@phinets/node/host";
import { isIdxReference } from "@phinets/node/picture";
import type { Catalogue } from "../shared/data.js";
import type { SavedFrame } from "../shared/try.js";
import type { Datasets } from "./datasets.js";

export interface NewPicture {
  /** Path, in the opened folder, of the data set or of a folder without pictures. */
  readonly set: string;
  /** Name of the class, where a picture's folder determines its class. */
  readonly kind?: string;
  readonly bytes: Uint8Array;
  /** Returns the path of a file in this folder that does not exist. Throws PhinetsError where there are too many. */
  readonly nameIn: (folder: string) => string;
}

/** Names that a new folder may have. */
const newFolder = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u;

/**
 * Writes a picture that was checked before. Throws PhinetsError where the data set takes no pictures: it lies in an
 * archive, or lists its pictures elsewhere, so that a new file would not be part of it. No file is left then.
 */
export async function addPicture(datasets: Datasets, { set, kind, bytes, nameIn }: NewPicture): Promise<SavedFrame> {
  const { folder } = datasets;
  const place = await placeIn(datasets, set, kind);
  folder.require(place, folder.shorten(place));
  // Nothing is awaited between choosing the name and writing, so no other picture can take it.
  const file = nameIn(place);
  writeFileAtomic(file, bytes);
  datasets.reload(set);
  try {
    return { set, file: listedAs(await datasets.catalogue(set), { set, kind, file }) };
  } catch (error) {
    rmSync(file, { force: true });
    datasets.reload(set);
    throw error;
  }
}

/**
 * Makes a folder for pictures in the opened one, unless it exists. Throws PhinetsError where the name is not a plain
 * one.
 */
export function makePictureFolder({ folder }: Datasets, name: string): void {
  if (!newFolder.test(name))
    throw new PhinetsError(
      "studio.request",
      `${JSON.stringify(name.slice(0, 100))} is no name of a new folder; letters, digits, spaces, . _ and - are taken`,
      name,
    );
  const path = join(folder.real, name);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, path);
  }
}

/** The folder for the new picture. */
async function placeIn(datasets: Datasets, set: string, kind: string | undefined): Promise<string> {
  const catalogue = await datasets.catalogueIfAny(set);
  if (catalogue === undefined) return datasets.folder.resolve(set || ".");
  const { task, classes, labels } = catalogue;
  const shown = set || "the folder";
  if (task === "classify" && !classes.includes(kind ?? ""))
    throw new PhinetsError(
      "studio.frame",
      `${shown}: is for classification, where a picture's folder is its class; choose ${classes.slice(0, 5).join(", ")}${classes.length > 5 ? ", ..." : ""}`,
      set,
    );
  // Training pictures come first in the catalogue.
  const n = task === "classify" ? labels.indexOf(classes.indexOf(kind!)) : 0;
  const beside = await datasets.file(set, n);
  if (splitArchivePath(beside) !== undefined || isIdxReference(beside))
    throw new PhinetsError(
      "studio.frame",
      `${shown}: its pictures lie in an archive, which is only read; unpack it first`,
      set,
    );
  return dirname(beside);
}

interface Written {
  readonly set: string;
  readonly kind?: string;
  /** Full path. */
  readonly file: string;
}

/**
 * The path, within the data set, of a picture that was written. Throws PhinetsError where the data set, read again,
 * does not list it in the expected way.
 */
function listedAs({ files, task, labels, classes }: Catalogue, { set, kind, file }: Written): string {
  const n = files.findIndex((each) => file.endsWith(`/${each}`));
  if (n >= 0 && (task === "detect" || classes[labels[n]] === kind)) return files[n];
  throw new PhinetsError(
    "studio.frame",
    `${set || "the folder"}: its labels' file lists its pictures, so that one more is none of them; make it a YOLO set with phinets convert`,
    set,
  );
}
