/**
 * Sources of `predict` and `track`: patterns, several sources, damaged and mixed frames, streams; and the files that
 * they write.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { outputNames, savePicture } from "@phinets/node/picture";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { noisePictures } from "../../../../test/noise.js";
import { phinets } from "../../../../test/road-tools.js";
import { runProgram } from "../program.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
if (!ffmpeg) console.warn("skipped: ffmpeg is not installed; npm run setup installs it");
const folder = mkdtempSync(join(tmpdir(), "phinets-sources-"));
const run = join(folder, "run");
const project = join(folder, "runs");
const random = new Random(5);

const noise = noisePictures(5);

beforeAll(async () => {
  makeRun(run);
  for (const name of ["a/1.png", "a/2.jpg", "a/10.png", "b/1.png", "b/deep/3.png"])
    await savePicture(join(folder, name), noise(64, 48));
  writeFileSync(join(folder, "a/notes.txt"), "");
});

const files = async (...words: string[]) => {
  const { exitCode, stdout, stderr } = await phinets("predict", ...words, "--model", run, "--no-save", "--json");
  expect(exitCode, stderr).toBe(0);
  return (JSON.parse(stdout) as { file: string }[]).map(({ file }) => file.slice(folder.length + 1));
};

/** Runs the command line and interrupts it, as Ctrl-C does, when `enough` is true for its output. */
async function interrupted(words: string[], enough: (text: string) => boolean) {
  const stop = new AbortController();
  const written = { stdout: "", stderr: "" };
  const take = (stream: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[stream] += text;
      if (enough(written[stream])) stop.abort();
    },
  });
  const surroundings = { stdout: take("stdout"), stderr: take("stderr"), signal: stop.signal, version: "0" };
  return { exitCode: await runProgram(words, surroundings), ...written };
}

