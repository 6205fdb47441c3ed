/**
 * Computes anchor shapes by k-means with the distance 1 - IoU of boxes sharing a corner: YOLO9000, section 2,
 * "Dimension clusters" (Redmon & Farhadi, CVPR 2017). Seeding is k-means++ (Arthur & Vassilvitskii, SODA 2007) with
 * this distance. The best mean IoU of several starts wins.
 */
import { PhinetsError, Random } from "../tensor/index.js";
import { type Anchors, iouShapes } from "./boxes.js";

export type BoxShape = readonly [width: number, height: number];

export interface KMeansOptions {
  /** How a cluster's shape is computed from its boxes. Default "mean" (YOLOv2). */
  readonly update?: "mean" | "median";
  /** Default 1000; k-means on real boxes settles within 100. */
  readonly maxIterations?: number;
}

export interface KMeansResult {
  /** shapes in the unit of the boxes, in the order of `initial` */
  readonly centroids: [width: number, height: number][];
  /** cluster of every box */
  readonly assignments: Int32Array;
  /** mean over the boxes of the IoU with their nearest centroid, 0..1 */
  readonly meanIou: number;
  /** number of assignment passes, of which the last changed nothing */
  readonly iterations: number;
}

/** Lloyd's algorithm from given shapes. Of equal distances, the lowest index wins; an empty cluster keeps its shape. */
export function kMeansShapes(
  boxes: readonly BoxShape[],
  initial: readonly BoxShape[],
  options: KMeansOptions = {},
): KMeansResult {
  checkShapes(boxes, initial.length);
  const { update = "mean", maxIterations = 1000 } = options;
  const centroids = initial.map(([width, height]): [number, number] => [width, height]);
  const assignments = new Int32Array(boxes.length).fill(-1);
  let iterations = 0;
  while (iterations < maxIterations) {
    iterations++;
    if (!assign(boxes, centroids, assignments)) break;
    move(boxes, centroids, assignments, update);
  }
  let sum = 0;
  for (let i = 0; i < boxes.length; i++) {
    sum += iouShapes(boxes[i][0], boxes[i][1], ...centroids[nearest(boxes[i], centroids)]);
  }
  return { centroids, assignments, meanIou: sum / boxes.length, iterations };
}

export interface AnchorOptions extends KMeansOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Number of independent starts, of which the best is kept. Default 10. */
  readonly restarts?: number;
}

/**
 * Computes anchors for a data set. `shapes` are box sizes as fractions 0..1 of the picture, `grid` is the size of the
 * output map. Returns `anchors` in cells of the grid, smallest area first, and the mean IoU that they reach.
 * Throws `detection.anchors` when there are fewer boxes than anchors, or a box has no size.
 */
export function clusterAnchors(
  shapes: readonly BoxShape[],
  count: number,
  grid: { readonly width: number; readonly height: number },
  options: AnchorOptions = {},
): { anchors: Anchors; meanIou: number } {
  checkShapes(shapes, count);
  const { seed = 0, restarts = 10 } = options;
  let best: KMeansResult | undefined;
  for (let start = 0; start < restarts; start++) {
    const result = kMeansShapes(shapes, spread(shapes, count, new Random(seed, start)), options);
    if (best === undefined || result.meanIou > best.meanIou) best = result;
  }
  if (best === undefined) {
    throw new PhinetsError("detection.anchors", `anchors: restarts is ${restarts}; it must be at least 1`);
  }
  const anchors = best.centroids
    .map(([width, height]): [number, number] => [width * grid.width, height * grid.height])
    .sort((a, b) => a[0] * a[1] - b[0] * b[1] || a[0] - b[0]);
  return { anchors, meanIou: best.meanIou };
}

/**
 * Mean IoU of the best anchors for every number of anchors from..to. Where the curve flattens, more anchors cost more
 * than they gain. Ends early where there are fewer boxes than anchors.
 */
export function meanIouOverCount(
  shapes: readonly BoxShape[],
  from: number,
  to: number,
  options: AnchorOptions = {},
): { readonly anchors: number; readonly meanIou: number; readonly shapes: readonly BoxShape[] }[] {
  checkShapes(shapes, from);
  const curve = [];
  for (let count = from; count <= Math.min(to, shapes.length); count++) {
    const best = clusterAnchors(shapes, count, { width: 1, height: 1 }, options);
    curve.push({ anchors: count, meanIou: best.meanIou, shapes: best.anchors });
  }
  return curve;
}

