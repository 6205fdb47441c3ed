import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { Random } from "@phinets/core/tensor";
import sharp from "sharp";
import { afterEach, describe, expect, it } from "vitest";
import { rejection } from "../../../../test/decoding.js";
import { temporaryPath } from "../host/atomic.js";
import { type Bands, savePicture } from "../picture/index.js";
import { ClipSize, decodeVideo, framesOf, parseFrames, probeVideo, sourceKind, VideoWriter } from "./index.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;
if (!ffmpeg) console.warn("skipped: ffmpeg is not installed; npm run setup installs it");

const folder = mkdtempSync(join(tmpdir(), "phinets-video-"));

/** A bright square on grey that moves two pixels per frame. */
function frame(n: number, width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3).fill(60);
  for (let y = 4; y < 12; y++)
    for (let x = 2 * n; x < 2 * n + 8; x++) data.fill(230, 3 * (y * width + x), 3 * (y * width + x) + 3);
  return { width, height, channels: 3, data };
}

async function write(path: string, count: number, width: number, height: number) {
  const writer = await VideoWriter.open(path, { width, height, framesPerSecond: 12.5 });
  for (let n = 0; n < count; n++) await writer.write(frame(n, width, height));
  await writer.close();
}

describe("PPM frames", () => {
  it("are found whatever the pieces are, and may change size", async () => {
    const frames = [
      { width: 2, height: 1, data: [10, 80, 54, 32, 50, 32] },
      { width: 1, height: 2, data: [1, 2, 3, 4, 5, 6] },
    ];
    const bytes = Buffer.concat(
      frames.flatMap(({ width, height, data }) => [Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.from(data)]),
    );
    for (let size = 1; size <= bytes.length; size++) {
      const pieces = async function* () {
        for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
      };
      const found: Bands[] = [];
      const spare = [new Uint8Array(5).fill(9), new Uint8Array(6).fill(9)];
      const [, fitting] = spare;
      for await (const picture of parseFrames(pieces(), spare)) found.push(picture);
      expect(found.map(({ width, height, data }) => ({ width, height, data: Array.from(data) }))).toEqual(frames);
      expect(found.map(({ data }) => data === fitting)).toEqual([true, false]);
    }
  });
});

