/**
 * Classes of each data set as this page numbers them: in the order in which they were met, so that a number keeps its
 * meaning while boxes are under edit, whatever the server reads meanwhile.
 */
import type { PixelBox } from "@phinets/core/data";
import { signal } from "@preact/signals";

const lists = signal<ReadonlyMap<string, readonly string[]>>(new Map());

export const classesOf = (set: string): readonly string[] => lists.value.get(set) ?? [];

/** The set has these classes, too. */
export function meetClasses(set: string, names: readonly string[]): void {
  const known = classesOf(set);
  const more = names.filter((name) => !known.includes(name));
  if (more.length > 0 || !lists.value.has(set)) lists.value = new Map(lists.value).set(set, [...known, ...more]);
}

/** Boxes whose classes are numbered by `names`, numbered as this page does. */
export function inPageClasses<B extends PixelBox>(set: string, boxes: readonly B[], names: readonly string[]): B[] {
  meetClasses(set, names);
  const known = classesOf(set);
  return boxes.map((box) => ({ ...box, class: known.indexOf(names[box.class]) }));
}
