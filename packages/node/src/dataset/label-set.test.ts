/** Boxes saved into a data set's own files, read back by the formats' readers and by independent ones. */
import { fork } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type EditedBox, splitNames } from "@phinets/core/data";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../../../../test/data-folder.js";
import { sharedData } from "../../../../test/shared.js";
import { parseYaml } from "../text/yaml.js";
import { openLabelSet } from "./label-set.js";
import { openDataset } from "./open.js";

const { root, put, yolo, message } = dataFolder("label-set");
const text = (path: string) => readFileSync(join(root, path), "utf8");
/** Every file below a folder, with its content. */
const filesOf = (folder: string) =>
  new Map(
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .map((file) => [file, readFileSync(file).toString("base64")]),
  );

/** The boxes of a picture as the registry reads them: class names, and corners in pixels of a given size. */
async function boxesOn(folder: string, picture: string, [width, height]: readonly [number, number]) {
  const opened = await openDataset([join(root, folder)], { bad: "leave out", complete: false });
  const samples = Object.values(opened.splits).flat();
  const sample = samples.find(({ file }) => file.endsWith(picture));
  return sample?.labels?.map((box) => {
    const left = (box.x - box.width / 2) * width;
    const top = (box.y - box.height / 2) * height;
    const corners = [left, top, left + box.width * width, top + box.height * height];
    return `${opened.classes[box.class]} ${corners.map((value) => Number(value.toFixed(2))).join()}`;
  });
}

const numbered = <T extends object>(boxes: readonly T[]) => boxes.map((box, row) => ({ ...box, row }));
const box = (kind: number, left: number, top: number, width: number, height: number): EditedBox => ({
  ...{ class: kind, left, top, width, height },
});