describe.skipIf(!ffmpeg)("video files", () => {
  it("come back frame for frame, odd sizes padded to even", async () => {
    const path = join(folder, "odd size: a.mp4");
    await write(path, 20, 63, 31);
    expect(await probeVideo(path)).toMatchObject({ width: 64, height: 32, framesPerSecond: 12.5, frames: 20 });
    const { frames, count, reuse } = await framesOf(path);
    expect(count).toBe(20);
    let seen = 0;
    const buffers = new Set<ArrayBufferLike>();
    for await (const { number, picture } of frames) {
      const expected = frame(number - 1, 63, 31);
      let worst = 0;
      for (let y = 2; y < 28; y++) {
        for (let x = 0; x < 60; x++) {
          const edge =
            [0, 1, 7, 8].some((d) => Math.abs(x - 2 * (number - 1) - d) <= 1) ||
            [4, 12].some((d) => Math.abs(y - d) <= 1);
          if (!edge)
            worst = Math.max(
              worst,
              Math.abs(picture.data[3 * (y * picture.width + x)] - expected.data[3 * (y * 63 + x)]),
            );
        }
      }
      expect(worst).toBeLessThan(24);
      seen = number;
      buffers.add(picture.data.buffer);
      reuse(picture);
    }
    expect(seen).toBe(20);
    expect(buffers.size).toBeLessThan(5);
    expect(readdirSync(folder)).toEqual(["odd size: a.mp4"]);
  });

  it("are scaled when asked, and a reader may leave early", async () => {
    const path = join(folder, "b.mp4");
    await write(path, 30, 64, 32);
    let count = 0;
    for await (const picture of decodeVideo(path, { size: { width: 16, height: 10 } })) {
      expect([picture.width, picture.height]).toEqual([16, 10]);
      if (++count === 3) break;
    }
    expect(count).toBe(3);
  });

  it("are read upright when they are marked as turned", async () => {
    const path = join(folder, "c.mp4");
    await write(path, 2, 64, 32);
    const turned = join(folder, "turned.mp4");
    execFileSync("ffmpeg", ["-loglevel", "error", "-i", path, "-c", "copy", "-metadata:s:v", "rotate=90", turned]);
    for await (const picture of decodeVideo(turned)) expect([picture.width, picture.height]).toEqual([32, 64]);
  });

  it("stop when they are told to", async () => {
    const path = join(folder, "d.mp4");
    await write(path, 30, 64, 32);
    const stop = new AbortController();
    const read = async () => {
      for await (const _ of decodeVideo(path, { signal: stop.signal })) stop.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
  });

  it("that are none are named, with ffmpeg's reason", async () => {
    const text = join(folder, "text.mp4");
    writeFileSync(text, "this is not a video");
    expect((await rejection(probeVideo(text))).message).toMatch(/text\.mp4: not a video that ffmpeg reads: \S/);
    const read = async () => {
      for await (const _ of decodeVideo(text));
    };
    expect((await rejection(read())).message).toMatch(/text\.mp4: cannot decode after 0 frames: \S/);
    expect((await rejection(framesOf(join(folder, "absent.avi")))).code).toBe("video.missing");
  });

  it("that cannot be written say why and leave nothing", async () => {
    const writer = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    expect((await rejection(writer.write(frame(0, 32, 32)))).code).toBe("video.size");
    // The encoder dies in the middle: later writes and close report it, and none of them hangs.
    writer.tool.child.kill("SIGKILL");
    await writer.tool.ended;
    expect((await rejection(writer.write(frame(0, 64, 32)))).code).toBe("video.encode");
    expect((await rejection(writer.close())).code).toBe("video.encode");
    const aborted = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    await aborted.write(frame(0, 64, 32));
    await aborted.abort();
    const empty = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    await rejection(empty.close());
    expect(readdirSync(folder).filter((name) => name.includes("never"))).toEqual([]);
  });

  it.skipIf(!existsSync("/dev/full"))("on a full disk say so", async () => {
    // The encoder's temporary file exists already and links to /dev/full: every write fails with the kernel's own
    // ENOSPC.
    const path = join(folder, "full.mp4");
    const next = temporaryPath(path).replace(/-(\d+)\./, (_, n) => `-${Number(n) + 1}.`);
    symlinkSync("/dev/full", next);
    const error = await rejection(write(path, 3, 64, 32));
    expect(error.code).toBe("run.disk-full");
    expect(error.message).toMatch(/full\.mp4: the disk is full; free some space/);
    expect(readdirSync(folder).filter((name) => name.includes("full"))).toEqual([]);
  });
});

describe.skipIf(!ffmpeg)("video of more than 8 bits", () => {
  const encode = (name: string, ...words: string[]) => {
    const path = join(folder, name);
    const source = [
      "-f",
      "lavfi",
      "-i",
      "gradients=size=32x16:rate=5:duration=1:c0=black:c1=white:x0=0:x1=31:y0=0:y1=0",
    ];
    execFileSync("ffmpeg", ["-loglevel", "error", "-y", ...source, ...words, path]);
    return path;
  };
  const first = async (path: string, options = {}) => {
    for await (const { picture } of (await framesOf(path, options)).frames) return picture;
    throw new Error("no frame");
  };

  it("is the same picture as with 8", async () => {
    const plain = await first(encode("8.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p"));
    for (const [name, ...words] of [
      ["h264.mp4", "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p10le"],
      ["vp9.webm", "-c:v", "libvpx-vp9", "-lossless", "1", "-pix_fmt", "yuv444p10le"],
      ["prores.mov", "-c:v", "prores_ks", "-pix_fmt", "yuv444p10le"],
      ["grey.mkv", "-c:v", "ffv1", "-pix_fmt", "gray16le"],
    ]) {
      const picture = await first(encode(name, ...words));
      expect(picture, name).toMatchObject({ width: 32, height: 16, channels: 3 });
      const off = picture.data.reduce((most, value, i) => Math.max(most, Math.abs(value - plain.data[i])), 0);
      expect(off, name).toBeLessThan(12);
    }
  });

  it("of 16 bits is stretched from low..high, and a hint is given where that would help", async () => {
    const raw = join(folder, "thermal.raw");
    writeFileSync(
      raw,
      Uint16Array.from({ length: 32 * 16 }, (_, i) => 7000 + (i % 32) * 64),
    );
    const input = ["-f", "rawvideo", "-pixel_format", "gray16le", "-video_size", "32x16", "-i", raw];
    const path = join(folder, "thermal.mkv");
    execFileSync("ffmpeg", ["-loglevel", "error", ...input, "-c:v", "ffv1", path]);
    const notes: string[] = [];
    const flat = await first(path, { onNote: (note: string) => notes.push(note) });
    expect(Math.max(...flat.data) - Math.min(...flat.data)).toBeLessThan(10);
    expect(notes.join()).toMatch(/thermal\.mkv: its values, 7000\.\.8984, are 1\/33 of the 65536 .*--pixel-range/);
    const { data } = await first(path, { pixelRange: { low: 7000, high: 8984 } });
    expect(Array.from({ length: 32 }, (_, x) => data[3 * x])).toEqual(
      Array.from({ length: 32 }, (_, x) => Math.round((255 * x) / 31)),
    );
  });
});

describe.skipIf(!ffmpeg)("damaged videos", () => {
  it("frames after one that is lost keep their numbers", async () => {
    const path = join(folder, "lost.avi");
    const words = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10", "-frames:v", "10", "-c:v", "mjpeg"];
    execFileSync("ffmpeg", ["-loglevel", "error", ...words, "-y", path]);
    const bytes = readFileSync(path);
    // The chunks of an AVI's first stream; the fourth frame's markers are removed.
    let at = bytes.indexOf("movi");
    for (let frame = 0; frame < 4; frame++) at = bytes.indexOf("00dc", at + 4);
    bytes.fill(0, at + 8, at + 8 + bytes.readUInt32LE(at + 4));
    writeFileSync(path, bytes);
    const notes: string[] = [];
    const numbers: number[] = [];
    const { count, frames } = await framesOf(path, { onNote: (line) => notes.push(line) });
    for await (const { number } of frames) numbers.push(number);
    expect(count).toBe(10);
    expect(numbers).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10]);
    expect(notes.join()).toMatch(/lost\.avi: cut or damaged; 9 of 10 frames used/);
    const first: number[] = [];
    for await (const { number } of (await framesOf(path, { maxFrames: 4 })).frames) first.push(number);
    expect(first).toEqual([1, 2, 3, 5]);
  });

  it("that are cut or hit are used as far as they go, and that is said", async () => {
    const whole = join(folder, "whole.mp4");
    const random = new Random(1);
    const writer = await VideoWriter.open(whole, { width: 64, height: 32, framesPerSecond: 10 });
    for (let n = 0; n < 20; n++) {
      const data = Uint8Array.from({ length: 64 * 32 * 3 }, () => random.integer(256));
      await writer.write({ width: 64, height: 32, channels: 3, data });
    }
    await writer.close();
    const bytes = readFileSync(whole);
    const half = bytes.length >> 1;
    for (const [name, damage] of [
      ["cut.mp4", bytes.subarray(0, half)],
      ["hit.mp4", Buffer.concat([bytes.subarray(0, half), Buffer.alloc(3000, 7), bytes.subarray(half + 3000)])],
    ] as const) {
      writeFileSync(join(folder, name), damage);
      const notes: string[] = [];
      const { frames } = await framesOf(join(folder, name), { onNote: (note) => notes.push(note) });
      let seen = 0;
      for await (const { number } of frames) seen = number;
      expect(seen, name).toBeGreaterThan(5);
      expect(notes.join("\n"), name).toMatch(/(?:cut or )?damaged; \d+ of 20 frames used/);
    }
  });

  it("and playlists, which name other files, are refused", async () => {
    for (const text of ["#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "ffconcat version 1.0\nfile /etc/passwd\n"]) {
      const path = join(folder, "list.mp4");
      writeFileSync(path, text);
      expect((await rejection(framesOf(path))).message).toMatch(/list\.mp4: .*it is a playlist/);
    }
  });

  it("end at --max-frames without a word", async () => {
    const notes: string[] = [];
    const { frames, count } = await framesOf(join(folder, "whole.mp4"), {
      maxFrames: 3,
      onNote: (note) => notes.push(note),
    });
    const numbers: number[] = [];
    for await (const { number } of frames) numbers.push(number);
    expect([count, numbers, notes]).toEqual([3, [1, 2, 3], []]);
  });
});

