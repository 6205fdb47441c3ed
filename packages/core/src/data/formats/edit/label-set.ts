/**
 * Edits boxes in the data set's own files: YOLO's texts, Pascal VOC's annotations, COCO's JSON, wherever they are. A
 * file is read again before it is written, so that changes by others are never overwritten; other pictures, other
 * fields and unchanged boxes keep their exact characters.
 */
import { PhinetsError, utf8Encode } from "../../../tensor/index.js";
import { mostFileBytes, mostLabelBytes } from "../../files/limits.js";
import { linesOf } from "../../files/text.js";
import { type Awaitable, baseName, extensionOf, stemOf } from "../../files/tree.js";
import { type PictureSize, splitNames } from "../../types.js";
import type { LabelPlaces } from "../format.js";
import type { OpenedTree } from "../open.js";
import { yoloDescription } from "../write/yolo.js";
import { bareFormat, withUnlabelled } from "./bare.js";
import { addToNames, checkNewClass } from "./class-names.js";
import { addCocoCategory } from "./coco.js";
import { type EditContext, type EditedBox, type LabelEditor, type PixelBox, textOf } from "./editor.js";
import { labelEditorOf } from "./editors.js";

/** The file system of a label set: a disk, a folder that a page may write, a browser's storage. */
export interface LabelHost {
  /** Size of the upright picture. Throws PhinetsError if the file is not a picture. */
  pictureSize(picture: string): Promise<PictureSize>;
  /** Undefined if there is no such file. Throws PhinetsError if it cannot be read, or has more than `most` bytes. */
  read(file: string, most: number): Awaitable<Uint8Array | undefined>;
  /** Throws PhinetsError `data.edit` if the file must not be written: a link, outside the data set, write-protected. */
  requirePlace(file: string): Awaitable<void>;
  /** Writes a file atomically. */
  write(file: string, bytes: Uint8Array): Awaitable<void>;
  /** A digest, equal for equal bytes. */
  digest(bytes: Uint8Array): Awaitable<string>;
  /** Appends a name to a data.yaml's `names`; comments and other fields stay. */
  addToYaml(text: string, name: string, options: YamlNames): Promise<string>;
  /**
   * Runs the work after all previous work has finished, so that nothing else writes between its reading and writing.
   */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

export interface YamlNames {
  /** Name of the file for messages. */
  readonly shown: string;
  /** Its current class names. */
  readonly names: readonly string[];
}

export interface PictureLabels {
  /** Size of the upright picture in pixels. */
  readonly size: PictureSize;
  /** In file order: an edited box refers to its index here as `row`. */
  readonly boxes: readonly PixelBox[];
  /** False if the picture has not been labelled yet. */
  readonly labelled: boolean;
  /** Changes whenever this picture's labels change. */
  readonly version: string;
}

export interface SavedLabels extends PictureLabels {
  /** For each given box, its index in `boxes`. */
  readonly rows: readonly number[];
}

/** The part of an opened data set that a label set needs. */
export type LabelledTree = Pick<OpenedTree, "task" | "classes" | "splits" | "format" | "places">;

export class LabelSet {
  readonly #host: LabelHost;
  readonly #shown: string;
  readonly #format: string;
  readonly #editor: LabelEditor;
  readonly #places: LabelPlaces;
  readonly #unlabelled: Set<string>;
  readonly #pictures: readonly string[];
  #classes: readonly string[];
  /** The file of class names, and its digest when the names were read. */
  #classFile: { readonly path: string; readonly digest: string } | undefined;

  private constructor(opened: LabelledTree, { host, shown }: { readonly host: LabelHost; readonly shown: string }) {
    const { task, format, places, classes, splits } = opened;
    if (task !== "detect")
      throw new PhinetsError(
        "data.edit",
        `${shown}: has a class for each picture; boxes are drawn in sets of boxes`,
        shown,
      );
    this.#editor = labelEditorOf(format === bareFormat ? "yolo" : format, shown);
    if (places === undefined)
      throw new PhinetsError(
        "data.edit",
        `${shown}: its rows hold more than boxes, which is not changed; phinets convert ${shown} NEW_FOLDER --to yolo makes a set of boxes`,
        shown,
      );
    this.#host = host;
    this.#shown = shown;
    this.#format = format;
    this.#places = places;
    this.#unlabelled = new Set(places.unlabelled.map(({ file }) => file));
    this.#classes = classes;
    const all = withUnlabelled(splits, places);
    this.#pictures = [...new Set(splitNames.flatMap((split) => all[split].map(({ file }) => file)))];
  }

