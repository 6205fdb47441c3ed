import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPicture, savePicture } from "@phinets/node/picture";
import { probeVideo, VideoWriter } from "@phinets/node/video";
import { beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { noisePictures } from "../../../../test/noise.js";
import { phinets } from "../../../../test/road-tools.js";
import { goldens } from "../../../../test/shared.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "phinets-commands-"));
const run = join(folder, "run");

const noise = noisePictures(11);

beforeAll(async () => {
  makeRun(run);
  mkdirSync(join(folder, "pictures"));
  for (const n of [10, 2, 1]) await savePicture(join(folder, `pictures/${n}.png`), noise(96, 64));
});

describe("predict", () => {
  it("writes annotated pictures and gives one record a picture, in natural order", async () => {
    const words = [
      "predict",
      join(folder, "pictures"),
      "--model",
      run,
      "conf=0.1",
      `project=${join(folder, "runs")}`,
      "--json",
    ];
    const { exitCode, stdout } = await phinets(...words);
    expect(exitCode).toBe(0);
    const records = JSON.parse(stdout);
    expect(records.map((record: { file: string }) => record.file)).toEqual(
      [1, 2, 10].map((n) => join(folder, `pictures/${n}.png`)),
    );
    for (const { boxes } of records) {
      expect(boxes.length).toBeGreaterThan(0);
      for (const box of boxes) {
        expect(["nut", "bolt"][box.class]).toBe(box.name);
        expect(box.x + box.width).toBeLessThanOrEqual(96.001);
        expect(box.score).toBeGreaterThan(0.1);
      }
    }
    const out = join(folder, "runs/predict/predict");
    expect(readdirSync(out).sort()).toEqual(["1.png", "10.png", "2.png", "predictions.json"]);
    expect(JSON.parse(readFileSync(join(out, "predictions.json"), "utf8"))).toEqual(records);
    const [before, after] = [await readPicture(join(folder, "pictures/1.png")), await readPicture(join(out, "1.png"))];
    expect([after.width, after.height]).toEqual([96, 64]);
    expect(Buffer.compare(before.data, after.data)).not.toBe(0);
    // Repeating it makes another folder and the same records.
    expect(JSON.parse((await phinets(...words)).stdout)).toEqual(records);
    expect(existsSync(join(folder, "runs/predict/predict2/1.png"))).toBe(true);
  });

  it("skips a bad picture of a folder, saying so, and fails on a bad one alone", async () => {
    const mixed = join(folder, "mixed");
    mkdirSync(mixed);
    await savePicture(join(mixed, "good.jpg"), noise(40, 40));
    writeFileSync(join(mixed, "bad.jpg"), "no picture");
    const { exitCode, stdout, stderr } = await phinets("predict", mixed, "--model", run, "--no-save", "--json");
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/skipped: .*bad\.jpg: is not a picture/);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: join(mixed, "bad.jpg"), error: expect.stringContaining("bad.jpg") },
      { boxes: expect.any(Array) },
    ]);
    expect(await phinets("predict", join(mixed, "bad.jpg"), "--model", run, "--no-save")).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: expect.stringMatching(/^error: .*bad\.jpg: is not a picture.*\n$/),
    });
  });

  it("names classes with a classifier", async () => {
    const classifier = join(folder, "classifier");
    makeRun(classifier, { head: "classifier", channels: 1 });
    for (const on of ["float", "int8"]) {
      const { stdout } = await phinets(
        "predict",
        join(folder, "pictures/1.png"),
        `model=${classifier}`,
        `on=${on}`,
        "--no-save",
        "--json",
      );
      const [{ classes }] = JSON.parse(stdout);
      expect(classes.map((c: { name: string }) => c.name).sort()).toEqual(["one", "two", "zero"]);
    }
  });

  it("fails in one line that says what to do", async () => {
    const plain = join(folder, "plain");
    makeRun(plain, { quantized: false });
    for (const [words, code, message] of [
      [["absent.jpg", "--model", run], 1, /absent\.jpg: no such picture/],
      [[join(folder, "pictures"), "--model", join(folder, "nothing")], 1, /nothing: no such run/],
      [[join(folder, "pictures"), "--model", plain, "on=int8"], 1, /not quantised; run phinets quantize/],
      [[join(folder, "pictures")], 2, /required option '--model <run>' not specified/],
      [[join(folder, "pictures"), "--model", run, "on=gpu"], 2, /'gpu' is invalid\. It is one of int8, float/],
    ] as const) {
      const { exitCode, stdout, stderr } = await phinets("predict", ...words, "--project", join(folder, "runs"));
      expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
    expect(
      (await phinets("predict", join(folder, "pictures"), "--model", plain, "on=float", "--no-save")).exitCode,
    ).toBe(0);
  });
});

