/** Boxes of one picture as the server and the page exchange them. All in pixels of the upright picture. */
import type { BoxLabel, EditedBox, LabelSet, PictureSize, PixelBox } from "@phinets/core/data";
import type { NamedDetection } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";

export interface LabelDocument {
  /** Path of the picture within the data set, as `Catalogue.files` has it. */
  readonly picture: string;
  readonly size: PictureSize;
  /** In the order of the file; a box that is saved names its place here as `row`. */
  readonly boxes: readonly PixelBox[];
  readonly labelled: boolean;
  /** Sent back when the boxes are saved: they are then still those that were read. */
  readonly version: string;
  readonly classes: readonly string[];
}

export interface SaveRequest {
  readonly boxes: readonly EditedBox[];
  readonly version: string;
  /** What the numbers of the boxes' classes stand for; one that the set does not have is added. */
  readonly classes: readonly string[];
}

export interface SavedDocument extends LabelDocument {
  /** Of each box that was sent: its place in `boxes`. */
  readonly rows: readonly number[];
}

/** A network that finds boxes: a run in the opened folder, or one that comes with PhiNets. */
export interface ModelEntry {
  readonly id: string;
  /** For people. */
  readonly title: string;
  readonly classes: readonly string[];
  /** As commands name it. */
  readonly path: string;
}

export interface SuggestedBoxes {
  /** What the numbers of the boxes' classes stand for. */
  readonly classes: readonly string[];
  readonly boxes: readonly (PixelBox & { readonly score: number })[];
  /** Classes of boxes that were found and that the data set does not have. */
  readonly missing: readonly string[];
}

/** What a network finds, by the classes of the data set. */
export function suggestedBoxes(found: readonly NamedDetection[], classes: readonly string[]): SuggestedBoxes {
  const missing = new Set(found.map(({ name }) => name).filter((name) => !classes.includes(name)));
  const boxes = found
    .filter(({ name }) => classes.includes(name))
    .map(({ name, score, x, y, width, height }) => ({
      ...{ class: classes.indexOf(name), left: x, top: y, width, height, score },
    }));
  return { boxes, missing: [...missing], classes };
}

export interface WrittenFrames {
  /** Within the opened folder. */
  readonly folder: string;
  readonly count: number;
}

/** Centre and sides as fractions of the picture, as catalogues have boxes. */
export function fractionsOf({ left, top, width, height, ...rest }: PixelBox, size: PictureSize): BoxLabel {
  return {
    ...rest,
    x: (left + width / 2) / size.width,
    y: (top + height / 2) / size.height,
    width: width / size.width,
    height: height / size.height,
  };
}

/**
 * Boxes whose classes are numbered as the set does. The page may have read the set before its classes were in this order,
 * or have added some that no file holds yet.
 */
export async function inOwnClasses(
  labels: LabelSet,
  boxes: readonly EditedBox[],
  classes: readonly string[],
): Promise<EditedBox[]> {
  for (const kind of new Set(boxes.map((box) => box.class))) {
    if (classes[kind] === undefined)
      throw new PhinetsError("studio.request", `a box is of class ${kind}; ${classes.length} are named`);
    if (!labels.classes.includes(classes[kind])) await labels.addClass(classes[kind]);
  }
  return boxes.map((box) => ({ ...box, class: labels.classes.indexOf(classes[box.class]) }));
}