describe("YOLO", () => {
  const fresh = async (name: string) => {
    await yolo(name);
    const file = join(root, name, "train/images/0.jpg");
    return { set: await openLabelSet(join(root, name)), file };
  };

  it("keeps what is not changed to the letter, and every other file", async () => {
    const { set, file } = await fresh("yolo");
    const odd = "# by hand\r\n1\t0.250000 0.25 1e-1 .1\r\nnonsense\r\n0 0.1 0.1 0.3 0.1 0.3 0.4\r\n";
    put("yolo/train/labels/0.txt", odd);
    const before = filesOf("yolo");
    const { boxes, version, size, labelled } = await set.read(file);
    expect([size, labelled]).toEqual([{ width: 40, height: 30 }, true]);
    expect(boxes.map(({ class: kind, left }) => [kind, Number(left.toFixed(6))])).toEqual([
      [1, 8],
      [0, 4],
    ]);
    const same = await set.save(file, numbered(boxes), version);
    expect(filesOf("yolo")).toEqual(before);
    expect(same.rows).toEqual([0, 1]);
    // A new box, a changed class, and the polygon's box removed.
    const drawn = box(0, 10.4, 5.2, 12.5, 20);
    const changed = await set.save(file, [drawn, { ...boxes[0], class: 0, row: 0 }], same.version);
    expect(text("yolo/train/labels/0.txt")).toBe(
      "# by hand\r\n0\t0.250000 0.25 1e-1 .1\r\nnonsense\r\n0 0.41625 0.506666667 0.3125 0.666666667\r\n",
    );
    expect(changed.rows).toEqual([1, 0]);
    expect(await boxesOn("yolo", "train/images/0.jpg", [40, 30])).toEqual(["nut 8,6,12,9", "nut 10.4,5.2,22.9,25.2"]);
    expect([...filesOf("yolo")].filter(([name, content]) => before.get(name) !== content).length).toBe(1);
  });

  it("brings any boxes back as they were drawn", async () => {
    const { set, file } = await fresh("any");
    let { version, boxes: old } = await set.read(file);
    const number = fc.double({ min: 0, max: 1, noNaN: true });
    const drawn = fc.tuple(fc.nat(1), number, number, number, number).map(([kind, x, y, w, h]) => {
      const [left, top] = [x * 38, y * 28];
      return box(kind, left, top, Math.max(1, w * (40 - left)), Math.max(1, h * (30 - top)));
    });
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { maxLength: 6 }), async (boxes) => {
        const kept = old.length > 0 ? [{ ...old[0], row: 0 }] : [];
        const first = text("any/train/labels/0.txt").split("\n")[0];
        const saved = await set.save(file, [...boxes, ...kept], version);
        if (kept.length > 0) expect(text("any/train/labels/0.txt").split("\n")[0]).toBe(first);
        for (const [n, each] of boxes.entries()) {
          const found = saved.boxes[saved.rows[n]];
          expect(found.class).toBe(each.class);
          for (const side of ["left", "top", "width", "height"] as const)
            expect(found[side]).toBeCloseTo(each[side], 6);
        }
        const read = await set.read(file);
        expect(read).toEqual({ ...saved, rows: undefined });
        ({ version, boxes: old } = saved);
      }),
      { numRuns: 30 },
    );
  });

  it("adds classes to data.yaml and lists, whatever their names", async () => {
    const hostile = `"}]: #{x}\u2028 <img src=x onerror=1> 'a' &b`;
    for (const [name, yaml] of [
      ["list", "# mine\ntrain: train/images # here\nval: val/images\nnc: 2\nnames: [nut, bolt] # two\n"],
      ["block", "train: train/images\nval: val/images\nnames:\n  - nut\n  - bolt\n"],
      ["map", "train: train/images\nval: val/images\nnames:\n  0: nut\n  1: bolt\nextra: {a: 1}\n"],
    ] as const) {
      await yolo(name, undefined, yaml);
      const set = await openLabelSet(join(root, name));
      expect(await set.addClass(hostile)).toEqual(["nut", "bolt", hostile]);
      const { classes } = await openDataset([join(root, name)], { complete: false });
      expect(classes).toEqual(["nut", "bolt", hostile]);
      const { names: _, nc: __, ...rest } = (await parseYaml(text(`${name}/data.yaml`))) as Record<string, unknown>;
      const { names: ___, nc: ____, ...were } = (await parseYaml(yaml)) as Record<string, unknown>;
      expect(rest).toEqual(were);
      for (const comment of yaml.match(/# \w+/g) ?? []) expect(text(`${name}/data.yaml`)).toContain(comment);
    }
    put("names/classes.txt", "nut\r\nbolt\r\n\r\n");
    put("names/images/a.jpg", await jpeg(40, 30, 1));
    put("names/labels/a.txt", "1 0.5 0.5 0.2 0.2\n");
    const set = await openLabelSet(join(root, "names"));
    await set.addClass("washer");
    expect(text("names/classes.txt")).toBe("nut\r\nbolt\r\nwasher\r\n");
    for (const [name, why] of [
      ["nut", "is there already"],
      [" a", "begins or ends with a blank"],
      ["a\nb", "a name has letters and is one line"],
      ["x".repeat(201), "has 201 letters"],
    ])
      expect(await message(set.addClass(name))).toContain(why);
  });

  it("refuses what somebody else changed, and what it must not write", async () => {
    const { set, file } = await fresh("refuse");
    const { version } = await set.read(file);
    const mine = [box(0, 1, 1, 5, 5)];
    put("refuse/train/labels/0.txt", "1 0.5 0.5 0.5 0.5\n");
    expect(await message(set.save(file, mine, version))).toBe(
      "ROOT/refuse/train/labels/0.txt: was changed by somebody else since it was opened; open the picture again",
    );
    expect(text("refuse/train/labels/0.txt")).toBe("1 0.5 0.5 0.5 0.5\n");
    const { version: now, boxes } = await set.read(file);
    chmodSync(join(root, "refuse/train/labels/0.txt"), 0o444);
    expect(await message(set.save(file, mine, now))).toContain("is read-only");
    chmodSync(join(root, "refuse/train/labels/0.txt"), 0o644);
    for (const [wrong, why] of [
      [box(2, 1, 1, 5, 5), "box 1 is of class 2; there are 2"],
      [box(0, 38, 1, 5, 5), "box 1 is 38,1 to 43,6; the picture is 40x30"],
      [box(0, 1, 1, 0, 5), "box 1 is 0 x 5 pixels; it has an area"],
      [box(0, Number.NaN, 1, 5, 5), "box 1 is NaN,1"],
      [{ ...boxes[0], row: 1 }, "a box names row 1 of 1"],
    ] as const)
      expect(await message(set.save(file, [wrong], now))).toContain(why);
    put("refuse/data.yaml", "train: train/images\nnames: [bolt, nut]\n");
    expect(await message(set.save(file, mine, now))).toContain("data.yaml: was changed by somebody else");
    expect(text("refuse/train/labels/0.txt")).toBe("1 0.5 0.5 0.5 0.5\n");
    expect(await message(set.read(join(root, "refuse/train/images/9.jpg")))).toContain("is no picture of");
  });

  it("follows no link and leaves the folder alone that it was not given", async () => {
    await yolo("inside", undefined, "train: train/images\nnames: [nut, bolt]\n");
    const secret = put("elsewhere/0.txt", "0 0.5 0.5 0.1 0.1\n");
    put("inside/train/labels/0.txt", "");
    mkdirSync(join(root, "inside/linked/images"), { recursive: true });
    put("inside/linked/images/a.jpg", await jpeg(40, 30, 1));
    symlinkSync(join(root, "elsewhere"), join(root, "inside/linked/labels"));
    put("elsewhere/a.txt", "0 0.5 0.5 0.1 0.1\n");
    put("inside/train/images/link.jpg", await jpeg(40, 30, 2));
    symlinkSync(secret, join(root, "inside/train/labels/link.txt"));
    put("inside/data.yaml", "train: [train/images, linked/images]\nnames: [nut, bolt]\n");
    const set = await openLabelSet(join(root, "inside"));
    const save = async (path: string) => {
      const { version } = await set.read(join(root, path));
      return set.save(join(root, path), [box(1, 1, 1, 5, 5)], version);
    };
    expect(await message(save("inside/train/images/link.jpg"))).toContain("link.txt: is a link, which is not followed");
    expect(await message(save("inside/linked/images/a.jpg"))).toContain("lies outside");
    expect([text("elsewhere/0.txt"), text("elsewhere/a.txt")]).toEqual(Array<string>(2).fill("0 0.5 0.5 0.1 0.1\n"));
    expect((await save("inside/train/images/0.jpg")).boxes.length).toBe(1);
  });

  it("begins in a folder of pictures, and in a set of which some have no labels", async () => {
    for (const name of ["b", "a", "sub/c"]) put(`bare/${name}.jpg`, await jpeg(40, 30, name.length));
    const set = await openLabelSet(join(root, "bare"));
    const files = ["a", "b", "sub/c"].map((name) => join(root, `bare/${name}.jpg`));
    expect([set.pictures, set.classes]).toEqual([files, []]);
    expect((await set.save(files[0], [], (await set.read(files[0])).version)).labelled).toBe(true);
    expect([existsSync(join(root, "bare/data.yaml")), text("bare/a.txt")]).toEqual([false, ""]);
    await set.addClass("it's: a nut");
    expect(set.nextUnlabelled(files[1])).toBe(files[2]);
    // After a restart the empty label file still counts.
    const again = await openLabelSet(join(root, "bare"));
    expect(files.map((file) => again.isLabelled(file))).toEqual([true, false, false]);
    await again.addClass("it's: a nut");
    await again.save(files[2], [box(0, 4, 3, 8, 6)], (await again.read(files[2])).version);
    expect(text("bare/data.yaml")).toBe(`train: .\nnames:\n  0: "it's: a nut"\n`);
    expect(await boxesOn("bare", "sub/c.jpg", [40, 30])).toEqual(["it's: a nut 4,3,12,9"]);
    const third = await openLabelSet(join(root, "bare"));
    expect([third.pictures, third.nextUnlabelled(files[2])]).toEqual([files, files[1]]);

    put("ready/images/1.jpg", await jpeg(40, 30, 1));
    put("ready/data.yaml", "train: images\nval: images\nnames: [nut]\n");
    const ready = await openLabelSet(join(root, "ready"));
    expect(ready.pictures.map((file) => ready.isLabelled(file))).toEqual([false]);
    await ready.save(ready.pictures[0], [box(0, 4, 3, 8, 6)], "new");
    expect(text("ready/labels/1.txt")).toBe("0 0.2 0.2 0.2 0.2\n");
  });
});

