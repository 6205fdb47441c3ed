/** Boxes of one picture as exchanged between server and page, in pixels of the upright picture. */
import type { BoxLabel, EditedBox, LabelSet, PictureSize, PixelBox } from "@phinets/core/data";
import type { NamedDetection } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";

export interface LabelDocument {
  /** Path of the picture within the data set, as `Catalogue.files` has it. */
  readonly picture: string;
  readonly size: PictureSize;
  /** In the order of the file; a box to be saved names its index here as `row`. */
  readonly boxes: readonly PixelBox[];
  readonly labelled: boolean;
  /** Sent back when the boxes are saved, to detect changes in between. */
  readonly version: string;
  readonly classes: readonly string[];
}

export interface SaveRequest {
  readonly boxes: readonly EditedBox[];
  readonly version: string;
  /** Names of the boxes' class numbers; a class that the data set lacks is added. */
  readonly classes: readonly string[];
}

export interface SavedDocument extends LabelDocument {
  /** For each box that was sent: its index in `boxes`. */
  readonly rows: readonly number[];
}

/** A network that suggests boxes: a run in the opened folder, or one that comes with PhiNets. */
export interface ModelEntry {
  readonly id: string;
  /** Title to show. */
  readonly title: string;
  readonly classes: readonly string[];
  /** The path for use in commands. */
  readonly path: string;
}

export interface SuggestedBoxes {
  /** Names of the boxes' class numbers. */
  readonly classes: readonly string[];
  readonly boxes: readonly (PixelBox & { readonly score: number })[];
  /** Classes of detections that the data set does not have. */
  readonly missing: readonly string[];
}

/** A network's detections in the data set's classes. */
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
  /** Relative to the opened folder. */
  readonly folder: string;
  readonly count: number;
}

/** Converts to centre and sides as fractions of the picture, as in catalogues. */
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
 * Renumbers boxes to the data set's current classes. The page may have read the data set when its classes had another
 * order, or may have added classes that no file has yet.
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
