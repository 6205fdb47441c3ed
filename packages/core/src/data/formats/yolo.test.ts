import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countsBySplit,
  filesBySplit,
  labelled,
  labelledBeside,
  openYolo,
  type YoloFiles,
  yoloBox,
  yoloFailure,
  yoloRow,
} from "../../../../../test/memory-yolo.js";

describe("layouts", () => {
  it("data.yaml, one folder down as well, and with another program's YAML beside it", async () => {
    const set = {
      ...labelled("train"),
      ...labelled("valid", 1),
      "data.yaml": { train: "train/images", val: "valid/images", names: ["nut"] },
    };
    const opened = await openYolo({ ...set, "environment.yml": { name: "x" } });
    expect(filesBySplit(opened)).toEqual([["train/images/0.jpg", "train/images/1.jpg"], ["valid/images/0.jpg"], []]);
    expect(opened.splits.train[0].labels).toEqual([yoloBox]);
    expect(opened.named).toEqual(["train", "val"]);
    expect(opened.recognised).toBe("YOLO: data.yaml with train, val, names");
    expect(opened.notRead).toEqual([{ what: ".yml files", count: 1, examples: ["set/environment.yml"] }]);
    const down = Object.fromEntries(Object.entries(set).map(([path, content]) => [`down/${path}`, content]));
    const other = await openYolo({ ...down, "docs/fig.png": "" });
    expect(other.recognised).toBe("YOLO: down/data.yaml with train, val, names");
    expect(countsBySplit(other)).toEqual([2, 1, 0]);
  });

  it("several descriptions are not guessed among", async () => {
    const set = {
      ...labelled("train"),
      "a.yaml": { train: "train/images", names: ["a"] },
      "b.yaml": { train: "train/images", names: ["b"] },
    };
    expect(await yoloFailure(set)).toBe(
      "set: a.yaml and b.yaml each describe a data set; name one: --data set/a.yaml or --data set/b.yaml",
    );
    expect((await openYolo(set, "b.yaml")).classes).toEqual(["b"]);
    expect(await yoloFailure({ "a/data.yaml": set["a.yaml"], "b/data.yaml": set["b.yaml"] })).toMatch(
      /a\/data.yaml and b\/data.yaml each/,
    );
  });

  it("obj.data with lists, as darknet and CVAT write them", async () => {
    const opened = await openYolo({
      ...labelledBeside("obj_train_data"),
      ...labelledBeside("obj_Validation_data", 1),
      "obj.data":
        "classes = 1\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n",
      "obj.names": "nut\n",
      "train.txt": "data/obj_train_data/0.jpg\ndata/obj_train_data/1.jpg\n",
      "valid.txt": "data/obj_Validation_data/0.jpg\n",
    });
    expect(opened.classes).toEqual(["nut"]);
    expect(filesBySplit(opened)).toEqual([
      ["obj_train_data/0.jpg", "obj_train_data/1.jpg"],
      ["obj_Validation_data/0.jpg"],
      [],
    ]);
    expect([opened.notes, opened.notRead, opened.problems]).toEqual([[], [], []]);
    expect(opened.named).toEqual(["train", "val"]);
  });

  it("obj.data in a folder of its own, as darknet has it", async () => {
    const set = {
      ...labelledBeside("data/obj", 3),
      "data/obj.names": "nut\n",
      "data/train.txt": "data/obj/0.jpg\ndata/obj/1.jpg\n",
      "data/valid.txt": "data/obj/2.jpg\n",
      "cfg/yolov4.cfg": "[net]",
    };
    const expected = [["data/obj/0.jpg", "data/obj/1.jpg"], ["data/obj/2.jpg"], []];
    const data = "train = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n";
    const described = await openYolo({ ...set, "data/obj.data": data });
    expect(filesBySplit(described)).toEqual(expected);
    expect(described.recognised).toMatch(/^YOLO: obj.data with train, valid, names/);
    expect(filesBySplit(await openYolo(set))).toEqual(expected);
  });

  it("pictures, texts and classes.txt in one folder, as LabelImg saves them", async () => {
    const opened = await openYolo({ "0.jpg": "", "0.txt": yoloRow, "1.jpg": "", "1.txt": "", "classes.txt": "nut" });
    expect(opened.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], []]);
    expect(opened.recognised).toBe("YOLO: pictures with .txt labels, classes.txt");
  });

  it("obj.data whose names or counts do not fit", async () => {
    const set = {
      ...labelledBeside("obj"),
      "train.txt": "obj/0.jpg",
      "obj.data": "classes=2\ntrain=train.txt\nnames=obj.names",
    };
    expect(await yoloFailure(set)).toBe(
      "set/obj.data: names is obj.names, but set/obj.names does not exist; it is a file with one class name a line",
    );
    expect(await yoloFailure({ ...set, "obj.names": "nut" })).toBe(
      "set/obj.data: classes is 2, but obj.names has 1 names; make them agree",
    );
  });

  it("images, labels and classes.txt, as Label Studio exports them", async () => {
    const opened = await openYolo({
      ...labelled(""),
      "classes.txt": "nut\r\nbolt\r\n",
      "notes.json": { categories: [] },
    });
    expect(opened.classes).toEqual(["nut", "bolt"]);
    expect(opened.named).toEqual([]);
    expect(countsBySplit(opened)).toEqual([2, 0, 0]);
    expect(opened.recognised).toBe("YOLO: images with .txt labels, classes.txt");
    expect(opened.notRead).toEqual([]);
    const notes = {
      categories: [
        { id: 1, name: "bolt" },
        { id: 0, name: "nut" },
      ],
    };
    expect((await openYolo({ ...labelled(""), "notes.json": notes })).classes).toEqual(["nut", "bolt"]);
  });

  it("images and labels with folders of splits, names among the labels", async () => {
    const opened = await openYolo({
      ...Object.fromEntries(
        ["train", "val"].flatMap((split) => [
          [`images/${split}/a.jpg`, ""],
          [`labels/${split}/a.txt`, yoloRow],
        ]),
      ),
      "labels/classes.txt": "nut\n",
      "docs/figure.png": "",
    });
    expect(filesBySplit(opened)).toEqual([["images/train/a.jpg"], ["images/val/a.jpg"], []]);
    expect(opened.notRead).toEqual([{ what: "pictures", count: 1, examples: ["set/docs/figure.png"] }]);
    expect(opened.named).toEqual(["train", "val"]);
  });

  it("Roboflow's darknet export", async () => {
    const names = { "train/_darknet.labels": "nut\n", "valid/_darknet.labels": "nut\n" };
    const set = { ...labelledBeside("train"), ...labelledBeside("valid", 1), ...names };
    expect(countsBySplit(await openYolo(set))).toEqual([2, 1, 0]);
    expect(await yoloFailure({ ...set, "valid/_darknet.labels": "bolt\n" })).toBe(
      "set/valid/_darknet.labels: names other classes (bolt) than set/train/_darknet.labels (nut); make them agree or remove one",
    );
  });

  it("lists train.txt and val.txt without a description", async () => {
    const opened = await openYolo({
      ...labelled("", 3),
      "classes.txt": "nut",
      "train.txt": "images/0.jpg\nimages/1.jpg\n",
      "val.txt": "images/2.jpg\n",
    });
    expect(filesBySplit(opened)).toEqual([["images/0.jpg", "images/1.jpg"], ["images/2.jpg"], []]);
  });

  it("without names of classes say which numbers there are", async () => {
    expect(await yoloFailure(labelled("", 2, "4 .5 .5 .1 .1"))).toBe(
      "set: has YOLO labels but no names of classes; the class numbers in them go up to 4; write the 5 names, one a line, into set/classes.txt, or a data.yaml",
    );
  });

  it("names without splits or labels describe nothing", async () => {
    expect(await yoloFailure({ "data.yaml": { names: ["nut"] }, "a/0.jpg": "" })).toMatch(/it has no train:/);
  });

  it("are not seen in texts that are no rows", async () => {
    const captions = { "a/0.jpg": "", "a/0.txt": "a red nut", "a/1.jpg": "", "a/1.txt": "12 5 3" };
    expect(await yoloFailure(captions)).toMatch(/^set: is no data set that is known|is not YOLO/);
  });

  it("data.yaml with names only finds the pictures beside it", async () => {
    const opened = await openYolo({ ...labelled("train"), ...labelled("valid", 1), "data.yaml": { names: ["nut"] } });
    expect(countsBySplit(opened)).toEqual([2, 1, 0]);
    expect(opened.notes).toEqual(["set/data.yaml: has no train:; pictures with labels are looked for beside it"]);
  });

  it("names in a file of their own, or none", async () => {
    const set = labelled("train", 1, "1 .5 .5 .5 .5");
    const named = await openYolo({
      ...set,
      "data.yaml": { train: "train", names: "data/my.names" },
      "my.names": "nut\nbolt\n\n",
    });
    expect(named.classes).toEqual(["nut", "bolt"]);
    const numbered = await openYolo({ ...set, "data.yaml": { train: "train", nc: "2" } });
    expect(numbered.classes).toEqual(["class0", "class1"]);
    expect(numbered.notes).toEqual(["set/data.yaml: has no names: of the classes; they are called class0 and so on"]);
  });

  it("says so where classes.txt and data.yaml differ", async () => {
    const { notes } = await openYolo({
      ...labelled("train"),
      "data.yaml": { train: "train", names: ["a", "b"] },
      "classes.txt": "b\na\n",
    });
    expect(notes).toEqual([
      "set/classes.txt: names other classes (b, a) than the data.yaml (a, b); those of the data.yaml are taken",
    ]);
  });

  it("data.yaml of class folders is a set of classes", async () => {
    const opened = await openYolo({
      "data.yaml": { train: "train", val: "val", names: ["nut", "bolt"] },
      "train/nut/0.jpg": "",
      "train/Bolt/1.jpg": "",
      "val/nut/2.jpg": "",
      "val/screw/3.jpg": "",
    });
    expect(opened.task).toBe("classify");
    expect(opened.splits.train.map((sample) => sample.class)).toEqual([1, 0]);
    expect(opened.splits.val.map((sample) => sample.class)).toEqual([0]);
    expect(opened.problems.map(({ error }) => error.message)).toEqual([
      "set/val/screw/3.jpg: lies in the folder screw, which set/data.yaml does not name; the classes are nut, bolt",
    ]);
  });
});

