/**
 * Boxes of pictures changed in the data set's own files: YOLO's texts, Pascal VOC's annotations, COCO's JSON. A file is
 * read again before it is written, so that what somebody else changed is never overwritten; it is written as a whole or not
 * at all; other pictures, other fields and boxes that stay keep their very characters.
 */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import {
  addCocoCategory,
  type EditContext,
  type EditedBox,
  extensionOf,
  type LabelEditor,
  type LabelPlaces,
  labelEditorOf,
  linesOf,
  mostFileBytes,
  mostLabelBytes,
  type PictureSize,
  type PixelBox,
  splitNames,
  yoloDescription,
} from "@phinets/core/data";
import { PhinetsError, utf8Decode } from "@phinets/core/tensor";
import { readRegularSync } from "../files/regular-file.js";
import { writeFileAtomic } from "../host/atomic.js";
import { pictureSizeOf } from "../picture/decode.js";
import { addToNames, addToYaml, checkNewClass } from "./class-names.js";
import type { OpenedDataset } from "./open.js";
import { bareFormat, foldersOfPictures, openToLabel, withUnlabelled } from "./open-to-label.js";

export interface PictureLabels {
  /** Of the upright picture, pixels. */
  readonly size: PictureSize;
  /** In the order of the file: an edited box names its place here as `row`. */
  readonly boxes: readonly PixelBox[];
  /** False where nobody has said yet what the picture shows. */
  readonly labelled: boolean;
  /** Changes when the labels of this picture do. */
  readonly version: string;
}

export interface SavedLabels extends PictureLabels {
  /** Of each box that was given: its place in `boxes`. */
  readonly rows: readonly number[];
}

export interface LabelSetOptions {
  /** Nothing outside this folder is written. Default: the data set's own. */
  readonly within?: string;
}

export class LabelSet {
  readonly #root: string;
  readonly #folder: string;
  readonly #format: string;
  readonly #editor: LabelEditor;
  readonly #places: LabelPlaces;
  readonly #unlabelled: Set<string>;
  readonly #pictures: readonly string[];
  #classes: readonly string[];
  /** The file that names the classes, and what it held when they were read. */
  #classFile: { readonly path: string; readonly digest: string } | undefined;

  /** Throws PhinetsError `data.edit` where the labels cannot be changed in place. */
  constructor(opened: OpenedDataset, { within }: LabelSetOptions = {}) {
    const [set] = opened.sets;
    const { path, format, places } = set;
    if (set.task !== "detect") {
      throw new PhinetsError(
        "data.edit",
        `${path}: has a class for each picture; boxes are drawn in sets of boxes`,
        path,
      );
    }
    this.#editor = labelEditorOf(format === bareFormat ? "yolo" : format, path);
    if (places === undefined || opened.sets.length > 1)
      throw new PhinetsError(
        "data.edit",
        `${path}: its rows hold more than boxes, which is not changed; phinets convert ${path} NEW_FOLDER --to yolo makes a set of boxes`,
        path,
      );
    if (!existsSync(path) || !lstatSync(realpathSync(path)).isDirectory())
      throw new PhinetsError(
        "data.edit",
        `${path}: is an archive, which is not changed; unpack it into a folder`,
        path,
      );
    this.#folder = path;
    this.#root = realpathSync.native(within ?? path);
    this.#format = format;
    this.#places = places;
    this.#unlabelled = new Set(places.unlabelled.map(({ file }) => file));
    this.#classes = opened.classes;
    const splits = withUnlabelled(opened);
    this.#pictures = [...new Set(splitNames.flatMap((split) => splits[split].map(({ file }) => file)))];
    const { classes: file } = places;
    if (file !== undefined) this.#classFile = { path: file, digest: digestOf(readRegularSync(file)) };
  }

  static async open(path: string, options?: LabelSetOptions): Promise<LabelSet> {
    return new LabelSet(await openToLabel(path), options);
  }

  get classes(): readonly string[] {
    return this.#classes;
  }

  /** Their files, in the order of the splits. */
  get pictures(): readonly string[] {
    return this.#pictures;
  }

