import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens, sharedData } from "../../../../../test/shared.js";
import { type CocoTruthFile, parseCocoTruth } from "./coco.js";
import { parseCocoResults } from "./coco-results.js";
import { matchFound } from "./match-found.js";
import { parseMotRows, parseSequenceInfo } from "./mot.js";
import { parseVocAnnotation, parseVocImageSet } from "./voc.js";
import { parseVocDetections } from "./voc-results.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const resultsOf = (data: Uint8Array, file: string, truth: CocoTruthFile) =>
  matchFound(truth, parseCocoResults(data, file)).detections;

describe("MOTChallenge text", () => {
  const plain = "1,7,10,20,30.5,40,1,-1,-1,-1\n2,7,11,20,30.5,40,0,1,0.25,-1\n";
  it("is the same with CR LF, a byte order mark, spaces, tabs, semicolons, and no last line end", () => {
    const rows = parseMotRows(plain, "a.txt");
    expect(rows).toMatchObject({ count: 2, columns: 10 });
    expect([...rows.frame]).toEqual([1, 2]);
    expect([...rows.boxes]).toEqual([10, 20, 30.5, 40, 11, 20, 30.5, 40]);
    expect([...rows.confidence]).toEqual([1, 0]);
    expect([...rows.class]).toEqual([-1, 1]);
    const variants = [
      plain.replaceAll("\n", "\r\n"),
      `\ufeff${plain}`,
      plain.replaceAll(",", " "),
      plain.replaceAll(",", ", "),
      plain.replaceAll(",", "\t"),
      plain.replaceAll(",", ";"),
      plain.replaceAll("\n", ",\n"),
      plain.replaceAll("\n", "\r"),
      plain.trimEnd(),
    ];
    for (const text of variants) expect(parseMotRows(text, "a.txt"), JSON.stringify(text)).toEqual(rows);
  });

  it("has defaults for columns that are not there, and counts lines as editors do", () => {
    const rows = parseMotRows("\n\n1,2,0,0,1,1\n", "a.txt");
    expect([rows.confidence[0], rows.class[0], rows.line[0], rows.columns]).toEqual([1, -1, 3, 6]);
    expect(parseMotRows("", "a.txt")).toMatchObject({ count: 0, columns: 0 });
  });

  it("names file, line and column of what is wrong", () => {
    const wrong: [string, string][] = [
      ["1,2,3,4,5\n", "a.txt:1: has 5 columns"],
      ["1,1,0,0,1,1\nframe,id,l,t,w,h\n", 'a.txt:2: frame is "frame"'],
      ["0,1,0,0,1,1\n", "a.txt:1: frame is 0; frames are integers from 1, or from 0 with --first-frame 0"],
      ["frame,id,l,t,w,h\n1,1,0,0,1,1\n", 'a.txt:1: begins with "frame", as a row of titles does; take it out'],
      ["1.5,1,0,0,1,1\n", "a.txt:1: frame is 1.5"],
      ["1,1.5,0,0,1,1\n", "a.txt:1: id is 1.5"],
      ["1,1,,0,1,1\n", 'a.txt:1: left is ""'],
      ["1,1,0,nan,1,1\n", 'a.txt:1: top is "nan"'],
      ["1,1,0,0,-1,1\n", "a.txt:1: the box is -1 x 1"],
      ["1,1,0,0,1,1e999\n", 'a.txt:1: height is "1e999"'],
      ["99999999999,1,0,0,1,1\n", "a.txt:1: frame is 99999999999"],
    ];
    for (const [text, message] of wrong) expect(() => parseMotRows(text, "a.txt")).toThrow(message);
  });

  it("reads seqinfo.ini", () => {
    expect(parseSequenceInfo("\ufeff[Sequence]\r\nname=A-1\r\nseqLength = 12\r\n", "s.ini")).toEqual({
      name: "A-1",
      length: 12,
    });
    expect(() => parseSequenceInfo("[Sequence]\nseqLength=x\n", "s.ini")).toThrow('s.ini:2: seqLength is "x"');
    expect(() => parseSequenceInfo("[Sequence]\n", "s.ini")).toThrow("s.ini: has no seqLength");
  });
});

