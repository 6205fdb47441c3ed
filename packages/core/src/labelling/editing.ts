/**
 * The boxes of one picture while they are edited. Every action returns a new state; every change can be undone, without
 * limit. Boxes keep their ids through undo and redo.
 */
import type { PictureSize, PixelBox } from "../data/index.js";
import { type Handle, movedBy, type Place, placeBetween, resizedBy } from "./place.js";

export interface DrawnBox extends PixelBox {
  /** Unique within this editing session; never reused. */
  readonly id: number;
  /** The clip's object that the box shows; see keyframes.ts. */
  readonly object?: number;
}

/** A box found by a model, which becomes a drawn box when it is accepted. */
export interface Suggestion extends DrawnBox {
  /** The model's confidence, 0..1. */
  readonly score: number;
}

/** The part of the state that undo and redo restore. */
interface Drawing {
  readonly boxes: readonly DrawnBox[];
  readonly suggestions: readonly Suggestion[];
}

export interface Editing extends Drawing {
  readonly size: PictureSize;
  /** Id of the box or suggestion that keyboard actions apply to. */
  readonly selected?: number;
  readonly past: readonly Drawing[];
  readonly future: readonly Drawing[];
  readonly nextId: number;
}

export type EditAction =
  /** A box between two corners, given in any order. */
  | {
      readonly kind: "draw";
      readonly class: number;
      readonly from: readonly [number, number];
      readonly to: readonly [number, number];
    }
  | { readonly kind: "move"; readonly id: number; readonly by: readonly [number, number] }
  | { readonly kind: "resize"; readonly id: number; readonly handle: Handle; readonly by: readonly [number, number] }
  | { readonly kind: "class"; readonly id: number; readonly class: number }
  | { readonly kind: "object"; readonly id: number; readonly object: number }
  | { readonly kind: "delete"; readonly id: number }
  | { readonly kind: "duplicate"; readonly id: number }
  /** Adds boxes of another picture, such as the previous frame. */
  | { readonly kind: "add"; readonly boxes: readonly (PixelBox & Pick<DrawnBox, "object">)[] }
  /** Replaces the current suggestions. */
  | { readonly kind: "suggest"; readonly boxes: readonly (PixelBox & Pick<Suggestion, "score">)[] }
  /** Accepts one suggestion, or all without an id. */
  | { readonly kind: "accept"; readonly id?: number }
  | { readonly kind: "drop"; readonly id?: number };

/** Offset in pixels, right and down, of a duplicate from its original. */
const duplicateBy = 8;

export function beginEditing(size: PictureSize, boxes: readonly PixelBox[]): Editing {
  const drawn = boxes.map((box, id) => ({ ...box, id }));
  return { size, boxes: drawn, suggestions: [], past: [], future: [], nextId: boxes.length };
}

/** The state after an action. Returns the same object if the box does not exist or nothing changes. */
export function edit(editing: Editing, action: EditAction): Editing {
  const { size, boxes, suggestions, nextId } = editing;
  switch (action.kind) {
    case "draw": {
      const box = { class: action.class, ...placeBetween(action.from, action.to, size), id: nextId };
      return changed(editing, { boxes: [...boxes, box] }, nextId);
    }
    case "move":
      return placed(editing, action.id, (box) => movedBy(box, action.by[0], action.by[1], size));
    case "resize":
      return placed(editing, action.id, (box) => resizedBy(box, action.handle, action.by, size));
    case "class":
      return replaced(editing, action.id, (box) => ({ ...box, class: action.class }));
    case "object":
      return replaced(editing, action.id, (box) => ({ ...box, object: action.object }));
    case "delete": {
      const at = boxes.findIndex(({ id }) => id === action.id);
      if (at < 0) return edit(editing, { kind: "drop", id: action.id });
      const rest = boxes.filter((_, n) => n !== at);
      return changed(editing, { boxes: rest }, rest[Math.min(at, rest.length - 1)]?.id);
    }
    case "duplicate": {
      const box = boxes.find(({ id }) => id === action.id);
      if (box === undefined) return editing;
      const { object: _, ...copy } = { ...box, ...movedBy(box, duplicateBy, duplicateBy, size), id: nextId };
      return changed(editing, { boxes: [...boxes, copy] }, nextId);
    }
    case "add": {
      if (action.boxes.length === 0) return editing;
      const added = action.boxes.map((box, n) => ({ ...box, ...within(box, size), id: nextId + n }));
      return changed(editing, { boxes: [...boxes, ...added] }, nextId);
    }
    case "suggest": {
      if (action.boxes.length + suggestions.length === 0) return editing;
      const found = action.boxes.map((box, n) => ({ ...box, ...within(box, size), id: nextId + n }));
      return changed(editing, { suggestions: found }, found[0]?.id ?? editing.selected);
    }
    case "accept": {
      const taken = suggestions.filter(({ id }) => action.id === undefined || id === action.id);
      if (taken.length === 0) return editing;
      const drawn = taken.map(({ score: _, ...box }): DrawnBox => box);
      return afterSuggestions(editing, action.id, [...boxes, ...drawn]);
    }
    case "drop": {
      if (!suggestions.some(({ id }) => action.id === undefined || id === action.id)) return editing;
      return afterSuggestions(editing, action.id, boxes);
    }
  }
}

