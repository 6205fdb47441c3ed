import { describe, expect, it } from "vitest";
import { boxesOf, type MemoryFile, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";

const picture: MemoryFile = [100, 80];
const size = [100, 80] as const;
type Opened = Awaited<ReturnType<typeof openMemory>>;
const messages = (set: Opened) => set.problems.map(({ error }) => error.message);
const said = (set: Opened) => [...set.changes, ...set.notRead].map(({ what, count }) => `${count} ${what}`);

describe("MOTChallenge", () => {
  const info = "[Sequence]\nname=x\nimDir=img1\nseqLength=2\nimWidth=100\nimHeight=80\nimExt=.jpg\n";
  const frames = (folder: string) => ({
    [`${folder}/img1/000001.jpg`]: picture,
    [`${folder}/img1/000002.jpg`]: picture,
  });
  const sequence = (folder: string, gt: string): Record<string, MemoryFile> => ({
    [`${folder}/gt/gt.txt`]: gt,
    [`${folder}/seqinfo.ini`]: info,
    ...frames(folder),
  });

  it("people with their tracks, those that are like them ignored; test has no truth", async () => {
    const rows = [
      "1,7,10,20,30,40,1,1,1",
      "1,8,0,0,5,5,0,1,1",
      "1,9,1,1,5,5,0,7,1",
      "1,10,1,1,5,5,0,3,1",
      "1,11,-10,20,30,40,1,1,.5",
    ];
    const set = await openMemory({
      ...sequence("train/MOT17-02-SDP", rows.join("\n")),
      ...sequence("train/MOT17-02-FRCNN", rows.join("\n")),
      "train/MOT17-02-SDP/det/det.txt": "1,-1,1,1,5,5,0.5\n",
      "test/MOT17-01-SDP/seqinfo.ini": info,
      ...frames("test/MOT17-01-SDP"),
    });
    expect(set).toMatchObject({ format: "motchallenge", classes: ["person"], named: ["train"], problems: [] });
    expect(set.splits.train.map(({ file, group }) => `${file} ${group}`)).toEqual([
      "set/train/MOT17-02-FRCNN/img1/000001.jpg MOT17-02-FRCNN",
      "set/train/MOT17-02-FRCNN/img1/000002.jpg MOT17-02-FRCNN",
    ]);
    expect(boxesOf(set, "000001.jpg", size)).toEqual([
      "person 10,20,40,60",
      "person 1,1,6,6 difficult",
      "person 0,20,20,60",
    ]);
    expect(set.splits.train[0].labels?.map(({ trackId }) => trackId)).toEqual([7, 9, 11]);
    expect(set.splits.train[1].labels).toEqual([]);
    expect(said(set)).toEqual([
      "1 rows of confidence 0 are left out",
      "1 rows of other classes than people are left out",
      "1 boxes that reach out of the picture are clipped",
      "1 sequences without gt/gt.txt",
      "1 sequences that are another one again, with other detections",
    ]);
    expect(set.notes).toEqual([
      "MOT17 has each sequence once a detector (DPM, FRCNN, SDP), with the same pictures; each is used once",
    ]);
  });

  it("one sequence, ten columns of MOT15, frames that are not there, bad rows", async () => {
    const rows = ["1,1,10,20,30,40,1,-1,-1,-1", "5,1,10,20,30,40,1,-1,-1,-1", "x,1,10,20,30,40,1,-1,-1,-1"];
    const set = await openMemory({
      "gt/gt.txt": rows.join("\n"),
      "img1/000001.jpg": picture,
      "img1/000002.jpg": picture,
    });
    expect([set.named, boxesOf(set, "000001.jpg", size)]).toEqual([[], ["person 10,20,40,60"]]);
    expect(messages(set)).toEqual([
      "set/gt/gt.txt:2: frame 5 is not in set/img1; put the picture there or remove its rows",
      'set/gt/gt.txt:3: frame is "x"; it is a number; correct or remove the line',
    ]);
  });

  it("without pictures, or without any truth, is named as the nearest format", async () => {
    const noPictures = { "train/A-01/gt/gt.txt": "1,1,1,1,1,1,1\n" };
    await expect(openMemory(noPictures)).rejects.toThrow(
      "nearest: MOTChallenge (sequence A-01) but no sequence has its pictures in img1",
    );
    await expect(openMemory({ "A-01/seqinfo.ini": info, ...frames("A-01") }, "motchallenge")).rejects.toThrow(
      "is not MOTChallenge: no sequence with pictures has a gt/gt.txt",
    );
  });

  it("a YOLO data set with a clip stays YOLO", async () => {
    const set = await openMemory({
      "data.yaml": JSON.stringify({ train: "train/images", test: "clip/images", names: ["nut"] }),
      "train/images/a.jpg": picture,
      "train/labels/a.txt": "0 0.5 0.5 0.5 0.5\n",
      "clip/images/000001.jpg": picture,
      "clip/labels/000001.txt": "0 0.5 0.5 0.5 0.5\n",
      "clip/gt/gt.txt": "1,1,25,20,50,40,1,1,1\n",
      "clip/seqinfo.ini": info.replace("img1", "images"),
    });
    expect([set.format, set.classes]).toEqual(["yolo", ["nut"]]);
  });
});

describe("KITTI", () => {
  const row = (type: string, box: string) => `${type} 0.00 0 -0.20 ${box} 1.89 0.48 1.20 1.84 1.47 8.41 0.01`;
  const files: Record<string, MemoryFile> = {
    "training/image_2/000000.png": picture,
    "training/label_2/000000.txt": `${row("Pedestrian", "10.00 20.00 40.00 60.00")}\n${row("DontCare", "0 0 5 5")}\n`,
    "training/image_2/000001.png": picture,
    "training/label_2/000001.txt": "",
    "training/image_2/000002.png": picture,
    "training/label_2/000002.txt": `${row("Car", "1 2 3 4")}\n`,
  };

  it("objects, and regions that count for no class", async () => {
    const set = await openMemory({
      ...files,
      "testing/image_2/000000.png": picture,
      "testing/image_2/000001.png": picture,
    });
    expect(set).toMatchObject({ format: "kitti", classes: ["Car", "Pedestrian"], named: [], problems: [] });
    expect(set.recognised).toBe("KITTI: training/image_2, training/label_2");
    expect(splitNamesOf(set).train.length).toBe(3);
    expect(boxesOf(set, "000000.png", size)).toEqual([
      "Pedestrian 10,20,40,60",
      "Car 0,0,5,5 crowd",
      "Pedestrian 0,0,5,5 crowd",
    ]);
    expect(boxesOf(set, "000001.png", size)).toEqual([]);
    expect(said(set)).toEqual(["2 testing pictures, which have no labels"]);
  });

  it("as two archives unpack, and as NVIDIA's tools take it", async () => {
    const moved = (to: (path: string) => string) =>
      Object.fromEntries(Object.entries(files).map(([path, file]) => [to(path), file]));
    const apart = await openMemory(
      moved((path) => `data_object_${path.includes("image") ? "image" : "label"}_2/${path}`),
    );
    expect(splitNamesOf(apart).train[0]).toBe("data_object_image_2/training/image_2/000000.png");
    const folders = { image_2: "images", label_2: "labels" } as Record<string, string>;
    const tao = await openMemory(
      moved((path) => path.replace("training", "train").replace(/\w+_2/, (name) => folders[name])),
    );
    expect([tao.format, tao.named, boxesOf(tao, "000002.png", size)]).toEqual(["kitti", ["train"], ["Car 1,2,3,4"]]);
  });

  it("bad rows and pictures without labels are problems", async () => {
    const set = await openMemory({
      ...files,
      "training/label_2/000002.txt": `Car 0 0\n${row("Car", "1 2 x 4")}\n${row("Car", "1 2 300 4")}\n`,
      "training/image_2/000003.png": picture,
    });
    const file = "set/training/label_2/000002.txt";
    expect(messages(set)).toEqual([
      `${file}:1: has 3 columns; a row is: type truncated occluded alpha left top right bottom and 7 more; correct or remove the line`,
      `${file}:2: has "x" for a corner of the box; correct or remove the line`,
      "set/training/image_2/000003.png: has no set/training/label_2/000003.txt; an empty file says that it shows nothing",
      `${file}:3: the box is 1,2 to 300,4; the picture is 100x80; correct or remove it`,
    ]);
  });
});
