/**
 * Boxes of one picture as a format reads them: corners in pixels or fractions become labels, and what is odd about them
 * is treated, and counted, alike in all formats.
 */
import type { BoxLabel, PictureSize } from "../types.js";
import type { OpenLog } from "./open-log.js";

/** Corners in pixels of the size that the labels were made for. */
export interface Corners {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface BoxListOptions {
  readonly log: OpenLog;
  /** Size of the picture that corners are in, pixels. */
  readonly size: PictureSize;
  /**
   * Boxes that reach far out of the picture: a "problem" of the row, or "clip" them, where the format's objects may leave
   * the picture. Default "problem". A little is always clipped.
   */
  readonly outside?: "problem" | "clip";
}

/** Pixels, or this share of the side, that a box may exceed the picture by without being wrong. */
const littlePixels = 2;
const littleShare = 0.02;

type LabelOfBox = Pick<BoxLabel, "class" | "ignore" | "trackId">;

export class BoxList {
  readonly labels: BoxLabel[] = [];
  #keys: Set<string> | undefined;

  constructor(readonly options: BoxListOptions) {}

  /**
   * @param where `FILE:LINE` or `FILE: annotations[17]`, for messages
   * @param file what the message is filed under
   */
  add(corners: Corners, label: LabelOfBox, where: string, file: string): void {
    this.#add(corners, label, where, file, false);
  }

  /** As `add`, of corners that are fractions 0..1 of the picture. */
  addFractions(corners: Corners, label: LabelOfBox, where: string, file: string): void {
    this.#add(corners, label, where, file, true);
  }

  // A data set has up to millions of boxes: nothing is made on this way but the label.
  #add(corners: Corners, label: LabelOfBox, where: string, file: string, fractions: boolean): void {
    const { log, size, outside = "problem" } = this.options;
    log.rows++;
    const width = fractions ? 1 : size.width;
    const height = fractions ? 1 : size.height;
    if (!Number.isFinite(corners.left + corners.top + corners.right + corners.bottom)) {
      const [side, value] = Object.entries(corners).find((each) => !Number.isFinite(each[1])) ?? [
        "a corner",
        "too large",
      ];
      const wanted = fractions ? "a number" : "a number of pixels";
      log.problem("row", "data.label", `${where}: ${side} is ${value}; it is ${wanted}; correct or remove it`, file);
      return;
    }
    let left = Math.min(corners.left, corners.right);
    let right = Math.max(corners.left, corners.right);
    let top = Math.min(corners.top, corners.bottom);
    let bottom = Math.max(corners.top, corners.bottom);
    if (left !== corners.left || top !== corners.top) log.changed("boxes with swapped corners are turned round", where);
    const across = Math.max(fractions ? 0 : littlePixels, littleShare * width);
    const down = Math.max(fractions ? 0 : littlePixels, littleShare * height);
    // In units of what is allowed.
    const worst = Math.max(-left / across, (right - width) / across, -top / down, (bottom - height) / down);
    if (worst > 1 && outside === "problem") {
      const box = `${round(left)},${round(top)} to ${round(right)},${round(bottom)}`;
      const bounds = fractions ? "corners are fractions 0..1 of the picture" : `the picture is ${width}x${height}`;
      log.problem("row", "data.label", `${where}: the box is ${box}; ${bounds}; correct or remove it`, file);
      return;
    }
    if (worst > 0) {
      left = clamp(left, width);
      right = clamp(right, width);
      top = clamp(top, height);
      bottom = clamp(bottom, height);
    }
    // The smallest number of pixels is no fraction of the picture.
    if (!((right - left) / width > 0 && (bottom - top) / height > 0)) {
      log.changed("boxes without an area are left out", where);
      return;
    }
    if (worst > 0) log.changed("boxes that reach out of the picture are clipped", where);
    const placed = {
      class: label.class,
      x: (left + right) / 2 / width,
      y: (top + bottom) / 2 / height,
      width: (right - left) / width,
      height: (bottom - top) / height,
    };
    this.#push(placed, label, where);
  }

  /** Adds a label that is in fractions already, unless it equals one before. */
  addLabel(label: BoxLabel, where: string): void {
    const { class: c, x, y, width, height } = label;
    this.options.log.rows++;
    this.#push({ class: c, x, y, width, height }, label, where);
  }

  #push(placed: BoxLabel, { trackId, ignore }: LabelOfBox, where: string): void {
    let label = placed;
    if (trackId !== undefined) label = { ...label, trackId };
    if (ignore !== undefined) label = { ...label, ignore };
    if (this.#has(label)) this.options.log.changed("rows equal to one before are left out", where);
    else this.labels.push(label);
  }

  /** Whether a label of this class, place and track is there; of many, by their keys. */
  #has(label: BoxLabel): boolean {
    const { labels } = this;
    if (labels.length <= few) return labels.some((each) => isSame(each, label));
    this.#keys ??= new Set(labels.map(keyOf));
    const { size } = this.#keys;
    return this.#keys.add(keyOf(label)).size === size;
  }
}

/** So many labels are sooner compared one by one. */
const few = 12;

const isSame = (a: BoxLabel, b: BoxLabel): boolean =>
  a.x === b.x &&
  a.y === b.y &&
  a.width === b.width &&
  a.height === b.height &&
  a.class === b.class &&
  a.trackId === b.trackId;

const keyOf = (l: BoxLabel): string => `${l.class} ${l.x} ${l.y} ${l.width} ${l.height} ${l.trackId}`;

const clamp = (value: number, side: number): number => Math.min(side, Math.max(0, value));

const round = (value: number): number => Math.round(value * 100) / 100;