  /**
   * Throws PhinetsError `data.edit` if the labels cannot be edited in place.
   * @param shown the data set's name for messages
   */
  static async of(opened: LabelledTree, host: LabelHost, shown: string): Promise<LabelSet> {
    const set = new LabelSet(opened, { host, shown });
    const { classes: file } = set.#places;
    if (file !== undefined) set.#classFile = { path: file, digest: await set.#digestOf(file) };
    return set;
  }

  get classes(): readonly string[] {
    return this.#classes;
  }

  /** Picture files in the order of the splits. */
  get pictures(): readonly string[] {
    return this.#pictures;
  }

  isLabelled(file: string): boolean {
    return !this.#unlabelled.has(file);
  }

  /** The next unlabelled picture after this one, wrapping around at the end. */
  nextUnlabelled(after: string): string | undefined {
    const at = this.#pictures.indexOf(after) + 1;
    return [...this.#pictures.slice(at), ...this.#pictures.slice(0, at)].find((file) => this.#unlabelled.has(file));
  }

  /** Throws PhinetsError if the picture is not in the data set, or if the picture or its label file cannot be read. */
  async read(file: string): Promise<PictureLabels> {
    const context = await this.#contextOf(file);
    return this.#read(await this.#bytesOf(context.shown), context);
  }

  /**
   * Replaces a picture's boxes by these. Throws PhinetsError `data.changed` if the labels no longer have this
   * `version`, `data.edit` for an invalid box, `run.write` if the file cannot be written; nothing is changed in these
   * cases.
   */
  async save(file: string, boxes: readonly EditedBox[], version: string): Promise<SavedLabels> {
    const context = await this.#contextOf(file);
    return this.#host.inTurn(() => this.#save(file, boxes, { version, context }));
  }

  async #save(
    file: string,
    boxes: readonly EditedBox[],
    { version, context }: { readonly version: string; readonly context: EditContext },
  ): Promise<SavedLabels> {
    const { shown: labels } = context;
    const bytes = await this.#bytesOf(labels);
    const before = await this.#read(bytes, context);
    if (before.version !== version)
      throw new PhinetsError(
        "data.changed",
        `${labels}: was changed by somebody else since it was opened; open the picture again`,
        labels,
      );
    await this.#requireClasses();
    checkBoxes(boxes, before, context);
    const edited = this.#editor.write(bytes, boxes, context);
    await this.#host.requirePlace(labels);
    if (boxes.length > 0) await this.#describe();
    if (!before.labelled) await this.#enlist(labels);
    await this.#host.write(labels, edited.bytes);
    this.#unlabelled.delete(file);
    return { ...(await this.#read(edited.bytes, context)), rows: edited.rows };
  }

  /**
   * Appends a class, also in the file that lists the classes if there is one. In formats that name classes only in
   * boxes, such as Pascal VOC, the class appears in the files with its first box.
   */
  async addClass(name: string): Promise<readonly string[]> {
    return this.#host.inTurn(() => this.#addClass(name));
  }

  async #addClass(name: string): Promise<readonly string[]> {
    checkNewClass(name, this.#classes);
    await this.#requireClasses();
    const [json] = this.#format === "coco" ? new Set(this.#places.files.values()) : [];
    if (this.#classFile !== undefined) {
      const { path } = this.#classFile;
      await this.#host.requirePlace(path);
      const text = await this.#textOf(path);
      const isYaml = /^\.ya?ml$/.test(extensionOf(path));
      const changed = isYaml
        ? await this.#host.addToYaml(text, name, { shown: path, names: this.#classes })
        : addToNames(text, name);
      await this.#requireClasses();
      await this.#writeClasses(path, changed);
    } else if (this.#format === "yolo")
      throw new PhinetsError(
        "data.classes",
        `${this.#shown}: no file with the names of the classes can be changed; write them, one a line, into classes.txt`,
        this.#shown,
      );
    else if (json !== undefined) {
      await this.#host.requirePlace(json);
      const context = { ...unknownPicture, shown: json, classes: this.#classes };
      await this.#host.write(json, addCocoCategory(await this.#bytesOf(json), name, context));
    }
    this.#classes = [...this.#classes, name];
    return this.#classes;
  }

  async #contextOf(file: string): Promise<EditContext> {
    const shown = this.#places.files.get(file);
    if (shown === undefined)
      throw new PhinetsError("data.edit", `${file}: is no picture of ${this.#shown} that boxes can be drawn in`, file);
    const { names, firstPixel = 1 } = this.#places;
    const size = await this.#host.pictureSize(file);
    const name = names?.get(file) ?? baseName(file);
    const folder = baseName(file.slice(0, Math.max(0, file.length - baseName(file).length - 1)));
    return { shown, classes: this.#classes, size, firstPixel, name, folder };
  }

  #bytesOf(labels: string): Awaitable<Uint8Array | undefined> {
    return this.#host.read(labels, this.#format === "coco" ? mostFileBytes : mostLabelBytes);
  }

  async #read(bytes: Uint8Array | undefined, context: EditContext): Promise<PictureLabels> {
    const { boxes, labelled, own } = this.#editor.read(bytes, context);
    return { size: context.size, boxes, labelled, version: labelled ? await this.#host.digest(own) : "new" };
  }

  /** Digest of a file's content; a missing file counts as empty. */
  async #digestOf(file: string): Promise<string> {
    const bytes = await this.#host.read(file, mostFileBytes);
    return bytes === undefined ? "" : this.#host.digest(bytes);
  }

  async #textOf(file: string): Promise<string> {
    const bytes = await this.#host.read(file, mostFileBytes);
    if (bytes === undefined) throw new PhinetsError("data.changed", `${file}: is gone; put it back`, file);
    return textOf(bytes, { shown: file });
  }

  async #writeClasses(path: string, text: string): Promise<void> {
    const bytes = utf8Encode(text);
    await this.#host.write(path, bytes);
    this.#classFile = { path, digest: await this.#host.digest(bytes) };
  }

