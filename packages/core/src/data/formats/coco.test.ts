import { describe, expect, it } from "vitest";
import { box, json, pair, picture } from "../../../../../test/coco-set.js";
import { boxesOf, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";

const messages = (set: Awaited<ReturnType<typeof openMemory>>) => set.problems.map(({ error }) => error.message);

describe("categories", () => {
  it("become classes in the order of their ids, texts too", async () => {
    const classes = async (list: readonly object[]) => {
      const annotations = [box({ category_id: (list[0] as { id: number }).id })];
      return (await openMemory({ "c.json": json({ categories: list, annotations }), ...pair("") })).classes;
    };
    expect(
      await classes([
        { id: 90, name: "z" },
        { id: 7, name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(
      await classes([
        { id: "10", name: "z" },
        { id: "9", name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(
      await classes([
        { id: "b", name: "z" },
        { id: "a", name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(await classes([{ id: 1 }])).toEqual(["class 1"]);
  });

  it("ids are the same as number and as text", async () => {
    const annotations = [box({ image_id: "1", category_id: "17" })];
    const set = await openMemory({ "c.json": json({ annotations }), ...pair("") });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,40,60"]);
  });

  it("a super-category without boxes is left out, and said", async () => {
    const list = [
      { id: 0, name: "parts", supercategory: "none" },
      { id: 1, name: "bolt", supercategory: "parts" },
    ];
    const set = await openMemory({
      "c.json": json({ categories: list, annotations: [box({ category_id: 1 })] }),
      ...pair(""),
    });
    expect([set.classes, set.notes]).toEqual([
      ["bolt"],
      ['category 0 "parts" is the super-category of others and no box is of it; it is left out'],
    ]);
    const used = await openMemory({
      "c.json": json({ categories: list, annotations: [box({ category_id: 0 })] }),
      ...pair(""),
    });
    expect(used.classes).toEqual(["parts", "bolt"]);
  });

  it("of one name are one class; of one id and two names, an error", async () => {
    const same = [
      { id: 1, name: "bolt" },
      { id: 2, name: "bolt" },
    ];
    const annotations = [box({ category_id: 1 }), box({ category_id: 2, bbox: [0, 0, 5, 5] })];
    const set = await openMemory({ "c.json": json({ categories: same, annotations }), ...pair("") });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60", "bolt 0,0,5,5"]);
    expect(set.notes).toEqual(['set/c.json: categories 1 and 2 are both named "bolt"; they are one class']);
    const clash = [
      { id: 1, name: "bolt" },
      { id: 1, name: "nut" },
    ];
    await expect(openMemory({ "c.json": json({ categories: clash, annotations }), ...pair("") })).rejects.toThrow(
      'set/c.json: categories[1] "nut" has the id 1 of categories[0] "bolt"; ids differ',
    );
  });
});

describe("annotations", () => {
  const open = (...annotations: readonly object[]) => openMemory({ "coco.json": json({ annotations }), ...pair("") });
  const boxes = async (...annotations: readonly object[]) => boxesOf(await open(...annotations), "a.jpg", [100, 80]);

  it("may be crowds, masks without a box, and none", async () => {
    expect(await boxes(box({ iscrowd: 1 }))).toEqual(["bolt 10,20,40,60 crowd"]);
    const polygon = [[10, 20, 40, 20, 40, 60]];
    expect(await boxes(box({ bbox: undefined, segmentation: polygon }))).toEqual(["bolt 10,20,40,60"]);
    expect(await boxes(box({ bbox: [], segmentation: polygon }))).toEqual(["bolt 10,20,40,60"]);
    // 80 rows: one column of 40 pixels, starting at row 20 of column 10.
    const runs = { size: [80, 100], counts: [820, 40, 7140] };
    expect(await boxes(box({ bbox: undefined, segmentation: runs }))).toEqual(["bolt 10,20,11,60"]);
    expect((await open(box({}))).splits.train.map(({ labels }) => labels?.length)).toEqual([1, 0]);
  });

  it.each<[object, string]>([
    [box({ bbox: [1, 2, -3, 4] }), "[0].bbox has width -3; widths must be positive"],
    [box({ bbox: [1, 2, 3, -4] }), "[0].bbox has height -4; heights must be positive"],
    [box({ bbox: [1, 2, 3] }), "[0].bbox has 3 numbers; it is [left, top, width, height] in pixels"],
    [box({ bbox: [1, 2, 3, "x"] }), "[0].bbox is [1, 2, 3, NaN]; its values are numbers"],
    [box({ bbox: null }), "[0] has no bbox and no segmentation; draw one or remove it"],
    [box({ image_id: 99 }), "[0].image_id is 99; no image has that id; correct or remove it"],
    [box({ category_id: 4 }), "[0].category_id is 4; no category has that id; correct or remove it"],
    [box({ image_id: undefined }), "[0] has no image_id; give it the id of its image or remove it"],
    [box({ bbox: [50, 20, 80, 40] }), "[0]: the box is 50,20 to 130,60; the picture is 100x80; correct or remove it"],
  ])("%j is left out", async (bad, message) => {
    const set = await open(bad, box({}));
    expect(messages(set)).toEqual([`set/coco.json: annotations${message}`]);
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60"]);
    expect(set.rows).toBe(2);
  });

  it("without an area or a little outside are put right, and counted", async () => {
    const set = await open(box({ bbox: [1, 2, 0, 4] }), box({ bbox: [-1, 20, 30, 40] }), box({}), box({}));
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 0,20,29,60", "bolt 10,20,40,60"]);
    expect(set.changes.map(({ what, count, examples }) => [count, what, examples[0]])).toEqual([
      [1, "boxes without an area are left out", "set/coco.json: annotations[0]"],
      [1, "boxes that reach out of the picture are clipped", "set/coco.json: annotations[1]"],
      [1, "rows equal to one before are left out", "set/coco.json: annotations[3]"],
    ]);
  });

  it("of pictures whose size the file does not say are in the picture's own pixels", async () => {
    for (const size of [{}, { width: 0, height: 0 }, { width: null }]) {
      const images = [{ id: 1, file_name: "a.jpg", ...size }];
      const set = await openMemory({ "c.json": json({ images }), "a.jpg": [200, 160] });
      expect(boxesOf(set, "a.jpg", [200, 160])).toEqual(["bolt 10,20,40,60"]);
    }
  });
});

describe("sizes that the file states", () => {
  it("are compared with the pictures': of the same shape, boxes are scaled; of another, it is a problem", async () => {
    const scaled = await openMemory({ "c.json": json(), "a.jpg": [200, 160], "b.jpg": [200, 160] });
    expect(boxesOf(scaled, "a.jpg", [200, 160])).toEqual(["bolt 20,40,80,120"]);
    expect(scaled.changes.map(({ count }) => count)).toEqual([2]);
    const turned = await openMemory({ "c.json": json(), "a.jpg": [80, 100], "b.jpg": picture });
    expect(messages(turned)[0]).toContain("set/c.json: images[0]: states 100x80, but set/a.jpg is 80x100");
    expect(splitNamesOf(turned).train).toEqual(["b.jpg"]);
  });
});

describe("pictures", () => {
  it("that are absent, listed twice or unnamed are problems", async () => {
    const images = [
      { id: 1, file_name: "a.jpg" },
      { id: 1, file_name: "b.jpg" },
      { id: 3, file_name: "gone.jpg" },
      { id: 4 },
    ];
    expect(messages(await openMemory({ "c.json": json({ images }), ...pair("") }))).toEqual([
      "set/c.json: images[1] has the id 1 of an image before; ids differ",
      "set/c.json: images[2] gone.jpg is not there; put the picture there or remove it from the labels",
      "set/c.json: images[3] has no file_name; give it one or remove it",
    ]);
  });

  it("listed twice under one name are one picture", async () => {
    const images = [
      { id: 1, file_name: "a.jpg" },
      { id: 2, file_name: "a.jpg" },
    ];
    const annotations = [box({}), box({ image_id: 2, bbox: [0, 0, 5, 5] })];
    const set = await openMemory({ "c.json": json({ images, annotations }), "a.jpg": picture });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60", "bolt 0,0,5,5"]);
  });

  it("none of which is there are one error", async () => {
    await expect(openMemory({ "c.json": json(), "x.jpg": picture })).rejects.toThrow(
      "set/c.json: none of its 2 pictures (a.jpg, ...) is in set; put the pictures there",
    );
  });

  it("a damaged file is an error with its line", async () => {
    await expect(openMemory({ "c.json": `${json().slice(0, -1)}\n`, ...pair("") })).rejects.toThrow(
      "set/c.json:2: the file ends within the JSON; it was cut off",
    );
  });
});
