/**
 * The page's own class numbers for each data set. Classes are appended as they appear, so that a number keeps its
 * meaning while boxes are edited, whatever is read in the meantime.
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

/** Adds classes of a data set that are not known yet. */
export function meetClasses(name: SetName, names: readonly string[]): void {
  const known = classesOf(name);
  const more = names.filter((each) => !known.includes(each));
  const key = keyOf(name);
  if (more.length > 0 || !lists.value.has(key)) lists.value = new Map(lists.value).set(key, [...known, ...more]);
}

/** Renumbers boxes from the classes `names` to the page's numbers. */
export function inPageClasses<B extends PixelBox>(name: SetName, boxes: readonly B[], names: readonly string[]): B[] {
  meetClasses(name, names);
  const known = classesOf(name);
  return boxes.map((box) => ({ ...box, class: known.indexOf(names[box.class]) }));
}