describe("Pascal VOC", () => {
  const object = (name: string, corners: readonly number[], more = "") =>
    `\t<object>\n\t\t<name>${name}</name>${more}\n\t\t<difficult>1</difficult>\n\t\t<bndbox><xmin>${corners[0]}</xmin><ymin>${corners[1]}</ymin><xmax>${corners[2]}</xmax><ymax>${corners[3]}</ymax></bndbox>\n\t</object>\n`;
  const annotation = `<?xml version="1.0"?>\n<annotation verified="yes">\n\t<filename>1.jpg</filename>\n\t<source>me &amp; you</source>\n\t<size><width>40</width><height>30</height><depth>3</depth></size>\n${object("nut", [1, 1, 10, 10.5], "<pose>Left</pose>")}${object("bolt", [11, 21, 30, 30])}<object><name>no box</name></object>\n</annotation>\n`;

  it("changes corners and names, and keeps all other elements", async () => {
    for (const n of [1, 2, 3]) put(`voc/JPEGImages/${n}.jpg`, await jpeg(40, 30, n));
    put("voc/Annotations/1.xml", annotation);
    put("voc/Annotations/2.xml", annotation.replace("1.jpg", "2.jpg"));
    put("voc/ImageSets/Main/train.txt", "1\n2\n");
    const file = join(root, "voc/JPEGImages/1.jpg");
    const set = await openLabelSet(join(root, "voc"));
    const other = text("voc/Annotations/2.xml");
    const { boxes, version } = await set.read(file);
    expect(boxes).toEqual([
      { ...box(1, 0, 0, 10, 10.5), ignore: "difficult" },
      { ...box(0, 10, 20, 20, 10), ignore: "difficult" },
    ]);
    const same = await set.save(file, numbered(boxes), version);
    expect(text("voc/Annotations/1.xml")).toBe(annotation);
    const hostile = `</name></object><x a="1">&amp; ]]>`;
    await set.addClass(hostile);
    const edited = [{ ...boxes[1], left: 12.25, class: 1, row: 1 }, box(2, 0, 0, 40, 30)];
    const saved = await set.save(file, edited, same.version);
    const now = text("voc/Annotations/1.xml");
    expect(now).toContain("<xmin>13.25</xmin><ymin>21</ymin><xmax>32.25</xmax><ymax>30</ymax>");
    expect(now).toContain("<name>&lt;/name&gt;&lt;/object&gt;&lt;x a=&quot;1&quot;&gt;&amp;amp; ]]&gt;</name>");
    for (const part of ['verified="yes"', "<source>me &amp; you</source>", "<object><name>no box</name></object>"])
      expect(now).toContain(part);
    expect(now).not.toContain("<pose>Left</pose>");
    expect(saved.rows).toEqual([0, 1]);
    expect(await boxesOn("voc", "JPEGImages/1.jpg", [40, 30])).toEqual([
      "nut 12.25,20,32.25,30",
      `${hostile} 0,0,40,30`,
    ]);
    expect(text("voc/Annotations/2.xml")).toBe(other);
    // The third picture has no annotation: it gets one, and an entry in the list.
    const third = join(root, "voc/JPEGImages/3.jpg");
    expect(set.nextUnlabelled(file)).toBe(third);
    await set.save(third, [box(0, 4, 3, 8, 6)], (await set.read(third)).version);
    expect(text("voc/ImageSets/Main/train.txt")).toBe("1\n2\n3\n");
    expect(await boxesOn("voc", "JPEGImages/3.jpg", [40, 30])).toEqual(["bolt 4,3,12,9"]);
  });

  it("counts from 0 where the set does, scales where the file states another size", async () => {
    put("zero/1.jpg", await jpeg(80, 60, 1));
    put("zero/1.xml", annotation.replace("<xmin>1<", "<xmin>0<"));
    const set = await openLabelSet(join(root, "zero"));
    const file = join(root, "zero/1.jpg");
    const { boxes, version } = await set.read(file);
    expect(boxes[0]).toMatchObject({ left: 0, top: 2, width: 20, height: 19 });
    await set.save(file, [{ ...boxes[0], row: 0 }, box(0, 8, 6, 16, 12)], version);
    expect(text("zero/1.xml")).toContain("<xmin>4</xmin><ymin>3</ymin><xmax>12</xmax><ymax>9</ymax>");
    expect(text("zero/1.xml")).toContain("<ymax>10.5</ymax>");
  });
});