describe("VOC files", () => {
  const annotation = `<?xml version="1.0"?>
<annotation>
  <filename>a &amp; b.jpg</filename>
  <size><width>40</width><height>30</height><depth>3</depth></size>
  <!-- <object/> -->
  <object>
    <name>dog</name><difficult>1</difficult>
    <bndbox><xmax>9</xmax><xmin>1</xmin><ymin>2.5</ymin><ymax>8</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>0</xmin></bndbox></part>
  </object>
  <object><name><![CDATA[c<t]]></name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object>
</annotation>
`;
  it("are read whatever the order of elements", () => {
    const expected = {
      filename: "a & b.jpg",
      width: 40,
      height: 30,
      objects: [
        { name: "dog", bbox: [1, 2.5, 9, 8], difficult: true },
        { name: "c<t", bbox: [3, 3, 3, 3], difficult: false },
      ],
    };
    expect(parseVocAnnotation(annotation, "a.xml")).toEqual(expected);
    expect(parseVocAnnotation(`\ufeff${annotation.replaceAll("\n", "\r\n")}`, "a.xml")).toEqual(expected);
  });

  it("say where they are wrong, wherever they are cut off", () => {
    for (let length = 0; length < annotation.trimEnd().length; length++) {
      expect(() => parseVocAnnotation(annotation.slice(0, length), "a.xml")).toThrow(/^a\.xml:\d+: /);
    }
    const change = (from: string, to: string) => () => parseVocAnnotation(annotation.replace(from, to), "a.xml");
    expect(change("<xmin>1<", "<xmin>one<")).toThrow('a.xml:8: xmin is "one"');
    expect(change("<xmax>9</xmax>", "")).toThrow("a.xml:8: <bndbox> has no <xmax>");
    expect(change("<xmax>9<", "<xmax>0<")).toThrow("a.xml:8: the box is 1,2.5 to 0,8");
    expect(change("</name><diff", "</nam><diff")).toThrow("a.xml:7: not XML: </nam> ends <name> of line 7");
    expect(change("<name>dog</name>", "")).toThrow("a.xml:6: <object> has no <name>");
    expect(() => parseVocAnnotation("<html></html>", "a.xml")).toThrow("a.xml:1: the root is <html>");
  });

  it("lists and detections", () => {
    expect(parseVocImageSet("\ufeffa 1\r\nb  -1\r\n\r\nc\r\n")).toEqual(["a", "b", "c"]);
    const found = parseVocDetections("a 0.5 1 2 3 4\r\n\nb,0.25,1,2,3,4\r\n", "d.txt");
    expect(found.images).toEqual(["a", "b"]);
    expect([...found.scores]).toEqual([0.5, 0.25]);
    expect([...found.lines]).toEqual([1, 3]);
    expect(() => parseVocDetections("a 0.5 1 2 3\n", "d.txt")).toThrow("d.txt:1: has 5 columns");
    expect(() => parseVocDetections("a 0.5 1 2 3 4\na x 1 2 3 4\n", "d.txt")).toThrow('d.txt:2: score is "x"');
    expect(() => parseVocDetections("a 0.5 9 2 3 4\n", "d.txt")).toThrow("d.txt:1: the box is 9,2 to 3,4");
  });

  it.skipIf(!sharedData)("of a real set", () => {
    const folder = `${sharedData}/bccd`;
    const names = parseVocImageSet(readFileSync(`${folder}/ImageSets/Main/test.txt`, "utf8"));
    const objects = names.flatMap(
      (name) => parseVocAnnotation(readFileSync(`${folder}/Annotations/${name}.xml`, "utf8"), name).objects,
    );
    expect(names.length).toBeGreaterThan(50);
    expect(new Set(objects.map(({ name }) => name))).toEqual(new Set(["RBC", "WBC", "Platelets"]));
  });
});

