import { describe, expect, it } from "vitest";
import { boxesOf, type MemoryFile, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";

const picture: MemoryFile = [100, 80];
const size = [100, 80] as const;
type Opened = Awaited<ReturnType<typeof openMemory>>;
const messages = (set: Opened) => set.problems.map(({ error }) => error.message);
const nut = { label: "nut", x: 10, y: 20, width: 30, height: 40 };
const bolt = { label: "bolt", x: 0, y: 0, width: 5, height: 5 };
const boxFile = (boundingBoxes: object) => JSON.stringify({ version: 1, type: "bounding-box-labels", boundingBoxes });
const infoFile = (files: readonly object[]) => JSON.stringify({ version: 1, files });

describe("Edge Impulse", () => {
  it("boxes in training and testing, a picture without any is background", async () => {
    const set = await openMemory({
      "info.labels": infoFile([]),
      "training/bounding_boxes.labels": boxFile({ "a.jpg": [nut, bolt] }),
      "training/info.labels": infoFile([
        { path: "a.jpg", category: "training", label: { type: "unlabeled" }, boundingBoxes: [nut, bolt] },
        { path: "b.jpg", category: "training", label: { type: "unlabeled" } },
      ]),
      "testing/bounding_boxes.labels": boxFile({ "c.jpg": [nut] }),
      "training/a.jpg": picture,
      "training/b.jpg": picture,
      "testing/c.jpg": picture,
    });
    expect(set).toMatchObject({
      format: "edge-impulse",
      classes: ["bolt", "nut"],
      named: ["train", "test"],
      problems: [],
    });
    expect(splitNamesOf(set)).toEqual({
      train: ["training/a.jpg", "training/b.jpg"],
      val: [],
      test: ["testing/c.jpg"],
    });
    expect(boxesOf(set, "a.jpg", size)).toEqual(["nut 10,20,40,60", "bolt 0,0,5,5"]);
    expect(boxesOf(set, "b.jpg", size)).toEqual([]);
    expect([set.changes, set.notRead]).toEqual([[], []]);
  });

  it("one bounding_boxes.labels in the root", async () => {
    const files = { "bounding_boxes.labels": boxFile({ "a.jpg": [nut] }), "a.jpg": picture };
    const set = await openMemory(files);
    expect([set.named, boxesOf(set, "a.jpg", size)]).toEqual([[], ["nut 10,20,40,60"]]);
  });

  it("info.labels alone, of classes", async () => {
    const file = (path: string, category: string, label: unknown) => ({ path, category, label });
    const set = await openMemory({
      "info.labels": infoFile([
        file("training/a.jpg", "training", { type: "label", label: "nut" }),
        file("training/b.jpg", "training", "bolt"),
        file("testing/c.jpg", "testing", { type: "label", label: "nut" }),
        file("testing/d.jpg", "testing", { type: "unlabeled" }),
        file("training/x.wav", "training", { type: "label", label: "nut" }),
      ]),
      "training/a.jpg": picture,
      "training/b.jpg": picture,
      "testing/c.jpg": picture,
      "testing/d.jpg": picture,
    });
    expect(set).toMatchObject({ task: "classify", classes: ["bolt", "nut"], named: ["train", "test"], problems: [] });
    expect(set.splits.train.map(({ class: c }) => c)).toEqual([1, 0]);
    expect(set.notRead.map(({ what, examples }) => [what, ...examples])).toEqual([
      ["files that are no pictures", "training/x.wav"],
      ["pictures without a label", "set/testing/d.jpg"],
    ]);
  });

  it("what is wrong is named", async () => {
    const set = await openMemory({
      "bounding_boxes.labels": boxFile({
        "a.jpg": [nut, { ...nut, label: "" }, { ...nut, width: -3 }, { ...nut, x: 90 }, { ...nut, x: undefined }],
        "gone.jpg": [nut],
      }),
      "a.jpg": picture,
    });
    const row = 'set/bounding_boxes.labels: boundingBoxes["a.jpg"]';
    expect(messages(set)).toEqual([
      "set/bounding_boxes.labels: gone.jpg is not there; put the picture there or remove it from the labels",
      `${row}[1] has no label; correct or remove it`,
      `${row}[2] is -3 x 40; sizes must be positive; correct or remove it`,
      `${row}[3]: the box is 90,20 to 120,60; the picture is 100x80; correct or remove it`,
      `${row}[4]: left is NaN; it is a number of pixels; correct or remove it`,
    ]);
    await expect(openMemory({ "bounding_boxes.labels": "{", "a.jpg": picture })).rejects.toThrow(
      "set/bounding_boxes.labels: is not JSON, or was cut off; export the data again",
    );
  });

  const named = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, picture]));

  it("classes in the names of the pictures", async () => {
    const names = ["nut.1.jpg", "nut.2.jpg", "bolt.3.jpg", "bolt.4.jpg"];
    const set = await openMemory(named(...names));
    expect(set.recognised).toBe("Edge Impulse: pictures named bolt.*, nut.*");
    expect([set.classes, set.splits.train.map(({ class: c }) => c)]).toEqual([
      ["bolt", "nut"],
      [0, 0, 1, 1],
    ]);
    const splits = await openMemory(
      named(...names.map((name) => `training/${name}`), "testing/nut.5.jpg", "testing/nut.6.jpg"),
    );
    expect(splits.named).toEqual(["train", "test"]);
  });

  it.each([
    ["one without", ["nut.1.jpg", "nut.2.jpg", "bolt.3.jpg", "bolt.4.jpg", "x.jpg"]],
    ["one class", ["nut.1.jpg", "nut.2.jpg"]],
    ["dates", ["2024.1.jpg", "2024.2.jpg", "2023.1.jpg", "2023.2.jpg"]],
    ["a class of one picture", ["a_jpg.rf.1.jpg", "b_jpg.rf.2.jpg"]],
  ])("not where names do not tell: %s", async (_, names) => {
    await expect(openMemory(named(...names))).rejects.toThrow("is no data set that is known");
  });
});
