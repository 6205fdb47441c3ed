/**
 * Readers of ground truth and results: accepted boxes that a writer can hold are written and must read back the same.
 */
import {
  decodeText,
  parseCocoResults,
  parseCocoTruth,
  parseCsvResults,
  parseLabelmeResults,
  parseMotRows,
  parseSequenceInfo,
  parseTracks,
  parseVocAnnotation,
  parseVocDetections,
  parseVocImageSet,
  parseYoloResults,
  vocFoundBoxes,
  writeCocoResults,
  writeCsvResults,
  writeLabelmeResults,
  writeVocResults,
  writeYoloResults,
} from "@phinets/core/data";
import { formatMotTracks, readMotDetections } from "@phinets/core/tracking";
import { require } from "../lib/faults.mjs";
import { utf8 } from "../lib/mutate.mjs";
import { cocoFile, motTexts, seqinfoText, vocText } from "../lib/samples.mjs";

const size = { width: 100, height: 80 };
const boxes = [
  { class: 0, score: 0.875, x: 1, y: 2.5, width: 30, height: 40.25 },
  { class: 1, score: 0.5, x: 0, y: 0, width: 5, height: 5 },
];
const pictures = [{ name: "a", file: "a.jpg", ...size, boxes }];
const names = ["nut", "bolt, long"];

/** A reader's boxes of one picture in the writers' form; undefined if no writer can represent them. */
function asPicture(found, scale = [1, 1]) {
  const classNames = [...new Set(found.map(({ className, classIndex }) => className ?? String(classIndex)))];
  const rows = found.map(({ className, classIndex, bbox: [x, y, width, height], score }) => ({
    class: classNames.indexOf(className ?? String(classIndex)),
    score,
    ...{ x: x * scale[0], y: y * scale[1], width: width * scale[0], height: height * scale[1] },
  }));
  return { picture: { name: "a", file: "a.jpg", ...size, boxes: rows }, classNames };
}

/** Coordinates are written in decimals, which are no longer exact beyond 1e15. */
function requireSame(found, again, tolerance) {
  require(found.length === again.length, `${found.length} boxes are ${again.length} after writing and reading`);
  for (const [i, { bbox, score }] of found.entries()) {
    require(Object.is(score + 0, again[i].score + 0), `score ${score} became ${again[i].score}`);
    for (const [axis, value] of bbox.entries()) {
      const other = again[i].bbox[axis];
      const room = tolerance + 1e-9 * (Math.abs(value) + Math.abs(bbox[axis % 2]));
      require(Math.abs(value - other) <= room, `box ${bbox} became ${again[i].bbox}`);
    }
  }
}

const bytesOf = (files) => Object.values(files)[0];
const one = (name, ...contents) =>
  contents.map((content) => ({ [name]: typeof content === "string" ? utf8(content) : content }));