describe("files that are not part of it", () => {
  const part = fc.constantFrom("extra", "docs", "Test Data", "train/more", "old/images", "ü");
  const name = fc.constantFrom(
    "x.md",
    "fig.png",
    "7.jpg",
    "notes.txt",
    "a.json",
    "run.sh",
    "b.yml",
    "no extension",
    "z.csv",
  );
  const extra = fc.uniqueArray(fc.tuple(part, name, fc.constantFrom("", "text", yoloRow)), {
    maxLength: 8,
    selector: ([folder, file]) => `${folder}/${file}`,
  });
  const sets: Record<string, YoloFiles> = {
    yaml: {
      ...labelled("train"),
      ...labelled("valid", 1),
      "data.yaml": { train: "train/images", val: "valid/images", names: ["nut"] },
    },
    darknet: {
      ...labelledBeside("obj"),
      "obj.data": "train = data/train.txt\nnames = data/obj.names",
      "obj.names": "nut",
      "train.txt": "data/obj/0.jpg\ndata/obj/1.jpg",
    },
    bare: { ...labelled("train"), ...labelled("valid", 1), "classes.txt": "nut" },
  };

  it.each(Object.keys(sets))("never change what is read (%s)", async (kind) => {
    const alone = await openYolo(sets[kind]);
    await fc.assert(
      fc.asyncProperty(extra, async (more) => {
        const added = Object.fromEntries(more.map(([folder, file, text]) => [`${folder}/${file}`, text]));
        const opened = await openYolo({ ...added, ...sets[kind] });
        expect(opened.splits).toEqual(alone.splits);
        expect(opened.classes).toEqual(alone.classes);
        expect(opened.problems).toEqual([]);
        expect(opened.notRead.reduce((sum, { count }) => sum + count, 0)).toBe(
          more.filter(([, file]) => file !== "notes.txt").length,
        );
      }),
      { numRuns: 60 },
    );
  });
});
