/** The actions of the keys, which the help lists too. */
import type { Handle } from "@phinets/core/labelling";
import { copyFromBefore, follow, interpolate, markKeyframe } from "./clip.js";
import { isPanning } from "./pointers.js";
import {
  act,
  close,
  draw,
  editing,
  goBy,
  isHelpOpen,
  perform,
  redoNext,
  saveAndGoOn,
  selected,
  setClass,
  suggestBoxes,
  undoLast,
} from "./store.js";
import { seenPart, showWhole, zoomBy, zoomStep } from "./viewport.js";

export const keyHelp: readonly (readonly [keys: string, what: string])[] = [
  ["N", "a new box in the middle; or drag over the picture"],
  ["Arrows", "move the box by a fiftieth of what is seen; with Alt by one pixel"],
  ["Shift+Arrows", "resize it; with Alt by one pixel"],
  ["Tab", "the next box"],
  ["1 to 9", "its class"],
  ["D", "double it"],
  ["Delete", "remove it"],
  ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
  ["Enter", "save, and on to the next picture without labels"],
  ["Page Up, Page Down; J, K", "the picture before, after"],
  ["P", "boxes that the chosen model suggests"],
  ["A, X", "accept, drop the suggestion; with Shift all"],
  ["C", "boxes of the frame before"],
  ["Shift+K", "the box is a keyframe"],
  ["I", "boxes in the frames between its last two keyframes"],
  ["F", "follow the box through the frames after, by the chosen model"],
  ["+, -, 0", "larger, smaller, the whole picture; Ctrl+wheel or two fingers likewise"],
  ["Space", "held: drag the picture; so does the middle button"],
  ["?", "this list"],
  ["Escape", "close"],
];

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Steps of an arrow key across the visible part. */
const steps = 50;

const plainKeys: Readonly<Record<string, () => void>> = {
  n: () => draw(),
  d: () => onSelected((id) => act({ kind: "duplicate", id })),
  delete: () => onSelected((id) => act({ kind: "delete", id })),
  backspace: () => onSelected((id) => act({ kind: "delete", id })),
  enter: () => void saveAndGoOn(),
  pageup: () => goBy(-1),
  pagedown: () => goBy(1),
  j: () => goBy(-1),
  k: () => goBy(1),
  p: () => void suggestBoxes(),
  a: () => onSelected((id) => act({ kind: "accept", id })),
  x: () => onSelected((id) => act({ kind: "drop", id })),
  c: () => void copyFromBefore(),
  i: () => void interpolate(),
  f: () => void follow(),
  "+": () => zoomBy(zoomStep, editing.value),
  "=": () => zoomBy(zoomStep, editing.value),
  "-": () => zoomBy(1 / zoomStep, editing.value),
  "0": showWhole,
  "?": toggleHelp,
};

const shiftKeys: Readonly<Record<string, () => void>> = {
  a: () => act({ kind: "accept" }),
  x: () => act({ kind: "drop" }),
  k: markKeyframe,
  "+": () => zoomBy(zoomStep, editing.value),
  "?": toggleHelp,
};

const controlKeys: Readonly<Record<string, () => void>> = { z: undoLast, y: redoNext };

function toggleHelp(): void {
  isHelpOpen.value = !isHelpOpen.value;
}

function onSelected(work: (id: number) => void): void {
  const box = selected.value;
  if (box !== undefined) work(box.id);
}

/** Whether the target handles the key itself, because it takes text or can be pressed. */
function isOwn({ key, target }: KeyboardEvent): boolean {
  const element = target as HTMLElement;
  if (element.matches("input, select, textarea")) return true;
  return element.matches("button, a[href], summary") && (key === "Enter" || key === " ");
}

export function pressKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || isOwn(event)) return;
  if (event.key === " ") {
    event.preventDefault();
    isPanning.value = true;
    return;
  }
  const work = workOf(event);
  if (work === undefined) return;
  event.preventDefault();
  if (event.key === "Escape") work();
  else perform(work);
}

/** The space bar was released, or the window lost the focus. */
export function endPanning(event: KeyboardEvent | FocusEvent): void {
  if (event.type === "blur" || (event as KeyboardEvent).key === " ") isPanning.value = false;
}

function workOf({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent): (() => void) | undefined {
  const name = key.toLowerCase();
  const direction = arrows[key];
  if (ctrlKey || metaKey) {
    if (altKey) return undefined;
    return shiftKey ? (name === "z" ? redoNext : undefined) : controlKeys[name];
  }
  if (direction !== undefined) return () => step(direction, { resizes: shiftKey, byPixel: altKey });
  if (altKey) return undefined;
  if (key === "Escape") return isHelpOpen.value ? toggleHelp : close;
  if (/^[1-9]$/.test(key)) return () => setClass(Number(key) - 1);
  return shiftKey ? shiftKeys[name] : plainKeys[name];
}

function step(
  [across, down]: readonly [number, number],
  { resizes, byPixel }: { readonly resizes: boolean; readonly byPixel: boolean },
): void {
  const { width, height } = seenPart(editing.value.size);
  const pixels = byPixel ? 1 : Math.max(1, Math.round(Math.max(width, height) / steps));
  const by = [across * pixels, down * pixels] as const;
  const handle: Handle = [across === 0 ? 0 : 1, down === 0 ? 0 : 1];
  onSelected((id) => act(resizes ? { kind: "resize", id, handle, by } : { kind: "move", id, by }));
}
