/**
 * Detections in JSON: COCO's results (a list of `{image_id, category_id, bbox, score}`, alone or as the annotations of
 * a COCO file), and the records of `phinets predict`.
 */
import { JsonBytes, memberNames } from "../files/json-bytes.js";
import { type CocoId, cocoCode, noBox, readCocoCategory, readCocoCorners, readCocoImage } from "./coco.js";
import { readSegmentation } from "./coco-segmentation.js";
import { type FoundBox, type FoundBoxes, type FoundPicture, pixelBox } from "./found.js";
import { readPredictedBoxes } from "./predicted-boxes.js";

/**
 * Writes results like Ultralytics: image_id is the picture's name, as a number if it is one; categories count from 1.
 * The names are included too, so that a reader can match them with differently numbered ground truth.
 */
export function writeCocoResults(pictures: readonly FoundPicture[], classNames: readonly string[]): string {
  const numbers = new Set(pictures.map(({ name }) => Number(name)));
  // With numbers, 7.jpg and 007.jpg would become the same picture.
  const numeric = numbers.size === pictures.length || !pictures.some(({ name }) => /^\d+$/.test(name));
  const idOf = (name: string) => (numeric && /^\d{1,15}$/.test(name) ? Number(name) : name);
  const rows = pictures.flatMap(({ name, file, boxes }) =>
    boxes.map((box) =>
      JSON.stringify({
        image_id: idOf(name),
        file_name: file,
        category_id: box.class + 1,
        category_name: classNames[box.class],
        bbox: pixelBox(box),
        score: box.score,
      }),
    ),
  );
  return rows.length === 0 ? "[]\n" : `[\n${rows.join(",\n")}\n]\n`;
}

const listNames = ["annotations", "predictions", "results", "detections"] as const;
const wrapperNames = memberNames("images", "categories", ...listNames);
const entryNames = memberNames(
  "image_id",
  "category_id",
  "bbox",
  "score",
  "segmentation",
  "file_name",
  "category_name",
  "file",
  "frame",
  "boxes",
  "classes",
);

/** Throws PhinetsError `data.coco`, `FILE:LINE: problem`. */
export function parseCocoResults(bytes: Uint8Array, file: string): FoundBoxes {
  const json = new JsonBytes(bytes, file, cocoCode);
  const reader = new EntryReader(json);
  const readList = () => json.elements("a COCO results file", (index) => reader.read(index));
  if (json.peek() === "{") {
    const images = new Map<CocoId, string>();
    const categories = new Map<CocoId, string>();
    let lists = 0;
    json.members("a COCO results file", wrapperNames, (member) => {
      if (member >= 2) {
        lists++;
        readList();
      } else if (member === 0) {
        json.elements("images", () => {
          const { id, file_name } = readCocoImage(json);
          if (file_name !== undefined) images.set(id, file_name);
        });
      } else {
        json.elements("categories", () => {
          const { id, name } = readCocoCategory(json);
          if (name !== undefined) categories.set(id, name);
        });
      }
    });
    if (lists === 0) {
      json.fail(`it has none of ${listNames.join(", ")}; a COCO results file is a list of detections, or has one`, 0);
    }
    reader.name(images, categories);
  } else readList();
  json.end();
  const { boxes, places, records } = reader;
  return {
    file,
    format: records.length > 0 ? "records of phinets predict" : "COCO results",
    boxes,
    ...(records.length > 0 && { pictures: records }),
    where: (index) => json.where(places[index]),
  };
}

/** Reads the entries of a list one by one; each may be of either kind. */
class EntryReader {
  readonly boxes: FoundBox[] = [];
  /** Position of each box in the file. */
  readonly places: number[] = [];
  /** Pictures in records of `phinets predict`. */
  readonly records: string[] = [];

  constructor(readonly json: JsonBytes) {}

  read(index: number): void {
    const json: JsonBytes = this.json;
    const { at } = json;
    let imageId: CocoId | undefined;
    let categoryId: CocoId | undefined;
    let bbox: number[] | undefined;
    let score: number | undefined;
    let segmentation: number | undefined;
    let picture: string | undefined;
    let className: string | undefined;
    let file: string | undefined;
    let frame: number | undefined;
    let boxes: number | undefined;
    let classes = false;
    const later = () => {
      const place = json.at;
      json.skip();
      return place;
    };
    json.members("the result", entryNames, (member) => {
      if (member === 0) imageId = json.numberOrText("image_id");
      else if (member === 1) categoryId = json.numberOrText("category_id");
      else if (member === 2) bbox = readCocoCorners(json);
      else if (member === 3) score = json.number("score");
      else if (member === 4) segmentation = later();
      else if (member === 5 || member === 6) {
        if (json.peek() !== '"') json.skip();
        else if (member === 5) picture = json.string("file_name");
        else className = json.string("category_name");
      } else if (member === 7) file = json.string("file");
      else if (member === 8) frame = json.number("frame");
      else if (member === 9) boxes = later();
      else {
        classes = true;
        json.skip();
      }
    });
    if (file !== undefined && imageId === undefined) {
      if (classes) json.fail(`record ${index} names the picture's class and has no boxes; a detector's are needed`, at);
      const name = frame === undefined ? file : `${file.replace(/\.[^./\\]*$/, "")}_${frame}`;
      this.records.push(name);
      if (boxes !== undefined) json.revisit(boxes, () => readPredictedBoxes(json, name, this.boxes, this.places));
      return;
    }
    if (imageId === undefined && picture === undefined) json.fail(`result ${index} has no image_id`, at);
    if (categoryId === undefined && className === undefined) {
      json.fail(`result ${index} has no category_id`, at);
    }
    if (score === undefined) json.fail(`result ${index} has no score; detections have one, annotations have none`, at);
    let area: number | undefined;
    if (bbox === undefined && segmentation !== undefined) {
      const mask = json.revisit(segmentation, () => readSegmentation(json));
      bbox = mask && [...mask.bbox];
      area = mask?.area;
    }
    if (bbox === undefined) json.fail(noBox("result"), at);
    this.boxes.push({ imageId, picture, categoryId, className, bbox, area, score });
    this.places.push(at);
  }

  /** Adds the names from the file's own lists to the boxes. */
  name(images: ReadonlyMap<CocoId, string>, categories: ReadonlyMap<CocoId, string>): void {
    if (images.size === 0 && categories.size === 0) return;
    for (const [i, box] of this.boxes.entries()) {
      const picture = box.picture ?? images.get(box.imageId!);
      const className = box.className ?? categories.get(box.categoryId!);
      this.boxes[i] = { ...box, picture, className };
    }
  }
}
