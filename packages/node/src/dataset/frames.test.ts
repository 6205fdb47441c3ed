import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataFolder } from "../../../../test/data-folder.js";
import { installed } from "../../../../test/tools.js";
import { readPicture } from "../picture/files.js";
import { writeFrames } from "./frames.js";

const { root, put, message } = dataFolder("frames");

describe.skipIf(!installed("ffmpeg"))("frames of a clip", () => {
  const clip = join(root, "a b.mp4");
  const made = () =>
    spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2", "-y", clip]);

  it("are every n-th, numbered as in the clip, and look like it", async () => {
    expect(made().status).toBe(0);
    const told: number[] = [];
    const files = await writeFrames(clip, join(root, "into"), { every: 6, onProgress: (done) => told.push(done) });
    const names = [1, 7, 13, 19].map((number) => `a b_${String(number).padStart(6, "0")}.jpg`);
    expect(files).toEqual(names.map((name) => join(root, "into", name)));
    expect(readdirSync(join(root, "into")).sort()).toEqual(names);
    expect(told).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    // The seventh frame as ffmpeg extracts it.
    const own = join(root, "own.png");
    spawnSync("ffmpeg", ["-v", "error", "-i", clip, "-vf", "select=eq(n\\,6)", "-frames:v", "1", "-y", own]);
    const [ours, theirs] = [await readPicture(files[1]), await readPicture(own)];
    expect([ours.width, ours.height]).toEqual([64, 48]);
    const apart = ours.data.reduce((sum, value, i) => sum + Math.abs(value - theirs.data[i]), 0) / ours.data.length;
    expect(apart).toBeLessThan(4);
  });

  it("write over nothing, and stop when they are told to", async () => {
    expect(await message(writeFrames(clip, join(root, "into")))).toContain(
      "a b_000001.jpg: is there already and is not written over",
    );
    const stop = new AbortController();
    const work = writeFrames(clip, join(root, "stopped"), {
      signal: stop.signal,
      onProgress: (done) => done === 3 && stop.abort(),
    });
    await expect(work).rejects.toThrow(/abort/i);
    expect(existsSync(join(root, "stopped/a b_000003.jpg"))).toBe(false);
    expect(await message(writeFrames(put("no.mp4", "no clip"), join(root, "none")))).toContain("no.mp4");
    expect(existsSync(join(root, "none"))).toBe(false);
  });
});
