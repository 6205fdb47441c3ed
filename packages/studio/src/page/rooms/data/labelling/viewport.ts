/** The visible part of the picture: the state of zoom.ts, and the elements that it is measured by. */
import type { PictureSize, PixelBox } from "@phinets/core/data";
import { signal } from "@preact/signals";
import { panned, type Room, seen, whole, type Zoom, zoomed } from "./zoom.js";

export const zoom = signal<Zoom>(whole);

/** Largest zoom, in screen pixels per picture pixel. */
const mostPixels = 40;

/** Zoom factor of a key or button. */
export const zoomStep = Math.SQRT2;

let elements: { readonly window: HTMLElement; readonly picture: HTMLElement } | undefined;

/**
 * @param window element in which the picture is shown
 * @param picture element with the picture's size at scale 1, centred in the window
 */
export function watch(window: HTMLElement, picture: HTMLElement): void {
  elements = { window, picture };
}

/** The window relative to the picture, and the picture's rectangle at scale 1; undefined while none is shown. */
function measured(): { readonly room: Room; readonly place: DOMRect } | undefined {
  if (elements === undefined) return undefined;
  const [place, window] = [elements.picture.getBoundingClientRect(), elements.window.getBoundingClientRect()];
  if (place.width === 0 || place.height === 0) return undefined;
  const room = { across: Math.max(1, window.width / place.width), down: Math.max(1, window.height / place.height) };
  return { room, place };
}

type Point = readonly [x: number, y: number];

export interface ZoomByOptions {
  readonly size: PictureSize;
  /** A point on the screen to zoom about, and where it moves. Default: the middle of the window, which stays. */
  readonly about?: Point;
  readonly to?: Point;
}

export function zoomBy(factor: number, { size, about, to }: ZoomByOptions): void {
  const found = measured();
  if (found === undefined) return;
  const { room, place } = found;
  const at = ([x, y]: Point): Point => [(x - place.left) / place.width, (y - place.top) / place.height];
  const most = (mostPixels * size.width) / place.width;
  const options = { factor, about: about === undefined ? ([0.5, 0.5] as const) : at(about), most, room };
  zoom.value = zoomed(zoom.value, { ...options, ...(to && { to: at(to) }) });
}

/** Screen pixels per picture pixel; 0 while no picture is shown. */
export function pixelsOnScreen(size: PictureSize): number {
  return (zoom.value.scale * (measured()?.place.width ?? 0)) / size.width;
}

/** @param by in screen pixels */
export function panBy([across, down]: Point): void {
  const found = measured();
  if (found === undefined) return;
  const { room, place } = found;
  zoom.value = panned(zoom.value, [across / place.width, down / place.height], room);
}

export function showWhole(): void {
  zoom.value = whole;
}

/** The visible part, in picture pixels. */
export function seenPart(size: PictureSize): Pick<PixelBox, "left" | "top" | "width" | "height"> {
  const found = zoom.value.scale === 1 ? undefined : measured();
  if (found === undefined) return { left: 0, top: 0, ...size };
  const { x1, y1, x2, y2 } = seen(zoom.value, found.room);
  const { width, height } = size;
  return { left: x1 * width, top: y1 * height, width: (x2 - x1) * width, height: (y2 - y1) * height };
}

/** Centres a box whose centre is not visible. */
export function reveal(box: PixelBox, size: PictureSize): void {
  const found = measured();
  if (found === undefined || zoom.value.scale === 1) return;
  const { left, top, width, height } = seenPart(size);
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  if (x >= left && x <= left + width && y >= top && y <= top + height) return;
  const { scale } = zoom.value;
  const by = [(left + width / 2 - x) / size.width, (top + height / 2 - y) / size.height] as const;
  zoom.value = panned(zoom.value, [by[0] * scale, by[1] * scale], found.room);
}
