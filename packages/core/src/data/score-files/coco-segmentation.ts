/**
 * Boxes and areas of COCO's segmentations, for annotations without a bbox: polygons, and run lengths as numbers or as
 * text (compressed by COCO's own API).
 */
import type { JsonBytes } from "../files/json-bytes.js";
import { memberNames } from "../files/json-bytes.js";

export interface SegmentationBox {
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  /** square pixels */
  readonly area: number;
}

const runNames = memberNames("counts", "size");

/** Reads a segmentation; undefined for null and for an empty list. */
export function readSegmentation(json: JsonBytes): SegmentationBox | undefined {
  const first = json.peek();
  if (first === "n") {
    json.word();
    return undefined;
  }
  return first === "{" ? readRuns(json) : readPolygons(json);
}

/** Reads one polygon `[x, y, x, y, ...]`, or a list of polygons. */
function readPolygons(json: JsonBytes): SegmentationBox | undefined {
  const { at } = json;
  const polygons: number[][] = [];
  const flat: number[] = [];
  json.elements("segmentation", () => {
    if (json.peek() !== "[") flat.push(json.number("a coordinate of segmentation"));
    else {
      const polygon: number[] = [];
      json.elements("a polygon", () => polygon.push(json.number("a coordinate of segmentation")));
      polygons.push(polygon);
    }
  });
  if (flat.length > 0) polygons.push(flat);
  if (polygons.length === 0) return undefined;
  let [left, top, right, bottom] = [
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  let area = 0;
  for (const polygon of polygons) {
    if (polygon.length < 6 || polygon.length % 2 !== 0) {
      json.fail(`a polygon of the segmentation has ${polygon.length} numbers; it is x, y of three points or more`, at);
    }
    for (let i = 0; i < polygon.length; i += 2) {
      left = Math.min(left, polygon[i]);
      right = Math.max(right, polygon[i]);
      top = Math.min(top, polygon[i + 1]);
      bottom = Math.max(bottom, polygon[i + 1]);
    }
    area += polygonArea(polygon);
  }
  return { bbox: [left, top, right - left, bottom - top], area };
}

/** Half the sum of the cross products of neighbouring corners. */
function polygonArea(polygon: readonly number[]): number {
  let twice = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const next = (i + 2) % polygon.length;
    twice += polygon[i] * polygon[next + 1] - polygon[next] * polygon[i + 1];
  }
  return Math.abs(twice) / 2;
}

/**
 * Reads `{counts, size: [height, width]}`: alternating lengths of runs outside and inside, column by column from the
 * left.
 */
function readRuns(json: JsonBytes): SegmentationBox {
  const { at } = json;
  let counts: number[] | undefined;
  const size: number[] = [];
  json.members("segmentation", runNames, (member) => {
    if (member === 1) json.elements("size", () => size.push(json.number("a side of size")));
    else if (json.peek() === '"') counts = decodeRuns(json.string("counts"));
    else {
      const list: number[] = [];
      json.elements("counts", () => list.push(json.number("a number of counts")));
      counts = list;
    }
  });
  const [height, width] = size;
  if (size.length !== 2 || !size.every((side) => Number.isInteger(side) && side > 0)) {
    return json.fail(`size of the segmentation is [${size}]; it is [height, width] in pixels`, at);
  }
  if (counts === undefined) return json.fail("the segmentation has neither polygons nor counts", at);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== width * height || !counts.every((count) => Number.isInteger(count) && count >= 0)) {
    return json.fail(`counts of the segmentation add up to ${total}; size is ${height} x ${width}`, at);
  }
  return boxOfRuns(counts, height);
}

/** Like COCO's toBbox: whole pixels, 0 0 0 0 for an empty mask. */
function boxOfRuns(counts: readonly number[], height: number): SegmentationBox {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  let area = 0;
  let start = 0;
  for (const [i, count] of counts.entries()) {
    const end = start + count;
    if (i % 2 === 1 && count > 0) {
      area += count;
      const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)];
      left = Math.min(left, first);
      right = Math.max(right, last + 1);
      // A run that continues into the next column covers the bottom of one column and the top of the next.
      top = Math.min(top, first === last ? start % height : 0);
      bottom = Math.max(bottom, first === last ? ((end - 1) % height) + 1 : height);
    }
    start = end;
  }
  return { bbox: area === 0 ? [0, 0, 0, 0] : [left, top, right - left, bottom - top], area };
}

/**
 * Each letter holds five bits of a number (0 is zero), lowest first. The sixth bit tells that more letters follow; the
 * fifth bit of the last letter is the sign. From the fourth number on, values are differences from the value two
 * before.
 */
function decodeRuns(text: string): number[] {
  const counts: number[] = [];
  for (let i = 0; i < text.length; ) {
    let value = 0;
    let weight = 1;
    for (;;) {
      const letter = text.charCodeAt(i++) - 48;
      value += (letter & 31) * weight;
      weight *= 32;
      if ((letter & 32) !== 0 && i < text.length) continue;
      if ((letter & 16) !== 0) value -= weight;
      break;
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
  }
  return counts;
}