export const scoreFiles = [
  {
    name: "coco-truth",
    samples: one(
      "t.json",
      JSON.stringify(cocoFile),
      JSON.stringify({
        ...cocoFile,
        annotations: [{ image_id: "1", category_id: 3, segmentation: { counts: "0l0T1", size: [8, 10] } }],
      }),
    ),
    read: (files) => parseCocoTruth(bytesOf(files), "t.json"),
  },
  {
    name: "coco-results",
    samples: one(
      "r.json",
      writeCocoResults(pictures, names),
      JSON.stringify({
        images: cocoFile.images,
        categories: cocoFile.categories,
        predictions: [{ image_id: 1, category_id: 1, score: 1, segmentation: [[0, 0, 5, 0, 5, 5]] }],
      }),
      JSON.stringify([
        { file: "v.mp4", frame: 3, boxes: [{ x: 1, y: 2, width: 3, height: 4, score: 0.5, class: 0, name: "nut" }] },
      ]),
    ),
    read: (files) => parseCocoResults(bytesOf(files), "r.json").boxes,
    again(found) {
      const { picture, classNames } = asPicture(found);
      requireSame(found, parseCocoResults(utf8(writeCocoResults([picture], classNames)), "again").boxes, 1e-4);
    },
  },
  {
    name: "csv-results",
    samples: one(
      "r.csv",
      writeCsvResults(pictures, names),
      "image;label;confidence;xmin;ymin;xmax;ymax\na.jpg;nut;0.5;1;2;3;4\n",
    ),
    read: (files) => parseCsvResults(bytesOf(files), "r.csv"),
    again(found) {
      const { picture, classNames } = asPicture(found);
      const again = parseCsvResults(utf8(writeCsvResults([picture], classNames)), "again");
      requireSame(found, again, 1e-4);
      for (const [i, { className }] of found.entries())
        require(className.trim() ===
          again[i].className.trim(), `class ${JSON.stringify(className)} became ${JSON.stringify(again[i].className)}`);
    },
  },
  {
    name: "labelme-results",
    samples: one("a.json", writeLabelmeResults(pictures[0], names, "a.jpg")),
    read: (files) => parseLabelmeResults(bytesOf(files), "a.json", "a"),
    again(found) {
      const { picture, classNames } = asPicture(found);
      const text = writeLabelmeResults(picture, classNames, "a.jpg");
      requireSame(found, parseLabelmeResults(utf8(text), "again", "a"), 2e-4);
    },
  },
  {
    name: "yolo-results",
    samples: one("a.txt", writeYoloResults(pictures[0])),
    read: (files) => parseYoloResults(decodeText(bytesOf(files)), "a.txt", "a"),
    again(found) {
      const { picture } = asPicture(found, [size.width, size.height]);
      requireSame(found, parseYoloResults(writeYoloResults(picture), "again", "a"), 2e-8);
    },
  },
  {
    name: "voc-detections",
    samples: one(
      "comp4_det_test_nut.txt",
      writeVocResults(pictures, 0),
      "my picture 0.5 1 2 3 4\nb 1e-3 1.5 2.5 3 4\n",
    ),
    read: (files) => parseVocDetections(decodeText(bytesOf(files)), "d.txt"),
    again(found) {
      const list = vocFoundBoxes("nut", found);
      const { picture } = asPicture(list);
      requireSame(list, vocFoundBoxes("nut", parseVocDetections(writeVocResults([picture], 0), "again")), 1e-4);
    },
  },
  {
    name: "voc-annotation",
    samples: one(
      "a.xml",
      vocText,
      "<annotation><object><name>x</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>",
    ),
    read(files) {
      const text = decodeText(bytesOf(files));
      parseVocImageSet(text);
      return parseVocAnnotation(text, "a.xml");
    },
  },
  {
    name: "mot",
    samples: Object.entries(motTexts).map(([name, content]) => ({ [name]: content })),
    read(files) {
      const text = decodeText(bytesOf(files));
      const refusals = [];
      const attempt = (act) => {
        try {
          return act();
        } catch (error) {
          refusals.push(error);
          return undefined;
        }
      };
      const read = [
        attempt(() => parseMotRows(text, "t.txt")),
        attempt(() => parseMotRows(text, "t.txt", 0)),
        attempt(() => parseTracks(text, "t.txt")),
        attempt(() => readMotDetections(text, "t.txt")),
      ];
      const bug = refusals.find(({ name }) => name !== "PhinetsError");
      if (bug !== undefined) throw bug;
      if (refusals.length === read.length) throw refusals[0];
      return read[3];
    },
    again(frames) {
      if (frames === undefined || frames.length > 1000) return;
      // Two decimals are written: more are rounded, and a box narrower than a hundredth disappears.
      const text = frames
        .map((list, i) =>
          formatMotTracks(
            i + 1,
            list.map((box, n) => ({ ...box, id: n + 1 })),
          ),
        )
        .join("");
      const sizes = frames.flat().map(({ x1, y1, x2, y2 }) => Math.min(x2 - x1, y2 - y1));
      if (
        sizes.some((side) => side < 0.01) ||
        frames.flat().some((box) => Math.max(...[box.x1, box.y1, box.x2, box.y2].map(Math.abs)) > 1e15)
      )
        return;
      const again = readMotDetections(text, "again").flat();
      require(again.length === frames.flat().length, `${frames.flat().length} boxes are ${again.length} after writing`);
    },
  },
  {
    name: "seqinfo",
    samples: one("seqinfo.ini", seqinfoText),
    read: (files) => parseSequenceInfo(decodeText(bytesOf(files)), "seqinfo.ini"),
  },
];