describe("COCO files", () => {
  const truth = {
    info: { about: 'a "quoted" text with ] and } and \\', year: 2014 },
    images: [{ id: 3, file_name: "ü.jpg", width: 4 }, { id: 5 }],
    annotations: [
      {
        segmentation: [[1, 2, 3.5, 4e2]],
        area: 12.5,
        iscrowd: 0,
        image_id: 3,
        bbox: [0, -1.5, 2e1, 4],
        category_id: 1,
      },
      { segmentation: { counts: [1, 2], size: [3, 4] }, iscrowd: 1, image_id: 5, category_id: 1, bbox: [0, 0, 1, 1] },
    ],
    categories: [{ id: 1, name: 'süß \u{1f600} "x" 5%', supercategory: null }],
  };
  const wanted = {
    images: [{ id: 3, file_name: "ü.jpg", width: 4 }, { id: 5 }],
    categories: [{ id: 1, name: truth.categories[0].name }],
    annotations: [
      { image_id: 3, category_id: 1, bbox: [0, -1.5, 20, 4], area: 12.5, iscrowd: 0 },
      { image_id: 5, category_id: 1, bbox: [0, 0, 1, 1], area: undefined, iscrowd: 1 },
    ],
  };

  it("are read in any layout", () => {
    const text = JSON.stringify(truth);
    const escaped = text.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    for (const variant of [
      text,
      JSON.stringify(truth, null, 2),
      `\ufeff${text}`,
      escaped,
      text.replaceAll(",", " ,\r\n"),
    ]) {
      expect(parseCocoTruth(bytes(variant), "t.json")).toEqual(wanted);
    }
  });

  it("say where they are cut off, wherever that is", () => {
    const text = bytes(JSON.stringify(truth, null, 1));
    for (let length = 0; length < text.length; length++) {
      expect(() => parseCocoTruth(text.subarray(0, length), "t.json"), `${length}`).toThrow(/^t\.json:\d+: /);
    }
    const results = bytes('[{"image_id": 3, "category_id": 1, "bbox": [0, 1, 2, 3], "score": 0.25}]');
    expect(resultsOf(results, "r.json", wanted).length).toBe(1);
    for (let length = 0; length < results.length; length++) {
      expect(() => parseCocoResults(results.subarray(0, length), "r.json"), `${length}`).toThrow(/^r\.json:\d+: /);
    }
  });

  it("say which line is wrong", () => {
    const results = (row: string) => () => resultsOf(bytes(`[\n${row}\n]`), "r.json", wanted);
    expect(results('{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}')).toThrow(
      "r.json:2: image_id 4 is not among the images of the ground truth",
    );
    expect(results('{"image_id": 3, "category_id": 1, "bbox": [0, 0, -1, 1], "score": 1}')).toThrow("bbox is -1 x 1");
    expect(results('{"image_id": 3, "category_id": 1, "bbox": [0, 0, 1], "score": 1}')).toThrow("bbox has 3 numbers");
    expect(results('{"image_id": 3, "category_id": 1, "bbox": [0, 0, 1, 1]}')).toThrow("result 0 has no score");
    expect(results('{"image_id": 3, "category_id": 1, "bbox": [0, 0, 1, 1], "score": NaN}')).toThrow("got NaN}");
    expect(results('{"image_id": [3], "category_id": 1}')).toThrow(
      "r.json:2: image_id, a number or a text, was expected, got [3]",
    );
    expect(results('{"image_id": 3 "category_id": 1}')).toThrow("a comma or } was expected");
    expect(() => parseCocoResults(bytes("[] []"), "r.json")).toThrow("the end of the file was expected");
    expect(() => parseCocoResults(bytes("{}"), "r.json")).toThrow("r.json:1: it has none of annotations, predictions");
    expect(() => parseCocoTruth(bytes('{"images": [], "annotations": []}'), "t.json")).toThrow(
      "t.json:1: has no categories",
    );
  });

  it("have the numbers that JSON.parse has", () => {
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.tuple(fc.integer(), fc.nat(8)).map(([n, d]) => n / 10 ** d),
    );
    const texts = number.chain((n) => fc.constantFrom(String(n), n.toFixed(6), n.toExponential(), n.toPrecision(16)));
    fc.assert(
      fc.property(texts, (text) => {
        const row = `[{"image_id": 3, "category_id": 1, "bbox": [0, 0, 1, 1], "score": ${text}}]`;
        expect(parseCocoResults(bytes(row), "r.json").boxes[0].score).toBe(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it.skipIf(!goldens)("of real sets are what JSON.parse makes of them", () => {
    for (const name of ["val2014_100", "mot17_dpm_09_11"]) {
      const [gt, dt] = ["gt", "dt"].map((part) => readFileSync(`${goldens}/coco/${name}.${part}.json`));
      const parsed = JSON.parse(gt.toString("utf8"));
      const read = parseCocoTruth(gt, "gt");
      expect(read.images).toEqual(
        parsed.images.map(({ id, file_name, width, height }: (typeof read.images)[number]) => ({
          id,
          ...(file_name !== undefined && { file_name }),
          ...(width !== undefined && { width }),
          ...(height !== undefined && { height }),
        })),
      );
      expect(read.categories.map(({ name }) => name)).toEqual(parsed.categories.map((c: { name: string }) => c.name));
      type Annotation = (typeof read.annotations)[number];
      expect(read.annotations).toEqual(
        parsed.annotations.map(({ image_id, category_id, bbox, area, iscrowd }: Annotation) => ({
          image_id,
          category_id,
          bbox,
          area,
          iscrowd,
        })),
      );
      const results = resultsOf(dt, "dt", read);
      expect(results).toEqual(
        JSON.parse(dt.toString("utf8")).map(({ image_id, category_id, bbox, score }: (typeof results)[number]) => ({
          image_id,
          category_id,
          bbox,
          score,
        })),
      );
    }
  });
});
