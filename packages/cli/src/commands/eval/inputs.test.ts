/** Inputs of `phinets eval`: layouts and formats of many tools. eval.test.ts tests the figures. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { saveDetections, saveFormats } from "@phinets/node/dataset";
import { describe, expect, it } from "vitest";
import { phinets } from "../../../../../test/road-tools.js";
import { goldens, sharedCases } from "../../../../../test/shared.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-inputs-"));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function evaluate(...words: string[]) {
  const { exitCode, stdout, stderr } = await phinets("eval", ...words, "--json");
  expect(exitCode, stderr).toBe(0);
  return { ...JSON.parse(stdout), notes: stderr };
}

const refused = async (...words: string[]) => {
  const { exitCode, stderr } = await phinets("eval", ...words);
  expect(exitCode).toBe(1);
  // Notes may precede the error.
  expect(stderr.match(/^error: /gm)?.length).toBe(1);
  return stderr;
};

describe("eval coco", () => {
  const names = ["bolt", "Mutter größe"];
  const truth = {
    images: [1, 2, 3].map((id) => ({ id, file_name: `val/p${id}.jpg`, width: 100, height: 80 })),
    categories: names.map((name, i) => ({ id: 5 * i + 3, name })),
    annotations: [
      [1, 3, 10, 10, 30, 20],
      [1, 8, 50, 40, 20, 20],
      [2, 3, 5, 5, 40, 40],
      [3, 8, 60, 10, 20, 30],
    ].map(([image_id, category_id, ...bbox], id) => ({ id, image_id, category_id, bbox, area: bbox[2] * bbox[3] })),
  };
  const gt = write("coco/gt.json", JSON.stringify(truth));
  const records = truth.images.map(({ id, file_name, width, height }) => ({
    file: `/elsewhere/${file_name}`,
    width,
    height,
    boxes: truth.annotations
      .filter(({ image_id }) => image_id === id)
      .map(({ category_id, bbox: [x, y, w, h] }, i) => ({
        class: category_id === 3 ? 0 : 1,
        // One of the four is shifted, so that AP is not 1.
        x: id === 2 ? x + 8 : x,
        y,
        width: w,
        height: h,
        score: 0.9 - i / 10,
      })),
  }));
  const results = records.flatMap(({ boxes }, i) =>
    boxes.map(({ class: index, x, y, width, height, score }) => ({
      image_id: i + 1,
      category_id: 5 * index + 3,
      bbox: [x, y, width, height],
      score,
    })),
  );

  it("takes every format that --save writes, and VOC's truth all of them too", async () => {
    const pred = write("coco/results.json", JSON.stringify(results));
    const { notes, ...plain } = await evaluate("coco", "--gt", gt, "--pred", pred);
    expect(notes).toBe("");
    expect(plain.AP).toBeGreaterThan(0.7);
    expect(plain.AP).toBeLessThan(1);
    const saved = join(folder, "saved");
    const written = saveDetections(records, { folder: saved, formats: saveFormats, classNames: names });
    expect(written.map((path) => path.slice(saved.length + 1))).toEqual([
      "coco.json",
      "labels",
      "voc",
      "detections.csv",
      "labelme",
    ]);
    const boxes = records.map(({ file, boxes }) => ({
      file,
      boxes: boxes.map((box) => ({ ...box, name: names[box.class] })),
    }));
    written.push(write("records/predictions.json", JSON.stringify(boxes)), join(folder, "records"), saved);
    for (const truthFile of truth.images) {
      const objects = truth.annotations
        .filter(({ image_id }) => image_id === truthFile.id)
        .map(({ category_id, bbox: [x, y, w, h] }) => {
          const corners = `<xmin>${x + 1}</xmin><ymin>${y + 1}</ymin><xmax>${x + w}</xmax><ymax>${y + h}</ymax>`;
          return `<object><name>${names[category_id === 3 ? 0 : 1]}</name><bndbox>${corners}</bndbox></object>`;
        });
      const size = "<size><width>100</width><height>80</height></size>";
      write(`voc-truth/Annotations/p${truthFile.id}.xml`, `<annotation>${size}${objects.join("")}</annotation>`);
    }
    const voc = await evaluate("voc", "--gt", join(folder, "voc-truth"), "--pred", join(saved, "voc"));
    expect(voc.mAP).toBeGreaterThan(0.5);
    for (const path of written) {
      const { notes: said, ...found } = await evaluate("coco", "--gt", gt, "--pred", path);
      expect(found, path).toEqual(plain);
      expect(said.split("\n").length, said).toBeLessThanOrEqual(3);
      const other = await evaluate("voc", "--gt", join(folder, "voc-truth"), "--pred", path);
      expect(other.classes, path).toEqual(voc.classes);
    }
    // Without names, YOLO's class numbers are the categories sorted by id.
    for (const record of records) {
      const name = record.file.replace(/.*\/|\.jpg/g, "");
      write(`bare/run/exp/${name}.txt`, readFileSync(join(saved, "labels", `${name}.txt`), "utf8"));
    }
    const bare = await evaluate("coco", "--gt", gt, "--pred", join(folder, "bare/run/exp"));
    expect(bare.notes).toContain("classes are the categories of");
    expect(bare.notes).toContain("0 is bolt, 1 is Mutter größe");
    expect(bare.AP).toBe(plain.AP);
    const swapped = ["coco", "--gt", gt, "--pred", join(folder, "bare/run/exp"), "--names", "Mutter größe,bolt"];
    expect((await evaluate(...swapped)).AP).toBe(0);
    write("bare/data.yaml", "names: {0: bolt, 1: Mutter größe}\n");
    const named = ["coco", "--gt", gt, "--pred", join(folder, "bare/run/exp")];
    expect((await evaluate(...named)).notes).toBe("");
    // Building a list of as many names would never end.
    write("bare/data.yaml", "names: {4000000000: bolt}\n");
    expect(await refused(...named)).toMatch(
      /data\.yaml: names has the key 4000000000; the 1 classes are numbered 0 to 0/,
    );
    write("bare/data.yaml", "names: [bolt\n");
    expect(await refused(...named)).toMatch(/data\.yaml:\d+:\d+: is not YAML/);
  });

  it("takes files that gzip packed, and says what is wrong with others", async () => {
    const packed = write("coco/gt.json.gz", gzipSync(JSON.stringify(truth)));
    const pred = write("coco/results.bin", gzipSync(JSON.stringify(results)));
    expect((await evaluate("coco", "--gt", packed, "--pred", pred)).AP).toBeGreaterThan(0.7);
    const cut = write("coco/cut.gz", gzipSync(JSON.stringify(truth)).subarray(0, 60));
    expect(await refused("coco", "--gt", cut, "--pred", pred)).toContain("cut.gz: is packed with gzip and damaged");
    const zip = write("coco/a.zip", new Uint8Array([0x50, 0x4b, 3, 4]));
    expect(await refused("coco", "--gt", zip, "--pred", pred)).toContain("is a zip archive; unpack it");
    expect(await refused("coco", "--gt", folder, "--pred", pred)).toContain("is a folder; name a file in it");
  });

  it("takes equal numbers of detections", async () => {
    const pred = write("coco/results.json", JSON.stringify(results));
    const words = ["coco", "--gt", gt, "--pred", pred];
    const { AP, AR1, AR10 } = await evaluate(...words, "--max-dets", "1,1,100");
    expect(AP).toBe((await evaluate(...words)).AP);
    expect(AR10).toBe(AR1);
    expect(await refused(...words, "--max-dets", "10,1,100")).toContain("maxDetections is [10,1,100]");
  });

  it("says that categories are off by one", async () => {
    const shifted = results.map((each) => ({ ...each, category_id: each.category_id - 1 }));
    const pred = write("coco/shifted.json", JSON.stringify(shifted));
    const { notes } = await evaluate("coco", "--gt", gt, "--pred", pred);
    expect(notes).toContain("they look like one less than meant; add 1 to each category_id");
    expect(notes).toContain("4 detections of categories that");
  });
});

describe("eval mot", () => {
  const rows = (from: number, tail: string, shift = 0) =>
    Array.from({ length: 10 }, (_, f) =>
      [1, 2].map((id) => `${f + from},${id},${50 + 3 * f + 60 * id + shift},22,30,60,1,${tail}\n`).join(""),
    ).join("");
  const gtRows = rows(1, "1,1");
  const tracked = rows(1, "-1,-1,-1", 4);
  const ini = "[Sequence]\nseqLength=10\n";
  const wanted = { MOTA: 1, TP: 20, FP: 0, FN: 0, IDSW: 0, frames: 10 };
  const pred = dirname(write("mot/pred/cam1.txt", tracked));

  it("finds the layouts of TrackEval, and flat ones", async () => {
    write("mot/flat/cam1.txt", gtRows);
    write("mot/flat/README.txt", "about\n");
    const flat = await evaluate("mot", "--gt", join(folder, "mot/flat"), "--pred", pred);
    expect(flat.combined).toMatchObject(wanted);
    expect((await evaluate("mot", "--gt", join(folder, "mot/flat/cam1.txt"), "--pred", pred)).combined).toEqual(
      flat.combined,
    );
    for (const name of ["cam1", "cam2", "cam3"]) {
      write(`te/gt/mot_challenge/My-train/${name}/gt/gt.txt`, gtRows);
      write(`te/gt/mot_challenge/My-train/${name}/seqinfo.ini`, ini);
      write(`te/trackers/mot_challenge/My-train/ours/data/${name}.txt`, tracked);
    }
    write("te/gt/mot_challenge/seqmaps/My-train.txt", "name\ncam3\ncam1\n");
    for (const gt of ["te/gt", "te/gt/mot_challenge", "te/gt/mot_challenge/My-train"]) {
      const words = ["mot", "--gt", join(folder, gt), "--pred", join(folder, "te/trackers")];
      const { sequences, combined } = await evaluate(...words);
      expect(sequences.map(({ name }: { name: string }) => name)).toEqual(["cam3", "cam1"]);
      expect(combined).toMatchObject({ MOTA: 1, TP: 40 });
      expect((await evaluate(...words, "--sequences", "cam1")).combined).toMatchObject(wanted);
      expect(await refused(...words, "--sequences", "cam9")).toContain(
        'there is no sequence "cam9"; it has cam3, cam1',
      );
    }
    write("te/trackers/mot_challenge/My-train/theirs/data/cam1.txt", tracked);
    const words = ["mot", "--gt", join(folder, "te/gt"), "--pred"];
    expect(await refused(...words, join(folder, "te/trackers"))).toMatch(/has tracks in .*ours.data and .*theirs.data/);
    expect((await evaluate(...words, join(folder, "te/trackers/mot_challenge/My-train/ours"))).combined.TP).toBe(40);
    write("te/gt/mot_challenge/My-test/cam1/gt/gt.txt", gtRows);
    expect(await refused(...words, pred)).toMatch(/has sequences in .*My-test and .*My-train; name one/);
    expect(await refused("mot", "--gt", join(folder, "coco"), "--pred", pred)).toContain(
      "there is no sequence in this",
    );
  });

  it("reads frames from 0 when told to, and says when it should be", async () => {
    write("zero/gt/cam1.txt", gtRows);
    const zero = dirname(write("zero/pred/cam1.txt", rows(0, "-1,-1,-1", 4)));
    const words = ["mot", "--gt", join(folder, "zero/gt"), "--pred", zero];
    expect(await refused(...words)).toContain(
      "cam1.txt:1: frame is 0; frames are integers from 1, or from 0 with --first-frame 0",
    );
    const { combined, notes } = await evaluate(...words, "--first-frame", "0");
    expect(combined).toMatchObject(wanted);
    expect(notes).toContain("has no frame 0, so its frames are assumed to begin at 1");
    write("zero/gt/cam1.txt", rows(0, "1,1"));
    const both = await evaluate(...words, "--first-frame", "0");
    expect(both.combined).toMatchObject(wanted);
    expect(both.notes).toBe("");
    expect(await refused(...words)).toContain("gt/cam1.txt:1: frame is 0");
    write("zero/gt-info/cam1/gt/gt.txt", gtRows);
    write("zero/gt-info/cam1/seqinfo.ini", "[Sequence]\nseqLength=9\n");
    const short = ["mot", "--gt", join(folder, "zero/gt-info"), "--pred", zero, "--first-frame", "0"];
    write("zero/gt-info/cam1/gt/gt.txt", gtRows.replace(/^10,.*\n/gm, ""));
    expect(await refused(...short)).toContain("frame is 9; the sequence has 9, from 0 on");
  });

  it("leaves VisDrone's ignored regions and others out", async () => {
    const regions = "1,0,300,0,100,100,0,0,0,0\n1,0,500,0,100,100,0,0,0,0\n2,7,0,200,50,50,1,11,0,0\n";
    write("vd/annotations/uav1.txt", rows(1, "4,0,1") + regions);
    for (let f = 1; f <= 12; f++) write(`vd/sequences/uav1/${String(f).padStart(7, "0")}.jpg`, "");
    // Two tracks in the ignored region, one just outside.
    const extra = "1,8,310,10,50,50,.5,1,-1,-1\n2,9,1,200,50,50,.5,4,-1,-1\n3,9,310,10,50,50,.5,4,-1,-1\n";
    const tracks = dirname(write("vd/tracks/uav1.txt", rows(1, "4,-1,-1", 4) + extra));
    const words = ["mot", "--gt", join(folder, "vd"), "--pred", tracks];
    const { combined, notes } = await evaluate(...words);
    expect(combined).toMatchObject({ TP: 20, FN: 0, FP: 1, truths: 20, frames: 12 });
    expect(notes).toContain("3 rows are left out (VisDrone's ignored regions, others and boxes of score 0)");
    const one = await evaluate(...words, "--classes", "car");
    expect(one.combined.TP).toBe(20);
    expect((await evaluate(...words, "--classes", "bus")).combined.truths).toBe(0);
    expect(await refused(...words, "--classes", "tank")).toContain('there is no class "tank"');
  });

  it("reads KITTI's tracking labels, DontCare as regions", async () => {
    const row = (f: number, id: number, kind: string, x: number, score = "") =>
      `${f} ${id} ${kind} 0 0 -1.5 ${x} 20 ${x + 30} 80 1.5 1.6 3.9 1 1 10 0${score}\n`;
    const frames = Array.from({ length: 10 }, (_, f) => f);
    const cars = frames
      .map((f) => row(f, 1, "Car", 50 + 3 * f) + row(f, 2, f < 5 ? "Van" : "Pedestrian", 200))
      .join("");
    write("kitti/training/label_02/0000.txt", cars + row(3, -1, "DontCare", 400) + row(3, -1, "DontCare", 500));
    const found = frames.map((f) => row(f, 1, "Car", 52 + 3 * f, " 0.9") + row(f, 2, "Van", 200, " 0.9")).join("");
    const tracks = dirname(write("kitti/pred/0000.txt", found + row(3, 9, "Car", 402, " 0.5")));
    const words = ["mot", "--gt", join(folder, "kitti"), "--pred", tracks, "--like", "trackeval"];
    const gt = ["mot", "--gt", join(folder, "kitti/training"), ...words.slice(3)];
    const { combined, notes } = await evaluate(...gt);
    expect(combined).toMatchObject({ TP: 20, FP: 0, FN: 0, frames: 10 });
    expect(notes).toContain("Car, Van, Pedestrian are scored as one class; --classes Car scores only that class");
    expect(notes).toContain("2 rows are left out (KITTI's DontCare)");
    const cars1 = await evaluate(...gt, "--classes", "car");
    expect(cars1.combined).toMatchObject({ TP: 10, FP: 0, truths: 10 });
    // MOT rows for it, also with frames counted from 0.
    const mot = frames.map((f) => `${f},1,${52 + 3 * f},20,30,60,1,-1,-1,-1\n`).join("");
    write("kitti/mot/0000.txt", mot);
    const other = [...gt.slice(0, 3), "--pred", join(folder, "kitti/mot"), "--first-frame", "0"];
    expect((await evaluate(...other)).combined).toMatchObject({ TP: 10, FP: 0 });
    write("kitti/bad/0000.txt", "0 1 Boat 0 0 0 1 1 2 2\n");
    expect(await refused(...gt.slice(0, 3), "--pred", join(folder, "kitti/bad"))).toContain(
      '0000.txt:1: type is "Boat"',
    );
  });

  it("says that no truth counts, and that a row of titles is none", async () => {
    write("out/cam1.txt", gtRows.replaceAll(",60,1,", ",60,0,"));
    const { notes } = await evaluate("mot", "--gt", join(folder, "out"), "--pred", pred);
    expect(notes).toContain('all 20 rows have confidence 0 (column 7), which means "leave out"');
    write("titles/cam1.txt", `frame,id,bb_left,bb_top,w,h\n${gtRows}`);
    expect(await refused("mot", "--gt", join(folder, "titles"), "--pred", pred)).toContain(
      'cam1.txt:1: begins with "frame", as a row of titles does; take it out',
    );
  });
});

describe.skipIf(!sharedCases)("sample inputs", () => {
  const at = (name: string, file = "") => join(sharedCases!, "data", name, file);
  it("coco", async () => {
    for (const [name, truth] of [
      ["x03-string-image-ids-in-results", "gt.json"],
      ["x09-seg-only", "gt.json"],
      ["x29-gz", "gt.json.gz"],
    ]) {
      const { AP } = await evaluate("coco", "--gt", at(name, truth), "--pred", at(name, "res.json"));
      expect(AP, name).toBeCloseTo(1, 12);
    }
    const { AP50 } = await evaluate(
      "coco",
      "--gt",
      at("x31-phinets-predictions", "gt.json"),
      "--pred",
      at("x31-phinets-predictions", "res.json"),
    );
    expect(AP50).toBeCloseTo(51 / 101 / 2, 12);
  });

  it("mot", async () => {
    const mot = (name: string, ...more: string[]) =>
      evaluate("mot", "--gt", at(name, "gt"), "--pred", at(name, "pred"), ...more);
    for (const name of ["t07-flat-gt", "t19-kitti"]) expect((await mot(name)).combined.MOTA, name).toBe(1);
    expect((await mot("t04-zero-based-pred", "--first-frame", "0")).combined.MOTA).toBe(1);
    expect((await mot("t14-gt-conf-0-all")).notes).toContain("all 20 rows have confidence 0");
  });
});

describe.skipIf(!goldens)("ids of other kinds", () => {
  it("give the figures of the same file with numbers", async () => {
    const read = (part: string) => JSON.parse(readFileSync(`${goldens}/coco/val2014_100.${part}.json`, "utf8"));
    const [truth, found] = [read("gt"), read("dt")];
    const { AP, APs, AR100 } = JSON.parse(readFileSync(`${goldens}/coco/val2014_100.golden.json`, "utf8")).stats;
    const stem = new Map(
      truth.images.map(({ id, file_name }: { id: number; file_name: string }) => [id, file_name.replace(".jpg", "")]),
    );
    const gt = write("golden/gt.json", JSON.stringify(truth));
    type Entry = { image_id: number; category_id: number };
    const variants = {
      stems: found.map((each: Entry) => ({ ...each, image_id: stem.get(each.image_id) })),
      texts: found.map((each: Entry) => ({
        ...each,
        image_id: `${each.image_id}`,
        category_id: `${each.category_id}`,
      })),
    };
    for (const [name, list] of Object.entries(variants)) {
      const result = await evaluate("coco", "--gt", gt, "--pred", write(`golden/${name}.json`, JSON.stringify(list)));
      for (const [key, value] of Object.entries({ AP, APs, AR100 })) {
        expect(Math.abs(result[key] - value), `${name} ${key}`).toBeLessThanOrEqual(1e-12);
      }
    }
  });
});
