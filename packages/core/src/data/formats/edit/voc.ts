/**
 * Edits the objects of a Pascal VOC annotation. If an object's box moves, only its corners change, and its polygon is
 * removed.
 */
import { PhinetsError, utf8Encode } from "../../../tensor/index.js";
import { parseXml, type XmlElement, XmlError } from "../../files/xml.js";
import type { PictureSize } from "../../types.js";
import { cornersOf } from "../voc.js";
import { readVocAnnotation, readVocObject, type VocBox, type VocObject } from "../voc-annotation.js";
import { atLeastAPixel, escaped, vocAnnotation, vocBndbox, vocObject } from "../write/voc.js";
import {
  byRow,
  type EditContext,
  type EditedBox,
  isSamePlace,
  type LabelEditor,
  newRows,
  type PixelBox,
  type Splice,
  spliceText,
  textOf,
  toThousandth,
} from "./editor.js";

interface Found {
  readonly element: XmlElement;
  readonly box: PixelBox;
}

interface Annotation {
  readonly text: string;
  readonly root: XmlElement;
  readonly found: readonly Found[];
  /** The size that the corners refer to. */
  readonly size: PictureSize;
}

export const vocEditor: LabelEditor = {
  read(bytes, context) {
    if (bytes === undefined) return { boxes: [], labelled: false, own: new Uint8Array() };
    return { boxes: readAnnotation(bytes, context).found.map(({ box }) => box), labelled: true, own: bytes };
  },
  write(bytes, boxes, context) {
    const rows = newRows(boxes);
    if (bytes === undefined) {
      byRow(boxes, 0);
      const { name, folder, size } = context;
      const objects = boxes.map((box) => objectOf(box, size, context));
      return { bytes: utf8Encode(vocAnnotation(name, size, { folder, objects })), rows };
    }
    const annotation = readAnnotation(bytes, context);
    const { text, root, found, size } = annotation;
    const { kept, added } = byRow(boxes, found.length);
    const splices: Splice<string>[] = [];
    for (const [row, { element, box }] of found.entries()) {
      const wanted = kept.get(row);
      if (wanted === undefined) splices.push({ ...withBlanksBefore(text, element), with: "" });
      else splices.push(...changes(element, box, wanted, annotation, context));
    }
    if (added.length > 0) {
      const last = root.children.at(-1);
      const at = last?.end ?? root.contentStart;
      const objects = added.map((box) => objectOf(box, size, context)).join("");
      splices.push({ from: at, to: at, with: `\n${objects.replace(/\n$/, "")}` });
    }
    return { bytes: utf8Encode(spliceText(text, splices)), rows };
  },
};

function readAnnotation(bytes: Uint8Array, context: EditContext): Annotation {
  const { shown, classes, size: own, firstPixel } = context;
  const text = textOf(bytes, context);
  try {
    const root = parseXml(text);
    const { size = own } = readVocAnnotation(text);
    const found: Found[] = [];
    for (const element of root.children) {
      if (element.name !== "object") continue;
      const object = readVocObject(element);
      if (typeof object === "string") continue; // unusable, so it stays
      const kind = classes.indexOf(object.name);
      if (kind < 0)
        throw new PhinetsError(
          "data.changed",
          `${shown}:${object.line}: has the class ${JSON.stringify(object.name)}, which the data set had not; open it again`,
          shown,
        );
      found.push({ element, box: { class: kind, ...pixelsOf(object, firstPixel, size, own) } });
    }
    return { text, root, found, size };
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw new PhinetsError("data.voc", `${shown}:${error.line}: ${error.message}; correct or remove the file`, shown);
  }
}

function pixelsOf(object: VocObject, first: 0 | 1, stated: PictureSize, own: PictureSize): Omit<PixelBox, "class"> {
  const { left, top, right, bottom } = cornersOf(object, first);
  const [across, down] = [own.width / stated.width, own.height / stated.height];
  const box = { left: left * across, top: top * down, width: (right - left) * across, height: (bottom - top) * down };
  return object.difficult ? { ...box, ignore: "difficult" } : box;
}

/** Corners in the file's convention. */
function vocBoxOf(box: PixelBox, stated: PictureSize, { size: own, firstPixel }: EditContext): VocBox {
  const [across, down] = [stated.width / own.width, stated.height / own.height];
  const [left, right] = [box.left * across, (box.left + box.width) * across].map(toThousandth);
  const [top, bottom] = [box.top * down, (box.top + box.height) * down].map(toThousandth);
  if (firstPixel === 0) return { xmin: left, ymin: top, xmax: right, ymax: bottom };
  const [x, y] = [atLeastAPixel(left, right, stated.width), atLeastAPixel(top, bottom, stated.height)];
  return { xmin: x.from, ymin: y.from, xmax: x.to, ymax: y.to };
}

function objectOf(box: EditedBox, stated: PictureSize, context: EditContext): string {
  return vocObject(context.classes[box.class], vocBoxOf(box, stated, context), { difficult: box.ignore !== undefined });
}

const child = (element: XmlElement, name: string) => element.children.find((each) => each.name === name);
const contentOf = (element: XmlElement) => ({ from: element.contentStart, to: element.contentEnd });

function changes(
  element: XmlElement,
  before: PixelBox,
  box: EditedBox,
  { text, size }: Annotation,
  context: EditContext,
): Splice<string>[] {
  const splices: Splice<string>[] = [];
  const name = child(element, "name");
  if (before.class !== box.class && name !== undefined)
    splices.push({ ...contentOf(name), with: escaped(context.classes[box.class]) });
  if (isSamePlace(before, box)) return splices;
  const corners = vocBoxOf(box, size, context);
  const bndbox = child(element, "bndbox");
  const shape = child(element, "polygon") ?? child(element, "robndbox");
  if (bndbox !== undefined) {
    for (const [corner, value] of Object.entries(corners))
      splices.push({ ...contentOf(child(bndbox, corner)!), with: String(value) });
    if (shape !== undefined) splices.push({ ...withBlanksBefore(text, shape), with: "" });
  } else if (shape !== undefined) splices.push({ from: shape.start, to: shape.end, with: vocBndbox(corners) });
  return splices;
}

/** An element and the whitespace before it, so that its line is removed too. */
function withBlanksBefore(text: string, { start, end }: XmlElement): { from: number; to: number } {
  let from = start;
  while (from > 0 && /\s/.test(text[from - 1])) from--;
  return { from, to: end };
}