  /** Throws if the class names have changed, because class numbers would then refer to other classes. */
  async #requireClasses(): Promise<void> {
    if (this.#classFile === undefined) return;
    const { path, digest } = this.#classFile;
    if ((await this.#digestOf(path)) === digest) return;
    throw new PhinetsError("data.changed", `${path}: was changed by somebody else; open the data set again`, path);
  }

  /** Writes the data.yaml of a so far unlabelled data set, with its first box. */
  async #describe(): Promise<void> {
    const { description } = this.#places;
    if (description === undefined || this.#classFile !== undefined) return;
    const { file, train } = description;
    if ((await this.#host.read(file, mostFileBytes)) !== undefined)
      throw new PhinetsError("data.changed", `${file}: is there now; open the data set again`, file);
    await this.#host.requirePlace(file);
    await this.#writeClasses(file, yoloDescription({ train }, this.#classes));
  }

  /**
   * Adds a new annotation to the lists that must contain it, before the annotation is written: a missing annotation can
   * be added later.
   */
  async #enlist(labels: string): Promise<void> {
    const stem = stemOf(baseName(labels));
    for (const list of this.#places.lists ?? []) {
      await this.#host.requirePlace(list);
      const text = await this.#textOf(list);
      if (linesOf(text).some((line) => line.trim() === stem)) continue;
      await this.#host.write(list, utf8Encode(addToNames(text, stem)));
    }
  }
}

/** Context for operations on a whole COCO file. */
const unknownPicture = { size: { width: 1, height: 1 }, firstPixel: 1, name: "", folder: "" } as const;

/** Tolerance for rounding errors when an edge and a side are added. */
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
