/** Detection files: our own files survive a round trip, and other tools' files are interpreted correctly. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { categoryHint } from "./category-hint.js";
import { parseCocoTruth } from "./coco.js";
import { parseCocoResults, writeCocoResults } from "./coco-results.js";
import { parseCsvResults, writeCsvResults } from "./csv-results.js";
import type { FoundBoxes, FoundPicture } from "./found.js";
import { parseLabelmeResults, writeLabelmeResults } from "./labelme-results.js";
import { matchFound } from "./match-found.js";
import { PictureIndex } from "./picture-index.js";
import { parseVocDetections, vocFoundBoxes, writeVocResults } from "./voc-results.js";
import { parseYoloResults, writeYoloResults } from "./yolo-results.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const json = (value: unknown) => bytes(JSON.stringify(value));

const truthText = {
  images: [1, 2, 3].map((id) => ({ id, file_name: `p${id}.jpg`, width: 100, height: 80 })),
  annotations: [] as unknown[],
  categories: [
    { id: 1, name: "bolt" },
    { id: 2, name: "Mutter größe" },
  ],
};
const truth = parseCocoTruth(json(truthText), "gt.json");
const results = (list: unknown, against = truth) => matchFound(against, parseCocoResults(json(list), "r.json"));
const entry = (image_id: unknown, category_id: unknown, more = {}) => ({
  image_id,
  category_id,
  bbox: [10, 10, 30, 20],
  score: 0.5,
  ...more,
});
const idsOf = ({ detections }: ReturnType<typeof results>) =>
  detections.map(({ image_id, category_id }) => [image_id, category_id]);

describe("what the writers write", () => {
  const classNames = ["bolt", "Mutter größe", 'a "b", c'];
  const box = fc.record({
    class: fc.nat(2),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    x: fc.double({ min: -5, max: 90, noNaN: true }),
    y: fc.double({ min: -5, max: 70, noNaN: true }),
    width: fc.double({ min: 1, max: 100, noNaN: true }),
    height: fc.double({ min: 1, max: 80, noNaN: true }),
  });
  const named = (name: string) =>
    fc.record({
      name: fc.constant(name),
      file: fc.constant(`${name}.jpg`),
      width: fc.constant(100),
      height: fc.constant(80),
      boxes: fc.array(box, { maxLength: 4 }),
    });
  const pictures = fc.tuple(named("p1"), named("sub/p 2"), named("003"));
  const against = parseCocoTruth(
    json({
      images: ["p1.jpg", "sub/p 2.jpg", "003.jpg"].map((file_name, i) => ({
        id: 50 - i,
        file_name,
        width: 100,
        height: 80,
      })),
      annotations: [],
      // Different from both the classes' order and their numbers.
      categories: [2, 0, 1].map((k) => ({ id: 10 * k + 7, name: classNames[k] })),
    }),
    "gt.json",
  );

  function check(list: readonly FoundPicture[], found: FoundBoxes, byClass = false) {
    const matched = matchFound(against, found, { classNames }).detections;
    const wanted = list.flatMap(({ file, boxes }) =>
      boxes.map((each) => ({
        image_id: against.images.find(({ file_name }) => file_name === file)!.id,
        category_id: 10 * each.class + 7,
        score: each.score,
        bbox: [each.x, each.y, each.width, each.height],
      })),
    );
    const order = byClass
      ? wanted.map((_, i) => i).sort((a, b) => wanted[a].category_id - wanted[b].category_id || a - b)
      : wanted.map((_, i) => i);
    expect(matched.map(({ bbox: _, ...rest }) => rest)).toEqual(
      order.map((i) => {
        const { bbox: _, ...rest } = wanted[i];
        return rest;
      }),
    );
    for (const [n, i] of order.entries()) {
      for (let c = 0; c < 4; c++) expect(Math.abs(matched[n].bbox[c] - wanted[i].bbox[c])).toBeLessThan(2e-4);
    }
  }
  const found = (boxes: FoundBoxes["boxes"], relative = false): FoundBoxes => ({
    file: "f",
    format: "",
    boxes,
    relative,
    where: () => "f",
  });

  it("is read back, whatever the truth's numbers: COCO, YOLO, VOC, CSV, labelme", () => {
    fc.assert(
      fc.property(pictures, (list) => {
        check(list, parseCocoResults(bytes(writeCocoResults(list, classNames)), "coco.json"));
        check(
          list,
          found(
            list.flatMap((each) => parseYoloResults(writeYoloResults(each), "f", each.name)),
            true,
          ),
        );
        const voc = classNames.flatMap((name, index) =>
          vocFoundBoxes(name, parseVocDetections(writeVocResults(list, index), "f")),
        );
        check(list, found(voc), true);
        check(list, found(parseCsvResults(bytes(writeCsvResults(list, classNames)), "f")));
        const labelme = list.flatMap((each) =>
          parseLabelmeResults(bytes(writeLabelmeResults(each, classNames, `../${each.file}`)), "f", each.name),
        );
        check(list, found(labelme));
      }),
      { numRuns: 100 },
    );
  });

  it("has the form that other tools expect", () => {
    const picture: FoundPicture = {
      name: "000012",
      file: "000012.jpg",
      width: 200,
      height: 100,
      boxes: [{ class: 1, score: 0.75, x: 20, y: 10, width: 40, height: 30 }],
    };
    const names = ["a", "b"];
    expect(JSON.parse(writeCocoResults([picture], names))).toEqual([
      {
        image_id: 12,
        file_name: "000012.jpg",
        category_id: 2,
        category_name: "b",
        bbox: [20, 10, 40, 30],
        score: 0.75,
      },
    ]);
    expect(writeYoloResults(picture)).toBe("1 0.2 0.25 0.2 0.3 0.75\n");
    expect(writeVocResults([picture], 1)).toBe("000012 0.75 21 11 60 40\n");
    expect(writeVocResults([picture], 0)).toBe("");
    expect(writeCsvResults([picture], names)).toBe(
      "file,class,score,left,top,width,height\n000012.jpg,b,0.75,20,10,40,30\n",
    );
    expect(JSON.parse(writeLabelmeResults(picture, names, "../000012.jpg"))).toMatchObject({
      imagePath: "../000012.jpg",
      imageWidth: 200,
      shapes: [
        {
          label: "b",
          shape_type: "rectangle",
          points: [
            [20, 10],
            [60, 40],
          ],
          score: 0.75,
          description: "0.75",
        },
      ],
    });
    expect(writeCocoResults([], names)).toBe("[]\n");
    const twins = ["7", "007"].map((name) => ({ ...picture, name }));
    expect(JSON.parse(writeCocoResults(twins, names)).map((each: { image_id: unknown }) => each.image_id)).toEqual([
      "7",
      "007",
    ]);
  });
});

describe("results against a COCO truth", () => {
  it("are matched by ids that are texts, by file names, and by their numbers", () => {
    expect(idsOf(results([entry(2, 1)]))).toEqual([[2, 1]]);
    expect(idsOf(results([entry("2", "1")]))).toEqual([[2, 1]]);
    for (const id of ["p2", "p2.jpg", "images/val/p2.png", "P2.JPG"]) {
      const matched = results([entry(id, 1)]);
      expect(idsOf(matched), id).toEqual([[2, 1]]);
      expect(matched.notes).toEqual([
        `r.json: image_id are file names; pictures are matched by them (${JSON.stringify(id)} is p2.jpg)`,
      ]);
    }
    // Ultralytics numbers 000012.jpg as 12, whatever the ground truth's id.
    const numbered = parseCocoTruth(
      json({
        ...truthText,
        images: [
          { id: 0, file_name: "000012.jpg" },
          { id: 1, file_name: "000013.jpg" },
        ],
      }),
      "gt.json",
    );
    expect(idsOf(results([entry(12, 1), entry(13, 1)], numbered))).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(idsOf(results([entry(1, 1, { file_name: "000012.jpg" })], numbered))).toEqual([[0, 1]]);
    expect(idsOf(results([entry(1, 1)], numbered))).toEqual([[1, 1]]);
  });

  it("whose ids are texts in the truth", () => {
    const texts = parseCocoTruth(
      json({
        images: ["b", "a", "10"].map((id) => ({ id })),
        categories: [{ id: "x", name: "bolt" }],
        annotations: [{ image_id: 10, category_id: "x", bbox: [0, 0, 1, 1] }],
      }),
      "gt.json",
    );
    expect(texts.images).toEqual([
      { id: 2, text: "b" },
      { id: 1, text: "a" },
      { id: 0, text: "10" },
    ]);
    expect(texts.annotations[0]).toMatchObject({ image_id: 0, category_id: 0 });
    expect(idsOf(results([entry("a", "x"), entry(10, "bolt")], texts))).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });

  it("are refused with both sides' examples where nothing fits", () => {
    expect(() => results([entry(1, 1), entry("q7", 1)])).toThrow(
      'r.json:1: image_id "q7" is not among the images of the ground truth; it has 3, such as id 1, "p1.jpg"',
    );
    const csv = (rows: string): FoundBoxes => {
      const boxes = parseCsvResults(bytes(`file,class,score,left,top,width,height\n${rows}`), "r.csv");
      return { file: "r.csv", format: "CSV", boxes, where: () => "r.csv" };
    };
    expect(() => matchFound(truth, csv("q.jpg,bolt,.5,1,1,2,2\n"))).toThrow(
      'r.csv: none of its pictures, such as "q.jpg", is among the images of the ground truth; it has 3, such as id 1, "p1.jpg"',
    );
    const some = matchFound(truth, csv("q.jpg,bolt,.5,1,1,2,2\np1.jpg,BOLT,.5,1,1,2,2\np1.jpg,nail,.5,1,1,2,2\n"));
    expect(idsOf(some)).toEqual([[1, 1]]);
    expect(some.notes).toEqual([
      "r.csv: 1 pictures that the ground truth lacks are left out, with 1 boxes (q.jpg)",
      "r.csv: 1 detections of categories that the ground truth lacks are left out: nail; it has bolt, Mutter größe",
    ]);
  });

  it("may be wrapped, and records of predict", () => {
    expect(idsOf(results({ annotations: [entry(1, 2)] }))).toEqual([[1, 2]]);
    const own = {
      images: [{ id: 1, file_name: "x/p3.jpg" }],
      categories: [{ id: 0, name: "bolt" }],
      annotations: [entry(1, 0)],
    };
    expect(idsOf(results(own))).toEqual([[3, 1]]);
    const box = { class: 5, score: 0.9, name: "bolt" };
    const records = [
      { file: "in/p1.jpg", boxes: [{ ...box, x: 10, y: 20, width: 5, height: 6 }] },
      { file: "in/p2.jpg", boxes: [{ ...box, x1: 10, y1: 20, x2: 15, y2: 26 }] },
      { file: "in/p3.jpg", error: "damaged" },
      { boxes: [], file: "in/p3.jpg" },
    ];
    expect(results(records).detections).toEqual([
      { image_id: 1, category_id: 1, score: 0.9, bbox: [10, 20, 5, 6] },
      { image_id: 2, category_id: 1, score: 0.9, bbox: [10, 20, 5, 6] },
    ]);
    expect(() => results([{ file: "p1.jpg", classes: [] }])).toThrow("r.json:1: record 0 names the picture's class");
    const frames = parseCocoTruth(json({ ...truthText, images: [{ id: 4, file_name: "clip_12.jpg" }] }), "gt.json");
    expect(idsOf(results([{ file: "clip.mp4", frame: 12, boxes: records[0].boxes }], frames))).toEqual([[4, 1]]);
  });

  it("say how their categories seem to be numbered", () => {
    const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
    expect(categoryHint([1, 2, 3], [0, 1, 2])).toContain("one less than meant; add 1 to each category_id");
    expect(categoryHint([0, 1, 2], [1, 2, 3])).toContain("one more than meant; take 1 from each category_id");
    const coco = range(1, 90).filter((id) => ![12, 26, 29, 30, 45, 66, 68, 69, 71, 83].includes(id));
    expect(categoryHint(coco, range(0, 79))).toContain("places 0 to 79 in the list of categories");
    expect(categoryHint(coco, range(1, 80))).toContain("places 1 to 80 in the list of categories");
    expect(categoryHint([1, 2], [7, 9])).toContain(
      "no category_id of the results (7 to 9) is one of the truth (1 to 2)",
    );
    for (const found of [[1], [1, 2, 3]]) expect(categoryHint([1, 2, 3], found)).toBeUndefined();
    expect(results([entry(1, 0), entry(1, 1)]).notes.join("\n")).toContain("add 1 to each category_id");
  });
});

describe("names in a table", () => {
  it("that a spreadsheet would take for formulas are text there, and the same names here", () => {
    const names = ["=cmd|' /C calc'!A1", "+1", "-a", "@b", "'=c", "''-d", "\te", "plain", "'quoted'"];
    const boxes = names.map((_, c) => ({ class: c, score: 0.5, x: 0.1, y: 0.1, width: 0.2, height: 0.2 }));
    const text = writeCsvResults([{ file: "-x.jpg", width: 10, height: 10, boxes } as never], names);
    for (const line of text.trim().split("\n").slice(1)) expect(line).toMatch(/^'-x\.jpg,"?(?![=+\-@\t])/);
    expect(parseCsvResults(bytes(text), "f").map(({ className }) => className)).toEqual(names);
    expect(parseCsvResults(bytes(text), "f")[0].picture).toBe("-x.jpg");
  });
});

describe("rows that cannot be read", () => {
  it("are named", () => {
    const yolo = (row: string) => () => parseYoloResults(row, "a.txt", "a");
    expect(yolo("0 .5 .5 .1 .1")).toThrow("a.txt:1: has no confidence, the sixth column");
    expect(yolo("0 .5 .5 .1 .1 .9 7")().length).toBe(1);
    expect(yolo("\n0 320 200 40 40 .9")).toThrow("a.txt:2: the box is 320 200 40 40; coordinates are fractions");
    expect(yolo("bolt .5 .5 .1 .1 .9")).toThrow('a.txt:1: class is "bolt"; it is a number');
    const csv = (text: string) => () => parseCsvResults(bytes(text), "a.csv");
    expect(csv("file,class,score\n")).toThrow('a.csv:1: the first row has no column "left"');
    expect(csv("image,label,confidence,xmin,ymin,xmax,ymax\na,b,x,1,2,3,4\n")).toThrow('a.csv:2: score is "x"');
    expect(csv("image;label;confidence;xmin;ymin;xmax;ymax\n\na;b;1;1;2;4;8\n")()).toMatchObject([
      { picture: "a", className: "b", score: 1, bbox: [1, 2, 3, 6] },
    ]);
    const shape = {
      label: "a",
      points: [
        [1, 2],
        [3, 5],
      ],
    };
    const labelme = (each: object) => () => parseLabelmeResults(json({ shapes: [each] }), "a.json", "a");
    expect(labelme(shape)).toThrow("a.json:1: the shape has no score");
    expect(labelme({ ...shape, description: "0.5" })()).toMatchObject([{ score: 0.5, bbox: [1, 2, 2, 3] }]);
    expect(parseVocDetections("a b.jpg 0.5 1 2 3 4\n", "d.txt").images).toEqual(["a b.jpg"]);
    // A regular expression's `.` does not match every character.
    expect(parseVocDetections("a\u2028b, c.jpg,0.5 1  2 , 3 4\n", "d.txt").images).toEqual(["a\u2028b, c.jpg"]);
    const far = [
      [-1e308, 0],
      [1e308, 1],
    ];
    expect(labelme({ ...shape, points: far, score: 1 })).toThrow("a.json:1: the shape has no size");
  });
});

describe("the index of pictures", () => {
  it("takes the longest end of a path that fits, and none where two do", () => {
    const index = new PictureIndex(["a/x.jpg", "b/x.jpg", "b/y.png", "b/y.jpg", "z.v2.jpg", undefined]);
    expect(index.find("/data/b/x.jpg")).toBe(1);
    expect(index.find("x.jpg")).toBeUndefined();
    expect(index.find("C:\\data\\a\\x")).toBe(0);
    expect(index.find("y.png")).toBe(2);
    expect(index.find("y")).toBeUndefined();
    expect(index.find("z.v2")).toBe(4);
    expect(index.find("Z.V2.JPEG")).toBe(4);
  });
});
