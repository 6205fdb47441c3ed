import { describe, expect, it } from "vitest";
import { memoryHost, openMemory } from "../../../../../test/memory-set.js";
import { PhinetsError } from "../../tensor/index.js";
import { openTree } from "../formats/open.js";
import { parseYoloLabels } from "../formats/yolo.js";
import { parseYoloDataset } from "../formats/yolo-yaml.js";
import { JsonBytes } from "./json-bytes.js";
import { checkClasses, mostClasses, mostJsonTextBytes, mostLabelBytes } from "./limits.js";
import { Survey } from "./survey.js";
import { type FileTree, MemoryTree } from "./tree.js";
import { append, extentOf, showValue, someOf } from "./values.js";
import { parseXml } from "./xml.js";

const utf8 = (text: string) => new TextEncoder().encode(text);

describe("files that are too large", () => {
  it("are refused before they are read", async () => {
    const tree = new MemoryTree("set", [["a.txt", utf8("0123456789")]]);
    const survey = await Survey.of(tree);
    await expect(survey.text("a.txt", 9)).rejects.toThrow(
      "set/a.txt: has 10 bytes; at most 9 are read of such a file; divide it or remove it from the data set",
    );
    expect(await survey.text("a.txt", 10)).toBe("0123456789");
    expect(await survey.head("a.txt", 4)).toEqual(utf8("0123"));
  });

  it("lose only their picture where they are its labels, as do files that cannot be read", async () => {
    const files: [string, Uint8Array][] = ["a", "b", "c"].flatMap((name) => [
      [`images/${name}.jpg`, utf8("1")],
      [`labels/${name}.txt`, utf8("0 0.5 0.5 0.5 0.5\n")],
    ]);
    const plain = new MemoryTree("set", [...files, ["classes.txt", utf8("bolt\n")]]);
    const tree: FileTree = {
      name: "set",
      list: (folder) => plain.list(folder),
      locate: (file) => plain.locate(file),
      read(file, options) {
        const most = options?.first === undefined && file === "labels/a.txt" ? mostLabelBytes : undefined;
        if (most !== undefined) throw new PhinetsError("data.size", `set/${file}: has more than ${most} bytes`, file);
        if (file === "labels/b.txt" && options?.first === undefined)
          throw new PhinetsError("data.file", `set/${file}: cannot be read (EACCES)`, file);
        return plain.read(file, options);
      },
    };
    const set = await openTree(tree, memoryHost);
    expect(set.splits.train.map(({ file }) => file)).toEqual(["set/images/c.jpg"]);
    expect(set.problems.map(({ leavesOut, error }) => `${leavesOut} ${error.message}`)).toEqual([
      `picture set/labels/a.txt: has more than ${mostLabelBytes} bytes`,
      "picture set/labels/b.txt: cannot be read (EACCES)",
    ]);
  });
});

describe("classes", () => {
  it("of any number are read quickly, and more than any network has are refused", async () => {
    const names = Array.from({ length: mostClasses }, (_, n) => `c${n}`);
    expect(parseYoloDataset({ train: "x", names }, "y").classes).toHaveLength(mostClasses);
    const twice = [...names.slice(1), "c5"];
    expect(() => parseYoloDataset({ train: "x", names: twice }, "y")).toThrow('y: names has "c5" twice');
    for (const [field, value] of [
      ["nc", { nc: 4e8 }],
      ["names", { names: [...names, "x"] }],
      ["names", { names: { ...[...names, "x"] } }],
    ] as const) {
      expect(() => parseYoloDataset({ train: "x", ...value }, "y")).toThrow(
        new RegExp(`^y: ${field} (is|has) \\d+.*; at most ${mostClasses} classes are read$`),
      );
    }
  });

  it("of COCO's categories and of lists too", async () => {
    const categories = Array.from({ length: 60_000 }, (_, id) => ({ id, name: `c${id}` }));
    const image = { id: 1, file_name: "a.jpg", width: 10, height: 10 };
    const annotation = { image_id: 1, category_id: 7, bbox: [1, 1, 2, 2] };
    const coco = JSON.stringify({ images: [image], annotations: [annotation], categories });
    const set = await openMemory({ "a.jpg": [10, 10], "instances.json": coco });
    expect(set.classes).toHaveLength(60_000);
    const rows = categories.map(({ name }) => `a.jpg,${name},1,1,5,5\n`).join("");
    const table = `filename,class,xmin,ymin,xmax,ymax\n${rows}`;
    const labels = categories.map(({ name }) => `${name}\n`).join("");
    const listed = await openMemory({ "a.jpg": [10, 10], "t.csv": table, "labels.txt": labels });
    expect(listed.classes.slice(0, 2)).toEqual(["c0", "c1"]);
    expect((await openMemory({ "a.jpg": [10, 10], "t.csv": table })).classes).toHaveLength(60_000);
  });
});

