/** Reads the boxes of a record of `phinets predict`. */
import { type JsonBytes, memberNames } from "../files/json-bytes.js";
import type { FoundBox } from "./found.js";

const names = memberNames("class", "score", "name", "x", "y", "width", "height", "x1", "y1", "x2", "y2");
const firstNumber = 3;

/**
 * Boxes are a top-left corner and size, or two corners, in pixels. Appends to `boxes`, and each box's position to
 * `places`.
 */
export function readPredictedBoxes(json: JsonBytes, picture: string, boxes: FoundBox[], places: number[]): void {
  json.elements("boxes", () => {
    const { at } = json;
    let classIndex: number | undefined;
    let score: number | undefined;
    let className: string | undefined;
    const numbers: (number | undefined)[] = [];
    json.members("a box", names, (member) => {
      if (member === 0) classIndex = json.number("class");
      else if (member === 1) score = json.number("score");
      else if (member === 2) className = json.string("name");
      else numbers[member - firstNumber] = json.number("a coordinate");
    });
    const [x, y, width, height, x1, y1, x2, y2] = numbers;
    const bbox = x1 === undefined ? [x, y, width, height] : [x1, y1, x2! - x1, y2! - y1!];
    if (!bbox.every((each) => each !== undefined && Number.isFinite(each))) {
      json.fail("the box has no x, y, width, height (top-left corner and size, in pixels)", at);
    }
    if (bbox[2]! < 0 || bbox[3]! < 0) json.fail(`the box is ${bbox[2]} x ${bbox[3]}; sizes are not negative`, at);
    if (score === undefined) json.fail("the box has no score", at);
    if (classIndex === undefined && className === undefined) json.fail("the box has neither class nor name", at);
    boxes.push({ picture, classIndex, className, bbox: bbox as number[], score });
    places.push(at);
  });
}
