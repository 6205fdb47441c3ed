/**
 * Boxes, in three forms:
 * - centre: x, y = centre, width, height. Used for truths and inside the network; fractions 0..1 of the picture.
 * - corner: x1, y1, x2, y2; left, top, right, bottom. Used by trackers; source pixels.
 * - top-left: x, y = top-left corner, width, height. Used for detections returned to the user; fractions, or source
 *   pixels.
 * Each use names its form. No form adds one pixel to a size.
 */

/** A labelled object: class index, centre and size as fractions 0..1 of the picture. */
export interface Truth {
  readonly class: number;
  /** centre, 0..1 from the left */
  readonly x: number;
  /** centre, 0..1 from the top */
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /**
   * Marks a region of many objects, or an object that need not be found: detections there count neither as right nor as
   * wrong.
   */
  readonly ignore?: "crowd" | "difficult";
}

/** A found object: class index, score 0..1, TOP-LEFT corner and size, as fractions of the picture or in source pixels. */
export interface Detection {
  readonly class: number;
  readonly score: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CentreBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CornerBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** Anchor shapes `[width, height]` in cells of the output grid. */
export type Anchors = readonly (readonly [width: number, height: number])[];

export function centreToCorners(box: CentreBox): CornerBox {
  return {
    x1: box.x - box.width / 2,
    y1: box.y - box.height / 2,
    x2: box.x + box.width / 2,
    y2: box.y + box.height / 2,
  };
}

export function cornersToCentre(box: CornerBox): CentreBox {
  return {
    x: (box.x1 + box.x2) / 2,
    y: (box.y1 + box.y2) / 2,
    width: box.x2 - box.x1,
    height: box.y2 - box.y1,
  };
}

/**
 * Converts fractions of the picture to source pixels, clipped to the picture. `width`, `height`: the picture's size in
 * pixels.
 */
export function toSourcePixels(detections: readonly Detection[], width: number, height: number): Detection[] {
  return detections.map((detection) => {
    const x1 = clamp(detection.x * width, 0, width);
    const y1 = clamp(detection.y * height, 0, height);
    const x2 = clamp((detection.x + detection.width) * width, 0, width);
    const y2 = clamp((detection.y + detection.height) * height, 0, height);
    return { class: detection.class, score: detection.score, x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
  });
}

/** Clips a detection in fractions to the picture. */
export function clipDetection(detection: Detection): Detection {
  const x1 = clamp(detection.x, 0, 1);
  const y1 = clamp(detection.y, 0, 1);
  const x2 = clamp(detection.x + detection.width, 0, 1);
  const y2 = clamp(detection.y + detection.height, 0, 1);
  return { class: detection.class, score: detection.score, x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/**
 * Intersection over union of corner boxes. Takes scalars, so that hot loops allocate nothing. 0 for boxes that only
 * touch.
 */
export function iouCorners(
  ax1: number,
  ay1: number,
  ax2: number,
  ay2: number,
  bx1: number,
  by1: number,
  bx2: number,
  by2: number,
): number {
  const width = Math.min(ax2, bx2) - Math.max(ax1, bx1);
  if (!(width > 0)) return 0;
  const height = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (!(height > 0)) return 0;
  const intersection = width * height;
  return intersection / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection);
}

/** Intersection over union of centre boxes, as scalars. */
export function iouCentre(
  ax: number,
  ay: number,
  aw: number,
  ah: number,
  bx: number,
  by: number,
  bw: number,
  bh: number,
): number {
  const width = Math.min(ax + aw / 2, bx + bw / 2) - Math.max(ax - aw / 2, bx - bw / 2);
  if (!(width > 0)) return 0;
  const height = Math.min(ay + ah / 2, by + bh / 2) - Math.max(ay - ah / 2, by - bh / 2);
  if (!(height > 0)) return 0;
  const intersection = width * height;
  return intersection / (aw * ah + bw * bh - intersection);
}

/** Intersection over union of two shapes that share a corner: the similarity of an anchor and a box. */
export function iouShapes(aw: number, ah: number, bw: number, bh: number): number {
  const intersection = Math.min(aw, bw) * Math.min(ah, bh);
  const union = aw * ah + bw * bh - intersection;
  return union > 0 ? intersection / union : 0;
}

export function iou(a: CornerBox, b: CornerBox): number {
  return iouCorners(a.x1, a.y1, a.x2, a.y2, b.x1, b.y1, b.x2, b.y2);
}