describe("animations", () => {
  it("of GIF and WebP are clips at their own pace, one picture of them is a picture", async () => {
    const pages = [0, 100, 200].map((grey) => Buffer.alloc(8 * 4 * 3, grey));
    const strip = sharp(Buffer.concat(pages), { raw: { width: 8, height: 12, channels: 3, pageHeight: 4 } });
    for (const [name, image] of [
      ["a.gif", strip.clone().gif({ delay: [50, 50, 50], keepDuplicateFrames: true })],
      ["a.webp", strip.clone().webp({ delay: [50, 50, 50], lossless: true })],
    ] as const) {
      const path = join(folder, name);
      await image.toFile(path);
      expect(await sourceKind(path)).toBe("clip");
      const { count, framesPerSecond, frames } = await framesOf(path);
      expect([count, framesPerSecond], name).toEqual([3, 20]);
      const greys: number[] = [];
      for await (const { picture } of frames) {
        expect(picture).toMatchObject({ width: 8, height: 4, channels: 3 });
        greys.push(picture.data[0]);
      }
      expect(greys, name).toEqual([0, 100, 200]);
    }
    await sharp(pages[0], { raw: { width: 8, height: 4, channels: 3 } })
      .gif()
      .toFile(join(folder, "still.gif"));
    expect(await sourceKind(join(folder, "still.gif"))).toBe("picture");
  });
});

