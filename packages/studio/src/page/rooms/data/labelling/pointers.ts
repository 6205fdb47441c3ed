/**
 * Mouse, pen and touch on the picture. One pointer draws, moves and resizes boxes. Two fingers, the wheel with Ctrl,
 * the middle button, and any pointer while Space is held, zoom and pan.
 */
import type { EditAction, Handle } from "@phinets/core/labelling";
import { signal } from "@preact/signals";
import { act, choose, draw, editing } from "./store.js";
import { panBy, pixelsOnScreen, zoom, zoomBy } from "./viewport.js";

type Point = readonly [x: number, y: number];

/** A pointer's action since it went down, in pixels of the picture. */
export type Drag = { readonly from: Point; readonly to: Point } & (
  | { readonly kind: "draw" }
  | { readonly kind: "move"; readonly id: number }
  | { readonly kind: "resize"; readonly id: number; readonly handle: Handle }
);

export const drag = signal<Drag | undefined>(undefined);
/** Space is held: dragging moves the picture. */
export const isPanning = signal(false);

/** Screen pixels that a pointer must move before it draws. */
const leastDrag = 4;
/** From this many screen pixels per picture pixel on, edges snap to picture pixels. */
const aimedPixels = 8;
/** Screen pixels of wheel movement that double the zoom. */
const wheelDouble = 200;
const linePixels = 16;

/** Positions of the pointers on the screen: fingers, and the one that pans. */
const places = new Map<number, Point>();
/** After a pinch, all fingers must lift before one can draw. */
let isPinching = false;
let panner: number | undefined;

/** Ends all actions. */
export function releaseAll(): void {
  places.clear();
  isPinching = false;
  panner = undefined;
  drag.value = undefined;
  isPanning.value = false;
}

export const actionOf = (value: Exclude<Drag, { kind: "draw" }>): EditAction => {
  const by: Point = [value.to[0] - value.from[0], value.to[1] - value.from[1]];
  return value.kind === "move"
    ? { kind: "move", id: value.id, by }
    : { kind: "resize", id: value.id, handle: value.handle, by };
};

/** Event handlers of the window that shows the picture. @param frame returns the picture's element */
export function pointerHandlers(frame: () => HTMLElement) {
  const scale = () => pixelsOnScreen(editing.value.size);
  const pointOf = ({ clientX, clientY }: PointerEvent): Point => {
    const { size } = editing.value;
    const { left, top, width, height } = frame().getBoundingClientRect();
    const point: Point = [((clientX - left) / width) * size.width, ((clientY - top) / height) * size.height];
    return scale() < aimedPixels ? point : [Math.round(point[0]), Math.round(point[1])];
  };
  const begin = (event: PointerEvent) => {
    const target = event.target as HTMLElement;
    const id = Number(target.closest<HTMLElement>("[data-box]")?.dataset.box ?? -1);
    const handle = target.dataset.handle?.split(",").map(Number) as unknown as Handle | undefined;
    const from = pointOf(event);
    const place = { from, to: from };
    if (id < 0) drag.value = { kind: "draw", ...place };
    else if (editing.value.suggestions.some((each) => each.id === id)) return choose(id);
    else drag.value = handle === undefined ? { kind: "move", id, ...place } : { kind: "resize", id, handle, ...place };
    choose(id < 0 ? undefined : id);
  };
  const end = () => {
    const { value } = drag;
    drag.value = undefined;
    if (value === undefined) return;
    const by = [value.to[0] - value.from[0], value.to[1] - value.from[1]] as const;
    const far = Math.max(Math.abs(by[0]), Math.abs(by[1])) * scale();
    if (value.kind === "draw") {
      if (far >= leastDrag) draw(value.from, value.to);
    } else if (far > 0) act(actionOf(value));
  };
  const release = ({ pointerId }: PointerEvent) => {
    places.delete(pointerId);
    if (panner === pointerId) panner = undefined;
    if (places.size === 0) isPinching = false;
  };
  return {
    onPointerDown(event: PointerEvent) {
      const { button, clientX, clientY, pointerId, pointerType, currentTarget } = event;
      const pans = button === 1 || (button === 0 && isPanning.value);
      if (button !== 0 && !pans) return;
      const isFinger = pointerType === "touch";
      if (isFinger || pans) places.set(pointerId, [clientX, clientY]);
      (currentTarget as HTMLElement).setPointerCapture(pointerId);
      if (pans) {
        // Without this the middle button scrolls.
        event.preventDefault();
        panner = pointerId;
      } else if (isFinger && places.size > 1) {
        isPinching = true;
        drag.value = undefined;
      } else if (drag.value === undefined && !isPinching) begin(event);
    },
    onPointerMove(event: PointerEvent) {
      const { pointerId, clientX, clientY } = event;
      const before = places.get(pointerId);
      const now: Point = [clientX, clientY];
      if (before !== undefined) places.set(pointerId, now);
      if (before !== undefined && pointerId === panner) panBy([now[0] - before[0], now[1] - before[1]]);
      else if (before !== undefined && isPinching) pinch(pointerId, before, now);
      else if (drag.value !== undefined) drag.value = { ...drag.value, to: pointOf(event) };
    },
    onPointerUp(event: PointerEvent) {
      const draws = panner !== event.pointerId && !isPinching;
      release(event);
      if (draws) end();
    },
    onPointerCancel(event: PointerEvent) {
      release(event);
      drag.value = undefined;
    },
    onWheel(event: WheelEvent) {
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? linePixels : 1;
      if (event.ctrlKey || event.metaKey) {
        // Without this the browser zooms the page.
        event.preventDefault();
        const about = [event.clientX, event.clientY] as const;
        zoomBy(2 ** ((-event.deltaY * pixels) / wheelDouble), { size: editing.value.size, about });
      } else if (zoom.value.scale > 1) {
        event.preventDefault();
        panBy([-event.deltaX * pixels, -event.deltaY * pixels]);
      }
    },
  };
}

/** One of two fingers has moved: zoom and pan with both. */
function pinch(moved: number, before: Point, now: Point): void {
  const other = [...places].find(([id]) => id !== moved)?.[1];
  if (other === undefined) return;
  const apart = ([x, y]: Point) => Math.sqrt((x - other[0]) ** 2 + (y - other[1]) ** 2);
  const middle = ([x, y]: Point): Point => [(x + other[0]) / 2, (y + other[1]) / 2];
  const [from, to] = [middle(before), middle(now)];
  if (apart(before) > 0) zoomBy(apart(now) / apart(before), { size: editing.value.size, about: from, to });
}