/** Undoes the last change and selects its box. Returns the same object if there is nothing to undo. */
export function undo(editing: Editing): Editing {
  const { past, future, boxes, suggestions } = editing;
  const before = past.at(-1);
  if (before === undefined) return editing;
  return shown(editing, before, { past: past.slice(0, -1), future: [...future, { boxes, suggestions }] });
}

/** Redoes the change that was undone last. */
export function redo(editing: Editing): Editing {
  const { past, future, boxes, suggestions } = editing;
  const next = future.at(-1);
  if (next === undefined) return editing;
  return shown(editing, next, { past: [...past, { boxes, suggestions }], future: future.slice(0, -1) });
}

export function select(editing: Editing, id: number | undefined): Editing {
  return { ...editing, selected: id };
}

/** Selects the next box or suggestion, cyclically; the previous one with `by` -1. */
export function selectNext(editing: Editing, by: 1 | -1 = 1): Editing {
  const all = [...editing.boxes, ...editing.suggestions];
  if (all.length === 0) return editing;
  const at = all.findIndex(({ id }) => id === editing.selected);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length;
  return select(editing, all[next].id);
}

/** The box or suggestion that keyboard actions apply to. */
export function selectedOf({ boxes, suggestions, selected }: Editing): DrawnBox | Suggestion | undefined {
  return boxes.find(({ id }) => id === selected) ?? suggestions.find(({ id }) => id === selected);
}

function changed(editing: Editing, changes: Partial<Drawing>, selected: number | undefined): Editing {
  const { boxes, suggestions, past, nextId } = editing;
  const next = { ...editing, ...changes, selected, past: [...past, { boxes, suggestions }], future: [] };
  const ids = [...next.boxes, ...next.suggestions].map(({ id }) => id + 1);
  return { ...next, nextId: ids.reduce((most, id) => Math.max(most, id), nextId) };
}

function replaced(editing: Editing, id: number, change: (box: DrawnBox) => DrawnBox): Editing {
  const box = editing.boxes.find((each) => each.id === id);
  if (box === undefined) return editing;
  const next = change(box);
  const isSame = (Object.keys(next) as (keyof DrawnBox)[]).every((key) => next[key] === box[key]);
  if (isSame) return editing;
  return changed(editing, { boxes: editing.boxes.map((each) => (each.id === id ? next : each)) }, id);
}

const placed = (editing: Editing, id: number, change: (place: Place) => Place): Editing =>
  replaced(editing, id, (box) => ({ ...box, ...change(box) }));

/** Removes one suggestion, or all without an id, and selects the following one for review. */
function afterSuggestions(editing: Editing, id: number | undefined, boxes: readonly DrawnBox[]): Editing {
  const { suggestions } = editing;
  const at = suggestions.findIndex((each) => each.id === id);
  const rest = id === undefined ? [] : suggestions.filter((each) => each.id !== id);
  return changed(editing, { boxes, suggestions: rest }, rest[Math.min(at, rest.length - 1)]?.id);
}

function shown(editing: Editing, drawing: Drawing, history: Pick<Editing, "past" | "future">): Editing {
  const known = new Set(editing.boxes);
  const other = drawing.boxes.findLast((box) => !known.has(box))?.id ?? editing.selected;
  const next = { ...editing, ...drawing, ...history, selected: other };
  return selectedOf(next) === undefined ? { ...next, selected: undefined } : next;
}

function within({ left, top, width, height }: Place, size: PictureSize): Place {
  return placeBetween([left, top], [left + width, top + height], size);
}