describe("COCO", () => {
  const images =
    '{"id": 7, "file_name": "1.jpg", "width": 40, "height": 30, "license": 3},\n    {"id": "x", "file_name": "2.jpg", "width": 40, "height": 30}';
  const first =
    '{"id": 12345678901234567890, "image_id": 7, "category_id": 4, "bbox": [1.50, 2.0, 10.0, 10e0], "area": 77.0, "segmentation": [[1, 2, 3, 4, 5, 6]], "iscrowd": 0, "mine": {"a": [1]}}';
  const second = '{"id": 3, "image_id": "x", "category_id": 4, "bbox": [1, 2, 3.0, 4], "iscrowd": 1}';
  const json = (annotations: string) =>
    `{"info": {"year": 2020.0},\n  "images": [\n    ${images}],\n  "annotations": [\n    ${annotations}\n  ], "categories": [{"id": 4, "name": "nut"}, {"id": 9, "name": "bolt"}]}\n`;

  it("changes the annotations of one picture to the byte", async () => {
    for (const n of [1, 2, 3]) put(`coco/${n}.jpg`, await jpeg(40, 30, n));
    put("coco/instances.json", json(`${first},\n    ${second}`));
    const set = await openLabelSet(join(root, "coco"));
    const file = join(root, "coco/1.jpg");
    const { boxes, version } = await set.read(file);
    expect(boxes).toEqual([box(0, 1.5, 2, 10, 10)]);
    const same = await set.save(file, numbered(boxes), version);
    expect(text("coco/instances.json")).toBe(json(`${first},\n    ${second}`));
    const moved = await set.save(file, [{ ...boxes[0], left: 3.25, class: 1, row: 0 }], same.version);
    const changed = first
      .replace('"category_id": 4', '"category_id": 9')
      .replace("[1.50, 2.0, 10.0, 10e0]", "[3.25,2,10,10]")
      .replace("77.0", "100")
      .replace("[[1, 2, 3, 4, 5, 6]]", "[]");
    expect(text("coco/instances.json")).toBe(json(`${changed},\n    ${second}`));
    // Somebody else changes another picture: no conflict, and both changes are kept.
    const theirs = second.replace("3.0", "5");
    put("coco/instances.json", json(`${changed},\n    ${theirs}`));
    const hostile = '"],"images":[{}]\u2028\\';
    await set.addClass(hostile);
    const saved = await set.save(file, [box(2, 0, 0, 4, 3)], moved.version);
    expect(saved.boxes).toEqual([box(2, 0, 0, 4, 3)]);
    const parsed = JSON.parse(text("coco/instances.json"));
    expect(parsed.annotations.slice(0, 1)).toEqual([JSON.parse(theirs)]);
    expect(parsed.annotations[1]).toMatchObject({
      image_id: 7,
      category_id: 10,
      bbox: [0, 0, 4, 3],
      area: 12,
      iscrowd: 0,
    });
    expect(parsed.categories[2]).toEqual({ id: 10, name: hostile, supercategory: "" });
    expect(parsed.images[0].license).toBe(3);
    // The third picture is in no list yet.
    const third = join(root, "coco/3.jpg");
    expect(set.nextUnlabelled(file)).toBe(third);
    await set.save(third, [box(1, 4, 3, 8, 6)], (await set.read(third)).version);
    expect(await boxesOn("coco", "3.jpg", [40, 30])).toEqual(["bolt 4,3,12,9"]);
    expect(await boxesOn("coco", "1.jpg", [40, 30])).toEqual([`${hostile} 0,0,4,3`]);
    put("coco/instances.json", text("coco/instances.json").replace("[0,0,4,3]", "[0,0,4,4]"));
    expect(await message(set.save(file, [], saved.version))).toContain("was changed by somebody else");
  });

  it("opens again when its last box is taken out", async () => {
    for (const n of [1, 2]) put(`last/${n}.jpg`, await jpeg(40, 30, n));
    put("last/instances.json", json(first));
    const file = join(root, "last/1.jpg");
    const before = await openLabelSet(join(root, "last"));
    await before.save(file, [], (await before.read(file)).version);
    expect(JSON.parse(text("last/instances.json")).annotations).toEqual([]);
    // It cannot be trained on, but it can be labelled.
    expect(await message(openDataset([join(root, "last")]))).toContain("its list of annotations is empty");
    const again = await openLabelSet(join(root, "last"));
    await again.save(file, [box(1, 4, 3, 8, 6)], (await again.read(file)).version);
    expect(await boxesOn("last", "1.jpg", [40, 30])).toEqual(["bolt 4,3,12,9"]);
  });

  it("takes out and puts in at every place of the list", async () => {
    const annotation = (id: number, image = 1) =>
      `{"id":${id},"image_id":${image},"category_id":1,"bbox":[${id},1,2,2]}`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 6 }),
        fc.nat(2),
        async (rows, more) => {
          const name = `lists/${JSON.stringify([rows, more]).replace(/\W/g, "")}`;
          put(`${name}/a.jpg`, await jpeg(40, 30, 1));
          put(`${name}/b.jpg`, await jpeg(40, 30, 2));
          const list = rows.map(([own], n) => annotation(n + 1, own ? 1 : 2)).join(",");
          const pictures = [1, 2].map(
            (id) => `{"id":${id},"file_name":"${id === 1 ? "a" : "b"}.jpg","width":40,"height":30}`,
          );
          put(
            `${name}/all.json`,
            `{"images":[${pictures}],"annotations":[${list}],"categories":[{"id":1,"name":"nut"}]}`,
          );
          const set = await openLabelSet(join(root, name));
          const file = join(root, name, "a.jpg");
          const { boxes, version } = await set.read(file);
          const own = rows.filter(([mine]) => mine);
          const kept = numbered(boxes).filter((_, n) => own[n][1]);
          await set.save(file, [...kept, ...Array.from({ length: more }, (_, n) => box(0, 20 + n, 2, 3, 3))], version);
          const found = JSON.parse(text(`${name}/all.json`)).annotations.map(({ bbox }: { bbox: number[] }) => bbox[0]);
          const stays = rows.flatMap(([mine, keep], n) => (!mine || keep ? [n + 1] : []));
          expect(found).toEqual([...stays, ...Array.from({ length: more }, (_, n) => 20 + n)]);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe.skipIf(sharedData === undefined)("real sets", () => {
  it.each(["bccd", "coco-val-person", "coco-person"])(
    "%s: what stays is the same bytes, what moves has moved",
    async (name) => {
      // A writable copy.
      cpSync(join(sharedData!, name), join(root, name), { recursive: true });
      for (const entry of readdirSync(join(root, name), { withFileTypes: true, recursive: true }))
        chmodSync(join(entry.parentPath ?? entry.path, entry.name), entry.isDirectory() ? 0o755 : 0o644);
      chmodSync(join(root, name), 0o755);
      const set = await openLabelSet(join(root, name));
      const before = await openDataset([join(root, name)], { bad: "leave out", complete: false });
      const bytes = filesOf(name);
      const some = set.pictures.filter((_, n) => n % Math.ceil(set.pictures.length / 25) === 0);
      expect(some.length).toBeGreaterThan(20);
      for (const file of some) {
        const { boxes, version } = await set.read(file);
        expect((await set.save(file, numbered(boxes), version)).boxes).toEqual(boxes);
      }
      expect(filesOf(name)).toEqual(bytes);
      let chosen = "";
      for (const file of some) {
        const { boxes, version, size } = await set.read(file);
        const at = boxes.findIndex(({ left, width }) => left + width < size.width - 3);
        if (at < 0) continue;
        chosen = file;
        const moved = boxes.map((each, row) => ({ ...each, left: each.left + (row === at ? 2.5 : 0), row }));
        await set.save(file, moved, version);
        break;
      }
      const after = await openDataset([join(root, name)], { bad: "leave out", complete: false });
      expect(after.classes).toEqual(before.classes);
      let changed = 0;
      for (const split of splitNames) {
        expect(after.splits[split].length).toBe(before.splits[split].length);
        for (const [n, sample] of after.splits[split].entries()) {
          const was = before.splits[split][n];
          if (sample.file !== chosen) expect(sample).toEqual(was);
          else {
            const { size } = await set.read(chosen);
            for (const [row, label] of sample.labels!.entries()) {
              const apart = (label.x - was.labels![row].x) * size.width;
              if (Math.abs(apart) < 1e-6) expect(label).toEqual(was.labels![row]);
              else {
                expect(apart).toBeCloseTo(2.5, 2);
                expect(label.width).toBeCloseTo(was.labels![row].width, 5);
                changed++;
              }
            }
          }
        }
      }
      expect(changed).toBe(1);
    },
  );
});

it("refuses other formats, and says what to do", async () => {
  put("kinds/a.jpg", await jpeg(40, 30, 1));
  const shape = {
    label: "nut",
    shape_type: "rectangle",
    points: [
      [1, 1],
      [9, 9],
    ],
  };
  put("kinds/a.json", JSON.stringify({ shapes: [shape], imagePath: "a.jpg", imageWidth: 40, imageHeight: 30 }));
  expect(await message(openLabelSet(join(root, "kinds")))).toBe(
    "ROOT/kinds: labels in the format labelme are read and not changed; phinets convert ROOT/kinds NEW_FOLDER --to yolo makes a set whose boxes can be edited",
  );
  for (const kind of ["cat", "dog"]) put(`classes/${kind}/a.jpg`, await jpeg(40, 30, 1));
  expect(await message(openLabelSet(join(root, "classes")))).toContain("has a class for each picture");
});

it("leaves every file whole when it is killed", async () => {
  const pictures = Array.from({ length: 10 }, (_, n) => n);
  await yolo("killed", { train: 10, val: 0, test: 0 }, "train: train/images\nnames: [nut, bolt]\n");
  put("killed/train/labels/1.txt", "1 0.5 0.5 0.2 0.2\n");
  const script = put(
    "save.mjs",
    `import { openLabelSet } from ${JSON.stringify(new URL("../../dist/dataset/index.js", import.meta.url).href)};
const set = await openLabelSet(${JSON.stringify(join(root, "killed"))});
for (let round = Number(process.argv[2]); ; round++) {
  for (const file of set.pictures) {
    const { version } = await set.read(file);
    const count = 1 + (round % 3) * 200;
    await set.save(file, Array.from({ length: count }, (_, n) => ({ class: 0, left: n / 100, top: 1, width: 5, height: 5 })), version);
    process.send("saved");
  }
}`,
  );
  const lengths = new Set<number>();
  for (let round = 0; round < 8; round++) {
    const child = fork(script, [String(round)], { execArgv: [] });
    const ended = once(child, "exit");
    for (let saved = 0; saved < 1 + round; saved++) await once(child, "message");
    await new Promise((resolve) => setTimeout(resolve, round % 5));
    child.kill("SIGKILL");
    await ended;
    for (const n of pictures) {
      const rows = text(`killed/train/labels/${n}.txt`).split("\n").slice(0, -1);
      lengths.add(rows.length);
      expect([1, 2, 201, 401]).toContain(rows.length);
      for (const row of rows) expect(row).toMatch(/^[01] [\d.]+ [\d.]+ [\d.]+ [\d.]+$/);
    }
  }
  expect(lengths.size).toBeGreaterThan(2);
  writeFileSync(join(root, "killed/train/labels/0.txt"), "");
  const { sets } = await openDataset([join(root, "killed")], { bad: "leave out", complete: false });
  expect(sets[0].problems).toEqual([]);
});