describe.skipIf(!ffmpeg)("videos", () => {
  const video = join(folder, "clip.mp4");
  beforeAll(async () => {
    const writer = await VideoWriter.open(video, { width: 96, height: 64, framesPerSecond: 10 });
    for (let n = 0; n < 6; n++) await writer.write(noise(96, 64));
    await writer.close();
  });

  it("are predicted frame by frame", async () => {
    const { stdout, exitCode } = await phinets(
      "predict",
      video,
      "--model",
      run,
      "conf=0.1",
      "--json",
      "--project",
      join(folder, "runs"),
      "--name",
      "clip",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).map((record: { frame: number }) => record.frame)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await probeVideo(join(folder, "runs/predict/clip/clip.mp4"))).toMatchObject({
      width: 96,
      height: 64,
      frames: 6,
    });
  });

  it("are tracked: text, and an mp4 beside it", async () => {
    const out = join(folder, "tracks/clip.txt");
    const { stdout, exitCode } = await phinets(
      "track",
      video,
      "--model",
      run,
      "--out",
      out,
      "conf=0.1",
      "--min-hits",
      "0",
      "max_age=3",
      "--json",
    );
    expect(exitCode).toBe(0);
    const document = JSON.parse(stdout);
    const rows = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(",").map(Number));
    expect(document).toMatchObject({ frames: 6, out, video: join(folder, "tracks/clip.mp4") });
    expect(document.tracks).toBe(new Set(rows.map((row) => row[1])).size);
    expect(document.tracks).toBeGreaterThan(0);
    expect(document.framesPerSecond).toBeGreaterThan(0);
    expect(await probeVideo(document.video)).toMatchObject({ frames: 6, framesPerSecond: 10 });
  });

  it("of given detections are drawn too, and --no-video leaves the mp4 out", async () => {
    const det = join(folder, "det.txt");
    writeFileSync(det, Array.from({ length: 8 }, (_, i) => `${i + 1},-1,${10 + 2 * i},10,20,30,1\n`).join(""));
    const out = join(folder, "given.txt");
    const { stdout } = await phinets("track", video, "--detections", det, "--out", out, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ frames: 8, tracks: 1 });
    expect(existsSync(join(folder, "given.mp4"))).toBe(true);
    rmSync(join(folder, "given.mp4"));
    await phinets("track", video, "--detections", det, "--out", out, "--no-video");
    expect(existsSync(join(folder, "given.mp4"))).toBe(false);
  });
});