describe("frames of several sizes", () => {
  it("are shown in the first one's, and their boxes with them", () => {
    const notes: string[] = [];
    const size = new ClipSize((note) => notes.push(note));
    const first = frame(1, 40, 20);
    const [half, tall] = [frame(1, 20, 10), frame(1, 20, 40)];
    const box = { id: 1, x1: 4, y1: 2, x2: 10, y2: 6 };
    expect(size.frame(first, 1)).toBe(first);
    expect(size.box(box, first)).toBe(box);
    expect(size.frame(half, 2)).toMatchObject({ width: 40, height: 20 });
    expect(size.box(box, half)).toEqual({ id: 1, x1: 8, y1: 4, x2: 20, y2: 12 });
    // Half as large, centred, with grey bars.
    const shown = size.frame(tall, 3);
    expect(shown.data[0]).toBe(114);
    expect(size.box(box, tall)).toEqual({ id: 1, x1: 17, y1: 1, x2: 20, y2: 3 });
    expect(notes).toEqual([expect.stringMatching(/^frame 2 is 20x10, the first 40x20/)]);
  });
});

describe("folders of pictures", () => {
  it("do without a damaged one, keeping the others' numbers", async () => {
    const clip = join(folder, "damaged");
    mkdirSync(clip);
    for (const n of [1, 2, 3]) await savePicture(join(clip, `${n}.png`), frame(n, 40, 20));
    writeFileSync(join(clip, "2.png"), readFileSync(join(clip, "2.png")).subarray(0, 60));
    const notes: string[] = [];
    const numbers: number[] = [];
    for await (const { number } of (await framesOf(clip, { onNote: (note) => notes.push(note) })).frames)
      numbers.push(number);
    expect(numbers).toEqual([1, 3]);
    expect(notes).toEqual([
      expect.stringMatching(/^frame 2 is left out: .*2\.png: is truncated or damaged/),
      `${clip}: frame 2 is damaged; 2 of 3 used`,
    ]);
  });

  it("are read in natural order, at the rate of their seqinfo.ini", async () => {
    const sequence = join(folder, "MOT-1");
    mkdirSync(join(sequence, "img1"), { recursive: true });
    for (const n of [10, 9, 2]) await savePicture(join(sequence, "img1", `${n}.png`), frame(n, 40, 20));
    writeFileSync(join(sequence, "seqinfo.ini"), "[Sequence]\nname=MOT-1\nframeRate=7\n");
    const { count, framesPerSecond, frames } = await framesOf(sequence);
    expect([count, framesPerSecond]).toEqual([3, 7]);
    const squares: number[] = [];
    for await (const { picture } of frames)
      squares.push(picture.data.subarray(3 * 8 * 40).findIndex((v) => v > 200) / 6);
    expect(squares).toEqual([2, 9, 10]);
  });
  it("that hold none are named", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    expect((await rejection(framesOf(empty))).code).toBe("video.empty");
  });
});

describe("without ffmpeg", () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });
  it("says what installs it", async () => {
    const file = join(folder, "x.avi");
    writeFileSync(file, "");
    process.env.PATH = folder;
    for (const act of [probeVideo(file), VideoWriter.open(file, { width: 2, height: 2, framesPerSecond: 1 })]) {
      expect((await rejection(act)).message).toMatch(/is not installed.*npm run setup/);
    }
  });
});
