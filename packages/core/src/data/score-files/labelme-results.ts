/**
 * Detections as labelme JSON, one file per picture, so that they can be inspected and corrected in labelme and
 * compatible tools. The score is stored in the shape and in its description, which labelme displays.
 */
import { JsonBytes, memberNames } from "../files/json-bytes.js";
import { extentOf } from "../files/values.js";
import { type FoundBox, type FoundPicture, pixels } from "./found.js";

/** @param imagePath the picture's path relative to the folder that the file will be in */
export function writeLabelmeResults(
  { width, height, boxes }: FoundPicture,
  classNames: readonly string[],
  imagePath: string,
): string {
  const shapes = boxes.map((box) => ({
    label: classNames[box.class],
    score: box.score,
    points: [
      [pixels(box.x), pixels(box.y)],
      [pixels(box.x + box.width), pixels(box.y + box.height)],
    ],
    group_id: null,
    description: String(box.score),
    shape_type: "rectangle",
    flags: {},
  }));
  const document = {
    version: "5.5.0",
    flags: {},
    shapes,
    imagePath,
    imageData: null,
    imageHeight: height,
    imageWidth: width,
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

const members = memberNames("shapes", "imagePath");
const shapeMembers = memberNames("label", "points", "score", "description");

/**
 * Reads the boxes around each shape's points.
 * @param picture name of the picture if the file has no imagePath
 * @throws PhinetsError `data.labelme`, `FILE:LINE: problem`, also for a shape without a score.
 */
export function parseLabelmeResults(
  bytes: Uint8Array,
  file: string,
  picture: string,
): (FoundBox & { readonly at: number })[] {
  const json = new JsonBytes(bytes, file, "data.labelme");
  const boxes: (FoundBox & { at: number })[] = [];
  let imagePath: string | undefined;
  json.members("a labelme file", members, (member) => {
    if (member === 1) {
      if (json.word() === undefined) imagePath = json.string("imagePath");
    } else json.elements("shapes", () => boxes.push(readShape(json)));
  });
  json.end();
  return boxes.map((box) => ({ ...box, picture: imagePath ?? picture }));
}

function readShape(json: JsonBytes): FoundBox & { at: number } {
  const { at } = json;
  let label: string | undefined;
  let described: number | undefined;
  let score: number | undefined;
  const xs: number[] = [];
  const ys: number[] = [];
  json.members("a shape", shapeMembers, (member) => {
    if (member === 0) label = json.string("label");
    else if (member === 1) {
      json.elements("points", () => {
        json.elements("a point", (axis) => (axis === 0 ? xs : ys).push(json.number("a coordinate")));
      });
    } else if (member === 2) {
      if (json.word() === undefined) score = json.number("score");
    } else if (json.word() === undefined) described = Number.parseFloat(json.string("description"));
  });
  if (label === undefined) return json.fail("the shape has no label", at);
  if (xs.length === 0 || ys.length !== xs.length) return json.fail("the shape has no points", at);
  const value = score ?? described;
  if (value === undefined || !Number.isFinite(value)) {
    return json.fail("the shape has no score (nor one as its description); detections have one", at);
  }
  const [[left, right], [top, bottom]] = [extentOf(xs), extentOf(ys)];
  if (!Number.isFinite(right - left) || !Number.isFinite(bottom - top)) return json.fail("the shape has no size", at);
  return { className: label, score: value, bbox: [left, top, right - left, bottom - top], at };
}