describe("predict", () => {
  it("takes several sources, folders and patterns, each file once", async () => {
    expect(await files(join(folder, "a/*"))).toEqual(["a/1.png", "a/2.jpg", "a/10.png"]);
    expect(await files(join(folder, "**/*.png"))).toHaveLength(4);
    expect(await files(join(folder, "b/1.png"), join(folder, "a/{1,2}.*"), "--source", join(folder, "b"))).toEqual([
      "b/1.png",
      "a/1.png",
      "a/2.jpg",
      "b/1.png",
    ]);
    expect(outputNames(["a/1.png", "b/1.png", "b/1.jpg", "c/2.png", "d/1.PNG"])).toEqual([
      "1_png",
      "1_png_2",
      "1_jpg",
      "2",
      "1_PNG_3",
    ]);
  });

  it("says what is wrong with them, and leaves no empty folder", async () => {
    writeFileSync(join(folder, "text.jpg"), "no picture");
    mkdirSync(join(folder, "empty"));
    for (const [words, code, message] of [
      [[join(folder, "*.bmp")], 1, /\*\.bmp: no file matches/],
      [[join(folder, "a/*.txt")], 1, /none of the 1 files that match is a picture or a video/],
      [[join(folder, "text.jpg")], 1, /text\.jpg: is not a picture/],
      [[join(folder, "empty")], 1, /empty: no pictures \(\.jpg/],
      [[], 2, /predict needs a source/],
      [["0", join(folder, "a")], 2, /0 is a stream, and a stream is predicted alone/],
      [[join(folder, "a"), "--pixel-range", "9..1"], 2, /--pixel-range is 9\.\.1; it is LOW\.\.HIGH/],
      [[join(folder, "a"), "--save", "paper"], 2, /no format "paper"/],
      [[join(folder, "a"), "--raw", "64x48"], 2, /--raw is only for frames on standard input/],
    ] as const) {
      const outcome = await phinets("predict", ...words, "--model", run, "--project", project);
      expect(outcome.stderr).toMatch(message);
      expect([outcome.exitCode, outcome.stdout]).toEqual([code, ""]);
    }
    expect(existsSync(join(project, "predict")) ? readdirSync(join(project, "predict")) : []).toEqual([]);
  });

  it("uses the float network of a run that is not quantised yet, and says so", async () => {
    const plain = join(folder, "plain");
    makeRun(plain, { quantized: false });
    const words = ["predict", join(folder, "a/1.png"), "--model", plain, "--no-save"];
    const float = await phinets(...words);
    expect([float.exitCode, float.stdout]).toEqual([0, expect.stringMatching(/, float$/m)]);
    expect(float.stderr).toMatch(/^.*plain: not quantised yet, so this is the float network/);
    expect(await phinets(...words, "--on", "int8")).toMatchObject({ exitCode: 1, stdout: "" });
  });

  it("writes boxes for other tools", async () => {
    const words = ["predict", join(folder, "a"), "--model", run, "--project", project, "conf=0.1"];
    expect((await phinets(...words, "--name", "saved", "--save", "coco,csv", "--save-txt")).exitCode).toBe(0);
    const written = readdirSync(join(project, "predict/saved"));
    for (const name of ["coco.json", "detections.csv", "labels", "predictions.json", "10.png"])
      expect(written).toContain(name);
    const classifier = join(folder, "classifier");
    makeRun(classifier, { head: "classifier" });
    const wrong = await phinets("predict", join(folder, "a"), "--model", classifier, "--save-json", "--no-save");
    expect(wrong.exitCode).toBe(2);
  });

  it("stretches deep pictures", async () => {
    const pgm = Buffer.alloc(64 * 48 * 2);
    for (let i = 0; i < 64 * 48; i++) pgm.writeUInt16BE(7000 + random.integer(2000), 2 * i);
    const file = join(folder, "thermal.pgm");
    writeFileSync(file, Buffer.concat([Buffer.from("P5 64 48 65535\n"), pgm]));
    const words = ["predict", file, "--model", run, "--no-save", "--json", "conf=0.05"];
    const [flat, stretched] = [await phinets(...words), await phinets(...words, "--pixel-range", "7000..9000")];
    expect(flat.stderr).toMatch(/thermal\.pgm: its values, .* spread them with --pixel-range/);
    expect(stretched.stderr).not.toContain("--pixel-range");
    expect(stretched.stdout).not.toBe(flat.stdout);
  });
});

describe.skipIf(!ffmpeg)("track", () => {
  const clip = join(folder, "clip");
  const still = noise(64, 48);
  beforeAll(async () => {
    for (let n = 1; n <= 8; n++) await savePicture(join(clip, `${n}.png`), still);
  });

  it("goes on over a damaged frame, keeping the numbers, and says so", async () => {
    writeFileSync(join(clip, "5.png"), "damaged");
    const out = join(folder, "damaged.txt");
    const { exitCode, stderr } = await phinets("track", clip, "--model", run, "--out", out, "conf=0.1");
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/clip: frame 5 is damaged; 7 of 8 used/);
    const rows = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(",").map(Number)); // prettier-ignore
    expect(new Set(rows.map(([frame]) => frame))).toEqual(new Set([1, 2, 3, 4, 6, 7, 8]));
    const ids = (frame: number) => rows.filter((row) => row[0] === frame).map((row) => row[1]);
    expect(ids(6).sort()).toEqual(ids(4).sort());
  });

  it("keeps tracks through frames of another size, in the first one's pixels", async () => {
    const mixed = join(folder, "mixed");
    for (let n = 1; n <= 6; n++) {
      const large = { width: 128, height: 96, channels: 3, data: new Uint8Array(128 * 96 * 3) };
      for (let i = 0; i < large.data.length; i++) {
        const [c, x, y] = [i % 3, Math.floor(i / 3) % 128, Math.floor(i / 384)];
        large.data[i] = still.data[3 * ((y >> 1) * 64 + (x >> 1)) + c];
      }
      await savePicture(join(mixed, `${n}.png`), n === 4 ? large : still);
    }
    const out = join(folder, "mixed.txt");
    const words = ["track", mixed, "--model", run, "--out", out, "conf=0.1", "--json"];
    const { exitCode, stdout, stderr } = await phinets(...words);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/frame 4 is 128x96, the first 64x48/);
    expect(JSON.parse(stdout)).toMatchObject({ frames: 6, video: join(folder, "mixed.mp4") });
    const rows = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(",").map(Number)); // prettier-ignore
    const boxes = (frame: number) => rows.filter((row) => row[0] === frame).map((row) => row.slice(1, 6));
    const ids = (frame: number) => boxes(frame).map(([id]) => id);
    // Enlarged by two and scaled down again, the frame looks the same to the network, so every track continues.
    expect(ids(5).filter((id) => ids(3).includes(id)).length).toBeGreaterThan(ids(3).length / 2);
    for (const [, x, y, width, height] of boxes(4)) {
      expect(x + width).toBeLessThan(70);
      expect(y + height).toBeLessThan(54);
    }
  });

  it("leaves no file under its name when it is interrupted or fails", async () => {
    const out = join(folder, "out/tracks.txt");
    const words = ["track", clip, "--model", run, "--out", out];
    expect((await interrupted(words, (text) => text.includes("tracking"))).exitCode).toBe(130);
    expect(readdirSync(join(folder, "out"))).toEqual([]);
    const wrong = await phinets(...words.slice(0, -1), join(folder, "out/tracks.mp4"));
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringMatching(/tracks\.mp4 is the tracks' text/)]);
  });
});