/** Mean, over the shapes, of the IoU with the most similar anchor; shapes and anchors have the same unit. */
export function meanAnchorIou(shapes: readonly BoxShape[], anchors: Anchors): number {
  let sum = 0;
  for (const shape of shapes) sum += iouShapes(shape[0], shape[1], ...anchors[nearest(shape, anchors)]);
  return shapes.length === 0 ? 0 : sum / shapes.length;
}

function checkShapes(boxes: readonly BoxShape[], count: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new PhinetsError("detection.anchors", `anchors: count is ${count}; it must be an integer of at least 1`);
  }
  if (boxes.length < count) {
    throw new PhinetsError(
      "detection.anchors",
      `anchors: ${boxes.length} boxes cannot make ${count} anchors; label more boxes or ask for fewer anchors`,
    );
  }
  for (const [width, height] of boxes) {
    if (!(width > 0 && height > 0 && Number.isFinite(width * height))) {
      throw new PhinetsError("detection.anchors", `anchors: a box is ${width} x ${height}; both must be above 0`);
    }
  }
}

function nearest(box: BoxShape, centroids: readonly BoxShape[]): number {
  let best = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (let c = 0; c < centroids.length; c++) {
    // Uses 1 - IoU instead of IoU, since its rounding makes further ties, and ties go to the lowest index.
    const distance = 1 - iouShapes(box[0], box[1], centroids[c][0], centroids[c][1]);
    if (distance < smallest) {
      smallest = distance;
      best = c;
    }
  }
  return best;
}

/** Assigns every box to its nearest centroid; returns whether anything changed. */
function assign(boxes: readonly BoxShape[], centroids: readonly BoxShape[], assignments: Int32Array): boolean {
  let changed = false;
  for (let i = 0; i < boxes.length; i++) {
    const c = nearest(boxes[i], centroids);
    if (c !== assignments[i]) {
      assignments[i] = c;
      changed = true;
    }
  }
  return changed;
}

function move(
  boxes: readonly BoxShape[],
  centroids: [number, number][],
  assignments: Int32Array,
  update: "mean" | "median",
): void {
  if (update === "mean") {
    moveToMeans(boxes, centroids, assignments);
    return;
  }
  for (let c = 0; c < centroids.length; c++) {
    const members = boxes.filter((_, i) => assignments[i] === c);
    if (members.length > 0) centroids[c] = [median(members.map((b) => b[0])), median(members.map((b) => b[1]))];
  }
}

function moveToMeans(boxes: readonly BoxShape[], centroids: [number, number][], assignments: Int32Array): void {
  const counts = new Int32Array(centroids.length);
  const widths = new Float64Array(centroids.length);
  const heights = new Float64Array(centroids.length);
  for (let i = 0; i < boxes.length; i++) {
    const c = assignments[i];
    counts[c]++;
    widths[c] += boxes[i][0];
    heights[c] += boxes[i][1];
  }
  for (let c = 0; c < centroids.length; c++)
    if (counts[c] > 0) centroids[c] = [widths[c] / counts[c], heights[c] / counts[c]];
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * k-means++: every further start is drawn with probability proportional to its squared distance to the nearest start.
 */
function spread(boxes: readonly BoxShape[], count: number, random: Random): BoxShape[] {
  const starts = [boxes[random.integer(boxes.length)]];
  const distances = new Float64Array(boxes.length).fill(1);
  while (starts.length < count) {
    const last = starts[starts.length - 1];
    let total = 0;
    for (let i = 0; i < boxes.length; i++) {
      distances[i] = Math.min(distances[i], 1 - iouShapes(boxes[i][0], boxes[i][1], last[0], last[1]));
      total += distances[i] * distances[i];
    }
    let left = random.uniform(0, total);
    let chosen = 0;
    while (chosen < boxes.length - 1) {
      left -= distances[chosen] * distances[chosen];
      if (left < 0) break;
      chosen++;
    }
    starts.push(boxes[chosen]);
  }
  return starts;
}
