import { cpSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { nearCopy, PictureCells, type SplitName, splitNames } from "@phinets/core/data";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { dataFolder } from "../../../../test/data-folder.js";
import { phinets, writeNetwork } from "../../../../test/road-tools.js";
import { sharedCases } from "../../../../test/shared.js";
import { doctorCommand, formatDoctorReport } from "./doctor.js";
import { lookAtPictures } from "./looks.js";
import { openDataset } from "./open.js";

const { root, put } = dataFolder("looks");

/** A picture of large soft shapes, different for every seed. */
function photo(seed: number, width = 96, height = 80): Sharp {
  let state = seed * 7919 + 13;
  const next = () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  for (let i = 0; i < 8; i++) next();
  const cells = Buffer.from(Array.from({ length: 8 * 6 * 3 }, () => Math.floor(256 * next())));
  return sharp(cells, { raw: { width: 8, height: 6, channels: 3 } }).resize(width, height, {
    kernel: "cubic",
    fit: "fill",
  });
}

describe("looks of pictures", () => {
  it("tell copies and near copies, from files of any size, and are kept", async () => {
    const bytes = await photo(1).jpeg().toBuffer();
    const files = [
      put("near/a.jpg", bytes),
      put("near/copy.jpg", bytes),
      put("near/smaller.png", await sharp(bytes).resize(70, 64, { fit: "fill" }).png().toBuffer()),
      put("near/brighter.webp", await sharp(bytes).modulate({ brightness: 1.15 }).webp().toBuffer()),
      put("near/other.jpg", await photo(2).jpeg().toBuffer()),
      put("near/icon.png", await sharp(bytes).resize(32, 32, { fit: "fill" }).png().toBuffer()),
      put("near/broken.jpg", bytes.subarray(0, 200)),
      join(root, "near/absent.jpg"),
    ];
    const folder = join(root, "cache");
    const looks = await lookAtPictures(files, { folder });
    const [a, copy, smaller, brighter, other, icon, broken] = files.map((file) => looks.get(file));
    expect(copy?.digest).toBe(a?.digest);
    expect(looks.get(files[7])).toBeUndefined();
    expect([icon?.cells, broken?.cells]).toEqual([undefined, undefined]);
    const cells = new PictureCells([a, smaller, brighter, other].map((look) => look?.cells));
    expect([1, 2, 3].map((n) => cells.areAlike(0, n, nearCopy))).toEqual([true, true, false]);
    const kept = join(folder, "looks-2.json");
    const before = new Date(Date.now() - 5000);
    utimesSync(kept, before, before);
    expect(await lookAtPictures(files, { folder })).toEqual(looks);
    expect(statSync(kept).mtimeMs).toBeCloseTo(before.getTime(), -2);
    put("near/a.jpg", await photo(3).jpeg().toBuffer());
    expect((await lookAtPictures(files, { folder })).get(files[0])?.digest).not.toBe(a?.digest);
  });
});

/** The split of each picture, by name. */
async function placesOf(path: string): Promise<Map<string, SplitName>> {
  const { splits } = await openDataset([path]);
  return new Map(
    splitNames.flatMap((split) => splits[split].map(({ file }) => [file.split("/").at(-1) as string, split])),
  );
}

describe("splits that are made", () => {
  it("keep near copies together, and say so", async () => {
    for (let n = 0; n < 40; n++) {
      const bytes = await photo(100 + n)
        .jpeg()
        .toBuffer();
      put(`made/${n % 2 ? "nut" : "bolt"}/p${n}x.jpg`, bytes);
      put(`made/${n % 2 ? "nut" : "bolt"}/p${n}y.jpg`, await sharp(bytes).jpeg({ quality: 40 }).toBuffer());
    }
    const places = await placesOf(join(root, "made"));
    for (let n = 0; n < 40; n++) expect(places.get(`p${n}x.jpg`), `p${n}`).toBe(places.get(`p${n}y.jpg`));
    expect([...places.values()].filter((split) => split === "val")).toHaveLength(8);
    const { sets } = await openDataset([join(root, "made")]);
    expect(sets[0].notes.slice(-2)).toEqual([
      "the data set has no val or test: of its 80 pictures 8 for val and 8 for test are drawn by seed 0",
      "80 pictures that are copies, look alike or follow each other stay together, in 40 groups",
    ]);
    const report = await doctorCommand({ data: [join(root, "made")] });
    expect(report.leaks.map(({ split, left, pictures }) => [split, pictures - left])).toEqual([
      ["val", 0],
      ["test", 0],
    ]);
    expect(splitNames.map((split) => report.splits[split].pictures)).toEqual([64, 8, 8]);
  });

  it("leave a run of few pictures without val; train says so, ship refuses", async () => {
    for (const [n, name] of ["nut", "bolt"].entries()) put(`few/${name}/0.png`, await photo(n).png().toBuffer());
    const network = writeNetwork(root, {
      family: "phinet",
      input: { height: 32, width: 32 },
      ...{ alpha: 0.15, blocks: 4, downsampling: [4], head: { kind: "classifier", classes: 2 } },
    });
    const common = [
      "--data",
      join(root, "few"),
      "--network",
      network,
      "--project",
      join(root, "runs"),
      "--epochs",
      "2",
    ];
    const trained = await phinets("train", ...common, "--workers", "1");
    expect(trained.exitCode, trained.stderr).toBe(0);
    expect(trained.stderr).toContain("note: val has no pictures: there are too few different pictures\n");
    expect(trained.stderr).toContain("warning: there are no pictures to validate on: the last weights are kept\n");
    expect(trained.stdout).toMatch(/: 2 epochs, the last weights are kept\nnot validated\n/);
    const shipped = await phinets("ship", ...common, "--target", "stm32h743");
    expect(shipped.exitCode).toBe(1);
    expect(shipped.stderr).toMatch(/few: nothing would be left to test on: all 2 pictures are to train on/);
  });
});

describe("the doctor", () => {
  it("counts what given splits share", async () => {
    for (const split of ["train", "val"]) {
      for (let n = 0; n < 4; n++) {
        const bytes = await photo(split === "val" && n > 1 ? 50 + n : n)
          .jpeg({ quality: split === "val" && n === 1 ? 50 : 90 })
          .toBuffer();
        put(`shared/${split}/images/${split}${n}.jpg`, bytes);
        put(`shared/${split}/labels/${split}${n}.txt`, `0 0.5 0.5 0.2 ${split === "val" ? 0.3 : 0.2}\n`);
      }
    }
    const yaml = put("shared/data.yaml", "train: train/images\nval: val/images\nnames: [nut]\n");
    const report = await doctorCommand({ data: [yaml] });
    expect(report.leaks).toMatchObject([{ split: "val", pictures: 4, left: 2, shared: { copy: 1, "near copy": 1 } }]);
    const text = formatDoctorReport(report).split(root).join("");
    expect(text).toContain(
      "val shares 2 of its 4 pictures with train (1 copy, 1 near copy); without them 2 would be left",
    );
    expect(text).toContain("  /shared/val/images/val1.jpg ~ /shared/train/images/train1.jpg\n");
    expect(text).toContain("1 copy with other labels than the picture\n");
  });

  it("prints its defaults as they are typed", async () => {
    const { stdout } = await phinets("doctor", "--help");
    expect(stdout.replace(/\s+/g, " ")).toContain("N or HEIGHTxWIDTH (default 128)");
    expect(stdout).not.toContain("[object");
  });

  it.skipIf(!sharedCases)("says what is odd in small data sets", async () => {
    const told = async (name: string) => {
      const copy = join(root, "cases", name);
      cpSync(join(sharedCases as string, "data", name), copy, { recursive: true });
      const report = await doctorCommand({ data: [copy] });
      return { report, text: formatDoctorReport(report).split(root).join("") };
    };
    const tiny = await told("k20-tiny-two-per-class");
    expect(tiny.report.splits.val.perClass).toEqual({ bolt: 1, nut: 1, washer: 1 });
    expect(tiny.report.splits.train.perClass).toEqual({ bolt: 1, nut: 1, washer: 1 });
    const same = await told("y20-val-same-as-train");
    expect(same.text).toContain("val is train: all its 8 pictures are the same files");
    expect(same.report.duplicates).toEqual([]);
    const twice = await told("z02-dup");
    expect(twice.text).toMatch(/note: \d+ rows equal to one before are left out/);
    const orphans = await told("n20-orphan-labels");
    expect(orphans.text).toMatch(/not read: 5 label files without a picture/);
    const bitmaps = await told("n07-bmp-pictures");
    expect(splitNames.reduce((sum, split) => sum + bitmaps.report.splits[split].pictures, 0)).toBe(8);
    for (const { text } of [tiny, same, twice, orphans, bitmaps])
      expect(text).toMatch(/^\/cases\/\S+ is (YOLO|class folders)/);
    expect(readFileSync(join(root, "cases/z02-dup/data.yaml"), "utf8")).toContain("names");
  });
});
