import { describe, expect, it } from "vitest";
import { boxesOf, type MemoryFile, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";

const picture: MemoryFile = [100, 80];
const size = [100, 80] as const;
type Opened = Awaited<ReturnType<typeof openMemory>>;
const messages = (set: Opened) => set.problems.map(({ error }) => error.message);
const said = (set: Opened) => [...set.changes, ...set.notRead].map(({ what, count }) => `${count} ${what}`);
const lines = (...rows: readonly string[]) => `${rows.join("\r\n")}\r\n`;

describe("tables of boxes", () => {
  const header = "filename,width,height,class,xmin,ymin,xmax,ymax";

  it("one a split, named after it, beside images/", async () => {
    const set = await openMemory({
      "train_labels.csv": lines(header, "a.jpg,100,80,nut,10,20,40,60", "a.jpg,100,80,bolt,0,0,5,5"),
      "test_labels.csv": lines(header, "b.jpg,100,80,nut,1,2,3,4"),
      "images/a.jpg": picture,
      "images/b.jpg": picture,
    });
    expect(set).toMatchObject({
      format: "csv-boxes",
      classes: ["bolt", "nut"],
      named: ["train", "test"],
      problems: [],
    });
    expect(set.recognised).toBe("CSV of boxes (TensorFlow): test_labels.csv, train_labels.csv");
    expect(splitNamesOf(set)).toEqual({ train: ["images/a.jpg"], val: [], test: ["images/b.jpg"] });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60", "bolt 0,0,5,5"]);
  });

  it("as Roboflow has them, in the splits' folders", async () => {
    const table = lines(header, "a_jpg.rf.0a1b.jpg,100,80,nut,10,20,40,60");
    const set = await openMemory({
      "train/_annotations.csv": table,
      "valid/_annotations.csv": table,
      "train/a_jpg.rf.0a1b.jpg": picture,
      "valid/a_jpg.rf.0a1b.jpg": picture,
    });
    expect(splitNamesOf(set)).toMatchObject({ train: ["train/a_jpg.rf.0a1b.jpg"], val: ["valid/a_jpg.rf.0a1b.jpg"] });
    expect(set.notRead).toEqual([]);
  });

  it("with semicolons, other names, a column of splits, no sizes, and rows without a box", async () => {
    const set = await openMemory({
      "boxes.csv": lines(
        "Image;Label;X1;Y1;X2;Y2;Split",
        "C:\\p\\a.jpg;nut;10;20;40;60;train",
        "b.jpg;nut;10;20;40;60;Validation",
        "c.jpg;;;;;;train",
      ),
      "p/a.jpg": picture,
      "p/b.jpg": [200, 160],
      "p/c.jpg": picture,
    });
    expect(splitNamesOf(set)).toEqual({ train: ["p/a.jpg", "p/c.jpg"], val: ["p/b.jpg"], test: [] });
    expect(boxesOf(set, "b.jpg", [200, 160])).toEqual(["nut 10,20,40,60"]);
    expect(boxesOf(set, "c.jpg", size)).toEqual([]);
  });

  it("whose sizes are no numbers of pixels have none", async () => {
    const set = await openMemory({
      "boxes.csv": lines(header, "a.jpg,1e309,80,nut,10,20,40,60", "b.jpg,100,-80,nut,10,20,40,60"),
      "a.jpg": picture,
      "b.jpg": picture,
    });
    expect(set.problems).toEqual([]);
    for (const name of ["a.jpg", "b.jpg"]) expect(boxesOf(set, name, size)).toEqual(["nut 10,20,40,60"]);
  });

  it("whose side is no share of the picture are left out", async () => {
    const set = await openMemory({ "boxes.csv": lines(header, "a.jpg,100,80,nut,0,0,5e-324,60"), "a.jpg": picture });
    expect(boxesOf(set, "a.jpg", size)).toEqual([]);
    expect(said(set)).toEqual(["1 boxes without an area are left out"]);
  });

  it("of fractions, said so", async () => {
    const set = await openMemory({ "b.csv": lines(header, "a.jpg,100,80,nut,0.1,0.25,0.4,0.75"), "a.jpg": picture });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60"]);
    expect(set.notes).toEqual(["set/b.csv: corners are taken as fractions of the picture, as none exceeds 1"]);
  });

  it("without a header, as path,x1,y1,x2,y2,class", async () => {
    const set = await openMemory({
      "annotations.csv": lines("/data/img/a.jpg,10,20,40,60,nut", "/data/img/b.jpg,,,,,"),
      "img/a.jpg": picture,
      "img/b.jpg": picture,
    });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60"]);
    expect(boxesOf(set, "b.jpg", size)).toEqual([]);
  });

  it("of the VGG Image Annotator", async () => {
    const quoted = (value: object) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;
    const row = (file: string, shape: object, attributes: object) =>
      `${file},1,"{}",1,0,${quoted(shape)},${quoted(attributes)}`;
    const set = await openMemory({
      "via.csv": lines(
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
        row("a.jpg", { name: "rect", x: 10, y: 20, width: 30, height: 40 }, { class: "nut" }),
        row("a.jpg", { name: "polygon", all_points_x: [0, 5, 5], all_points_y: [0, 0, 5] }, { type: { bolt: true } }),
        row("b.jpg", {}, {}),
        row("a.jpg", { name: "point", cx: 1, cy: 1 }, { class: "nut" }),
      ),
      "a.jpg": picture,
      "b.jpg": picture,
    });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60", "bolt 0,0,5,5"]);
    expect(boxesOf(set, "b.jpg", size)).toEqual([]);
    expect(messages(set)).toEqual([
      'set/via.csv:5: a region of the shape "point" has no box; draw rectangles; correct or remove the row',
    ]);
  });

  it("name file and line of what is wrong", async () => {
    const set = await openMemory({
      "b.csv": lines(
        header,
        "a.jpg,100,80,nut,10,20,40,60",
        "a.jpg,100,80,nut,10,x,40,60",
        "a.jpg,100,80,,10,20,40,60",
        "gone.jpg,100,80,nut,10,20,40,60",
        "a.jpg,100,80,nut,10,20,140,60",
        "a.jpg,100,80,nut,50,30,40,20",
      ),
      "a.jpg": picture,
    });
    expect(messages(set)).toEqual([
      'set/b.csv:3: top is "x"; it is a number; correct or remove the row',
      "set/b.csv:4: has no class; correct or remove the row",
      "set/b.csv:5: gone.jpg is not there; put the picture there or remove it from the labels",
      "set/b.csv:6: the box is 10,20 to 140,60; the picture is 100x80; correct or remove it",
    ]);
    expect(said(set)).toEqual(["1 boxes with swapped corners are turned round"]);
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60", "nut 40,20,50,30"]);
  });

  it("a table of everything beside those of the splits is not read again", async () => {
    const table = lines(header, "a.jpg,100,80,nut,10,20,40,60");
    const set = await openMemory({ "labels.csv": table, "train_labels.csv": table, "images/a.jpg": picture });
    expect(said(set)).toEqual(["1 tables of no split beside those of the splits"]);
  });
});

describe("Open Images", () => {
  const header =
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside";

  it("has names, groups, rows of what is not there, and more rows than pictures", async () => {
    const set = await openMemory({
      "train-annotations-bbox.csv": lines(
        header,
        "a,xclick,/m/2,1,0.1,0.4,0.25,0.75,0,0,0,0,0",
        "a,xclick,/m/1,1,0,1,0,1,0,0,1,0,0",
        "a,xclick,/m/3,0,0,1,0,1,0,0,0,0,0",
        "absent,xclick,/m/9,1,0,1,0,1,0,0,0,0,0",
      ),
      "validation-annotations-bbox.csv": lines(header, "b,xclick,/m/1,1,0.2,0.4,0.2,0.4,0,0,0,0,0"),
      "class-descriptions-boxable.csv": lines("/m/1,Bolt", "/m/2,Nut", "/m/9,Car"),
      "train/a.jpg": picture,
      "validation/b.jpg": picture,
    });
    expect(set).toMatchObject({
      format: "open-images",
      classes: ["Bolt", "Nut"],
      named: ["train", "val"],
      problems: [],
    });
    expect(splitNamesOf(set)).toEqual({ train: ["train/a.jpg"], val: ["validation/b.jpg"], test: [] });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["Nut 10,20,40,60", "Bolt 0,0,100,80 crowd"]);
    expect(said(set)).toEqual([
      "1 rows of confidence 0, which say what is not in the picture, are left out",
      "1 pictures that the tables name and that are not there",
    ]);
  });

  it("far outside is a problem", async () => {
    const set = await openMemory({
      "t.csv": lines(header, "a,x,/m/1,1,0.1,1.4,0.25,0.75,0,0,0,0,0", "a,x,/m/1,1,-0.001,0.5,0,0.5,0,0,0,0,0"),
      "a.jpg": picture,
    });
    expect(messages(set)).toEqual([
      "set/t.csv:2: the box is 0.1,0.25 to 1.4,0.75; corners are fractions 0..1 of the picture; correct or remove it",
    ]);
    expect(boxesOf(set, "a.jpg", size)).toEqual(["/m/1 0,0,50,40"]);
  });
});

