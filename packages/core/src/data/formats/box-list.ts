/**
 * Collects the boxes of one picture: converts corners in pixels or fractions to labels, and treats and counts anomalies
 * in the same way for all formats.
 */
import type { BoxLabel, PictureSize } from "../types.js";
import type { OpenLog } from "./open-log.js";

/** Corners in pixels, relative to the size that the labels were made for. */
export interface Corners {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface BoxListOptions {
  readonly log: OpenLog;
  /** Size in pixels of the picture that the corners refer to. */
  readonly size: PictureSize;
  /**
   * What happens to boxes that reach far out of the picture: a "problem" of the row, or "clip" for formats whose
   * objects may leave the picture. Default "problem". Small excesses are always clipped.
   */
  readonly outside?: "problem" | "clip";
}

/** A box may exceed the picture by this many pixels, or by this share of the side, without being wrong. */
const littlePixels = 2;
const littleShare = 0.02;

type LabelOfBox = Pick<BoxLabel, "class" | "ignore" | "trackId">;

export class BoxList {
  readonly labels: BoxLabel[] = [];
  #keys: Set<string> | undefined;

  constructor(readonly options: BoxListOptions) {}

  /**
   * @param where `FILE:LINE` or `FILE: annotations[17]`, for messages
   * @param file file under which the message is reported
   */
  add(corners: Corners, label: LabelOfBox, where: string, file: string): void {
    this.#add(corners, label, where, file, false);
  }

  /** Like `add`, for corners that are fractions 0..1 of the picture. */
  addFractions(corners: Corners, label: LabelOfBox, where: string, file: string): void {
    this.#add(corners, label, where, file, true);
  }

  // A data set has up to millions of boxes, so this allocates nothing but the label.
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
    // In units of the allowed excess.
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
    // A side of the smallest representable number of pixels underflows to 0 as a fraction.
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

  /** Adds a label that is already in fractions, unless it equals a previous one. */
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

  /** Whether a label with this class, box and track exists. Large lists are searched by key. */
  #has(label: BoxLabel): boolean {
    const { labels } = this;
    if (labels.length <= few) return labels.some((each) => isSame(each, label));
    this.#keys ??= new Set(labels.map(keyOf));
    const { size } = this.#keys;
    return this.#keys.add(keyOf(label)).size === size;
  }
}

/** Up to this many labels are compared one by one. */
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