  isLabelled(file: string): boolean {
    return !this.#unlabelled.has(file);
  }

  /** The next picture after this one that nobody has labelled, from the beginning again after the last. */
  nextUnlabelled(after: string): string | undefined {
    const at = this.#pictures.indexOf(after) + 1;
    return [...this.#pictures.slice(at), ...this.#pictures.slice(0, at)].find((file) => this.#unlabelled.has(file));
  }

  /** Throws PhinetsError where the picture is not of the set, or one of the two files cannot be read. */
  async read(file: string): Promise<PictureLabels> {
    const context = await this.#contextOf(file);
    return this.#read(this.#bytesOf(context.shown), context);
  }

  /**
   * Writes what a picture shows: these boxes and no others. Throws PhinetsError `data.changed` where the labels are no
   * longer those of `version`, `data.edit` for a box that cannot be, `run.write` where the file cannot be written; nothing
   * is changed then.
   */
  async save(file: string, boxes: readonly EditedBox[], version: string): Promise<SavedLabels> {
    const context = await this.#contextOf(file);
    const { shown: labels } = context;
    // From here to the writing nothing waits: no other save comes between.
    const bytes = this.#bytesOf(labels);
    const before = this.#read(bytes, context);
    if (before.version !== version)
      throw new PhinetsError(
        "data.changed",
        `${labels}: was changed by somebody else since it was opened; open the picture again`,
        labels,
      );
    this.#requireClasses();
    checkBoxes(boxes, before, context);
    const edited = this.#editor.write(bytes, boxes, context);
    this.#requirePlace(labels);
    if (boxes.length > 0) this.#describe();
    if (!before.labelled) this.#enlist(labels);
    writeFileAtomic(labels, edited.bytes);
    this.#unlabelled.delete(file);
    return { ...this.#read(edited.bytes, context), rows: edited.rows };
  }

  /**
   * Adds a class after the others, and to the file that names them where there is one. Where boxes alone name them, as in
   * Pascal VOC, it is in the files with the first box of it.
   */
  async addClass(name: string): Promise<readonly string[]> {
    checkNewClass(name, this.#classes);
    this.#requireClasses();
    const [json] = this.#format === "coco" ? new Set(this.#places.files.values()) : [];
    if (this.#classFile !== undefined) {
      const { path } = this.#classFile;
      this.#requirePlace(path);
      const text = readText(path);
      const isYaml = /^\.ya?ml$/.test(extensionOf(path));
      const changed = isYaml
        ? await addToYaml(text, name, { shown: path, names: this.#classes })
        : addToNames(text, name);
      this.#requireClasses();
      writeFileAtomic(path, changed);
      this.#classFile = { path, digest: digestOf(Buffer.from(changed)) };
    } else if (this.#format === "yolo")
      throw new PhinetsError(
        "data.classes",
        `${this.#folder}: no file with the names of the classes can be changed; write them, one a line, into classes.txt`,
        this.#folder,
      );
    else if (json !== undefined) {
      this.#requirePlace(json);
      const context = { ...unknownPicture, shown: json, classes: this.#classes };
      writeFileAtomic(json, addCocoCategory(this.#bytesOf(json), name, context));
    }
    this.#classes = [...this.#classes, name];
    return this.#classes;
  }

  async #contextOf(file: string): Promise<EditContext> {
    const shown = this.#places.files.get(file);
    if (shown === undefined)
      throw new PhinetsError("data.edit", `${file}: is no picture of ${this.#folder} that boxes can be drawn in`, file);
    const { names, firstPixel = 1 } = this.#places;
    const size = await pictureSizeOf(file);
    const name = names?.get(file) ?? basename(file);
    return { shown, classes: this.#classes, size, firstPixel, name, folder: basename(dirname(file)) };
  }

  #bytesOf(labels: string): Uint8Array | undefined {
    if (lstatSync(labels, { throwIfNoEntry: false }) === undefined) return undefined;
    return readRegularSync(labels, { most: this.#format === "coco" ? mostFileBytes : mostLabelBytes });
  }

  #read(bytes: Uint8Array | undefined, context: EditContext): PictureLabels {
    const { boxes, labelled, own } = this.#editor.read(bytes, context);
    return { size: context.size, boxes, labelled, version: labelled ? digestOf(own) : "new" };
  }

  /** Where the names of the classes have changed, numbers would mean others. */
  #requireClasses(): void {
    if (this.#classFile === undefined) return;
    const { path, digest } = this.#classFile;
    if (existsSync(path) && digestOf(readRegularSync(path)) === digest) return;
    throw new PhinetsError("data.changed", `${path}: was changed by somebody else; open the data set again`, path);
  }

  /** A file that is no link, not write-protected, and in the opened folder once the links before it are followed. */
  #requirePlace(file: string): void {
    const refuse = (problem: string): never => {
      throw new PhinetsError("data.edit", `${file}: ${problem}`, file);
    };
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink()) refuse("is a link, which is not followed; put the file itself there");
    if (stats !== undefined && (stats.mode & 0o222) === 0)
      refuse("is read-only; allow writing it, and it is saved again");
    let folder = dirname(resolve(file));
    while (!existsSync(folder)) folder = dirname(folder);
    const below = relative(this.#root, realpathSync.native(folder));
    if (below === ".." || below.startsWith(`..${sep}`) || resolve(this.#root, below) !== realpathSync.native(folder))
      refuse(`lies outside ${this.#root}, where nothing is written; open a folder that holds it too`);
  }

  /** The data.yaml of pictures that had no labels, with the first box. */
  #describe(): void {
    if (this.#format !== bareFormat || this.#classFile !== undefined) return;
    const path = join(this.#folder, "data.yaml");
    if (existsSync(path))
      throw new PhinetsError("data.changed", `${path}: is there now; open the data set again`, path);
    this.#requirePlace(path);
    const within = this.#pictures.map((file) => relative(this.#folder, file).split(sep).join("/"));
    const text = yoloDescription({ train: foldersOfPictures(within) }, this.#classes);
    writeFileAtomic(path, text);
    this.#classFile = { path, digest: digestOf(Buffer.from(text)) };
  }

  /** Lists that a new annotation has to stand in name it before it is there: what is missing can be added. */
  #enlist(labels: string): void {
    const stem = basename(labels).replace(/\.[^.]*$/, "");
    for (const list of this.#places.lists ?? []) {
      this.#requirePlace(list);
      const text = readText(list);
      if (!linesOf(text).some((line) => line.trim() === stem)) writeFileAtomic(list, addToNames(text, stem));
    }
  }
}

/** For what is asked of a COCO file as a whole. */
const unknownPicture = { size: { width: 1, height: 1 }, firstPixel: 1, name: "", folder: "" } as const;

/** Written in another encoding than it was read, it would be another text. */
function readText(file: string): string {
  try {
    return utf8Decode(readRegularSync(file));
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "tensor.utf8") throw error;
    throw new PhinetsError("data.edit", `${file}: is no text in UTF-8; save it as UTF-8 first`, file);
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url").slice(0, 27);
}

/** Sums of a box's edge and side are off by their rounding. */
const littlePixels = 1e-3;

function checkBoxes(boxes: readonly EditedBox[], { boxes: before, size }: PictureLabels, context: EditContext): void {
  for (const [n, { class: kind, left, top, width, height, row }] of boxes.entries()) {
    const refuse = (problem: string): never => {
      throw new PhinetsError("data.edit", `box ${n + 1} ${problem}`);
    };
    if (context.classes[kind] === undefined) refuse(`is of class ${kind}; there are ${context.classes.length}`);
    const old = row === undefined ? undefined : before[row];
    const stays = old?.left === left && old.top === top && old.width === width && old.height === height;
    if (stays) continue;
    if (!(width > 0 && height > 0)) refuse(`is ${width} x ${height} pixels; it has an area`);
    const out = Math.max(-left, -top, left + width - size.width, top + height - size.height);
    if (!(out <= littlePixels))
      refuse(`is ${left},${top} to ${left + width},${top + height}; the picture is ${size.width}x${size.height}`);
  }
}