describe("tables of classes", () => {
  const four = (folder: string) =>
    Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${folder}${name}.jpg`, picture]));
  const classesOf = ({ classes, splits }: Opened) =>
    splits.train.map(({ file, class: c }) => `${file.replace(/^.*\//, "")} ${classes[c ?? -1]}`);

  it.each([
    ["filename,label", ["a.jpg,nut", "b.jpg,bolt", "c.jpg,nut", "d.jpg,bolt"]],
    ["id,label", ["a,nut", "b,bolt", "c,nut", "d,bolt"]],
    ["image;class", ["images/a.jpg;nut", "images/b.jpg;bolt", "images/c.jpg;nut", "images/d.jpg;bolt"]],
    ["filename, bolt, nut", ["a.jpg,0,1", "b.jpg,1,0", "c.jpg,0,1", "d.jpg,1,0"]],
  ])("%s", async (header, rows) => {
    const set = await openMemory({ "labels.csv": lines(header, ...rows), ...four("images/") });
    expect(set).toMatchObject({ format: "csv-classes", task: "classify", classes: ["bolt", "nut"], named: [] });
    expect(classesOf(set)).toEqual(["a.jpg nut", "b.jpg bolt", "c.jpg nut", "d.jpg bolt"]);
    expect([set.problems, set.notRead]).toEqual([[], []]);
  });

  it("with splits in a column, in folders, or one table a split", async () => {
    const column = await openMemory({
      "labels.csv": lines(
        "filename,label,split",
        "a.jpg,nut,train",
        "b.jpg,bolt,train",
        "c.jpg,nut,val",
        "d.jpg,bolt,test",
      ),
      ...four("images/"),
    });
    expect(splitNamesOf(column)).toEqual({
      train: ["images/a.jpg", "images/b.jpg"],
      val: ["images/c.jpg"],
      test: ["images/d.jpg"],
    });
    const folders = await openMemory({
      "train/_classes.csv": lines("filename, bolt, nut", "a.jpg, 1, 0", "b.jpg, 0, 1"),
      "valid/_classes.csv": lines("filename, bolt, nut", "c.jpg, 1, 0"),
      "train/a.jpg": picture,
      "train/b.jpg": picture,
      "valid/c.jpg": picture,
    });
    expect(splitNamesOf(folders)).toEqual({ train: ["train/a.jpg", "train/b.jpg"], val: ["valid/c.jpg"], test: [] });
    const tables = await openMemory({
      "train.csv": lines("id,label", "a,nut", "b,bolt"),
      "sample_submission.csv": lines("id,label", "c,nut", "d,nut"),
      "train/a.jpg": picture,
      "train/b.jpg": picture,
      "test/c.jpg": picture,
    });
    expect(splitNamesOf(tables)).toEqual({ train: ["train/a.jpg", "train/b.jpg"], val: [], test: [] });
    expect(said(tables)).toEqual(["1 .csv files", "1 pictures"]);
  });

  it("numbers are in the order of their values; a column `dataset` of sources is no split", async () => {
    const set = await openMemory({
      "l.csv": lines("image,label,dataset", "a,10,clinic", "b,2,clinic", "c,10,lab", "d,2,lab"),
      ...four(""),
    });
    expect([set.classes, set.problems]).toEqual([["2", "10"], []]);
  });

  it("two classes for a picture, none, and pictures that are not there are problems", async () => {
    const set = await openMemory({
      "l.csv": lines("filename,label", "a.jpg,nut", "b.jpg,bolt", "a.jpg,bolt", "b.jpg,bolt", "c.jpg,", "x.jpg,nut"),
      ...four(""),
    });
    expect(messages(set)).toEqual([
      "set/l.csv:4: a.jpg is bolt, and nut on line 2; a picture has one class; remove one",
      "set/l.csv:6: c.jpg has no class; give it one or remove the row",
      "set/l.csv:7: x.jpg is not there; put the picture there or remove it from the labels",
    ]);
    expect(said(set)).toEqual(["1 rows equal to one before are left out", "2 pictures"]);
    const hot = await openMemory({
      "l.csv": lines("filename,bolt,nut", "a.jpg,1,0", "b.jpg,0,1", "c.jpg,1,1"),
      ...four(""),
    });
    expect(messages(hot)).toEqual([
      "set/l.csv:4: c.jpg has 2 classes (bolt, nut); a classifier's picture has one; correct or remove the row",
    ]);
  });
});
