/**
 * Classes of each data set as this page numbers them: in the order in which they were met, so that a number keeps its
 * meaning while boxes are under edit, whatever is read meanwhile.
 */
import type { PixelBox } from "@phinets/core/data";
import { signal } from "@preact/signals";
import type { LabelRequests, PictureName } from "../../../datasets/labels.js";

/** A data set, and where its labels are. */
export interface SetName extends Pick<PictureName, "set"> {
  readonly labels: LabelRequests;
}

const lists = signal<ReadonlyMap<string, readonly string[]>>(new Map());

const keyOf = ({ labels, set }: SetName): string => JSON.stringify([labels.identity, set]);

export const classesOf = (name: SetName): readonly string[] => lists.value.get(keyOf(name)) ?? [];

/** The set has these classes, too. */
export function meetClasses(name: SetName, names: readonly string[]): void {
  const known = classesOf(name);
  const more = names.filter((each) => !known.includes(each));
  const key = keyOf(name);
  if (more.length > 0 || !lists.value.has(key)) lists.value = new Map(lists.value).set(key, [...known, ...more]);
}

/** Boxes whose classes are numbered by `names`, numbered as this page does. */
export function inPageClasses<B extends PixelBox>(name: SetName, boxes: readonly B[], names: readonly string[]): B[] {
  meetClasses(name, names);
  const known = classesOf(name);
  return boxes.map((box) => ({ ...box, class: known.indexOf(names[box.class]) }));
}