describe("track", () => {
  it("joins given detections without any video", async () => {
    const det = join(folder, "only.txt");
    writeFileSync(det, [1, 2, 3, 5].map((n) => `${n},-1,${10 * n},5,40,40,1\n`).join(""));
    const out = join(folder, "only-tracks.txt");
    const { exitCode, stdout } = await phinets("track", "--detections", det, "--out", out);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^1 tracks in 5 frames/);
    expect(readFileSync(out, "utf8")).toMatch(/^1,1,10\.00,5\.00,40\.00,40\.00,1,-1,-1,-1\n/);
    expect(readdirSync(folder).filter((name) => name.endsWith(".mp4") && name.startsWith("only"))).toEqual([]);
  });

  it("follows through boxes of low score with --tracker bytetrack, from any first id", async () => {
    const det = join(folder, "low.txt");
    const scores = [0.9, 0.9, 0.2, 0.2, 0.9];
    writeFileSync(det, scores.map((score, i) => `${i + 1},-1,${10 + i},5,40,40,${score}\n`).join(""));
    const out = join(folder, "low-tracks.txt");
    const words = ["track", "--detections", det, "--out", out, "--tracker", "bytetrack"];
    expect((await phinets(...words, "--first-id", "7")).exitCode).toBe(0);
    const columns = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(",").slice(0, 2).join());
    expect(columns).toEqual(["1,7", "2,7", "3,7", "4,7", "5,7"]);
    await phinets(...words, "--conf", "0.3");
    expect(readFileSync(out, "utf8").trim().split("\n")).toHaveLength(3);
    const wrong = await phinets(...words, "--min-hits", "2");
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      2,
      expect.stringContaining("--min-hits is only for --tracker sort"),
    ]);
    const sort = await phinets(...words.slice(0, 5), "--high-score", "0.6");
    expect([sort.exitCode, sort.stderr]).toEqual([
      2,
      expect.stringContaining("--high-score is only for --tracker bytetrack"),
    ]);
  });

  it.skipIf(!goldens)("writes what SORT's reference wrote, boxes to the digit and ids up to their order", async () => {
    for (const [file, ...words] of [
      ["TUD-Campus.txt"],
      ["KITTI-17.txt"],
      ["TUD-Stadtmitte.txt", "max_age=10", "min_hits=5", "iou=0.5"],
    ]) {
      const out = join(folder, file);
      await phinets("track", "--detections", join(goldens!, "sort/det", file), "--out", out, ...words);
      const golden = words.length ? "sort/variants/TUD-Stadtmitte.age10.hits5.iou0.5.txt" : `sort/out_scipy/${file}`;
      const expected = readFileSync(join(goldens!, golden), "utf8").trim().split("\n");
      const lines = readFileSync(out, "utf8").trim().split("\n");
      expect(lines).toHaveLength(expected.length);
      const parts = (line: string) => /^(\d+),(\d+),(.*)$/.exec(line)!;
      const box = (line: string) => `${parts(line)[1]},${parts(line)[3]}`;
      expect(lines.map(box).sort()).toEqual(expected.map(box).sort());
      const idOf = new Map(expected.map((line) => [box(line), parts(line)[2]]));
      const pairs = new Set(lines.map((line) => `${parts(line)[2]}=${idOf.get(box(line))}`));
      expect(pairs.size).toBe(new Set(lines.map((line) => parts(line)[2])).size);
      expect(pairs.size).toBe(new Set(expected.map((line) => parts(line)[2])).size);
    }
  });

  it("fails in one line that says what to do", async () => {
    const bad = join(folder, "bad.txt");
    writeFileSync(bad, "1,-1,10,10,20,30,1\n2,-1,ten,10,20,30,1\n");
    const out = ["--out", join(folder, "never.txt")];
    for (const [words, code, message] of [
      [out, 2, /needs one of --model RUN .* and --detections/],
      [["--model", run, ...out], 2, /needs a video or a folder/],
      [["--detections", bad], 2, /required option '--out <file>'/],
      [["--detections", bad, ...out], 1, /bad\.txt:2: column 3 is ten/],
      [["--detections", join(folder, "absent.txt"), ...out], 1, /absent\.txt: no such detection file/],
      [[join(folder, "absent.avi"), "--model", run, ...out], 1, /absent\.avi: no such file or folder/],
      [
        [join(folder, "pictures"), "--model", join(folder, "classifier"), ...out],
        1,
        /is a classifier; tracking needs a detector/,
      ],
    ] as const) {
      const { exitCode, stdout, stderr } = await phinets("track", ...words);
      expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    }
    expect(existsSync(join(folder, "never.txt"))).toBe(false);
  });
});

describe("doctor", () => {
  it("reports a data set, and ends with 1 when files are bad", async () => {
    const data = join(folder, "data");
    for (const split of ["train", "val"]) {
      for (const part of ["images", "labels"]) mkdirSync(join(data, split, part), { recursive: true });
      for (const n of [1, 2, 3]) {
        await savePicture(join(data, split, `images/${n}.png`), noise(64, 64));
        writeFileSync(join(data, split, `labels/${n}.txt`), `0 0.5 0.5 ${n === 1 ? 0.01 : 0.4} 0.4\n`);
      }
    }
    writeFileSync(join(data, "data.yaml"), "train: train/images\nval: val/images\nnames: [nut]\n");
    const good = await phinets("doctor", join(data, "data.yaml"), "imgsz=128", "--json");
    expect(good.exitCode).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ task: "detect", lost: { boxes: 6, tooSmall: 2 }, badFiles: [] });
    const plot = join(folder, "anchors.svg");
    const { stdout } = await phinets("doctor", join(data, "data.yaml"), "--anchors", "1..2", "--plot", plot, "--json");
    const { anchors } = JSON.parse(stdout);
    expect(anchors.map((each: { anchors: number }) => each.anchors)).toEqual([1, 2]);
    expect(anchors[1].meanIou).toBeCloseTo(1, 9);
    expect(anchors[0].meanIou).toBeLessThan(0.9);
    expect(readFileSync(plot, "utf8")).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg".*<\/svg>$/s);
    expect(await phinets("doctor", data, "--anchors", "3..1")).toMatchObject({ exitCode: 2 });
    writeFileSync(join(data, "train/images/2.png"), "no picture");
    const bad = await phinets("doctor", "--data", join(data, "data.yaml"));
    expect(bad.exitCode).toBe(1);
    expect(bad.stdout).toMatch(/2\.png: is not a picture/);
    expect(await phinets("doctor", join(folder, "nothing.yaml"))).toMatchObject({ exitCode: 1, stdout: "" });
  });
});
