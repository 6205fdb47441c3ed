import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { afterEach, describe, expect, it } from "vitest";
import { savePicture } from "../picture/index.js";
import { temporaryPath } from "../run/atomic.js";
import { decodeVideo, framesOf, parsePpm, probeVideo, VideoWriter } from "./index.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;
if (!ffmpeg) console.warn("skipped: ffmpeg is not installed; npm run setup installs it");

const folder = mkdtempSync(join(tmpdir(), "phinets-video-"));

/** A bright square that moves two pixels a frame over grey. */
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

const rejected = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (e) => e,
  );
  expect(error).toBeInstanceOf(PhinetsError);
  expect(error.message).not.toContain("\n");
  return error as PhinetsError;
};

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
      const found: Picture[] = [];
      for await (const picture of parsePpm(pieces())) found.push(picture);
      expect(found.map(({ width, height, data }) => ({ width, height, data: [...data] }))).toEqual(frames);
    }
  });
});

describe.skipIf(!ffmpeg)("video files", () => {
  it("come back frame for frame, odd sizes padded to even", async () => {
    const path = join(folder, "odd size: a.mp4");
    await write(path, 20, 63, 31);
    expect(await probeVideo(path)).toEqual({ width: 64, height: 32, framesPerSecond: 12.5, frames: 20 });
    const { frames, count } = await framesOf(path);
    expect(count).toBe(20);
    let seen = 0;
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
    }
    expect(seen).toBe(20);
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
    expect((await rejected(probeVideo(text))).message).toMatch(/text\.mp4: not a video that ffmpeg reads: \S/);
    const read = async () => {
      for await (const _ of decodeVideo(text));
    };
    expect((await rejected(read())).message).toMatch(/text\.mp4: cannot decode after 0 frames: \S/);
    expect((await rejected(framesOf(join(folder, "absent.avi")))).code).toBe("video.missing");
  });

  it("that cannot be written say why and leave nothing", async () => {
    const writer = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    expect((await rejected(writer.write(frame(0, 32, 32)))).code).toBe("video.size");
    // The encoder dies in the middle: the next frames and close tell, none of them hangs.
    writer.tool.child.kill("SIGKILL");
    await writer.tool.ended;
    expect((await rejected(writer.write(frame(0, 64, 32)))).code).toBe("video.encode");
    expect((await rejected(writer.close())).code).toBe("video.encode");
    const aborted = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    await aborted.write(frame(0, 64, 32));
    await aborted.abort();
    const empty = await VideoWriter.open(join(folder, "never.mp4"), { width: 64, height: 32, framesPerSecond: 5 });
    await rejected(empty.close());
    expect(readdirSync(folder).filter((name) => name.includes("never"))).toEqual([]);
  });

  it.skipIf(!existsSync("/dev/full"))("on a full disk say so", async () => {
    // The encoder's temporary file is already there and leads to /dev/full: every write meets the kernel's own ENOSPC.
    const path = join(folder, "full.mp4");
    const next = temporaryPath(path).replace(/-(\d+)\./, (_, n) => `-${Number(n) + 1}.`);
    symlinkSync("/dev/full", next);
    const error = await rejected(write(path, 3, 64, 32));
    expect(error.code).toBe("run.disk-full");
    expect(error.message).toMatch(/full\.mp4: the disk is full; free some space/);
    expect(readdirSync(folder).filter((name) => name.includes("full"))).toEqual([]);
  });
});

describe("folders of pictures", () => {
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
    expect((await rejected(framesOf(empty))).code).toBe("video.empty");
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
      expect((await rejected(act)).message).toMatch(/is not installed.*npm run setup/);
    }
  });
});
