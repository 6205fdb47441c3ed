import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";
import { goldens } from "../../../../test/shared.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-eval-"));

async function json(...words: string[]) {
  const { exitCode, stdout, stderr } = await phinets(...words, "--json");
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const golden = (name: string) => JSON.parse(readFileSync(`${goldens}/${name}.json`, "utf8"));

describe.skipIf(!goldens)("eval against the reference tools", () => {
  it("coco", async () => {
    const files = [`--gt=${goldens}/coco/val2014_100.gt.json`, `--pred=${goldens}/coco/val2014_100.dt.json`];
    const result = await json("eval", "coco", ...files);
    const { stats, per_category } = golden("coco/val2014_100.golden");
    for (const name of ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]) {
      expect(Math.abs(result[name] - stats[name]), name).toBeLessThanOrEqual(1e-12);
    }
    expect(result.categories.length).toBe(per_category.length);
    expect(await json("eval", "coco", ...files, "--workers", "2")).toEqual(result);
    const { stdout } = await phinets("eval", "coco", ...files);
    expect(stdout).toContain("100 pictures, 839 boxes");
    expect(stdout).toMatch(new RegExp(`\nall +${stats.AP.toFixed(3)} +${stats.AP50.toFixed(3)} `));
  });

  it("voc, from files of the development kit's form", async () => {
    const { gt, dt } = golden("voc/cartucho_sample_difficult20.input");
    const theirs = golden("voc/cartucho_sample_difficult20.golden").thresholds["iou_0.5"];
    type Box = { name: string; bbox: number[]; difficult: number };
    for (const [image, objects] of Object.entries<Box[]>(gt)) {
      const rows = objects.map(({ name, bbox: [xmin, ymin, xmax, ymax], difficult }) => {
        const corners = `<xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax>`;
        return `<object><name>${name}</name><difficult>${difficult}</difficult><bndbox>${corners}</bndbox></object>`;
      });
      write(`voc/Annotations/${image}.xml`, `<annotation>\n${rows.join("\n")}\n</annotation>\n`);
    }
    write("voc/ImageSets/Main/test.txt", `${Object.keys(gt).join("\n")}\n`);
    const found = new Map<string, string>();
    for (const { image, name, score, bbox } of dt) {
      found.set(name, `${found.get(name) ?? ""}${image} ${score} ${bbox.join(" ")}\n`);
    }
    for (const [name, text] of found) write(`pred/comp4_det_test_${name}.txt`, text);
    const words = ["eval", "voc", "--gt", join(folder, "voc"), "--pred", join(folder, "pred")];
    const area = await json(...words);
    expect(area.mAP).toBeCloseTo(theirs.map_area_voc2010_stable_sort, 12);
    expect(area.mAPArea).toBe(area.mAP);
    const eleven = await json(...words, "--year", "2007");
    expect(eleven.mAP).toBeCloseTo(theirs.map_11point_voc2007_stable_sort, 12);
    expect(eleven.classes.length).toBe(Object.keys(theirs.classes).length);
    for (const { name, AP, truths, TP } of eleven.classes) {
      expect(truths, name).toBe(theirs.classes[name].npos_non_difficult);
      if (truths === 0) expect(AP, name).toBeNull();
      else expect(AP, name).toBeCloseTo(theirs.classes[name].ap_11point_voc2007_stable_sort ?? 0, 12);
      if (theirs.classes[name].n_tp !== undefined) expect(TP, name).toBe(theirs.classes[name].n_tp);
    }
    const { stdout, stderr } = await phinets(...words);
    expect(stdout).toContain(`mAP, 11 points (VOC2007)       ${(100 * eleven.mAP).toFixed(2)}`);
    expect(stderr).toContain("no detections of");
    write("pred/comp4_det_test_book.txt", "2007_000027 0.5 1 2 3 4\nnowhere 0.5 1 2 3 4\n");
    const wrong = await phinets(...words);
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toContain("comp4_det_test_book.txt:2: picture nowhere is not among");
    expect((await phinets(...words, "--set", "val")).stderr).toContain(
      "there is no comp4_det_val_CLASS.txt; the sets there are test",
    );
    mkdirSync(join(folder, "empty"));
    expect((await phinets("eval", "voc", "--gt", folder, "--pred", join(folder, "empty"))).stderr).toMatch(
      /empty: has no detections; they are COCO results, .* comp4_det_SET_CLASS.txt/,
    );
  });

  it("mot, per sequence and combined", async () => {
    const words = ["eval", "mot", `--gt=${goldens}/mot/mot17/gt`, `--pred=${goldens}/mot/mot17/trk_sort_dpm`];
    const { trackeval, pymotmetrics, pymotmetrics_preproc_mot16 } = golden("mot/mot17/golden_sort_dpm");
    const result = await json(...words);
    expect(result.sequences.map(({ name }: { name: string }) => name)).toEqual(["MOT17-05", "MOT17-09", "MOT17-11"]);
    for (const name of ["MOTA", "MOTP", "MODA", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA"]) {
      expect(Math.abs(result.combined[name] - trackeval.COMBINED[name]), name).toBeLessThanOrEqual(1e-9);
    }
    for (const name of ["MT", "PT", "ML", "IDSW", "Frag"]) {
      expect(result.combined[name], name).toBe(trackeval.COMBINED[name]);
    }
    for (const name of ["TP", "FP", "FN"]) expect(result.combined[name], name).toBe(trackeval.COMBINED[`CLR_${name}`]);
    const like = await json(...words, "--like", "motmetrics");
    expect(like.combined.FP).toBe(pymotmetrics_preproc_mot16.COMBINED.num_false_positives);
    expect(like.combined.IDt).toBe(pymotmetrics_preproc_mot16.COMBINED.num_transfer);
    const kept = await json(...words, "--like=motmetrics", "--keep-distractors", "--sequences=MOT17-09");
    expect(kept.sequences.length).toBe(1);
    expect(kept.combined.FP).toBe(pymotmetrics["MOT17-09"].num_false_positives);
    const oneFile = `${goldens}/mot/mot17/trk_sort_dpm/MOT17-09.txt`;
    expect((await phinets(...words.slice(0, 3), "--pred", oneFile)).stderr).toContain("is one file for 3 sequences");
    const { stdout } = await phinets(...words, "benchmark=MOT16");
    expect(stdout).toContain("MOT16 rules as in TrackEval, 2,262 frames");
    expect(stdout).toMatch(/combined +35\.1 +77\.3 +38\.7 .* 16 +102 +116 +10270 +2367 +11408 +284 +322\n/);
  });

  it("mot, of one sequence with one file, and without seqinfo.ini", async () => {
    const gt = join(folder, "TUD-Campus");
    cpSync(`${goldens}/mot/mot15/gt/TUD-Campus`, gt, { recursive: true });
    const words = ["eval", "mot", "--gt", gt, "--pred", `${goldens}/mot/mot15/trk_cem/TUD-Campus.txt`];
    const { combined } = await json(...words);
    expect(combined).toMatchObject({ TP: 209, FN: 150, FP: 13, IDSW: 7, frames: 71 });
    rmSync(join(gt, "seqinfo.ini"));
    const { stdout, stderr } = await phinets(...words, "--json");
    expect(stderr).toContain(
      "seqinfo.ini: is missing; the sequence is assumed to end at the last frame with a box, 71",
    );
    expect(JSON.parse(stdout).combined).toEqual(combined);
  });
});

describe("eval --report", () => {
  const bodyOf = (file: string) => {
    const page = readFileSync(file, "utf8");
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
    expect(page).not.toMatch(/NaN|undefined|\[object/);
    return page;
  };

  it("coco: curves, costs, confusion; what a class is called is text", async () => {
    const categories = [
      { id: 1, name: "<b>nut" },
      { id: 2, name: "bolt" },
    ];
    const bbox = [0, 0, 10, 10];
    const annotations = [1, 2].map((category_id) => ({ id: category_id, image_id: 1, category_id, bbox }));
    const gt = write("report.gt.json", JSON.stringify({ images: [{ id: 1 }], categories, annotations }));
    const found = [{ image_id: 1, category_id: 1, bbox, score: 0.9 }];
    const pred = write("report.dt.json", JSON.stringify(found));
    const out = join(folder, "coco.html");
    const { exitCode, stderr } = await phinets("eval", "coco", "--gt", gt, "--pred", pred, "--report", out);
    expect([exitCode, stderr]).toEqual([0, `written to ${out}\n`]);
    const page = bodyOf(out);
    for (const title of ["Precision and recall", "F1 over confidence", "What the errors cost", "Confusion matrix"]) {
      expect(page).toContain(`<h2>${title}</h2>`);
    }
    expect(page).toContain("&#60;b&#62;nut");
    // Each chart is drawn for desktop and for phone widths.
    expect(page.match(/"on-wide"><svg/g)).toHaveLength(2);
    expect(page).toMatch(/missed<\/th><td[^>]*>[^<]*<\/td><td[^>]*>1<\/td><td[^>]*>50\.00/);
    const none = write("none.json", "[]");
    await phinets("eval", "coco", "--gt", gt, "--pred", none, "--report", out);
    expect(bodyOf(out)).toContain("AP at an IoU of .5 is 0.00");
  });

  it.skipIf(!goldens)("mot: figures a sequence, and trajectories over the picture", async () => {
    const gt = join(folder, "report-gt/TUD-Campus");
    cpSync(`${goldens}/mot/mot15/gt/TUD-Campus`, gt, { recursive: true });
    write("report-gt/TUD-Campus/img1/000001.jpg", "jpeg");
    const out = join(folder, "mot.html");
    const tracks = `${goldens}/mot/mot15/trk_cem/TUD-Campus.txt`;
    const { combined } = await json("eval", "mot", "--gt", gt, "--pred", tracks, "--report", out);
    const page = bodyOf(out);
    expect(page).toContain(`data:image/jpeg;base64,${Buffer.from("jpeg").toString("base64")}`);
    expect(page.match(/<polyline/g)).toHaveLength(combined.tracks);
    expect(page).toContain((100 * combined.HOTA).toFixed(1));
  });

  it.skipIf(!goldens)("voc: curves and figures a class", async () => {
    const out = join(folder, "voc.html");
    rmSync(join(folder, "pred/comp4_det_test_book.txt"), { force: true });
    const words = ["eval", "voc", "--gt", join(folder, "voc"), "--pred", join(folder, "pred"), "--report", out];
    const { mAPArea } = await json(...words);
    const body = bodyOf(out);
    expect(body).toContain(`<div class="value">${(100 * mAPArea).toFixed(1)}</div>`);
    for (const title of ["F1 over confidence", "What the errors cost", "Confusion matrix"])
      expect(body).toContain(title);
  });
});

describe("eval", () => {
  it("says which file and line cannot be read, in one line, with exit code 1", async () => {
    write("gt/A/gt/gt.txt", "1,1,0,0,10,20,1,-1,-1,-1\n");
    write("gt/A/seqinfo.ini", "[Sequence]\nseqLength=2\n");
    const words = ["eval", "mot", "--gt", join(folder, "gt"), "--pred", join(folder, "tracks")];
    expect(await phinets(...words)).toMatchObject({
      exitCode: 1,
      stderr: `error: ${join(folder, "tracks")}: there is no folder of tracks (SEQ.txt)\n`,
    });
    mkdirSync(join(folder, "tracks"));
    expect((await phinets(...words)).stderr).toBe(`error: ${join(folder, "tracks/A.txt")}: there is no such file\n`);
    const file = write("tracks/A.txt", "1,1,0,0,10,20\n1,2,0,0,10\n");
    expect((await phinets(...words)).stderr).toBe(
      `error: ${file}:2: has 5 columns; a row is: frame,id,left,top,width,height[,confidence[,class[,visibility]]]\n`,
    );
    write("tracks/A.txt", "3,1,0,0,10,20\n");
    expect((await phinets(...words)).stderr).toBe(`error: ${file}:1: frame is 3; the sequence has 2\n`);
    write("tracks/A.txt", "\ufeff1 1 0 0 10 20\r\n");
    expect((await json(...words)).combined).toMatchObject({ MOTA: 1, HOTA: 1, IDF1: 1, TP: 1 });
    const bad = write("bad.json", '{"images": [{"id": 1}],\n "categories": [');
    expect((await phinets("eval", "coco", "--gt", bad, "--pred", bad)).stderr).toBe(
      `error: ${bad}:2: the file ends within the JSON; it was cut off\n`,
    );
  });

  it("notes detections of unknown categories", async () => {
    const gt = write("gt.json", '{"images": [{"id": 1}], "categories": [{"id": 1}], "annotations": []}');
    const pred = write("dt.json", '[{"image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1], "score": 1}]');
    const { stdout, stderr } = await phinets("eval", "coco", "--gt", gt, "--pred", pred, "--json");
    expect(stderr).toContain("1 detections of categories");
    expect(JSON.parse(stdout)).toMatchObject({ AP: -1, AR100: -1 });
  });

  it("is a wrong usage without a benchmark or with one it does not know", async () => {
    for (const words of [[], ["mit"]]) {
      const { exitCode, stderr } = await phinets("eval", ...words);
      expect(exitCode).toBe(2);
      expect(stderr).toContain("it is coco, voc or mot");
    }
    expect((await phinets("eval", "mot", "--gt", "x")).stderr).toContain("required option '--pred <path>'");
  });
});