describe("rows and values of any length", () => {
  it("need no stack", () => {
    const many = Array.from({ length: 400_000 }, (_, n) => n % 1000);
    expect(extentOf(many)).toEqual([0, 999]);
    const list = [1];
    append(list, many);
    expect(list).toHaveLength(400_001);
    expect(parseYoloLabels(`0${" 0.5 0.25".repeat(150_000)} 0.75 0.5`, "f", ["a"])).toEqual([
      { class: 0, x: 0.625, y: 0.375, width: 0.25, height: 0.25 },
    ]);
  });

  it("are short in messages", () => {
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
    expect(showValue(deep)).toBe('[[["[...]"]]]');
    expect(showValue("x".repeat(10_000))?.length).toBeLessThanOrEqual(80);
    expect(showValue({ a: ["b", 1, null] })).toBe('{"a":["b",1,null]}');
    expect([showValue(undefined), showValue(3n), showValue(Number.NaN)]).toEqual([undefined, '"3"', "null"]);
    expect(someOf(["a", "b"])).toBe("a, b");
    expect(someOf(Array.from({ length: 100 }, (_, n) => String(n)))).toBe("0, 1, 2, 3, 4, 5, 6, 7 and 92 more");
  });
});

describe("XML", () => {
  it("is read quickly, be it one line or many", async () => {
    const objects = "<object><name>nut</name></object>".repeat(60_000);
    for (const text of [`<annotation>${objects}</annotation>\n`, `<annotation>${objects}</annotation>`]) {
      expect(parseXml(text).children).toHaveLength(60_000);
    }
    expect(() => parseXml("<a>\n<b>\n</c>")).toThrow("</c> ends <b> of line 2");
  });

  it("may not declare entities or be nested without limit", () => {
    expect(() => parseXml('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')).toThrow(
      "declares entities, which are not read",
    );
    expect(parseXml("<!DOCTYPE annotation><a>&lt;&x;</a>").text).toBe("<&x;");
    expect(() => parseXml("<a>".repeat(50_000))).toThrow("nested deeper than 1000");
  });
});

describe("JSON", () => {
  it("may not have strings and numbers of unlimited length", () => {
    const json = (text: string) => new JsonBytes(utf8(text), "f.json", "data.coco");
    expect(() => json(`"${"a".repeat(mostJsonTextBytes)}"`).string("a name")).toThrow(
      /^f\.json:1: a name has \d+ bytes; at most \d+ are read$/,
    );
    expect(() => json("9".repeat(5000)).number("a size")).toThrow("f.json:1: a size has 5000 characters");
    expect(json("1".repeat(40)).number("a size")).toBeCloseTo(1.1111111111111112e39, -25);
    expect(() => json("-1e309").number("a size")).toThrow("f.json:1: a size is -1e309, too large");
    const deep = json("[".repeat(200_000) + "]".repeat(200_000));
    deep.skip();
    deep.end();
  });
});

describe("names of classes", () => {
  it.each(["", "  ", "a\nb", "\u0000", "\ud800"])("%j is refused: no list of names could hold it", (name) => {
    expect(() => checkClasses("set", ["nut", name])).toThrow(
      `set: has a class named ${JSON.stringify(name)}; a name has letters and is one line: rename it in the labels`,
    );
  });

  it("may have blanks and any letters", () => {
    checkClasses("set", ["two words", "größe", "💥", "<b>"]);
  });
});