describe.skipIf(!ffmpeg)("streams", () => {
  let server: Server;
  let url = "";
  beforeAll(async () => {
    const still = join(folder, "still.jpg");
    await savePicture(still, noise(64, 48));
    const part = readFileSync(still);
    server = createServer((_, response) => {
      response.setHeader("Content-Type", "multipart/x-mixed-replace; boundary=next");
      const head = `--next\r\nContent-Type: image/jpeg\r\nContent-Length: ${part.length}\r\n\r\n`;
      const timer = setInterval(
        () => response.write(Buffer.concat([Buffer.from(head), part, Buffer.from("\r\n")])),
        20,
      );
      response.on("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/camera`;
  });
  afterAll(() => {
    server?.closeAllConnections();
    server?.close();
  });
  const lines = (text: string) => text.trim().split("\n");

  it("are predicted a line a frame, and Ctrl-C keeps what there is", async () => {
    const words = ["predict", url, "--model", run, "--project", project, "--name", "live", "--json", "conf=0.1"];
    const { stdout, exitCode } = await interrupted(words, (text) => lines(text).length >= 3);
    expect(exitCode).toBe(130);
    const records = lines(stdout).map((line) => JSON.parse(line));
    expect(records.slice(0, 3).map(({ frame }) => frame)).toEqual([1, 2, 3]);
    expect(records[0]).toMatchObject({ file: url, boxes: expect.any(Array) });
    const out = join(project, "predict/live");
    expect(readdirSync(out).sort()).toEqual(["predictions.jsonl", "stream.mp4"]);
    expect(readFileSync(join(out, "predictions.jsonl"), "utf8")).toBe(stdout);
    execFileSync("ffprobe", ["-loglevel", "error", join(out, "stream.mp4")]);
  });

  it("are tracked until Ctrl-C or --max-frames", async () => {
    const out = join(folder, "live.txt");
    const words = ["track", "--source", url, "--model", run, "--out", out, "conf=0.1"];
    const counted = await phinets(...words, "--max-frames", "4", "--json");
    expect(counted.exitCode).toBe(0);
    const frames = lines(counted.stdout).map((line) => JSON.parse(line));
    expect(frames.map(({ frame }) => frame)).toEqual([1, 2, 3, 4]);
    expect(frames[3].tracks[0]).toMatchObject({
      id: expect.any(Number),
      x: expect.any(Number),
      name: expect.any(String),
    });
    const { exitCode, stdout } = await interrupted(words, (text) => text.includes("\n5  "));
    expect([exitCode, stdout]).toEqual([
      130,
      expect.stringMatching(/tracks in \d+ frames, .*live\.txt and .*live\.mp4\n$/),
    ]);
    expect(readFileSync(out, "utf8")).toMatch(/^1,\d+,/);
  });

  it("that are not there fail in a line and leave nothing", async () => {
    const before = readdirSync(join(project, "predict"));
    const { exitCode, stderr } = await phinets(
      "predict",
      "rtsp://a:b@127.0.0.1:1/x",
      "--model",
      run,
      "--project",
      project,
    );
    expect([exitCode, stderr]).toEqual([1, "error: rtsp://***@127.0.0.1:1/x: cannot be opened: Connection refused\n"]);
    expect(readdirSync(join(project, "predict"))).toEqual(before);
    expect(basename(project)).toBe("runs");
  });
});
